-- Condition on packed_wait: overlaps :since to :until.
AND (:until IS NULL OR packed_wait.start_ns <= :until)
AND (:since IS NULL OR packed_wait.start_ns + coalesce(packed_wait.wait_ns, packed_wait.run_after_ns, 0) >= :since)
