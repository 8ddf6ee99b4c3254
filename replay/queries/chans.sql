-- Every channel seen, with what was waited for on it, longest total first.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :since, :until   only waits that overlap this time, and only channels with such waits
--   :limit           rows; NULL: all
-- Columns:
--   addr, generation       the channel; an address may be reused by another channel
--   type, cap              element type and capacity
--   waits, open_waits      waits on it (a select counts for each of its channels), and how many last to the end
--   total_wait_ns, longest_wait_ns   park to wake
--   waiters, wakers        how many different goroutines waited, and ended waits
--   sites                  where it was waited: site, file, line, direction, waits, total_wait_ns (the ten longest)
--   waker_sites            where its waits were ended: site, file, line, wakes (the ten most frequent)
--   site_text              the first site, and how many more, for the table
--   timer                  the channel of a timer or ticker
--   doubt                  the address may have been reused unnoticed
WITH used AS MATERIALIZED (
  -- In the order of the waits: visiting them in the order of an index takes longer than sorting.
  SELECT +wait_object.object_id AS object_id, count(*) AS waits, sum(wait.is_open) AS open_waits,
         sum(wait.wait_ns) AS total_wait_ns, max(wait.wait_ns) AS longest_wait_ns
  FROM wait CROSS JOIN wait_object ON wait_object.wait_id = wait.id
  WHERE wait_object.object_id IS NOT NULL
    -- include: wait_in_time
  GROUP BY 1
),
picked AS MATERIALIZED (
  SELECT object.*, coalesce(waits, 0) AS waits, coalesce(open_waits, 0) AS open_waits,
         coalesce(total_wait_ns, 0) AS total_wait_ns, longest_wait_ns
  FROM object LEFT JOIN used ON used.object_id = object.id
  WHERE kind = 'chan' AND (used.object_id IS NOT NULL OR (:since IS NULL AND :until IS NULL))
  ORDER BY total_wait_ns DESC, waits DESC, object.id LIMIT coalesce(:limit, -1)
)
SELECT printf('0x%llx', addr) AS addr, generation, type, capacity AS cap, waits, open_waits, total_wait_ns, longest_wait_ns,
       (SELECT count(DISTINCT wait.goid) FROM wait_object CROSS JOIN wait ON wait.id = wait_object.wait_id
        WHERE wait_object.object_id = picked.id
          -- include: wait_in_time
        ) AS waiters,
       (SELECT count(DISTINCT wait.waker_goid) FROM wait_object CROSS JOIN wait ON wait.id = wait_object.wait_id
        WHERE wait_object.object_id = picked.id
          -- include: wait_in_time
        ) AS wakers,
       (SELECT json_group_array(json_object('site', site, 'file', file, 'line', line, 'direction', direction,
                                            'waits', waits, 'total_wait_ns', total_wait_ns))
        FROM (SELECT site.name AS site, file.path AS file, stack.site_line AS line, wait_object.direction,
                     count(*) AS waits, coalesce(sum(wait.wait_ns), 0) AS total_wait_ns
              FROM wait_object CROSS JOIN wait ON wait.id = wait_object.wait_id
              LEFT JOIN stack ON stack.id = wait.stack_id
              LEFT JOIN function AS site ON site.id = stack.site_function_id
              LEFT JOIN file ON file.id = stack.site_file_id
              WHERE wait_object.object_id = picked.id
                -- include: wait_in_time
              GROUP BY stack.site_function_id, stack.site_file_id, stack.site_line, wait_object.direction
              ORDER BY total_wait_ns DESC, site.name, line LIMIT 10)) AS "sites:json",
       (SELECT json_group_array(json_object('site', site, 'file', file, 'line', line, 'wakes', wakes))
        FROM (SELECT site.name AS site, file.path AS file, stack.site_line AS line, count(*) AS wakes
              FROM wait_object CROSS JOIN wait ON wait.id = wait_object.wait_id
              JOIN stack ON stack.id = wait.waker_stack_id
              LEFT JOIN function AS site ON site.id = stack.site_function_id
              LEFT JOIN file ON file.id = stack.site_file_id
              WHERE wait_object.object_id = picked.id
                -- include: wait_in_time
              GROUP BY stack.site_function_id, stack.site_file_id, stack.site_line
              ORDER BY wakes DESC, site.name, line LIMIT 10)) AS "waker_sites:json",
       (
          -- include: chan_site_text
       ) AS "site_text:table",
       is_timer AS "timer:bool", is_doubtful AS "doubt:bool"
FROM picked
ORDER BY total_wait_ns DESC, waits DESC, id;
