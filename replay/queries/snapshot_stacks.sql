-- The goroutines of one snapshot, those with the same state and stack in a row, most first.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :snapshot        required: its number
--   :label_key, :label_value   only goroutines with this pprof label (value NULL: any)
--   :limit           rows; NULL: all
-- Columns:
--   goroutines       how many
--   state            runnable, running, waiting, preempted; syscall: running, in a system call
--   reason, reason_class   waiting: why
--   site, file, line, stack   where; the stack with functions, files and lines
--   stack_text       the stack for the table, a frame a line
--   objects          how many different ones they wait for
--   object_text      one of them
--   wait_ns          longest known wait, a lower bound: the runtime notices a wait some time after it began; NULL: not known
--   oldest_goid      whose
--   goids            the hundred smallest
--   goid_text        the first few for the table
--   labels, label_text   different pprof labels among them (up to ten texts)
WITH
-- include: match_label
member AS MATERIALIZED (
  SELECT snapshot_goroutine.*, time_ns - wait_since_ns AS waited_ns,
         dense_rank() OVER (ORDER BY state, is_in_syscall, reason, stack_id) AS place
  FROM snapshot_goroutine
  WHERE snapshot_id = :snapshot AND (:label_key IS NULL OR labels_id IN match_label)
),
place AS MATERIALIZED (
  SELECT place, state, is_in_syscall, reason, stack_id, count(*) AS goroutines, count(DISTINCT object_id) AS objects, object_id,
         max(coalesce(waited_ns, -1)) AS wait_ns, goid AS oldest_goid
  FROM member GROUP BY place ORDER BY goroutines DESC, place LIMIT coalesce(:limit, -1)
)
SELECT place.goroutines, CASE WHEN is_in_syscall THEN 'syscall' ELSE state.name END AS state, reason.name AS reason,
       reason.class AS reason_class, site.name AS site, file.path AS file, stack.site_line AS line,
       (SELECT json_group_array(json_object('function', function, 'file', file, 'line', line))
        FROM (SELECT function, file, line FROM stack_frame WHERE stack_id = place.stack_id ORDER BY depth)) AS "stack:json",
       (SELECT group_concat('        ' || function || coalesce('  ' || file, '') || coalesce(':' || line, '') || char(10), '')
        FROM (SELECT function, file, line FROM stack_frame WHERE stack_id = place.stack_id ORDER BY depth)) AS "stack_text:table",
       place.objects, object_named.text AS object_text, nullif(place.wait_ns, -1) AS wait_ns,
       CASE WHEN place.wait_ns >= 0 THEN oldest_goid END AS oldest_goid,
       (SELECT json_group_array(goid) FROM (SELECT goid FROM member WHERE member.place = place.place ORDER BY goid LIMIT 100)) AS "goids:json",
       (SELECT group_concat(goid, ' ') FROM (SELECT goid FROM member WHERE member.place = place.place ORDER BY goid LIMIT 8))
         || CASE WHEN place.goroutines > 8 THEN ' …' ELSE '' END AS "goid_text:table",
       (SELECT json_group_array(text) FROM (
          SELECT DISTINCT labels.text FROM member CROSS JOIN labels ON labels.id = member.labels_id
          WHERE member.place = place.place ORDER BY 1 LIMIT 10)) AS "labels:json",
       (SELECT group_concat(text, '; ') FROM (
          SELECT DISTINCT labels.text FROM member CROSS JOIN labels ON labels.id = member.labels_id
          WHERE member.place = place.place ORDER BY 1 LIMIT 3)) AS "label_text:table"
FROM place LEFT JOIN state ON state.id = place.state
LEFT JOIN reason ON reason.number = place.reason
LEFT JOIN stack ON stack.id = place.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN object_named ON object_named.id = place.object_id
ORDER BY place.goroutines DESC, place.place;
