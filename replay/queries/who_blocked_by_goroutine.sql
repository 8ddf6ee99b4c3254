-- Waits summed up for each goroutine, longest total first.
--
-- include: who_blocked_parameters
-- Columns:
--   goid, goroutine_function        who waited, and what its go statement called
--   waits, open_waits               how many, and how many of them last to the end of the recording
--   total_wait_ns, longest_wait_ns  park to wake
--   total_runnable_ns               wake to running
--   longest_reason, longest_site, longest_file, longest_line   of the longest wait
WITH
-- include: match_reason
-- include: match_chan
-- include: match_label
-- include: wait_way
-- Without a restriction that the sums do not know.
plan (way) AS MATERIALIZED (
  SELECT CASE WHEN :since IS NULL AND :until IS NULL AND :chan IS NULL AND :label_key IS NULL THEN 'sums' ELSE way END FROM wait_way
),
-- include: found_wait
-- First only as much as it takes to know who comes first.
total (goid, ns) AS (
  SELECT goid, wait_ns FROM plan CROSS JOIN goroutine_sum
  WHERE way = 'sums' AND (:goid IS NULL OR goid = :goid) AND reason IN match_reason AND (:all IS NOT NULL OR is_system = 0)
  UNION ALL
  SELECT goid, wait_ns FROM found_wait
),
first AS MATERIALIZED (
  -- The sign keeps SQLite from visiting the waits in the order of an index, which is slower than sorting.
  SELECT goid, coalesce(sum(ns), 0) AS total_wait_ns FROM total GROUP BY +goid
  ORDER BY total_wait_ns DESC, goid LIMIT coalesce(:limit, -1)
),
found (goid, waits, open_waits, wait_ns, runnable_ns, longest_ns, longest_id) AS (
  SELECT goid, waits, open_waits, wait_ns, runnable_ns, longest_ns, longest_id
  FROM plan CROSS JOIN goroutine_sum INDEXED BY goroutine_sum_goid
  WHERE way = 'sums' AND goid IN (SELECT goid FROM first) AND reason IN match_reason AND (:all IS NOT NULL OR is_system = 0)
  UNION ALL
  SELECT goid, 1, is_open, wait_ns, runnable_ns, wait_ns, id FROM found_wait
),
summed AS MATERIALIZED (
  SELECT goid, sum(waits) AS waits, sum(open_waits) AS open_waits, coalesce(sum(wait_ns), 0) AS total_wait_ns,
         coalesce(sum(runnable_ns), 0) AS total_runnable_ns, max(longest_ns) AS longest_wait_ns, longest_id
  FROM found WHERE goid IN (SELECT goid FROM first) GROUP BY +goid
)
SELECT summed.goid, started.name AS goroutine_function, waits, open_waits, total_wait_ns, longest_wait_ns, total_runnable_ns,
       reason.name AS longest_reason, site.name AS longest_site, file.path AS longest_file, stack.site_line AS longest_line
FROM summed
LEFT JOIN packed_wait AS longest
  ON longest.id = coalesce(longest_id, (SELECT id FROM packed_wait WHERE goid = summed.goid AND reason IN match_reason LIMIT 1))
LEFT JOIN reason ON reason.number = longest.reason
LEFT JOIN stack ON stack.id = longest.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN goroutine ON goroutine.goid = summed.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
ORDER BY total_wait_ns DESC, summed.goid;
