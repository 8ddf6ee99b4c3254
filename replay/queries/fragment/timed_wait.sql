-- CTE timed_wait: the waits that overlap :since to :until, where plan (needs_waits) says that they are needed: the short ones block by block, then the long ones.
timed_wait AS MATERIALIZED (
  SELECT w.id, goid, w.start_ns, w.wait_ns, reason, facts, object, stack_id, waker_goid, waker_stack_id, labels_id
  FROM plan CROSS JOIN long_limit CROSS JOIN wait_block AS b CROSS JOIN packed_wait AS w ON w.id >= b.id * 1024 AND w.id < b.id * 1024 + 1024
  WHERE needs_waits AND (:until IS NULL OR b.first_ns <= :until) AND (:since IS NULL OR b.last_ns >= :since)
    AND (w.wait_ns IS NULL OR w.wait_ns < long_limit.wait_ns)
    AND (:until IS NULL OR w.start_ns <= :until) AND (:since IS NULL OR w.start_ns + coalesce(w.wait_ns, run_after_ns, 0) >= :since)
  UNION ALL
  SELECT w.id, goid, w.start_ns, w.wait_ns, reason, facts, object, stack_id, waker_goid, waker_stack_id, labels_id
  FROM plan CROSS JOIN long_wait AS l CROSS JOIN packed_wait AS w ON w.id = l.id
  WHERE needs_waits AND (:until IS NULL OR l.start_ns <= :until) AND (:since IS NULL OR l.start_ns + l.wait_ns >= :since)
),
