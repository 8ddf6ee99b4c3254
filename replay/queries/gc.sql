-- Cycles of the garbage collector in the order of time: what they stopped, and who waited for them.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :since, :until   only cycles that overlap this time (CLOCK_MONOTONIC)
--   :limit           rows; NULL: all
-- Columns:
--   cycle                  1, 2 … in the recording
--   start_ns, end_ns       of the whole; NULL: not in the recording
--   duration_ns            open, or begun before the recording: as far as it lies within
--   open                   not over at the end of the recording
--   start_seen             false: it began before the recording
--   mark_ns                marking, beside the program; NULL: not known
--   stw_ns                 how long the world was stopped, or being stopped, in all
--   stops                  each stop in it: reason, start_ns, stopping_ns, stopped_ns
--   stop_text              the lengths of the stops for the table
--   assists                waits of goroutines for assist credit in it; NULL: not known
--   assist_wait_ns         their length
--   waiters                goroutines of the program that waited for the collector in it
--   wait_ns                how long all of them did
--   longest_wait_ns, longest_goid, longest_function   who waited longest for it
WITH own AS MATERIALIZED (
  SELECT wait.goid, wait.start_ns, wait.start_ns + coalesce(wait.wait_ns, wait.run_ns - wait.start_ns, 0) AS end_ns
  FROM gc_wait CROSS JOIN wait ON wait.id = gc_wait.id
),
picked AS MATERIALIZED (
  SELECT gc_cycle.*, coalesce(gc_cycle.start_ns, gc_cycle.mark_start_ns, recording.start_ns) AS from_ns,
         coalesce(gc_cycle.end_ns, recording.end_ns) AS to_ns
  FROM recording CROSS JOIN gc_cycle
  WHERE (:until IS NULL OR coalesce(gc_cycle.start_ns, gc_cycle.mark_start_ns, recording.start_ns) <= :until)
    AND (:since IS NULL OR gc_cycle.end_ns IS NULL OR gc_cycle.end_ns >= :since)
  ORDER BY gc_cycle.id LIMIT coalesce(:limit, -1)
),
waited AS MATERIALIZED (
  SELECT id, goid, sum(min(own.end_ns, to_ns) - max(own.start_ns, from_ns)) AS ns
  FROM picked CROSS JOIN own ON own.start_ns < to_ns AND own.end_ns > from_ns GROUP BY id, goid
),
longest AS MATERIALIZED (
  SELECT id, count(*) AS waiters, sum(ns) AS wait_ns, max(ns) AS longest_ns, goid FROM waited GROUP BY id
)
SELECT picked.id AS cycle, picked.start_ns, picked.end_ns, to_ns - from_ns AS duration_ns, picked.end_ns IS NULL AS "open:bool",
       picked.start_ns IS NOT NULL AS "start_seen:bool", mark_end_ns - mark_start_ns AS mark_ns, stw_ns,
       (SELECT json_group_array(json_object('reason', reason, 'start_ns', start_ns, 'stopping_ns', stopped_ns - start_ns,
                                            'stopped_ns', end_ns - stopped_ns))
        FROM (SELECT * FROM stw WHERE (stw.reason LIKE 'GC %' OR stw.reason = 'unknown') AND stw.end_ns >= from_ns AND coalesce(stw.start_ns, stw.stopped_ns) <= to_ns
              ORDER BY stw.end_ns)) AS "stops:json",
       (SELECT group_concat(CASE WHEN end_ns - begin_ns < 1000 THEN (end_ns - begin_ns) || ' ns' WHEN end_ns - begin_ns < 1000000
                                 THEN printf('%.1f us', (end_ns - begin_ns) / 1e3)
                                 ELSE printf('%.2f ms', (end_ns - begin_ns) / 1e6) END, ' + ')
        FROM (SELECT stw.end_ns, coalesce(stw.start_ns, stw.stopped_ns) AS begin_ns FROM stw
              WHERE (stw.reason LIKE 'GC %' OR stw.reason = 'unknown') AND stw.end_ns >= from_ns AND coalesce(stw.start_ns, stw.stopped_ns) <= to_ns
              ORDER BY stw.end_ns)) AS "stop_text:table",
       assist_count AS assists, assist_wait_ns, coalesce(longest.waiters, 0) AS waiters, coalesce(longest.wait_ns, 0) AS wait_ns,
       longest.longest_ns AS longest_wait_ns, longest.goid AS longest_goid, started.name AS longest_function
FROM picked LEFT JOIN longest ON longest.id = picked.id
LEFT JOIN goroutine ON goroutine.goid = longest.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
ORDER BY picked.id;
