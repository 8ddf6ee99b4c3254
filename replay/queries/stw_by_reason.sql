-- Times in which the world was stopped, summed up by reason, longest total first.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :since, :until   only stops that overlap this time (CLOCK_MONOTONIC)
--   :limit           rows; NULL: all
-- Columns:
--   reason                 the runtime's own string; unknown
--   stops                  how many
--   total_ns, longest_ns   from the beginning of stopping until the world ran again
--   stopping_ns            the part of total_ns until all had stopped, as far as is known
--   longest_start_ns       when the longest began
WITH picked AS MATERIALIZED (
  SELECT stw.reason, stw.stopped_ns - stw.start_ns AS stopping_ns, coalesce(stw.start_ns, stw.stopped_ns) AS begin_ns,
         coalesce(stw.end_ns, recording.end_ns) - coalesce(stw.start_ns, stw.stopped_ns) AS total_ns
  FROM recording CROSS JOIN stw
  WHERE (:until IS NULL OR coalesce(stw.start_ns, stw.stopped_ns, stw.end_ns) <= :until)
    AND (:since IS NULL OR stw.end_ns IS NULL OR stw.end_ns >= :since)
)
SELECT reason, count(*) AS stops, sum(total_ns) AS total_ns, max(total_ns) AS longest_ns, sum(stopping_ns) AS stopping_ns,
       begin_ns AS longest_start_ns
FROM picked GROUP BY reason ORDER BY total_ns DESC, reason LIMIT coalesce(:limit, -1);
