-- CTE call: the spans that were asked for. One that has not returned ends with its goroutine, or the recording.
call AS MATERIALIZED (
  SELECT span.id, span.goid, span.probe_id, span.start_ns AS seen_start_ns, span.end_ns, span.depth, span.value_json,
         span_probe.function, coalesce(span.start_ns, recording.start_ns) AS start_ns,
         coalesce(span.end_ns, goroutine.ended_ns, recording.end_ns) AS until_ns
  FROM recording CROSS JOIN span CROSS JOIN span_probe ON span_probe.id = span.probe_id
  LEFT JOIN goroutine ON goroutine.goid = span.goid
  WHERE (:goid IS NULL OR span.goid = :goid) AND (:name IS NULL OR span_probe.function = :name)
    AND (:until IS NULL OR coalesce(span.start_ns, recording.start_ns) <= :until)
    AND (:since IS NULL OR coalesce(span.end_ns, goroutine.ended_ns, recording.end_ns) >= :since)
    AND (:min_ns IS NULL
         OR coalesce(span.end_ns, goroutine.ended_ns, recording.end_ns) - coalesce(span.start_ns, recording.start_ns) >= :min_ns)
),
