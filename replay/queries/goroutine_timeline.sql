-- The life of one goroutine: its states in the order of time.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :goid            required
--   :since, :until   only states that overlap this time
--   :limit           rows; NULL: all
-- Columns:
--   state                     unknown, runnable, running, waiting, preempted
--   start_ns, end_ns          end_ns NULL: still in this state at the end of the recording
--   duration_ns               open: to the end of the recording
--   open                      still in this state at the end of the recording
--   tid, p                    running: on which thread and P
--   reason, reason_class, objects, object_text, site, file, line, stack   waiting: why, for what, where
--   stack_text                the stack for the table, a frame a line
--   waker_goid, waker_kind, waker_site, waker_file, waker_line   waiting: who ended it
--   inferred, gap, doubt      how sure this is
WITH picked AS MATERIALIZED (
  SELECT * FROM interval
  WHERE goid = :goid AND (:until IS NULL OR start_ns <= :until) AND (:since IS NULL OR end_ns IS NULL OR end_ns >= :since)
  ORDER BY start_ns, id LIMIT coalesce(:limit, -1)
)
SELECT state.name AS state, picked.start_ns, picked.end_ns,
       coalesce(picked.end_ns, (SELECT end_ns FROM recording)) - picked.start_ns AS duration_ns,
       picked.end_ns IS NULL AS "open:bool", picked.tid, picked.p, reason.name AS reason, reason.class AS reason_class,
       CASE WHEN w.id IS NOT NULL THEN (
          -- include: wait_objects
       ) END AS "objects:json",
       (SELECT group_concat(text, ', ') FROM (
          SELECT
                 -- include: object_text
                 || CASE WHEN reason.class = 'select' AND wait_object.direction IS NOT NULL
                         THEN ' (' || wait_object.direction || ')' ELSE '' END AS text
          FROM wait_object LEFT JOIN object ON object.id = wait_object.object_id
          WHERE wait_object.wait_id = w.id ORDER BY wait_object.ordinal)) AS "object_text:table",
       site.name AS site, file.path AS file, stack.site_line AS line,
       CASE WHEN w.stack_id IS NOT NULL THEN (
         SELECT json_group_array(json_object('function', function, 'file', file, 'line', line))
         FROM (SELECT function, file, line FROM stack_frame WHERE stack_id = w.stack_id ORDER BY depth)) END AS "stack:json",
       CASE WHEN w.stack_id IS NOT NULL THEN (
         SELECT group_concat('        ' || function || coalesce('  ' || file, '') || coalesce(':' || line, '') || char(10), '')
         FROM (SELECT function, file, line FROM stack_frame WHERE stack_id = w.stack_id ORDER BY depth)) END
         AS "stack_text:table",
       CASE w.waker_kind WHEN 'goroutine' THEN w.waker_goid END AS waker_goid, w.waker_kind, waker_site.name AS waker_site,
       waker_file.path AS waker_file, waker_stack.site_line AS waker_line,
       (picked.flags & 2) <> 0 AS "inferred:bool", (picked.flags & 4) <> 0 AS "gap:bool", w.doubt
FROM picked LEFT JOIN state ON state.id = picked.state
-- Not wait_named: on the right of a LEFT JOIN SQLite would make all of its rows first.
LEFT JOIN wait AS w ON w.id = picked.wait_id
LEFT JOIN reason ON reason.number = w.reason
LEFT JOIN stack ON stack.id = w.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN stack AS waker_stack ON waker_stack.id = w.waker_stack_id
LEFT JOIN function AS waker_site ON waker_site.id = waker_stack.site_function_id
LEFT JOIN file AS waker_file ON waker_file.id = waker_stack.site_file_id
ORDER BY picked.start_ns, picked.id;
