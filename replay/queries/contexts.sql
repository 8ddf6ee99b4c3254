-- The contexts that can be cancelled, in the order in which they were made: by whom, until when, and how they ended.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :goid            only those that this goroutine made or ended
--   :since, :until   only those that lived within this time (CLOCK_MONOTONIC)
--   :limit           rows; NULL: all
-- Columns:
--   context                  its number in the recording
--   addr, parent_addr        addresses of it and its parent; NULL: not known, or none that can be cancelled
--   parent                   the parent's number
--   created_ns               NULL: before the recording
--   goid, goroutine_function who made it, and what its go statement called
--   site, file, line         where
--   deadline_ns              NULL: none of its own, or not known
--   timeout_ns               from creation to deadline
--   ended_ns                 NULL: not in the recording
--   life_ns                  from creation to end; not ended: to the end of the recording; NULL: not known
--   open                     not ended
--   cause, error             canceled, deadline, other; type of its cause or other error
--   ended_by_goid            NULL: a timer, or not ended
--   end_site, end_file, end_line   where it was ended
--   has_done                 somebody had called Done when it ended; NULL: not ended
WITH picked AS MATERIALIZED (
  SELECT context.* FROM context
  WHERE (:goid IS NULL OR goid = :goid OR ended_by_goid = :goid) AND (:until IS NULL OR created_ns IS NULL OR created_ns <= :until)
    AND (:since IS NULL OR ended_ns IS NULL OR ended_ns >= :since)
  ORDER BY created_ns, id LIMIT coalesce(:limit, -1)
)
SELECT picked.id AS context, printf('0x%llx', picked.addr) AS addr,
       CASE WHEN parent.id IS NOT NULL THEN printf('0x%llx', parent.addr) END AS parent_addr, picked.parent_id AS parent,
       picked.created_ns, picked.goid, started.name AS goroutine_function, site.name AS site, file.path AS file,
       stack.site_line AS line, picked.deadline_ns, picked.deadline_ns - picked.created_ns AS timeout_ns, picked.ended_ns,
       coalesce(picked.ended_ns, (SELECT end_ns FROM recording)) - picked.created_ns AS life_ns,
       picked.ended_ns IS NULL AS "open:bool", picked.cause, picked.error, picked.ended_by_goid, end_site.name AS end_site,
       end_file.path AS end_file, end_stack.site_line AS end_line,
       CASE WHEN picked.ended_ns IS NOT NULL THEN picked.done_object_id IS NOT NULL END AS "has_done:bool"
FROM picked
LEFT JOIN context AS parent ON parent.id = picked.parent_id
LEFT JOIN goroutine ON goroutine.goid = picked.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
LEFT JOIN stack ON stack.id = picked.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN stack AS end_stack ON end_stack.id = picked.end_stack_id
LEFT JOIN function AS end_site ON end_site.id = end_stack.site_function_id
LEFT JOIN file AS end_file ON end_file.id = end_stack.site_file_id
ORDER BY picked.created_ns, picked.id;
