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
-- The sums know no restriction.
plan (has_sums) AS MATERIALIZED (
  SELECT :goid IS NULL AND :name IS NULL AND :min_ns IS NULL AND :since IS NULL AND :until IS NULL AND :label_key IS NULL
),
summed AS MATERIALIZED (
  SELECT stack.site_function_id, stack.site_file_id, stack.site_line, syscall_sum.name, sum(calls) AS calls, sum(open_calls) AS open_calls,
         NULL AS goroutines, sum(ns) AS total_ns, max(longest_ns) AS longest_ns, sum(lost_p) AS lost_p, longest_goid
  FROM plan CROSS JOIN syscall_sum LEFT JOIN stack ON stack.id = syscall_sum.stack_id WHERE has_sums GROUP BY 1, 2, 3, 4
  UNION ALL
  SELECT stack.site_function_id, stack.site_file_id, stack.site_line, name, count(*), sum(end_ns IS NULL), count(DISTINCT goid),
         sum(duration_ns), max(duration_ns), sum(lost_p), goid
  FROM plan CROSS JOIN call LEFT JOIN stack ON stack.id = call.stack_id WHERE NOT has_sums GROUP BY 1, 2, 3, 4
  ORDER BY total_ns DESC, 1, 2, 3, 4 LIMIT coalesce(:limit, -1)
)
SELECT site.name AS site, file.path AS file, summed.site_line AS line, summed.name, calls, open_calls,
       coalesce(goroutines, (SELECT sum(people.goroutines) FROM syscall_people AS people
                             WHERE people.name IS summed.name AND is_site = 1 AND people.function_id IS summed.site_function_id
                               AND people.file_id IS summed.site_file_id AND people.line IS summed.site_line)) AS goroutines, total_ns,
       longest_ns, lost_p, longest_goid
FROM summed
LEFT JOIN function AS site ON site.id = summed.site_function_id
LEFT JOIN file ON file.id = summed.site_file_id
ORDER BY total_ns DESC, site.name, line, summed.name;
