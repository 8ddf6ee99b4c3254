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
-- No wait is visited where nobody waited for a lock.
plan (needs_waits) AS MATERIALIZED (
  SELECT EXISTS (SELECT 1 FROM wait_sum WHERE wait_sum.reason IN (SELECT number FROM reason WHERE class IN ('mutex', 'rwmutex')))
),
-- include: lock_wait
summed AS MATERIALIZED (
  SELECT CASE waker_kind WHEN 'goroutine' THEN waker_goid END AS holder, stack.site_function_id AS function_id,
         stack.site_file_id AS file_id, stack.site_line AS line, count(*) AS waits, count(DISTINCT goid) AS waiters,
         count(DISTINCT object_id) AS locks, coalesce(sum(wait_ns), 0) AS total_wait_ns, max(wait_ns) AS longest_wait_ns
  FROM held LEFT JOIN stack ON stack.id = held.waker_stack_id
  WHERE is_open = 0
  GROUP BY 1, 2, 3, 4 ORDER BY total_wait_ns DESC, 1, 2, 3, 4 LIMIT coalesce(:limit, -1)
)
SELECT summed.holder AS goid, started.name AS goroutine_function, site.name AS site, file.path AS file, summed.line, waits, waiters,
       locks, total_wait_ns, longest_wait_ns
FROM summed
LEFT JOIN function AS site ON site.id = summed.function_id
LEFT JOIN file ON file.id = summed.file_id
LEFT JOIN goroutine ON goroutine.goid = summed.holder
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
ORDER BY total_wait_ns DESC, summed.holder, site.name, summed.line;
