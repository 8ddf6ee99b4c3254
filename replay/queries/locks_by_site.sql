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
-- The sums know no time and no label.
plan (has_sums, needs_waits) AS MATERIALIZED (
  SELECT :since IS NULL AND :until IS NULL AND :label_key IS NULL, NOT (:since IS NULL AND :until IS NULL AND :label_key IS NULL)
),
-- include: timed_wait
-- include: lock_wait
found (stack_id, reason, object_id, waits, open_waits, goid, wait_ns, longest_ns, longest_id) AS (
  SELECT stack_id, reason, CASE WHEN object > 0 THEN object END, waits, open_waits, NULL, wait_ns, longest_ns, longest_id
  FROM plan CROSS JOIN wait_sum
  WHERE has_sums AND is_system = 0 AND reason IN (SELECT number FROM reason WHERE class IN ('mutex', 'rwmutex'))
  UNION ALL
  SELECT stack_id, reason, object_id, 1, is_open, goid, wait_ns, wait_ns, id FROM held
),
summed AS MATERIALIZED (
  SELECT stack.site_function_id AS function_id, stack.site_file_id AS file_id, stack.site_line AS line, found.reason,
         sum(waits) AS waits, sum(open_waits) AS open_waits, count(DISTINCT goid) AS waiters, count(DISTINCT object_id) AS locks,
         coalesce(sum(wait_ns), 0) AS total_wait_ns, max(longest_ns) AS longest_wait_ns, longest_id
  FROM found LEFT JOIN stack ON stack.id = found.stack_id
  GROUP BY 1, 2, 3, 4 ORDER BY total_wait_ns DESC, 1, 2, 3, 4 LIMIT coalesce(:limit, -1)
)
SELECT site.name AS site, file.path AS file, summed.line, reason.name AS reason, waits, open_waits,
       CASE WHEN (SELECT has_sums FROM plan)
            THEN (SELECT sum(site_people.goroutines) FROM site_people
                  WHERE site_people.function_id IS summed.function_id AND site_people.file_id IS summed.file_id
                    AND site_people.line IS summed.line AND site_people.reason = summed.reason AND site_people.is_system = 0)
            ELSE waiters END AS waiters, locks, total_wait_ns, longest_wait_ns,
       (SELECT goid FROM packed_wait WHERE packed_wait.id = longest_id) AS longest_goid
FROM summed CROSS JOIN reason ON reason.number = summed.reason
LEFT JOIN function AS site ON site.id = summed.function_id
LEFT JOIN file ON file.id = summed.file_id
ORDER BY total_wait_ns DESC, site.name, summed.line, reason;
