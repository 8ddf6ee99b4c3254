-- Goroutines that went on after a context of theirs had ended, in waits that did not include its Done channel. A context is
-- theirs when they made it, or had waited for its Done channel (or a descendant's) before. Who was waiting already when the
-- context ended comes first, then the longest wait after the end. A later wait of who made it counts only within the call
-- that made it.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :goid            only this goroutine
--   :since, :until   only contexts that ended within this time (CLOCK_MONOTONIC)
--   :limit           rows; NULL: all
-- Columns:
--   goid, goroutine_function   who went on, and what its go statement called
--   context, addr            the context
--   made_site, made_file, made_line   where it was made
--   made_by_goid             who made it
--   cause, ended_ns, ended_by_goid    how it ended, when, and by whom (NULL: a timer)
--   went_on_ns               how long the goroutine went on: to its end or that of the recording
--   was_waiting              it was in that wait already when the context ended
--   past_ns                  how much of the wait lies after the end of the context
--   waits_after              waits at or after the end without the Done channel, among the one at the end and the ten after it
--   wait_start_ns, wait_ns, open, start_seen   of these, the one with most time after the end
--   reason, reason_class, objects, object_text, site, file, line   why, for what and where it waited
--   has_done                 somebody had called Done
--   labels, label_text       pprof labels as the wait began
--   doubt                    why the figures of the wait are doubtful, or NULL
WITH RECURSIVE
-- next_ns: its maker made the next one at the same place, and has come to something else.
ended AS MATERIALIZED (
  SELECT * FROM (SELECT context.*, lead(created_ns) OVER (PARTITION BY goid, stack_id ORDER BY created_ns, id) AS next_ns FROM context)
  WHERE ended_ns IS NOT NULL AND (:since IS NULL OR ended_ns >= :since) AND (:until IS NULL OR ended_ns <= :until)
),
-- The Done channels that tell of a context's end: its own and those of the contexts below it.
family (context_id, done_id) AS (
  SELECT id, done_object_id FROM context WHERE done_object_id IS NOT NULL
  UNION
  SELECT context.parent_id, family.done_id FROM family CROSS JOIN context ON context.id = family.context_id
  WHERE context.parent_id IS NOT NULL
),
told (context_id, done_id) AS MATERIALIZED (SELECT context_id, done_id FROM family ORDER BY 1, 2),
-- The same as it stands in packed_wait.object.
told_packed (context_id, object) AS MATERIALIZED (
  SELECT context_id, done_id FROM told
  UNION ALL
  SELECT context_id, -object_set.set_id FROM told CROSS JOIN object_set ON object_set.object_id = told.done_id
),
listener AS MATERIALIZED (
  SELECT ended.id AS context_id, wait.goid,
         max(coalesce(wait.wake_ns, wait.run_ns, recording.end_ns) >= ended.ended_ns AND wait.start_ns <= ended.ended_ns) AS is_told
  FROM recording CROSS JOIN ended CROSS JOIN told_packed ON told_packed.context_id = ended.id
  CROSS JOIN packed_wait INDEXED BY packed_wait_object ON packed_wait.object = told_packed.object
    AND (packed_wait.object < 0 OR packed_wait.facts & 3072)
  CROSS JOIN wait ON wait.id = packed_wait.id
  WHERE wait.start_ns <= ended.ended_ns AND (ended.created_ns IS NULL OR wait.start_ns >= ended.created_ns)
  GROUP BY 1, 2
),
suspect AS MATERIALIZED (
  SELECT ended.id AS context_id, ended.ended_ns AS at_ns, goroutine.goid,
         coalesce(goroutine.ended_ns, recording.end_ns) AS until_ns,
         CASE WHEN goroutine.goid = ended.goid THEN (SELECT site_function_id FROM stack WHERE stack.id = ended.stack_id) END
           AS site_function_id,
         CASE WHEN goroutine.goid = ended.goid THEN ended.next_ns END AS next_ns
  FROM (SELECT id AS context_id, goid FROM ended WHERE goid IS NOT NULL
        UNION SELECT context_id, goid FROM listener) AS known
  CROSS JOIN ended ON ended.id = known.context_id CROSS JOIN goroutine ON goroutine.goid = known.goid CROSS JOIN recording
  WHERE known.goid IS NOT ended.ended_by_goid AND (:goid IS NULL OR known.goid = :goid)
    AND coalesce(goroutine.ended_ns, recording.end_ns) > ended.ended_ns
    AND NOT EXISTS (SELECT 1 FROM listener WHERE listener.context_id = known.context_id AND listener.goid = known.goid AND is_told)
),
late AS MATERIALIZED (
  SELECT suspect.*, w.id AS wait_id, w.start_ns <= at_ns AS was_waiting,
         coalesce(w.wake_ns, w.run_ns, until_ns) - max(w.start_ns, at_ns) AS past_ns
  FROM suspect CROSS JOIN wait AS w ON w.id IN (
    SELECT id FROM (SELECT id FROM wait WHERE wait.goid = suspect.goid AND start_ns <= at_ns ORDER BY start_ns DESC LIMIT 1)
    UNION ALL
    SELECT id FROM (SELECT id FROM wait WHERE wait.goid = suspect.goid AND start_ns > at_ns ORDER BY start_ns LIMIT 10))
  WHERE coalesce(w.wake_ns, w.run_ns, until_ns) > at_ns
    AND (w.start_ns <= at_ns OR suspect.site_function_id IS NULL
         OR (w.start_ns < coalesce(suspect.next_ns, until_ns)
             AND EXISTS (SELECT 1 FROM frame WHERE frame.stack_id = w.stack_id AND frame.function_id = suspect.site_function_id)))
    AND NOT EXISTS (SELECT 1 FROM wait_object CROSS JOIN told
                      ON told.context_id = suspect.context_id AND told.done_id = wait_object.object_id
                    WHERE wait_object.wait_id = w.id)
),
picked AS MATERIALIZED (
  SELECT *, count(*) AS waits_after, max(past_ns) AS longest_ns FROM late GROUP BY context_id, goid
  ORDER BY was_waiting DESC, longest_ns DESC, context_id, goid LIMIT coalesce(:limit, -1)
)
SELECT picked.goid, started.name AS goroutine_function, ended.id AS context, printf('0x%llx', ended.addr) AS addr,
       made_site.name AS made_site, made_file.path AS made_file, made_stack.site_line AS made_line, ended.goid AS made_by_goid,
       ended.cause, ended.ended_ns, ended.ended_by_goid, until_ns - at_ns AS went_on_ns, was_waiting AS "was_waiting:bool",
       past_ns, waits_after, w.start_ns AS wait_start_ns, w.wait_ns, w.is_open AS "open:bool", w.is_start_seen AS "start_seen:bool",
       reason.name AS reason, reason.class AS reason_class,
       (
          -- include: wait_objects
       ) AS "objects:json",
       (
          -- include: objects_text
       ) AS "object_text:table",
       site.name AS site, file.path AS file, stack.site_line AS line, ended.done_object_id IS NOT NULL AS "has_done:bool",
       labels.text AS "label_text:table", labels.json AS "labels:json", w.doubt
FROM picked CROSS JOIN ended ON ended.id = picked.context_id CROSS JOIN wait AS w ON w.id = picked.wait_id
CROSS JOIN reason ON reason.number = w.reason
LEFT JOIN goroutine ON goroutine.goid = picked.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
LEFT JOIN stack AS made_stack ON made_stack.id = ended.stack_id
LEFT JOIN function AS made_site ON made_site.id = made_stack.site_function_id
LEFT JOIN file AS made_file ON made_file.id = made_stack.site_file_id
LEFT JOIN stack ON stack.id = w.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN labels ON labels.id = w.labels_id
ORDER BY was_waiting DESC, longest_ns DESC, ended.id, picked.goid;
