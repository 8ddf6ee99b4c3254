-- System calls summed up by goroutine, longest total first.
--
-- include: syscall_parameters
-- Columns:
--   goid, goroutine_function   who called, and what its go statement called
--   calls, open_calls          how many, and how many of them last to the end of the recording
--   total_ns, longest_ns       their lengths
--   lost_p                     how often the P was taken meanwhile; NULL: not known
--   longest_name               the longest call's name
--   labels, label_text         its last pprof labels
WITH
-- include: match_label
-- include: syscall_picked
-- First only as much as it takes to know who comes first.
first AS MATERIALIZED (
  SELECT goid, sum(duration_ns) AS total_ns FROM call GROUP BY +goid ORDER BY total_ns DESC, goid LIMIT coalesce(:limit, -1)
),
summed AS MATERIALIZED (
  SELECT goid, count(*) AS calls, sum(end_ns IS NULL) AS open_calls, sum(duration_ns) AS total_ns,
         max(duration_ns) AS longest_ns, sum(lost_p) AS lost_p, name AS longest_name
  FROM call WHERE goid IN (SELECT goid FROM first) GROUP BY goid
)
SELECT summed.goid, started.name AS goroutine_function, calls, open_calls, total_ns, longest_ns, lost_p, longest_name,
       labels.text AS "label_text:table", labels.json AS "labels:json"
FROM summed
LEFT JOIN goroutine ON goroutine.goid = summed.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
LEFT JOIN labels ON labels.id = goroutine.labels_id
ORDER BY total_ns DESC, summed.goid;
