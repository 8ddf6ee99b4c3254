-- The threads of the program: where their time went, busiest first.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :since, :until   only this time (CLOCK_MONOTONIC)
--   :limit           rows; NULL: all
-- Columns:
--   tid, name          the thread; name NULL: never told
--   creator_tid        NULL: unknown
--   start_ns, exit_ns  NULL: before the recording; NULL: still there
--   on_cpu_ns          on a CPU; this and the following NULL: never seen on or off one
--   preempted_ns       off, though it wanted to run
--   syscall_ns         off, in a system call of a goroutine
--   foreign_ns         off, in code that is not Go's (cgo)
--   idle_ns            off, no work: asleep in the scheduler or the network poller
--   runtime_ns         off, the runtime itself slept
--   go_ns              off, asleep in Go code (a page fault)
--   unknown_ns         off, not known why
--   switches           how often it left a CPU
--   preempted_by       who took the CPU from it: name, tid, count, ns (the five that took most time)
--   preempted_text     the first of them for the table
WITH span (since_ns, until_ns) AS MATERIALIZED (
  SELECT max(start_ns, coalesce(:since, start_ns)), min(end_ns, coalesce(:until, end_ns)) FROM recording
),
plan (has_sums) AS MATERIALIZED (SELECT :since IS NULL AND :until IS NULL),
-- Of packed_switch only the rows that touch the time.
near AS (
  SELECT w.*
  FROM plan CROSS JOIN span CROSS JOIN packed_switch AS w
  WHERE NOT has_sums AND w.out_ns + w.off_ns >= since_ns AND w.out_ns - coalesce(w.on_ns, 0) <= until_ns
),
stretch (tid, kind, start_ns, end_ns, next_tid, next_name_id) AS (
  SELECT tid, 0, out_ns - on_ns, out_ns, NULL, NULL FROM near WHERE facts & 16
  UNION ALL
  SELECT tid, CASE WHEN state = 0 THEN 1 ELSE substr('764235', 1 + (facts & 7), 1) + 0 END, out_ns, out_ns + off_ns, next_tid,
         next_name_id
  FROM near WHERE facts & 32
  UNION ALL
  SELECT tid, CASE WHEN is_on_cpu THEN 0 WHEN state = 0 THEN 1 ELSE substr('764235', 1 + activity, 1) + 0 END, start_ns, end_ns,
         next_tid, next_name_id
  FROM plain_thread_interval
),
part (tid, kind, next_tid, next_name_id, stretches, ns) AS MATERIALIZED (
  SELECT tid, kind, CASE kind WHEN 1 THEN next_tid END, CASE kind WHEN 1 THEN next_name_id END, 1,
         max(min(coalesce(end_ns, until_ns), until_ns) - max(start_ns, since_ns), 0)
  FROM span CROSS JOIN stretch
  WHERE start_ns <= until_ns AND (end_ns IS NULL OR end_ns >= since_ns)
  UNION ALL
  SELECT tid, kind, next_tid, next_name_id, stretches, ns FROM plan CROSS JOIN thread_sum WHERE has_sums
),
preempted AS MATERIALIZED (
  SELECT tid, next_tid AS by_tid, (SELECT text FROM name WHERE name.id = next_name_id) AS by_name, sum(stretches) AS intervals,
         sum(ns) AS ns
  FROM part WHERE kind = 1 GROUP BY tid, next_tid
),
summed AS MATERIALIZED (
  SELECT tid, coalesce(sum(CASE kind WHEN 0 THEN ns END), 0) AS on_cpu_ns,
         coalesce(sum(CASE kind WHEN 1 THEN ns END), 0) AS preempted_ns,
         coalesce(sum(CASE kind WHEN 2 THEN ns END), 0) AS syscall_ns,
         coalesce(sum(CASE kind WHEN 3 THEN ns END), 0) AS foreign_ns,
         coalesce(sum(CASE kind WHEN 4 THEN ns END), 0) AS idle_ns,
         coalesce(sum(CASE kind WHEN 5 THEN ns END), 0) AS runtime_ns,
         coalesce(sum(CASE kind WHEN 6 THEN ns END), 0) AS go_ns,
         coalesce(sum(CASE kind WHEN 7 THEN ns END), 0) AS unknown_ns,
         coalesce(sum(CASE kind WHEN 0 THEN 0 ELSE stretches END), 0) AS switches
  FROM part GROUP BY 1
),
known (tid) AS (SELECT tid FROM thread UNION SELECT tid FROM summed)
SELECT known.tid, thread.name, thread.creator_tid, thread.start_ns, thread.exit_ns, on_cpu_ns, preempted_ns, syscall_ns,
       foreign_ns, idle_ns, runtime_ns, go_ns, unknown_ns, switches,
       (SELECT json_group_array(json_object('name', by_name, 'tid', by_tid, 'count', intervals, 'ns', ns))
        FROM (SELECT * FROM preempted WHERE preempted.tid = known.tid ORDER BY ns DESC, by_tid LIMIT 5))
         AS "preempted_by:json",
       (SELECT CASE by_tid WHEN 0 THEN 'nobody' ELSE coalesce(by_name, 'thread ' || by_tid) END
        FROM preempted WHERE preempted.tid = known.tid ORDER BY ns DESC, by_tid LIMIT 1) AS "preempted_text:table"
FROM known LEFT JOIN summed USING (tid) LEFT JOIN thread ON thread.tid = known.tid
ORDER BY on_cpu_ns DESC, known.tid LIMIT coalesce(:limit, -1);
