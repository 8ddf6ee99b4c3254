-- The looks at all goroutines of the live process, in the order of time.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :since, :until   only those within this time (CLOCK_MONOTONIC)
--   :limit           rows; NULL: all
-- Columns:
--   snapshot         its number
--   kind             start, periodic, end
--   start_ns         when it began
--   duration_ns      NULL: its end is missing
--   goroutines       found alive; NULL: its end is missing
--   unstable         how many of them moved while they were read, and are not among the following
--   waiting, running, syscall, runnable   how many goroutines were doing what; preempted counts as runnable
WITH counted AS MATERIALIZED (
  SELECT snapshot_id, sum(state = 3) AS waiting, sum(state = 2 AND NOT is_in_syscall) AS running,
         sum(state = 2 AND is_in_syscall) AS syscall, sum(state IN (1, 4)) AS runnable
  FROM snapshot_goroutine GROUP BY snapshot_id
)
SELECT snapshot.id AS snapshot, kind, start_ns, end_ns - start_ns AS duration_ns, goroutine_count AS goroutines,
       unstable_count AS unstable, coalesce(waiting, 0) AS waiting, coalesce(running, 0) AS running, coalesce(syscall, 0) AS syscall,
       coalesce(runnable, 0) AS runnable
FROM snapshot LEFT JOIN counted ON counted.snapshot_id = snapshot.id
WHERE (:until IS NULL OR start_ns <= :until) AND (:since IS NULL OR coalesce(end_ns, start_ns) >= :since)
ORDER BY snapshot.id LIMIT coalesce(:limit, -1);
