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
WITH plan (has_sums, needs_waits) AS MATERIALIZED (SELECT :since IS NULL AND :until IS NULL, NOT (:since IS NULL AND :until IS NULL)),
-- include: timed_wait
timed AS MATERIALIZED (
  SELECT object AS object_id, goid, stack_id, wait_ns, facts, waker_goid, waker_stack_id, facts >> 10 & 3 AS direction
  FROM timed_wait WHERE object > 0
  UNION ALL
  SELECT object_set.object_id, goid, stack_id, wait_ns, facts, waker_goid, waker_stack_id, object_set.direction
  FROM timed_wait CROSS JOIN object_set ON object_set.set_id = -object WHERE object < 0 AND object_set.object_id IS NOT NULL
),
found (object_id, waits, open_waits, wait_ns, longest_ns) AS (
  SELECT object_id, waits, open_waits, wait_ns, longest_ns FROM plan CROSS JOIN object_sum WHERE has_sums
  UNION ALL
  SELECT object_id, 1, facts >> 1 & 1, wait_ns, wait_ns FROM timed
),
used AS MATERIALIZED (
  -- The sign: visiting waits in the order of an index takes longer than sorting.
  SELECT +object_id AS object_id, sum(waits) AS waits, sum(open_waits) AS open_waits,
         sum(wait_ns) AS total_wait_ns, max(longest_ns) AS longest_wait_ns
  FROM found GROUP BY 1
),
picked AS MATERIALIZED (
  SELECT object.*, coalesce(waits, 0) AS waits, coalesce(open_waits, 0) AS open_waits,
         coalesce(total_wait_ns, 0) AS total_wait_ns, longest_wait_ns
  FROM (SELECT object_id, waits, open_waits, total_wait_ns, longest_wait_ns FROM used
        UNION ALL
        -- Nobody waited for it.
        SELECT id, NULL, NULL, NULL, NULL FROM object
        WHERE (SELECT has_sums FROM plan) AND kind = 'chan'
          AND NOT EXISTS (SELECT 1 FROM object_sum WHERE object_sum.object_id = object.id)) AS seen
  CROSS JOIN object ON object.id = seen.object_id
  WHERE kind = 'chan'
  ORDER BY total_wait_ns DESC, waits DESC, object.id LIMIT coalesce(:limit, -1)
),
-- include: chan_sums
place_sum AS MATERIALIZED (
  SELECT picked_sum.* FROM plan CROSS JOIN picked_sum WHERE has_sums
  UNION ALL
  SELECT object_id, CASE direction WHEN 1 THEN 'send' WHEN 2 THEN 'recv' END, stack_id, 1, wait_ns
  FROM timed WHERE object_id IN (SELECT id FROM picked)
),
picked_wake AS MATERIALIZED (
  SELECT picked.id AS object_id, wake_sum.waker_stack_id, wake_sum.waits
  FROM picked CROSS JOIN wake_sum INDEXED BY wake_sum_object ON wake_sum.object = picked.id
  UNION ALL
  SELECT picked.id, wake_sum.waker_stack_id, wake_sum.waits
  FROM picked CROSS JOIN object_set ON object_set.object_id = picked.id
  CROSS JOIN wake_sum INDEXED BY wake_sum_object ON wake_sum.object = -object_set.set_id
)
SELECT printf('0x%llx', addr) AS addr, generation, type, capacity AS cap, waits, open_waits, total_wait_ns, longest_wait_ns,
       CASE WHEN (SELECT has_sums FROM plan)
            THEN coalesce((SELECT goroutines FROM object_people WHERE object_people.object_id = picked.id AND is_waker = 0), 0) ELSE
       (SELECT count(DISTINCT goid) FROM timed WHERE timed.object_id = picked.id) END AS waiters,
       CASE WHEN (SELECT has_sums FROM plan)
            THEN coalesce((SELECT goroutines FROM object_people WHERE object_people.object_id = picked.id AND is_waker = 1), 0) ELSE
       (SELECT count(DISTINCT waker_goid) FROM timed WHERE timed.object_id = picked.id) END AS wakers,
       (SELECT json_group_array(json_object('site', site, 'file', file, 'line', line, 'direction', direction,
                                            'waits', waits, 'total_wait_ns', total_wait_ns))
        FROM (SELECT site.name AS site, file.path AS file, stack.site_line AS line, direction, sum(waits) AS waits,
                     coalesce(sum(wait_ns), 0) AS total_wait_ns
              FROM place_sum AS used
              LEFT JOIN stack ON stack.id = used.stack_id
              LEFT JOIN function AS site ON site.id = stack.site_function_id
              LEFT JOIN file ON file.id = stack.site_file_id
              WHERE used.object_id = picked.id
              GROUP BY stack.site_function_id, stack.site_file_id, stack.site_line, direction
              ORDER BY total_wait_ns DESC, site.name, line LIMIT 10)) AS "sites:json",
       (SELECT json_group_array(json_object('site', site, 'file', file, 'line', line, 'wakes', wakes))
        FROM (SELECT site.name AS site, file.path AS file, stack.site_line AS line, sum(waits) AS wakes
              FROM (SELECT waker_stack_id, waits FROM picked_wake
                    WHERE (SELECT has_sums FROM plan) AND picked_wake.object_id = picked.id
                    UNION ALL
                    SELECT waker_stack_id, 1 FROM timed WHERE timed.object_id = picked.id
              ) AS used
              JOIN stack ON stack.id = used.waker_stack_id
              LEFT JOIN function AS site ON site.id = stack.site_function_id
              LEFT JOIN file ON file.id = stack.site_file_id
              GROUP BY stack.site_function_id, stack.site_file_id, stack.site_line
              ORDER BY wakes DESC, site.name, line LIMIT 10)) AS "waker_sites:json",
       (
          -- include: chan_site_text
       ) AS "site_text:table",
       is_timer AS "timer:bool", is_doubtful AS "doubt:bool"
FROM picked
ORDER BY total_wait_ns DESC, waits DESC, id;
