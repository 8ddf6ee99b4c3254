-- CTE part: how the goroutine of each span of `picked` spent it. The interval before the first one that begins in the span may
-- reach into it.
part AS MATERIALIZED (
  SELECT picked.id, interval.state, interval.wait_id,
         min(coalesce(interval.end_ns, until_ns), until_ns) - max(interval.start_ns, picked.start_ns) AS ns
  FROM picked CROSS JOIN interval ON interval.goid = picked.goid AND interval.start_ns < until_ns
    AND interval.start_ns >= coalesce((SELECT max(before.start_ns) FROM interval AS before
                                       WHERE before.goid = picked.goid AND before.start_ns <= picked.start_ns), picked.start_ns)
  WHERE coalesce(interval.end_ns, until_ns) > picked.start_ns
),
