-- Condition on wait: overlaps :since to :until.
AND (:until IS NULL OR wait.start_ns <= :until)
AND (:since IS NULL OR wait.start_ns + coalesce(wait.wait_ns, wait.run_ns - wait.start_ns, 0) >= :since)
