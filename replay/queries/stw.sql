-- Times in which the world was stopped, longest first.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :since, :until   only stops that overlap this time (CLOCK_MONOTONIC)
--   :limit           rows; NULL: all
-- Columns:
--   reason                 the runtime's own string; unknown
--   goid, goroutine_function   who stopped it; NULL: the runtime, or not known
--   start_ns               stopping began; NULL: not known
--   stopping_ns            from there until all had stopped; NULL: not known
--   stopped_ns             from then until the world ran again; NULL: not known
--   total_ns               both; open: to the end of the recording; NULL: not known
--   open                   still stopped at the end of the recording
WITH picked AS MATERIALIZED (
  SELECT stw.*, coalesce(stw.end_ns, recording.end_ns) - coalesce(stw.start_ns, stw.stopped_ns) AS total_ns,
         coalesce(stw.end_ns, recording.end_ns) - stw.stopped_ns AS halt_ns
  FROM recording CROSS JOIN stw
  WHERE (:until IS NULL OR coalesce(stw.start_ns, stw.stopped_ns, stw.end_ns) <= :until)
    AND (:since IS NULL OR stw.end_ns IS NULL OR stw.end_ns >= :since)
  ORDER BY total_ns DESC, stw.id LIMIT coalesce(:limit, -1)
)
SELECT picked.reason, picked.goid, started.name AS goroutine_function, coalesce(picked.start_ns, picked.stopped_ns) AS start_ns,
       picked.stopped_ns - picked.start_ns AS stopping_ns, halt_ns AS stopped_ns, total_ns, picked.end_ns IS NULL AS "open:bool"
FROM picked LEFT JOIN goroutine ON goroutine.goid = picked.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
ORDER BY total_ns DESC, picked.id;
