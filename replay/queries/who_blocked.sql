-- Waits, longest first: who waited, for what, where, and who ended the wait.
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
--   goid, goroutine_function   who waited, and what its go statement called
--   reason, reason_class       why, in the runtime's words and as a stable class
--   start_ns                   park (CLOCK_MONOTONIC)
--   wait_ns                    park to wake; open: to the end of the recording; NULL: the wake was not seen
--   runnable_ns                wake to running; NULL: unknown
--   open                       still waiting at the end of the recording
--   objects                    what it waited for: kind, addr, type, cap, generation, direction, timer, doubt
--   object_text   the same for the table
--   site, file, line           the first function outside Go's runtime, sync and internal packages
--   stack                      function names, innermost first
--   waker_goid, waker_kind, waker_site, waker_file, waker_line   who ended the wait, and where
--   sleep_ns                   what a sleep asked for
--   is_system                  by one of the runtime's own goroutines
--   doubt                      why the figures are doubtful, or NULL
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
-- One of three ways to the longest waits; the LIMIT of the other two is 0. A busy channel is found sooner by walking all waits
-- from the longest on than by sorting its own.
plan (way) AS MATERIALIZED (
  SELECT CASE WHEN :goid IS NOT NULL THEN 'goroutine'
              WHEN :chan IS NULL OR EXISTS (SELECT 1 FROM match_stack) THEN 'walk'
              WHEN (SELECT count(*) FROM (SELECT 1 FROM wait_object WHERE object_id IN match_object LIMIT 20000)) < 20000
              THEN 'object' ELSE 'walk' END
),
picked (id, wait_ns) AS MATERIALIZED (
  SELECT id, wait_ns FROM (
    SELECT id, wait_ns FROM wait
    WHERE reason IN match_reason AND (:all IS NOT NULL OR is_system = 0)
      AND (:until IS NULL OR start_ns <= :until)
      AND (:since IS NULL OR start_ns + coalesce(wait_ns, run_ns - start_ns, 0) >= :since)
      AND (:chan IS NULL OR (stack_id IN match_stack AND reason IN chan_reason)
         OR (EXISTS (SELECT 1 FROM match_object) AND EXISTS (
           SELECT 1 FROM wait_object WHERE wait_object.wait_id = wait.id AND +wait_object.object_id IN match_object)))
    ORDER BY wait_ns DESC, id DESC LIMIT CASE (SELECT way FROM plan) WHEN 'walk' THEN coalesce(:limit, -1) ELSE 0 END)
  UNION ALL
  SELECT id, wait_ns FROM (
    SELECT id, wait_ns FROM wait
    WHERE goid = :goid AND reason IN match_reason AND (:all IS NOT NULL OR is_system = 0)
      AND (:until IS NULL OR start_ns <= :until)
      AND (:since IS NULL OR start_ns + coalesce(wait_ns, run_ns - start_ns, 0) >= :since)
      AND (:chan IS NULL OR (stack_id IN match_stack AND reason IN chan_reason)
         OR (EXISTS (SELECT 1 FROM match_object) AND EXISTS (
           SELECT 1 FROM wait_object WHERE wait_object.wait_id = wait.id AND +wait_object.object_id IN match_object)))
    ORDER BY wait_ns DESC, id DESC LIMIT CASE (SELECT way FROM plan) WHEN 'goroutine' THEN coalesce(:limit, -1) ELSE 0 END)
  UNION ALL
  SELECT id, wait_ns FROM (
    SELECT id, wait_ns
    FROM (SELECT DISTINCT wait_id FROM wait_object WHERE object_id IN match_object
          LIMIT CASE (SELECT way FROM plan) WHEN 'object' THEN -1 ELSE 0 END) AS found
    CROSS JOIN wait ON wait.id = found.wait_id
    WHERE reason IN match_reason AND (:all IS NOT NULL OR is_system = 0)
      AND (:until IS NULL OR start_ns <= :until)
      AND (:since IS NULL OR start_ns + coalesce(wait_ns, run_ns - start_ns, 0) >= :since)
    ORDER BY wait_ns DESC, id DESC LIMIT CASE (SELECT way FROM plan) WHEN 'object' THEN coalesce(:limit, -1) ELSE 0 END)
  ORDER BY wait_ns DESC, id DESC LIMIT coalesce(:limit, -1)
)
SELECT w.goid, started.name AS goroutine_function, w.reason, w.reason_class, w.start_ns, w.wait_ns, w.runnable_ns,
       w.is_open AS "open:bool",
       (SELECT json_group_array(json_object(
          'kind', coalesce(kind, 'chan'), 'addr', printf('0x%llx', coalesce(addr, 0)), 'type', type, 'cap', capacity,
          'generation', generation, 'direction', direction,
          'timer', json(CASE is_timer WHEN 1 THEN 'true' ELSE 'false' END),
          'doubt', json(CASE is_doubtful WHEN 1 THEN 'true' ELSE 'false' END)))
        FROM (SELECT object.*, wait_object.direction FROM wait_object LEFT JOIN object ON object.id = wait_object.object_id
              WHERE wait_object.wait_id = w.id ORDER BY wait_object.ordinal)) AS "objects:json",
       (SELECT group_concat(text, ', ') FROM (
          SELECT CASE WHEN object.id IS NULL THEN 'nil chan'
                 ELSE CASE kind WHEN 'chan' THEN CASE is_timer WHEN 1 THEN 'timer chan ' ELSE 'chan ' END || coalesce(type, '?')
                                WHEN 'unknown' THEN '' ELSE kind END
                   || CASE WHEN capacity > 0 THEN ' cap ' || capacity ELSE '' END || printf(' 0x%llx', addr)
                   || CASE WHEN generation > 1 THEN '#' || generation ELSE '' END
                   || CASE is_doubtful WHEN 1 THEN '?' ELSE '' END END
                 || CASE WHEN w.reason_class = 'select' AND wait_object.direction IS NOT NULL
                         THEN ' (' || wait_object.direction || ')' ELSE '' END AS text
          FROM wait_object LEFT JOIN object ON object.id = wait_object.object_id
          WHERE wait_object.wait_id = w.id ORDER BY wait_object.ordinal)) AS "object_text:table",
       w.site, w.file, w.line,
       (SELECT json_group_array(function) FROM (SELECT function FROM stack_frame WHERE stack_id = w.stack_id ORDER BY depth))
         AS "stack:json",
       CASE w.waker_kind WHEN 'goroutine' THEN w.waker_goid END AS waker_goid, w.waker_kind, w.waker_site,
       waker_file.path AS waker_file, waker_stack.site_line AS waker_line,
       CASE w.reason_class WHEN 'sleep' THEN w.value END AS sleep_ns, w.is_system AS "is_system:bool", w.doubt
FROM picked CROSS JOIN wait_named AS w ON w.id = picked.id
LEFT JOIN goroutine ON goroutine.goid = w.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
LEFT JOIN stack AS waker_stack ON waker_stack.id = w.waker_stack_id
LEFT JOIN file AS waker_file ON waker_file.id = waker_stack.site_file_id
ORDER BY picked.wait_ns DESC, picked.id DESC;
