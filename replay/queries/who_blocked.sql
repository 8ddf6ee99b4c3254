-- Waits, longest first: who waited, for what, where, and who ended the wait.
--
-- include: who_blocked_parameters
-- Columns:
--   goid, goroutine_function   who waited, and what its go statement called
--   reason, reason_class       why, in the runtime's words and as a stable class
--   start_ns                   park (CLOCK_MONOTONIC)
--   wait_ns                    park to wake; open: to the end of the recording; NULL: the wake was not seen
--   runnable_ns                wake to running; NULL: unknown
--   open                       still waiting at the end of the recording
--   start_seen                 false: it began before anybody looked, wait_ns is a lower bound
--   objects                    what it waited for: kind, addr, type, cap, generation, direction, fired, timer, doubt
--   object_text                the same for the table
--   site, file, line           the first function outside Go's runtime, sync and internal packages
--   stack                      function names, innermost first
--   waker_goid, waker_kind, waker_site, waker_file, waker_line   who ended the wait, and where
--   sleep_ns                   what a sleep asked for
--   is_system                  by one of the runtime's own goroutines
--   doubt                      why the figures are doubtful, or NULL
--   labels, label_text         pprof labels of the goroutine as the wait began
WITH
-- include: match_reason
-- include: match_chan
-- include: match_label
-- include: wait_way
-- What is not looked up is sought among the longest, where most answers lie, and only if there are too few in all.
looked_up (id, wait_ns) AS MATERIALIZED (
  SELECT packed_wait.id, packed_wait.wait_ns
  FROM long_wait CROSS JOIN packed_wait ON packed_wait.id = long_wait.id
  WHERE (:until IS NULL OR long_wait.start_ns <= :until) AND (:since IS NULL OR long_wait.start_ns + long_wait.wait_ns >= :since)
    AND reason IN match_reason AND (:all IS NOT NULL OR (facts & 4) = 0)
    -- include: wait_on_chan
    -- include: packed_of_label
  ORDER BY long_wait.wait_ns DESC, long_wait.id DESC
  LIMIT CASE WHEN (SELECT way FROM wait_way) IN ('time', 'all') THEN coalesce(:limit, 0) ELSE 0 END
),
plan (way) AS MATERIALIZED (
  SELECT CASE WHEN way IN ('time', 'all') AND (SELECT count(*) FROM looked_up) >= :limit THEN 'looked up' ELSE way END FROM wait_way
),
-- include: found_wait
picked (id, wait_ns) AS MATERIALIZED (
  SELECT id, wait_ns FROM plan CROSS JOIN looked_up WHERE way = 'looked up'
  UNION ALL
  SELECT * FROM (SELECT id, wait_ns FROM found_wait ORDER BY wait_ns DESC, id DESC LIMIT coalesce(:limit, -1))
)
SELECT w.goid, started.name AS goroutine_function, reason.name AS reason, reason.class AS reason_class, w.start_ns, w.wait_ns, w.runnable_ns,
       w.is_open AS "open:bool", w.is_start_seen AS "start_seen:bool",
       (
          -- include: wait_objects
       ) AS "objects:json",
       (
          -- include: objects_text
       ) AS "object_text:table",
       site.name AS site, file.path AS file, stack.site_line AS line,
       (SELECT json_group_array(function) FROM (SELECT function FROM stack_frame WHERE stack_id = w.stack_id ORDER BY depth))
         AS "stack:json",
       CASE w.waker_kind WHEN 'goroutine' THEN w.waker_goid END AS waker_goid, w.waker_kind,
       waker_site.name AS waker_site,
       waker_file.path AS waker_file, waker_stack.site_line AS waker_line,
       CASE reason.class WHEN 'sleep' THEN w.value END AS sleep_ns, w.is_system AS "is_system:bool", w.doubt,
       labels.text AS "label_text:table", labels.json AS "labels:json"
FROM picked CROSS JOIN wait AS w ON w.id = picked.id CROSS JOIN reason ON reason.number = w.reason
LEFT JOIN stack ON stack.id = w.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN labels ON labels.id = w.labels_id
LEFT JOIN goroutine ON goroutine.goid = w.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
LEFT JOIN stack AS waker_stack ON waker_stack.id = w.waker_stack_id
LEFT JOIN function AS waker_site ON waker_site.id = waker_stack.site_function_id
LEFT JOIN file AS waker_file ON waker_file.id = waker_stack.site_file_id
ORDER BY picked.wait_ns DESC, picked.id DESC;
