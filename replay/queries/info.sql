-- What was recorded, on what, and how well: facts as rows.
--
-- Parameters: none
-- Columns:
--   section   recording, quality, damage, anomalies, process, host, go, probes, other
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
  SELECT CASE section WHEN 'recording' THEN 9 WHEN 'process' THEN 50 WHEN 'host' THEN 51 WHEN 'go' THEN 52 WHEN 'probes' THEN 53
                      ELSE 54 END, section, key, value
  FROM (SELECT CASE WHEN key LIKE 'record.%' OR key LIKE 'trace.%' THEN 'recording'
                    WHEN key LIKE 'process.%' THEN 'process' WHEN key LIKE 'host.%' THEN 'host'
                    WHEN key LIKE 'go.%' THEN 'go' WHEN key LIKE 'probe.%' THEN 'probes' ELSE 'other' END AS section, key, value
        FROM meta WHERE key NOT LIKE 'go.wait\_reason.%' ESCAPE '\'
          AND key NOT IN ('record.start_ns', 'record.start_realtime_ns', 'record.mode'))
)
SELECT section, key, value FROM fact WHERE value IS NOT NULL ORDER BY ordinal, key;
