-- CTE held: the waits for locks, where plan (needs_waits) says that they are needed. What a mutex's waiter waits for is the goroutine that unlocks it: the waker.
held AS MATERIALIZED (
  SELECT id, goid, wait_ns, facts >> 1 & 1 AS is_open, stack_id, CASE WHEN facts >> 4 & 7 = 1 THEN waker_goid END AS waker_goid,
         waker_stack_id, reason, CASE WHEN object > 0 THEN object END AS object_id
  FROM timed_wait
  WHERE reason IN (SELECT number FROM reason WHERE class IN ('mutex', 'rwmutex')) AND (facts & 4) = 0
    AND (:label_key IS NULL OR labels_id IN match_label)
),
