-- Waits for mutexes summed up by who held the lock, longest total first: the goroutine that ended the wait, and where it did.
--
-- include: lock_parameters
-- Columns:
--   goid, goroutine_function         who ended the waits, and what its go statement called; goid NULL: not known
--   site, file, line                 where it unlocked
--   waits                            how many waits it ended there
--   waiters, locks                   of how many different goroutines, for how many different locks
--   total_wait_ns, longest_wait_ns   how long they had waited
WITH
-- include: match_label
-- The sums know no time and no label, and holder_sum not more than the first thousand.
plan (way, needs_waits) AS MATERIALIZED (
  SELECT CASE WHEN NOT (:since IS NULL AND :until IS NULL AND :label_key IS NULL) THEN 'waits'
              WHEN (SELECT count(*) FROM holder_sum) < 1000 OR :limit <= 1000 THEN 'first' ELSE 'sums' END,
         NOT (:since IS NULL AND :until IS NULL AND :label_key IS NULL)
),
-- include: timed_wait
-- include: lock_wait
found (waker_goid, function_id, file_id, line, waits, wait_ns, longest_ns) AS (
  SELECT holder_sum.* FROM plan CROSS JOIN holder_sum WHERE way = 'first'
  UNION ALL
  SELECT waker_goid, site_function_id, site_file_id, site_line, waits, wait_ns, longest_ns
  FROM plan CROSS JOIN lock_sum LEFT JOIN stack ON stack.id = waker_stack_id WHERE way = 'sums' AND NOT is_open
  UNION ALL
  SELECT waker_goid, site_function_id, site_file_id, site_line, 1, wait_ns, wait_ns
  FROM held LEFT JOIN stack ON stack.id = held.waker_stack_id WHERE is_open = 0
),
summed AS MATERIALIZED (
  SELECT waker_goid AS holder, function_id, file_id, line, sum(waits) AS waits, coalesce(sum(wait_ns), 0) AS total_wait_ns,
         max(longest_ns) AS longest_wait_ns
  FROM found GROUP BY 1, 2, 3, 4 ORDER BY total_wait_ns DESC, 1, 2, 3, 4 LIMIT coalesce(:limit, -1)
),
-- Whom they let wait, and for what.
served (holder, waker_stack_id, goid, object_id) AS (
  SELECT waker_goid, waker_stack_id, goid, object_id FROM plan CROSS JOIN lock_sum
  WHERE way <> 'waits' AND NOT is_open
    AND (waker_goid IN (SELECT holder FROM summed) OR (waker_goid IS NULL AND EXISTS (SELECT 1 FROM summed WHERE holder IS NULL)))
  UNION ALL
  SELECT waker_goid, waker_stack_id, goid, object_id FROM held WHERE is_open = 0
),
people AS MATERIALIZED (
  SELECT holder, site_function_id AS function_id, site_file_id AS file_id, site_line AS line, count(DISTINCT goid) AS waiters,
         count(DISTINCT object_id) AS locks
  FROM served LEFT JOIN stack ON stack.id = waker_stack_id GROUP BY 1, 2, 3, 4
)
SELECT summed.holder AS goid, started.name AS goroutine_function, site.name AS site, file.path AS file, summed.line, waits, waiters,
       locks, total_wait_ns, longest_wait_ns
FROM summed
JOIN people ON people.holder IS summed.holder AND people.function_id IS summed.function_id AND people.file_id IS summed.file_id
  AND people.line IS summed.line
LEFT JOIN function AS site ON site.id = summed.function_id
LEFT JOIN file ON file.id = summed.file_id
LEFT JOIN goroutine ON goroutine.goid = summed.holder
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
ORDER BY total_wait_ns DESC, summed.holder, site.name, summed.line;
