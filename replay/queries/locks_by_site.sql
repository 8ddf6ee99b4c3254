-- Waits for mutexes summed up by the place that waited, longest total first.
--
-- include: lock_parameters
-- Columns:
--   site, file, line                 where it was waited
--   reason                           why: the kind of lock
--   waits, open_waits                how many, and how many of them last to the end of the recording
--   waiters, locks                   how many different goroutines waited, for how many different locks
--   total_wait_ns, longest_wait_ns   how long
--   longest_goid                     who waited longest
WITH
-- include: match_label
-- include: lock_wait
summed AS MATERIALIZED (
  SELECT stack.site_function_id AS function_id, stack.site_file_id AS file_id, stack.site_line AS line, held.reason,
         count(*) AS waits, sum(is_open) AS open_waits, count(DISTINCT goid) AS waiters, count(DISTINCT object_id) AS locks,
         coalesce(sum(wait_ns), 0) AS total_wait_ns, max(wait_ns) AS longest_wait_ns, goid AS longest_goid
  FROM held LEFT JOIN stack ON stack.id = held.stack_id
  GROUP BY 1, 2, 3, 4 ORDER BY total_wait_ns DESC, 1, 2, 3, 4 LIMIT coalesce(:limit, -1)
)
SELECT site.name AS site, file.path AS file, summed.line, reason.name AS reason, waits, open_waits, waiters, locks, total_wait_ns,
       longest_wait_ns, longest_goid
FROM summed CROSS JOIN reason ON reason.number = summed.reason
LEFT JOIN function AS site ON site.id = summed.function_id
LEFT JOIN file ON file.id = summed.file_id
ORDER BY total_wait_ns DESC, site.name, summed.line, reason;
