-- One row for each goroutine: where it came from, how it spent its life, how it ended.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :goid            only this one
--   :since, :until   only goroutines seen within this time
--   :label_key, :label_value   only goroutines that had this pprof label (value NULL: any)
--   :sort            NULL: by number; life, running, runnable, waiting, unknown, syscalls, waits: most first
--   :limit           rows; NULL: all
-- Columns:
--   goid                       negative: the goid never became known
--   function                   what the go statement called
--   creator_goid               who created it; NULL: unknown, or no goroutine
--   create_site, create_file, create_line   where
--   created_ns, ended_ns       NULL: before the recording; NULL: still there at its end
--   life_ns                    from creation, first sight, or the begin of the recording, to its end or that of the recording
--   state                      at the end of the recording
--   running_ns, runnable_ns, waiting_ns, unknown_ns   how the life was spent
--   waits                      how often it waited
--   waiting_by_reason          nanoseconds of waiting for each reason class
--   most_class, most_ns        the class with most waiting, for the table
--   is_system                  one of the runtime's own
--   syscall_ns                 part of running_ns in which its thread slept in a system call
--   labels, label_text         its last pprof labels
--   start_inferred             the function is taken from the outermost frame of a stack
WITH
-- include: match_label
found AS NOT MATERIALIZED (
  SELECT goroutine.*,
         max(coalesce(ended_ns, (SELECT end_ns FROM recording)) - coalesce(created_ns, first_ns), running_ns + runnable_ns + waiting_ns + unknown_ns)
           AS life_ns
  FROM goroutine
  WHERE (:goid IS NULL OR goid = :goid) AND (:until IS NULL OR first_ns <= :until)
    AND (:since IS NULL OR coalesce(ended_ns, last_ns, first_ns) >= :since OR ended_ns IS NULL)
    AND (:label_key IS NULL OR labels_id IN match_label
         OR goid IN (SELECT packed_wait.goid FROM packed_wait WHERE :label_key IS NOT NULL AND packed_wait.labels_id IN match_label))
),
picked AS MATERIALIZED (
  SELECT * FROM (SELECT *, -goid AS rank FROM found WHERE :sort IS NULL ORDER BY goid LIMIT coalesce(:limit, -1))
  UNION ALL
  SELECT * FROM (
    SELECT *, CASE :sort WHEN 'life' THEN life_ns WHEN 'running' THEN running_ns WHEN 'runnable' THEN runnable_ns
                         WHEN 'waiting' THEN waiting_ns WHEN 'unknown' THEN unknown_ns WHEN 'syscalls' THEN syscall_ns
                         ELSE wait_count END AS rank
    FROM found WHERE :sort IS NOT NULL ORDER BY rank DESC, goid LIMIT coalesce(:limit, -1))
),
class_sum AS MATERIALIZED (
  SELECT goid, reason.class AS class, sum(wait_ns) AS ns
  FROM goroutine_sum INDEXED BY goroutine_sum_goid CROSS JOIN reason ON reason.number = goroutine_sum.reason
  WHERE goid IN (SELECT goid FROM picked) AND longest_ns IS NOT NULL GROUP BY 1, 2
),
per_goid AS MATERIALIZED (
  SELECT goid, json_group_object(class, ns) AS waiting_by_reason, class AS most_class, max(ns) AS most_ns
  FROM (SELECT * FROM class_sum ORDER BY goid, class) GROUP BY goid
)
SELECT picked.goid, started.name AS function, creator_goid, site.name AS create_site, file.path AS create_file,
       stack.site_line AS create_line, created_ns, ended_ns,
       life_ns, state.name AS state, running_ns, runnable_ns, waiting_ns, unknown_ns, wait_count AS waits,
       coalesce(waiting_by_reason, '{}') AS "waiting_by_reason:json", most_class AS "most_class:table", most_ns AS "most_ns:table",
       is_system AS "is_system:bool", is_start_inferred AS "start_inferred:bool",
       syscall_ns, labels.text AS "label_text:table", labels.json AS "labels:json"
FROM picked LEFT JOIN per_goid ON per_goid.goid = picked.goid
LEFT JOIN labels ON labels.id = picked.labels_id
LEFT JOIN state ON state.id = picked.state
LEFT JOIN function AS started ON started.id = picked.start_function_id
LEFT JOIN stack ON stack.id = picked.create_stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
ORDER BY picked.rank DESC, picked.goid;
