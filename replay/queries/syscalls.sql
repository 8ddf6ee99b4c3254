-- System calls and calls of foreign code in which a goroutine's thread left its CPU, longest first.
--
-- include: syscall_parameters
-- Columns:
--   goid, goroutine_function   who called, and what its go statement called
--   name                       read, futex …; cgo; NULL: not known
--   start_ns                   its thread left the CPU: it may have been in the call for a while before
--   duration_ns                until the goroutine ran on, or wanted to; open: to the end of the recording
--   open                       still in it at the end of the recording
--   sleeps                     how often its thread left the CPU in it
--   lost_p                     its P was taken meanwhile; NULL: not known
--   tid                        on which thread
--   site, file, line, stack    where, as far as it was recorded
--   labels, label_text         pprof labels of the goroutine
WITH
-- include: match_label
-- include: syscall_picked
picked AS MATERIALIZED (
  SELECT * FROM call ORDER BY duration_ns DESC, id LIMIT coalesce(:limit, -1)
)
SELECT picked.goid, started.name AS goroutine_function, picked.name, picked.start_ns, picked.duration_ns,
       picked.end_ns IS NULL AS "open:bool", picked.sleep_count AS sleeps, picked.lost_p AS "lost_p:bool", picked.tid,
       site.name AS site, file.path AS file, stack.site_line AS line,
       CASE WHEN picked.stack_id IS NOT NULL THEN (
         SELECT json_group_array(function)
         FROM (SELECT function FROM stack_frame WHERE stack_id = picked.stack_id ORDER BY depth)) END AS "stack:json",
       labels.text AS "label_text:table", labels.json AS "labels:json"
FROM picked
LEFT JOIN goroutine ON goroutine.goid = picked.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
LEFT JOIN stack ON stack.id = picked.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN labels ON labels.id = picked.labels_id
ORDER BY picked.duration_ns DESC, picked.id;
