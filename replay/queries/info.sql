-- What was recorded, on what, and how well: facts as rows.
--
-- Parameters: none
-- Columns:
--   section   recording, quality, damage, anomalies, process, limits (container, cgroup, GOMAXPROCS, GOGC, GOMEMLIMIT), host, go,
--             probes, other
--   key       name of the fact
--   value     its value, as text
WITH fact (ordinal, section, key, value) AS (
  SELECT 1, 'recording', 'start_ns', CAST(start_ns AS TEXT) FROM recording
  UNION ALL SELECT 2, 'recording', 'end_ns', CAST(end_ns AS TEXT) FROM recording
  UNION ALL SELECT 3, 'recording', 'duration_ns', CAST(end_ns - start_ns AS TEXT) FROM recording
  UNION ALL SELECT 4, 'recording', 'start_realtime_ns', CAST(start_realtime_ns AS TEXT) FROM recording
  UNION ALL SELECT 5, 'recording', 'mode', CASE is_attach WHEN 1 THEN 'attach' ELSE 'launch' END FROM recording
  UNION ALL SELECT 6, 'recording', 'chunks', CAST(count(*) AS TEXT) FROM chunk
  UNION ALL SELECT 7, 'recording', 'stored_bytes', CAST(coalesce(sum(stored_bytes), 0) AS TEXT) FROM chunk
  UNION ALL SELECT 8, 'recording', 'raw_bytes', CAST(coalesce(sum(raw_bytes), 0) AS TEXT) FROM chunk
  UNION ALL SELECT 20, 'quality', 'events', CAST(event_count AS TEXT) FROM recording
  UNION ALL SELECT 21, 'quality', 'lost_records', CAST(lost_count AS TEXT) FROM recording
  UNION ALL SELECT 22, 'quality', 'damaged_places', CAST(damage_count AS TEXT) FROM recording
  UNION ALL SELECT 23, 'quality', 'clean_end', CASE is_clean_end WHEN 1 THEN 'yes' ELSE 'no' END FROM recording
  UNION ALL SELECT 24, 'quality', 'gap.cpu' || lost.cpu || '.' || lost.id,
                   lost.count || ' records lost between ' || (since_ns - start_ns) || ' ns and ' || (until_ns - start_ns)
                   || ' ns after the start'
            FROM recording JOIN (SELECT * FROM lost ORDER BY id LIMIT 20) AS lost
  UNION ALL SELECT 30, 'damage', kind || ' at byte ' || offset, message FROM (SELECT * FROM damage ORDER BY id LIMIT 50)
  UNION ALL SELECT 40, 'anomalies', kind || ' (' || severity || ')', total || ': ' || meaning || ' (' || hint || ')'
            FROM (SELECT anomaly.kind, anomaly_kind.severity, anomaly_kind.meaning, anomaly_kind.hint,
                         sum(anomaly.count) AS total
                  FROM anomaly JOIN anomaly_kind ON anomaly_kind.name = anomaly.kind GROUP BY anomaly.kind)
  UNION ALL
  SELECT 55, 'limits', 'cgroup.cpus', printf('%.2f', quota * 1.0 / period)
  FROM (SELECT CAST(value AS INTEGER) AS quota, CAST(substr(value, instr(value, ' ') + 1) AS INTEGER) AS period
        FROM meta WHERE key = 'cgroup.cpu_max' AND value GLOB '[0-9]*') WHERE period > 0
  UNION ALL
  SELECT 55, 'limits', 'cgroup.throttled', (past.value - before.value) || ' of ' || (last.value - first.value)
         || ' periods of the recording, ' || coalesce(late.value - soon.value, 0) || ' us of waiting for the CPU limit'
  FROM meta AS past JOIN meta AS before ON before.key = 'cgroup.nr_throttled'
  JOIN meta AS last ON last.key = 'end.cgroup.nr_periods' JOIN meta AS first ON first.key = 'cgroup.nr_periods'
  LEFT JOIN meta AS late ON late.key = 'end.cgroup.throttled_us' LEFT JOIN meta AS soon ON soon.key = 'cgroup.throttled_us'
  WHERE past.key = 'end.cgroup.nr_throttled'
  UNION ALL
  SELECT 55, 'limits', printf('gomaxprocs at %+.6f s', (time_ns - start_ns) / 1e9), coalesce(before || ' to ', '') || count
  FROM recording CROSS JOIN (SELECT * FROM gomaxprocs ORDER BY time_ns LIMIT 50)
  UNION ALL
  SELECT CASE section WHEN 'recording' THEN 9 WHEN 'process' THEN 50 WHEN 'limits' THEN 55 WHEN 'host' THEN 56
                      WHEN 'go' THEN 57 WHEN 'probes' THEN 58 ELSE 59 END, section, key, value
  FROM (SELECT CASE WHEN key LIKE 'record.%' OR key LIKE 'trace.%' OR key LIKE 'trigger.%' THEN 'recording'
                    WHEN key LIKE 'container.%' OR key LIKE 'cgroup.%' OR key LIKE 'end.cgroup.%'
                         OR key IN ('go.gomaxprocs', 'go.gogc', 'go.memory_limit', 'end.gomaxprocs', 'end.gogc',
                                    'end.memory_limit') THEN 'limits'
                    WHEN key LIKE 'process.%' THEN 'process' WHEN key LIKE 'host.%' THEN 'host'
                    WHEN key LIKE 'go.%' THEN 'go' WHEN key LIKE 'probe.%' OR key LIKE 'user\_probe.%' ESCAPE '\' THEN 'probes'
                    ELSE 'other' END AS section, key, value
        FROM meta WHERE key NOT LIKE 'go.wait\_reason.%' ESCAPE '\' AND key NOT LIKE 'go.stw\_reason.%' ESCAPE '\'
          AND key NOT IN ('record.start_ns', 'record.start_realtime_ns', 'record.mode'))
)
SELECT section, key, value FROM fact WHERE value IS NOT NULL ORDER BY ordinal, key;
