-- What the summary tells beside waits: one row. NULL or 0: nothing of the kind was recorded.
--
-- Parameters: none
-- Columns:
--   duration_ns              of the recording
--   snapshots                looks at all goroutines
--   last_snapshot, last_goroutines, last_waiting   the last: its number, goroutines found, how many of them waiting
--   cycles, cycle_ns         of the garbage collector, as far as they lie within the recording
--   stops, stopped_ns, longest_stop_ns, longest_stop   of the world; total, longest, and its reason
--   syscalls, syscall_ns     in which threads slept
--   top_syscall, top_syscall_ns   the name with the longest total
--   labels                   different pprof labels of goroutines
--   label_text               the three that most goroutines have at their end
--   threads                  how many
--   on_cpu_ns, preempted_ns  all threads together
--   contexts, contexts_ended how many were seen, how many of them ended
--   spans, longest_span_ns, longest_span   calls of probed functions
WITH call AS MATERIALIZED (
  SELECT name, sum(calls) AS calls, sum(ns) AS ns FROM syscall_sum GROUP BY name
),
stop AS MATERIALIZED (
  SELECT reason, coalesce(stw.end_ns, recording.end_ns) - coalesce(stw.start_ns, stw.stopped_ns) AS ns FROM recording CROSS JOIN stw
),
label AS MATERIALIZED (
  SELECT key || '=' || value AS text, sum(goroutines) AS goroutines
  FROM (SELECT labels_id, count(*) AS goroutines FROM goroutine WHERE labels_id IS NOT NULL GROUP BY labels_id) AS used
  CROSS JOIN labels ON labels.id = used.labels_id, json_each(labels.json)
  GROUP BY 1
),
off AS MATERIALIZED (
  SELECT (SELECT sum(ns) FROM thread_sum WHERE kind = 0) AS packed_on_ns,
         (SELECT sum(ns) FROM thread_sum WHERE kind = 1) AS packed_off_ns,
         sum(CASE WHEN is_on_cpu THEN coalesce(plain.end_ns, recording.end_ns) - plain.start_ns END) AS plain_on_ns,
         sum(CASE WHEN NOT is_on_cpu AND state = 0 THEN coalesce(plain.end_ns, recording.end_ns) - plain.start_ns END) AS plain_off_ns
  FROM recording CROSS JOIN plain_thread_interval AS plain
)
SELECT end_ns - start_ns AS duration_ns, (SELECT count(*) FROM snapshot) AS snapshots,
       (SELECT max(id) FROM snapshot) AS last_snapshot,
       (SELECT goroutine_count FROM snapshot ORDER BY id DESC LIMIT 1) AS last_goroutines,
       (SELECT count(*) FROM snapshot_goroutine WHERE snapshot_id = (SELECT max(id) FROM snapshot) AND state = 3) AS last_waiting,
       (SELECT count(*) FROM gc_cycle) AS cycles,
       (SELECT sum(coalesce(gc_cycle.end_ns, recording.end_ns)
                   - coalesce(gc_cycle.start_ns, gc_cycle.mark_start_ns, recording.start_ns)) FROM gc_cycle) AS cycle_ns,
       (SELECT count(*) FROM stop) AS stops, (SELECT sum(ns) FROM stop) AS stopped_ns, (SELECT max(ns) FROM stop) AS longest_stop_ns,
       (SELECT reason FROM stop ORDER BY ns DESC LIMIT 1) AS longest_stop,
       (SELECT sum(calls) FROM call) AS syscalls, (SELECT sum(ns) FROM call) AS syscall_ns,
       (SELECT coalesce(name, 'unknown') FROM call ORDER BY ns DESC LIMIT 1) AS top_syscall, (SELECT max(ns) FROM call) AS top_syscall_ns,
       (SELECT count(*) FROM label) AS labels,
       (SELECT group_concat(text || ' (' || goroutines || ')', ', ')
        FROM (SELECT * FROM label ORDER BY goroutines DESC, text LIMIT 3)) AS label_text,
       (SELECT count(*) FROM thread) AS threads, (SELECT CASE WHEN packed_on_ns IS NOT NULL OR plain_on_ns IS NOT NULL
                    THEN coalesce(packed_on_ns, 0) + coalesce(plain_on_ns, 0) END FROM off) AS on_cpu_ns,
       (SELECT CASE WHEN packed_off_ns IS NOT NULL OR plain_off_ns IS NOT NULL
                    THEN coalesce(packed_off_ns, 0) + coalesce(plain_off_ns, 0) END FROM off) AS preempted_ns, (SELECT count(*) FROM context) AS contexts,
       (SELECT count(*) FROM context WHERE ended_ns IS NOT NULL) AS contexts_ended,
       (SELECT count(*) FROM span) AS spans, (SELECT max(span.end_ns - span.start_ns) FROM span) AS longest_span_ns,
       (SELECT function FROM span JOIN span_probe ON span_probe.id = span.probe_id
        ORDER BY span.end_ns - span.start_ns DESC LIMIT 1) AS longest_span
FROM recording;
