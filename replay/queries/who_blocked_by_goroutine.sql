-- Waits summed up for each goroutine, longest total first.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :all             not NULL: also network, sleep, gc … and the runtime's own goroutines
--   :reason          the runtime's string or the class of a wait reason
--   :goid            the waiting goroutine
--   :since, :until   only waits that overlap this time (CLOCK_MONOTONIC)
--   :chan            not NULL: only waits on the channels that the next four describe, any of which may match
--   :chan_addr       address of the object, all generations
--   :chan_type       element type
--   :chan_function   function of the site
--   :chan_file, :chan_line   the site's file by suffix, and line (NULL: any)
--   :limit           rows; NULL: all
-- Columns:
--   goid, goroutine_function        who waited, and what its go statement called
--   waits, open_waits               how many, and how many of them last to the end of the recording
--   total_wait_ns, longest_wait_ns  park to wake
--   total_runnable_ns               wake to running
--   longest_reason, longest_site, longest_file, longest_line   of the longest wait
WITH
match_reason (number) AS MATERIALIZED (
  SELECT number FROM reason
  WHERE CASE WHEN :reason IS NOT NULL THEN lower(name) = lower(:reason) OR class = lower(:reason)
             ELSE :all IS NOT NULL OR class IN ('chan_recv', 'chan_send', 'select', 'mutex', 'rwmutex', 'cond', 'waitgroup') END
),
match_object (id) AS MATERIALIZED (
  SELECT id FROM object
  WHERE :chan IS NOT NULL
    AND (addr = :chan_addr OR (kind = 'chan' AND replace(type, ' ', '') = replace(:chan_type, ' ', '')))
),
match_stack (id) AS MATERIALIZED (
  SELECT stack.id FROM function JOIN stack ON stack.site_function_id = function.id
  WHERE :chan IS NOT NULL AND function.name = :chan_function
  UNION
  SELECT stack.id FROM file JOIN stack ON stack.site_file_id = file.id
  WHERE :chan IS NOT NULL AND (file.path = :chan_file OR substr(file.path, -length(:chan_file) - 1) = '/' || :chan_file)
    AND (:chan_line IS NULL OR stack.site_line = :chan_line)
),
chan_reason (number) AS MATERIALIZED (
  SELECT number FROM reason WHERE class IN ('chan_recv', 'chan_send', 'select')
),
summed AS MATERIALIZED (
  SELECT goid, count(*) AS waits, sum(is_open) AS open_waits, coalesce(sum(wait_ns), 0) AS total_wait_ns,
         coalesce(sum(runnable_ns), 0) AS total_runnable_ns, max(wait_ns) AS longest_wait_ns, reason, stack_id
  FROM wait
  WHERE (:goid IS NULL OR goid = :goid) AND reason IN match_reason AND (:all IS NOT NULL OR is_system = 0)
    AND (:until IS NULL OR start_ns <= :until)
    AND (:since IS NULL OR start_ns + coalesce(wait_ns, run_ns - start_ns, 0) >= :since)
    AND (:chan IS NULL OR (stack_id IN match_stack AND reason IN chan_reason)
         OR (EXISTS (SELECT 1 FROM match_object) AND EXISTS (
           SELECT 1 FROM wait_object WHERE wait_object.wait_id = wait.id AND +wait_object.object_id IN match_object)))
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
