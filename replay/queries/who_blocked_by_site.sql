-- Waits summed up for each place in the code and reason, longest total first.
--
-- include: who_blocked_parameters
-- Columns:
--   site, file, line                where it was waited
--   reason, reason_class            why
--   waits, open_waits, goroutines   how many waits, how many still open at the end, of how many goroutines
--   total_wait_ns, longest_wait_ns  park to wake
--   total_runnable_ns               wake to running
--   longest_goid                    who waited longest
WITH
-- include: match_reason
-- include: match_chan
-- include: match_label
summed AS MATERIALIZED (
  SELECT stack.site_function_id AS function_id, stack.site_file_id AS file_id, stack.site_line AS line, wait.reason,
         count(*) AS waits, sum(is_open) AS open_waits, count(DISTINCT goid) AS goroutines,
         coalesce(sum(wait_ns), 0) AS total_wait_ns, coalesce(sum(runnable_ns), 0) AS total_runnable_ns,
         max(wait_ns) AS longest_wait_ns, goid AS longest_goid
  FROM wait LEFT JOIN stack ON stack.id = wait.stack_id
  WHERE (:goid IS NULL OR goid = :goid) AND reason IN match_reason AND (:all IS NOT NULL OR is_system = 0)
    -- include: wait_in_time
    -- include: wait_on_chan
    -- include: wait_of_label
  GROUP BY 1, 2, 3, 4 ORDER BY total_wait_ns DESC, 1, 2, 3, 4 LIMIT coalesce(:limit, -1)
)
SELECT site.name AS site, file.path AS file, summed.line, reason.name AS reason, reason.class AS reason_class, waits,
       open_waits, goroutines, total_wait_ns, longest_wait_ns, total_runnable_ns, longest_goid
FROM summed CROSS JOIN reason ON reason.number = summed.reason
LEFT JOIN function AS site ON site.id = summed.function_id
LEFT JOIN file ON file.id = summed.file_id
ORDER BY total_wait_ns DESC, summed.function_id, summed.file_id, summed.line, summed.reason;
