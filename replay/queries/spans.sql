-- Calls of the functions that the user probed, longest first, with what the goroutine did in them.
--
-- include: span_parameters
-- Columns:
--   function, goid, goroutine_function   what was called, by whom, and what its go statement called
--   value, value_text       values at the entry
--   start_ns, duration_ns   open: to the end of the goroutine or the recording
--   open                    it has not returned
--   start_seen              false: it was entered before the recording: duration_ns is a lower bound
--   depth                   0: not within another span of the goroutine
--   running_ns, runnable_ns, waiting_ns, unknown_ns   how the time was spent; preempted counts as runnable
--   syscall_ns              part of running_ns in which its thread slept in a system call
--   waiting_by_reason       nanoseconds of waiting for each reason class
--   most_class, most_ns     the class with most waiting, for the table
--   labels, label_text      its last pprof labels
WITH
-- include: span_picked
picked AS MATERIALIZED (
  SELECT * FROM call ORDER BY until_ns - start_ns DESC, id LIMIT coalesce(:limit, -1)
),
asked (id, goid, from_ns, to_ns) AS MATERIALIZED (SELECT id, goid, start_ns, until_ns FROM picked),
-- include: parts
summed AS MATERIALIZED (
  SELECT id, sum(CASE WHEN state = 2 THEN ns END) AS running_ns, sum(CASE WHEN state IN (1, 4) THEN ns END) AS runnable_ns,
         sum(CASE WHEN state = 3 THEN ns END) AS waiting_ns, sum(CASE WHEN state = 0 THEN ns END) AS unknown_ns
  FROM part GROUP BY id
),
waited AS MATERIALIZED (
  SELECT part.id, reason.class, sum(part.ns) AS ns
  FROM part CROSS JOIN wait ON wait.id = part.wait_id CROSS JOIN reason ON reason.number = wait.reason
  WHERE part.state = 3 GROUP BY 1, 2
)
SELECT picked.function, picked.goid, started.name AS goroutine_function, picked.value_json AS "value:json",
       nullif(picked.value_json, '{}') AS "value_text:table", picked.start_ns, until_ns - picked.start_ns AS duration_ns,
       picked.end_ns IS NULL AS "open:bool", picked.seen_start_ns IS NOT NULL AS "start_seen:bool", picked.depth,
       coalesce(summed.running_ns, 0) AS running_ns, coalesce(summed.runnable_ns, 0) AS runnable_ns,
       coalesce(summed.waiting_ns, 0) AS waiting_ns, coalesce(summed.unknown_ns, 0) AS unknown_ns,
       (SELECT coalesce(sum(min(coalesce(syscall.end_ns, until_ns), until_ns) - max(syscall.start_ns, picked.start_ns)), 0) FROM syscall
        WHERE syscall.goid = picked.goid AND syscall.start_ns < until_ns AND coalesce(syscall.end_ns, until_ns) > picked.start_ns)
         AS syscall_ns,
       (SELECT json_group_object(class, ns) FROM waited WHERE waited.id = picked.id) AS "waiting_by_reason:json",
       (SELECT class FROM waited WHERE waited.id = picked.id ORDER BY ns DESC LIMIT 1) AS "most_class:table",
       (SELECT max(ns) FROM waited WHERE waited.id = picked.id) AS "most_ns:table",
       labels.text AS "label_text:table", labels.json AS "labels:json"
FROM picked LEFT JOIN summed ON summed.id = picked.id
LEFT JOIN goroutine ON goroutine.goid = picked.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
LEFT JOIN labels ON labels.id = goroutine.labels_id
ORDER BY duration_ns DESC, picked.id;
