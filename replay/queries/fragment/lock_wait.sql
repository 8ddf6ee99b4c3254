-- CTE held: the waits for locks. What a mutex's waiter waits for is the goroutine that unlocks it: the waker.
held AS MATERIALIZED (
  SELECT wait.id, wait.goid, wait.wait_ns, wait.is_open, wait.stack_id, wait.waker_kind, wait.waker_goid, wait.waker_stack_id,
         wait.reason, wait.is_start_seen, wait.doubt,
         (SELECT object_id FROM wait_object WHERE wait_object.wait_id = wait.id LIMIT 1) AS object_id
  FROM wait
  WHERE reason IN (SELECT number FROM reason WHERE class IN ('mutex', 'rwmutex'))
    -- No index: visiting the waits in any other order than their own takes longer.
    AND +is_system = 0
    AND (:until IS NULL OR wait.start_ns <= :until)
    AND (:since IS NULL OR wait.start_ns + coalesce(wait.wait_ns, wait.run_ns - wait.start_ns, 0) >= :since)
    AND (:label_key IS NULL OR wait.labels_id IN match_label)
),
