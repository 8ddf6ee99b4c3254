-- System calls summed up by name, longest total first.
--
-- include: syscall_parameters
-- Columns:
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
  SELECT name, count(*) AS calls, sum(end_ns IS NULL) AS open_calls, count(DISTINCT goid) AS goroutines,
         sum(duration_ns) AS total_ns, max(duration_ns) AS longest_ns, sum(lost_p) AS lost_p, goid AS longest_goid
  FROM call GROUP BY name
)
SELECT * FROM summed ORDER BY total_ns DESC, name LIMIT coalesce(:limit, -1);
