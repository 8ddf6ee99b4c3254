-- Goroutines that wait at the end of the recording and what could still wake them, those of one place and reason in a row.
--
-- include: leak_parameters
-- Columns:
--   verdict           stuck: nothing that was seen can wake it; unknown; idle: the like of it is woken now and then; timer; net;
--                     runtime
--   why               in words, of the goroutine that waits longest
--   goroutines        how many
--   wait_ns           longest wait among them
--   start_seen        false: the longest wait began before anybody looked: wait_ns is a lower bound
--   since_ns          when it began, as far as is known
--   oldest_goid       whose wait that is
--   reason, reason_class   why they wait
--   site, file, line, stack   where
--   function          what their go statement called
--   creator_goid, create_site, create_file, create_line   who created the oldest, and where
--   objects, object_text   what the oldest waits for
--   object_count      how many different objects all of them wait for
--   last_use_ns, last_use_goid   when somebody was last woken on what the oldest waits for, and who
--   last_use_waker_kind, last_use_waker_goid, last_use_site, last_use_file, last_use_line   by whom, and where
--   labels            different pprof labels among them (up to ten texts)
--   label_text        the same for the table
--   goids             the hundred that wait longest
--   stack_text        the stack for the table, a frame a line
--   doubt             why this is doubtful, or NULL; sampled: only snapshots tell about it
WITH
-- include: match_label
-- include: leak_verdict
member AS MATERIALIZED (
  SELECT judged.*, dense_rank() OVER (ORDER BY verdict, judged.reason, site_function_id, site_file_id, site_line, start_function_id)
         AS place
  FROM judged LEFT JOIN stack ON stack.id = judged.stack_id
),
place AS MATERIALIZED (
  SELECT member.*, count(*) AS goroutines, max(waited_ns) AS wait_ns, sum(doubt IS NOT NULL) AS doubts
  FROM member GROUP BY place
  ORDER BY rank, goroutines DESC, wait_ns DESC, place
  LIMIT coalesce(:limit, -1)
)
SELECT w.verdict, w.why, w.goroutines, w.wait_ns, w.is_start_seen AS "start_seen:bool", w.since_ns, w.goid AS oldest_goid,
       w.reason_name AS reason, w.reason_class, site.name AS site, file.path AS file, stack.site_line AS line,
       (SELECT json_group_array(function) FROM (SELECT function FROM stack_frame WHERE stack_id = w.stack_id ORDER BY depth))
         AS "stack:json",
       started.name AS function, w.creator_goid, create_site.name AS create_site, create_file.path AS create_file,
       create_stack.site_line AS create_line,
       (
          -- include: wait_objects
       ) AS "objects:json",
       (
          -- include: objects_text
       ) AS "object_text:table",
       (SELECT count(DISTINCT wait_object.object_id) FROM member CROSS JOIN wait_object ON wait_object.wait_id = member.id
        WHERE member.place = w.place) AS object_count,
       w.last_use_ns, w.last_use_goid, w.last_use_waker_kind, w.last_use_waker_goid, use_site.name AS last_use_site,
       use_file.path AS last_use_file, use_stack.site_line AS last_use_line,
       (SELECT json_group_array(text) FROM (
          SELECT DISTINCT labels.text FROM member CROSS JOIN labels ON labels.id = coalesce(member.labels_id, last_labels_id)
          WHERE member.place = w.place ORDER BY 1 LIMIT 10)) AS "labels:json",
       (SELECT group_concat(text, '; ') FROM (
          SELECT DISTINCT labels.text FROM member CROSS JOIN labels ON labels.id = coalesce(member.labels_id, last_labels_id)
          WHERE member.place = w.place ORDER BY 1 LIMIT 3)) AS "label_text:table",
       (SELECT json_group_array(goid) FROM (
          SELECT goid FROM member WHERE member.place = w.place ORDER BY waited_ns DESC, goid LIMIT 100)) AS "goids:json",
       (SELECT group_concat('        ' || function || coalesce('  ' || file, '') || coalesce(':' || line, '') || char(10), '')
        FROM (SELECT function, file, line FROM stack_frame WHERE stack_id = w.stack_id ORDER BY depth)) AS "stack_text:table",
       w.doubt
FROM place AS w
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
ORDER BY w.rank, w.goroutines DESC, w.wait_ns DESC, w.place;
