-- CTE found_wait: the waits that were asked for, sought in the way that plan (way) says: goroutine, object (on the channels of match_packed only), time, all; any other: none.
found_wait (id, goid, stack_id, reason, is_open, wait_ns, runnable_ns) AS (
  SELECT id, goid, stack_id, reason, facts >> 1 & 1, wait_ns, CASE WHEN facts & 1 THEN run_after_ns END
  FROM plan CROSS JOIN packed_wait AS w ON w.goid = :goid
  WHERE way = 'goroutine' AND reason IN match_reason AND (:all IS NOT NULL OR (facts & 4) = 0)
    AND (:until IS NULL OR start_ns <= :until) AND (:since IS NULL OR start_ns + coalesce(wait_ns, run_after_ns, 0) >= :since)
    AND (:chan IS NULL OR object IN match_packed OR (stack_id IN match_stack AND reason IN chan_reason))
    AND (:label_key IS NULL OR labels_id IN match_label)
  UNION ALL
  SELECT id, goid, stack_id, reason, facts >> 1 & 1, wait_ns, CASE WHEN facts & 1 THEN run_after_ns END
  -- IN: for a join SQLite would go through the table for a Bloom filter first.
  FROM plan CROSS JOIN packed_wait AS w INDEXED BY packed_wait_object ON w.object IN match_packed AND (w.object < 0 OR w.facts & 3072)
  WHERE way = 'object' AND reason IN match_reason AND (:all IS NOT NULL OR (facts & 4) = 0)
    AND (:until IS NULL OR start_ns <= :until) AND (:since IS NULL OR start_ns + coalesce(wait_ns, run_after_ns, 0) >= :since)
    AND (:label_key IS NULL OR labels_id IN match_label)
  UNION ALL
  -- The short ones, block by block; then the long ones.
  SELECT w.id, goid, stack_id, reason, facts >> 1 & 1, w.wait_ns, CASE WHEN facts & 1 THEN run_after_ns END
  FROM plan CROSS JOIN long_limit CROSS JOIN wait_block AS b CROSS JOIN packed_wait AS w ON w.id >= b.id * 1024 AND w.id < b.id * 1024 + 1024
  WHERE way = 'time' AND (:until IS NULL OR b.first_ns <= :until) AND (:since IS NULL OR b.last_ns >= :since)
    AND (w.wait_ns IS NULL OR w.wait_ns < long_limit.wait_ns)
    AND (:until IS NULL OR start_ns <= :until) AND (:since IS NULL OR start_ns + coalesce(w.wait_ns, run_after_ns, 0) >= :since)
    AND (:all IS NOT NULL OR (facts & 4) = 0) AND reason IN match_reason
    AND (:chan IS NULL OR object IN match_packed OR (stack_id IN match_stack AND reason IN chan_reason))
    AND (:label_key IS NULL OR labels_id IN match_label)
  UNION ALL
  SELECT w.id, goid, stack_id, reason, facts >> 1 & 1, w.wait_ns, CASE WHEN facts & 1 THEN run_after_ns END
  FROM plan CROSS JOIN long_wait AS l CROSS JOIN packed_wait AS w ON w.id = l.id
  WHERE way = 'time' AND (:until IS NULL OR l.start_ns <= :until) AND (:since IS NULL OR l.start_ns + l.wait_ns >= :since)
    AND (:all IS NOT NULL OR (facts & 4) = 0) AND reason IN match_reason
    AND (:chan IS NULL OR object IN match_packed OR (stack_id IN match_stack AND reason IN chan_reason))
    AND (:label_key IS NULL OR labels_id IN match_label)
  UNION ALL
  SELECT id, goid, stack_id, reason, facts >> 1 & 1, wait_ns, CASE WHEN facts & 1 THEN run_after_ns END
  FROM plan CROSS JOIN packed_wait AS w NOT INDEXED
  WHERE way = 'all' AND (:all IS NOT NULL OR (facts & 4) = 0) AND reason IN match_reason
    AND (:chan IS NULL OR object IN match_packed OR (stack_id IN match_stack AND reason IN chan_reason))
    AND (:label_key IS NULL OR labels_id IN match_label)
),
