-- How complete the recording is: one row.
--
-- Parameters: none
-- Columns:
--   start_ns, end_ns      the time that the trace tells about (CLOCK_MONOTONIC)
--   start_realtime_ns     start_ns in CLOCK_REALTIME
--   is_attach             1: the process ran before the recording began
--   is_clean_end          0: the file has no end mark
--   events                events loaded
--   lost                  records that the kernel dropped
--   damage                places of the file that could not be used
--   errors                anomalies of severity error (illegal transitions and the like)
--   warnings              anomalies of severity warning
--   recorded_ns, pauses   time that was recorded, and how often it was not (--budget)
--   dropped               classes of events that were left out from some moment on; NULL: none
--   process, pid, go      what was recorded
SELECT start_ns, end_ns, start_realtime_ns, is_attach, is_clean_end, event_count AS events, lost_count AS lost,
       damage_count AS damage,
       (SELECT coalesce(sum(anomaly.count), 0) FROM anomaly JOIN anomaly_kind ON anomaly_kind.name = anomaly.kind
        WHERE anomaly_kind.severity = 'error') AS errors,
       (SELECT coalesce(sum(anomaly.count), 0) FROM anomaly JOIN anomaly_kind ON anomaly_kind.name = anomaly.kind
        WHERE anomaly_kind.severity = 'warning') AS warnings,
       (SELECT recorded_ns FROM coverage) AS recorded_ns, (SELECT pauses FROM coverage) AS pauses,
       (SELECT group_concat(class, ', ') FROM budget_step WHERE step = 'drop') AS dropped,
       (SELECT value FROM meta WHERE key = 'process.name') AS process,
       (SELECT value FROM meta WHERE key = 'process.pid') AS pid,
       (SELECT value FROM meta WHERE key = 'go.version') AS go
FROM recording;
