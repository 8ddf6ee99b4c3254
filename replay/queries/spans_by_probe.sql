-- Calls of the functions that the user probed, summed up by function, longest total first.
--
-- include: span_parameters
-- Columns:
--   function                what was called
--   calls, open_calls       how many, and how many of them have not returned
--   total_ns, longest_ns, mean_ns   their lengths
--   goroutines              how many different ones called
--   running_ns, runnable_ns, waiting_ns, unknown_ns   how the time was spent; preempted counts as runnable
--   waiting_by_reason       nanoseconds of waiting for each reason class
--   most_class, most_ns     the class with most waiting, for the table
--   longest_goid            who was in it longest
WITH
-- include: span_picked
picked AS (SELECT * FROM call),
asked (id, goid, from_ns, to_ns) AS MATERIALIZED (SELECT id, goid, start_ns, until_ns FROM picked),
-- include: parts
summed AS MATERIALIZED (
  SELECT probe_id, sum(CASE WHEN state = 2 THEN ns END) AS running_ns, sum(CASE WHEN state IN (1, 4) THEN ns END) AS runnable_ns,
         sum(CASE WHEN state = 3 THEN ns END) AS waiting_ns, sum(CASE WHEN state = 0 THEN ns END) AS unknown_ns
  FROM part JOIN call USING (id) GROUP BY probe_id
),
waited AS MATERIALIZED (
  SELECT call.probe_id, reason.class, sum(part.ns) AS ns
  FROM part CROSS JOIN wait ON wait.id = part.wait_id CROSS JOIN reason ON reason.number = wait.reason JOIN call ON call.id = part.id
  WHERE part.state = 3 GROUP BY 1, 2
),
total AS MATERIALIZED (
  SELECT probe_id, function, count(*) AS calls, sum(end_ns IS NULL) AS open_calls, sum(until_ns - start_ns) AS total_ns,
         max(until_ns - start_ns) AS longest_ns, goid AS longest_goid, count(DISTINCT goid) AS goroutines
  FROM call GROUP BY probe_id
)
SELECT function, calls, open_calls, total_ns, longest_ns, total_ns / calls AS mean_ns, goroutines,
       coalesce(running_ns, 0) AS running_ns, coalesce(runnable_ns, 0) AS runnable_ns, coalesce(waiting_ns, 0) AS waiting_ns,
       coalesce(unknown_ns, 0) AS unknown_ns,
       (SELECT json_group_object(class, ns) FROM waited WHERE waited.probe_id = total.probe_id) AS "waiting_by_reason:json",
       (SELECT class FROM waited WHERE waited.probe_id = total.probe_id ORDER BY ns DESC LIMIT 1) AS "most_class:table",
       (SELECT max(ns) FROM waited WHERE waited.probe_id = total.probe_id) AS "most_ns:table", longest_goid
FROM total LEFT JOIN summed USING (probe_id)
ORDER BY total_ns DESC, function LIMIT coalesce(:limit, -1);
