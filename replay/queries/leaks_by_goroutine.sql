-- Every goroutine that waits at the end of the recording, and what could still wake it.
--
-- include: leak_parameters
-- Columns:
--   goid, function    who waits, and what its go statement called
--   verdict, why      stuck, unknown, idle, timer, net, runtime (see leaks); and in words
--   wait_ns           how long it waits
--   start_seen        false: the wait began before anybody looked: wait_ns is a lower bound
--   since_ns          when it began, as far as is known
--   reason, reason_class, site, file, line, stack   why, and where
--   objects, object_text   for what
--   creator_goid, create_site, create_file, create_line   who created it, and where
--   last_use_ns, last_use_goid   when somebody was last woken on what it waits for, and who
--   last_use_waker_kind, last_use_waker_goid, last_use_site, last_use_file, last_use_line   by whom, and where
--   labels, label_text   its pprof labels
--   stack_text        the stack for the table, a frame a line
--   doubt             why this is doubtful, or NULL
WITH
-- include: match_label
-- include: leak_verdict
picked AS MATERIALIZED (
  SELECT * FROM judged ORDER BY rank, waited_ns DESC, goid LIMIT coalesce(:limit, -1)
)
SELECT w.goid, started.name AS function, w.verdict, w.why, w.waited_ns AS wait_ns, w.is_start_seen AS "start_seen:bool", w.since_ns,
       w.reason_name AS reason, w.reason_class, site.name AS site, file.path AS file, stack.site_line AS line,
       (SELECT json_group_array(function) FROM (SELECT function FROM stack_frame WHERE stack_id = w.stack_id ORDER BY depth))
         AS "stack:json",
       (
          -- include: wait_objects
       ) AS "objects:json",
       (
          -- include: objects_text
       ) AS "object_text:table",
       w.creator_goid, create_site.name AS create_site, create_file.path AS create_file, create_stack.site_line AS create_line,
       w.last_use_ns, w.last_use_goid, w.last_use_waker_kind, w.last_use_waker_goid, use_site.name AS last_use_site,
       use_file.path AS last_use_file, use_stack.site_line AS last_use_line,
       labels.text AS "label_text:table", labels.json AS "labels:json",
       (SELECT group_concat('        ' || function || coalesce('  ' || file, '') || coalesce(':' || line, '') || char(10), '')
        FROM (SELECT function, file, line FROM stack_frame WHERE stack_id = w.stack_id ORDER BY depth)) AS "stack_text:table",
       w.doubt
FROM picked AS w
LEFT JOIN stack ON stack.id = w.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN function AS started ON started.id = w.start_function_id
LEFT JOIN stack AS create_stack ON create_stack.id = w.create_stack_id
LEFT JOIN function AS create_site ON create_site.id = create_stack.site_function_id
LEFT JOIN file AS create_file ON create_file.id = create_stack.site_file_id
LEFT JOIN stack AS use_stack ON use_stack.id = w.last_use_stack_id
LEFT JOIN function AS use_site ON use_site.id = use_stack.site_function_id
LEFT JOIN file AS use_file ON use_file.id = use_stack.site_file_id
LEFT JOIN labels ON labels.id = coalesce(w.labels_id, w.last_labels_id)
ORDER BY w.rank, w.waited_ns DESC, w.goid;
