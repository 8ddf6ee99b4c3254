-- The life of one goroutine: its states in the order of time, and what happened meanwhile.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :goid            required
--   :since, :until   only what overlaps this time
--   :limit           rows; NULL: all
-- Columns:
--   kind                      state, and within states: syscall, span, context (one that it made), context_end (one that it
--                             made or ended), snapshot
--   state                     unknown, runnable, running, waiting, preempted; of a snapshot what it found; NULL: other kinds
--   start_ns, end_ns          end_ns NULL: still so at the end of the recording, or a single moment
--   duration_ns               open: to the end of the recording; NULL: a single moment
--   open                      still so at the end of the recording
--   start_seen                false: it began before anybody looked, duration_ns is a lower bound
--   tid, p                    running: on which thread and P; a system call: on which thread
--   reason, reason_class, objects, object_text, site, file, line, stack   waiting: why, for what, where
--   stack_text                the stack for the table, a frame a line
--   waker_goid, waker_kind, waker_site, waker_file, waker_line   waiting: who ended it
--   inferred, gap, doubt      how sure this is
--   what                      the other kinds: name of the system call, the span with its values, the context, the snapshot
--   labels, label_text        pprof labels in force, where they were recorded
WITH life (kind, ordinal, id, state, start_ns, end_ns, is_open, tid, p, wait_id, stack_id, flags, what, labels_id) AS MATERIALIZED (
  SELECT 'state', 0, id, state, start_ns, end_ns, end_ns IS NULL, tid, p, wait_id, NULL, flags, NULL, NULL
  FROM (SELECT * FROM interval
        WHERE goid = :goid AND (:until IS NULL OR start_ns <= :until) AND (:since IS NULL OR end_ns IS NULL OR end_ns >= :since)
        ORDER BY start_ns, id LIMIT coalesce(:limit, -1))
  UNION ALL
  SELECT 'syscall', 4, id, NULL, start_ns, end_ns, end_ns IS NULL, tid, NULL, NULL, stack_id, 0,
         coalesce(name, 'unknown system call') || CASE lost_p WHEN 1 THEN ', lost its P' ELSE '' END, labels_id
  FROM syscall
  WHERE goid = :goid AND (:until IS NULL OR start_ns <= :until) AND (:since IS NULL OR end_ns IS NULL OR end_ns >= :since)
  UNION ALL
  SELECT 'span', 1, span.id, NULL, coalesce(span.start_ns, recording.start_ns), span.end_ns, span.end_ns IS NULL, NULL, NULL,
         NULL, NULL, CASE WHEN span.start_ns IS NULL THEN 1 ELSE 0 END,
         span_probe.function || CASE WHEN value_json IS NOT NULL AND value_json <> '{}' THEN ' ' || value_json ELSE '' END, NULL
  FROM span JOIN span_probe ON span_probe.id = span.probe_id, recording
  WHERE goid = :goid AND (:until IS NULL OR coalesce(span.start_ns, recording.start_ns) <= :until)
    AND (:since IS NULL OR span.end_ns IS NULL OR span.end_ns >= :since)
  UNION ALL
  SELECT 'context', 2, id, NULL, created_ns, NULL, 0, NULL, NULL, NULL, stack_id, 0,
         printf('context 0x%llx', addr)
         || CASE WHEN deadline_ns IS NULL THEN '' ELSE printf(', deadline in %.3f s', (deadline_ns - created_ns) / 1e9) END, NULL
  FROM context
  WHERE goid = :goid AND created_ns IS NOT NULL AND (:until IS NULL OR created_ns <= :until)
    AND (:since IS NULL OR created_ns >= :since)
  UNION ALL
  SELECT 'context_end', 3, id, NULL, ended_ns, NULL, 0, NULL, NULL, NULL, end_stack_id, 0,
         printf('context 0x%llx', addr) || ' ended: ' || coalesce(cause, 'unknown')
         || CASE WHEN ended_by_goid = :goid THEN '' ELSE coalesce(' by goroutine ' || ended_by_goid, ' by a timer') END, NULL
  FROM context
  WHERE (goid = :goid OR ended_by_goid = :goid) AND ended_ns IS NOT NULL AND (:until IS NULL OR ended_ns <= :until)
    AND (:since IS NULL OR ended_ns >= :since)
  UNION ALL
  SELECT 'snapshot', 5, snapshot_id, state, time_ns, NULL, 0, tid, NULL, NULL, stack_id, 0,
         'snapshot ' || snapshot_id || CASE is_in_syscall WHEN 1 THEN ', in a system call' ELSE '' END
         || coalesce(', ' || (SELECT name FROM reason WHERE number = snapshot_goroutine.reason), '')
         || coalesce(': ' || (SELECT text FROM object_named WHERE id = object_id), ''), labels_id
  FROM snapshot CROSS JOIN snapshot_goroutine ON snapshot_goroutine.snapshot_id = snapshot.id AND goid = :goid
  WHERE (:until IS NULL OR time_ns <= :until) AND (:since IS NULL OR time_ns >= :since)
),
picked AS MATERIALIZED (
  SELECT * FROM life ORDER BY start_ns, ordinal, id LIMIT coalesce(:limit, -1)
)
SELECT picked.kind, state.name AS state, picked.start_ns, picked.end_ns,
       CASE WHEN picked.end_ns IS NOT NULL OR picked.is_open
            THEN coalesce(picked.end_ns, (SELECT end_ns FROM recording)) - picked.start_ns END AS duration_ns,
       picked.is_open AS "open:bool",
       CASE WHEN w.is_start_seen = 0 OR (picked.kind = 'span' AND picked.flags = 1) THEN 0 ELSE 1 END AS "start_seen:bool",
       picked.tid, picked.p, reason.name AS reason, reason.class AS reason_class,
       CASE WHEN w.id IS NOT NULL THEN (
          -- include: wait_objects
       ) END AS "objects:json",
       (
          -- include: objects_text
       ) AS "object_text:table",
       site.name AS site, file.path AS file, stack.site_line AS line,
       CASE WHEN stack.id IS NOT NULL THEN (
         SELECT json_group_array(json_object('function', function, 'file', file, 'line', line))
         FROM (SELECT function, file, line FROM stack_frame WHERE stack_id = stack.id ORDER BY depth)) END AS "stack:json",
       CASE WHEN stack.id IS NOT NULL THEN (
         SELECT group_concat('        ' || function || coalesce('  ' || file, '') || coalesce(':' || line, '') || char(10), '')
         FROM (SELECT function, file, line FROM stack_frame WHERE stack_id = stack.id ORDER BY depth)) END
         AS "stack_text:table",
       CASE w.waker_kind WHEN 'goroutine' THEN w.waker_goid END AS waker_goid, w.waker_kind, waker_site.name AS waker_site,
       waker_file.path AS waker_file, waker_stack.site_line AS waker_line,
       (picked.kind = 'state' AND (picked.flags & 2) <> 0) AS "inferred:bool",
       (picked.kind = 'state' AND (picked.flags & 4) <> 0) AS "gap:bool", w.doubt, picked.what,
       labels.text AS "label_text:table", labels.json AS "labels:json"
FROM picked LEFT JOIN state ON state.id = picked.state
-- Not wait_named: on the right of a LEFT JOIN SQLite would make all of its rows first.
LEFT JOIN wait AS w ON w.id = picked.wait_id
LEFT JOIN reason ON reason.number = w.reason
LEFT JOIN stack ON stack.id = coalesce(picked.stack_id, w.stack_id)
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN stack AS waker_stack ON waker_stack.id = w.waker_stack_id
LEFT JOIN function AS waker_site ON waker_site.id = waker_stack.site_function_id
LEFT JOIN file AS waker_file ON waker_file.id = waker_stack.site_file_id
LEFT JOIN labels ON labels.id = coalesce(picked.labels_id, w.labels_id)
ORDER BY picked.start_ns, picked.ordinal, picked.id;
