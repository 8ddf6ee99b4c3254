-- System calls summed up by place in the code and name, longest total first.
--
-- include: syscall_parameters
-- Columns:
--   site, file, line       where, as far as it was recorded
--   name                   read, futex …; cgo; NULL: not known
--   calls, open_calls      how many, and how many of them last to the end of the recording
--   goroutines             how many different ones called
--   total_ns, longest_ns   their lengths
--   lost_p                 how often the P was taken meanwhile; NULL: not known
--   longest_goid           who called longest
WITH
-- include: match_label
-- include: syscall_picked
summed AS MATERIALIZED (
  SELECT stack.site_function_id, stack.site_file_id, stack.site_line, name, count(*) AS calls,
         sum(end_ns IS NULL) AS open_calls, count(DISTINCT goid) AS goroutines, sum(duration_ns) AS total_ns,
         max(duration_ns) AS longest_ns, sum(lost_p) AS lost_p, goid AS longest_goid
  FROM call LEFT JOIN stack ON stack.id = call.stack_id
  GROUP BY 1, 2, 3, 4 ORDER BY total_ns DESC, 1, 2, 3, 4 LIMIT coalesce(:limit, -1)
)
SELECT site.name AS site, file.path AS file, summed.site_line AS line, summed.name, calls, open_calls, goroutines, total_ns,
       longest_ns, lost_p, longest_goid
FROM summed
LEFT JOIN function AS site ON site.id = summed.site_function_id
LEFT JOIN file ON file.id = summed.site_file_id
ORDER BY total_ns DESC, site.name, line, summed.name;
