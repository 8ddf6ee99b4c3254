-- CTE held: the waits for locks, where plan (needs_waits) says that they are needed. What a mutex's waiter waits for is the goroutine that unlocks it: the waker.
held AS MATERIALIZED (
  SELECT id, goid, wait_ns, facts >> 1 & 1 AS is_open, stack_id, CASE facts >> 4 & 7 WHEN 1 THEN 'goroutine' END AS waker_kind, waker_goid,
         waker_stack_id, reason, CASE WHEN object > 0 THEN object END AS object_id
  FROM packed_wait
  WHERE reason IN (SELECT number FROM reason WHERE class IN ('mutex', 'rwmutex'))
    AND (SELECT needs_waits FROM plan)
    AND (facts & 4) = 0
    AND (:until IS NULL OR packed_wait.start_ns <= :until)
    AND (:since IS NULL OR packed_wait.start_ns + coalesce(packed_wait.wait_ns, packed_wait.run_after_ns, 0) >= :since)
    AND (:label_key IS NULL OR packed_wait.labels_id IN match_label)
),
