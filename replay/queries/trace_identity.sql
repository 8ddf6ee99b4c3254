-- Which trace the database was made from, and by what: one row.
--
-- Parameters: none
-- Columns:
--   trace_id      32 hexadecimal digits
--   trace_bytes   size of the trace file
--   loader        version of the loading code
SELECT (SELECT value FROM meta WHERE key = 'trace.id') AS trace_id,
       max(coalesce((SELECT max(offset + 160 + stored_bytes) FROM chunk), 0),
           coalesce((SELECT max(offset + size) FROM damage), 0)) AS trace_bytes,
       (SELECT loader FROM recording) AS loader;
