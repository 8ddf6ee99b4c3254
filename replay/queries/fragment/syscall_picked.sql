-- CTE call: the system calls that were asked for, with their lengths.
call AS (
  SELECT syscall.*, coalesce(syscall.end_ns, recording.end_ns) - syscall.start_ns AS duration_ns
  FROM recording CROSS JOIN syscall
  WHERE (:goid IS NULL OR goid = :goid) AND (:name IS NULL OR lower(name) = lower(:name))
    AND (:until IS NULL OR syscall.start_ns <= :until)
    AND (:since IS NULL OR syscall.end_ns IS NULL OR syscall.end_ns >= :since)
    AND (:min_ns IS NULL OR coalesce(syscall.end_ns, recording.end_ns) - syscall.start_ns >= :min_ns)
    AND (:label_key IS NULL OR syscall.labels_id IN match_label)
),
