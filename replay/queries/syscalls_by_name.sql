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
-- The sums know no restriction.
plan (has_sums) AS MATERIALIZED (
  SELECT :goid IS NULL AND :name IS NULL AND :min_ns IS NULL AND :since IS NULL AND :until IS NULL AND :label_key IS NULL
),
summed AS MATERIALIZED (
  SELECT name, sum(calls) AS calls, sum(open_calls) AS open_calls,
         (SELECT sum(goroutines) FROM syscall_people WHERE syscall_people.name IS syscall_sum.name AND is_site = 0) AS goroutines,
         sum(ns) AS total_ns, max(longest_ns) AS longest_ns, sum(lost_p) AS lost_p, longest_goid
  FROM plan CROSS JOIN syscall_sum WHERE has_sums GROUP BY name
  UNION ALL
  SELECT name, count(*), sum(end_ns IS NULL), count(DISTINCT goid), sum(duration_ns), max(duration_ns), sum(lost_p), goid
  FROM plan CROSS JOIN call WHERE NOT has_sums GROUP BY name
)
SELECT * FROM summed ORDER BY total_ns DESC, name LIMIT coalesce(:limit, -1);
