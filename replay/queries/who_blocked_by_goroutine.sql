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
summed AS MATERIALIZED (
  SELECT goid, count(*) AS waits, sum(is_open) AS open_waits, coalesce(sum(wait_ns), 0) AS total_wait_ns,
         coalesce(sum(runnable_ns), 0) AS total_runnable_ns, max(wait_ns) AS longest_wait_ns, reason, stack_id
  FROM wait
  WHERE (:goid IS NULL OR goid = :goid) AND reason IN match_reason AND (:all IS NOT NULL OR is_system = 0)
    -- include: wait_in_time
    -- include: wait_on_chan
    -- include: wait_of_label
  -- The sign keeps SQLite from visiting the waits in the order of an index, which is slower than sorting.
  GROUP BY +goid ORDER BY total_wait_ns DESC, goid LIMIT coalesce(:limit, -1)
)
SELECT summed.goid, started.name AS goroutine_function, waits, open_waits, total_wait_ns, longest_wait_ns, total_runnable_ns,
       reason.name AS longest_reason, site.name AS longest_site, file.path AS longest_file, stack.site_line AS longest_line
FROM summed CROSS JOIN reason ON reason.number = summed.reason
LEFT JOIN stack ON stack.id = summed.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN goroutine ON goroutine.goid = summed.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
ORDER BY total_wait_ns DESC, summed.goid;
