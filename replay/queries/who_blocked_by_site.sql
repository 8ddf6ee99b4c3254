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
-- include: wait_way
-- Without a restriction that the sums do not know.
plan (way) AS MATERIALIZED (
  SELECT CASE WHEN :since IS NULL AND :until IS NULL AND :goid IS NULL AND :label_key IS NULL AND :chan IS NULL THEN 'sums' ELSE way END
  FROM wait_way
),
-- include: found_wait
found (stack_id, reason, waits, open_waits, goid, wait_ns, runnable_ns, longest_ns, longest_id) AS (
  SELECT stack_id, reason, waits, open_waits, NULL, wait_ns, runnable_ns, longest_ns, longest_id
  FROM plan CROSS JOIN wait_sum
  WHERE way = 'sums' AND reason IN match_reason AND (:all IS NOT NULL OR is_system = 0)
  UNION ALL
  SELECT stack_id, reason, 1, is_open, goid, wait_ns, runnable_ns, wait_ns, id FROM found_wait
),
summed AS MATERIALIZED (
  SELECT stack.site_function_id AS function_id, stack.site_file_id AS file_id, stack.site_line AS line, found.reason,
         sum(waits) AS waits, sum(open_waits) AS open_waits, count(DISTINCT goid) AS goroutines,
         coalesce(sum(wait_ns), 0) AS total_wait_ns, coalesce(sum(runnable_ns), 0) AS total_runnable_ns,
         max(longest_ns) AS longest_wait_ns, longest_id
  FROM found LEFT JOIN stack ON stack.id = found.stack_id
  GROUP BY 1, 2, 3, 4 ORDER BY total_wait_ns DESC, 1, 2, 3, 4 LIMIT coalesce(:limit, -1)
)
SELECT site.name AS site, file.path AS file, summed.line, reason.name AS reason, reason.class AS reason_class, waits,
       open_waits,
       CASE WHEN (SELECT way FROM plan) <> 'sums' THEN goroutines
            ELSE (SELECT sum(site_people.goroutines) FROM site_people
                  WHERE site_people.function_id IS summed.function_id AND site_people.file_id IS summed.file_id
                    AND site_people.line IS summed.line AND site_people.reason = summed.reason
                    AND (:all IS NOT NULL OR site_people.is_system = 0)) END AS goroutines,
       total_wait_ns, longest_wait_ns, total_runnable_ns, (SELECT goid FROM packed_wait WHERE packed_wait.id = longest_id) AS longest_goid
FROM summed CROSS JOIN reason ON reason.number = summed.reason
LEFT JOIN function AS site ON site.id = summed.function_id
LEFT JOIN file ON file.id = summed.file_id
ORDER BY total_wait_ns DESC, summed.function_id, summed.file_id, summed.line, summed.reason;
