-- The mutexes that goroutines waited for, longest total first, and who held them: the goroutines that ended the waits.
--
-- include: lock_parameters
-- Columns:
--   lock                     kind, name of the package variable where it is one, and address, for the table
--   kind, addr, generation   mutex, rwmutex; the address may have been used again; NULL: not recorded
--   name                     the package variable that holds it; NULL: none
--   waits, open_waits        how many, and how many of them last to the end of the recording
--   waiters                  how many different goroutines waited
--   total_wait_ns, longest_wait_ns   how long
--   longest_goid             who waited longest
--   sites                    where it was waited: site, file, line, waits, total_wait_ns (the ten longest)
--   holders                  who ended the waits: goid, function, site, file, line, waits, total_wait_ns (the ten longest)
--   site_text, holder_text   the first of them for the table
--   doubt                    the address may have been used again unnoticed
WITH
-- include: match_label
-- The sums know no time and no label.
plan (has_sums, needs_waits) AS MATERIALIZED (
  SELECT :since IS NULL AND :until IS NULL AND :label_key IS NULL, NOT (:since IS NULL AND :until IS NULL AND :label_key IS NULL)
),
-- include: timed_wait
-- include: lock_wait
waited AS MATERIALIZED (
  SELECT CASE WHEN object > 0 THEN object END AS object_id, stack_id, waits, open_waits, wait_ns, longest_ns, longest_id
  FROM plan CROSS JOIN wait_sum
  WHERE has_sums AND is_system = 0
    AND reason IN (SELECT number FROM reason WHERE class IN ('mutex', 'rwmutex'))
),
summed AS MATERIALIZED (
  SELECT object_id, sum(waits) AS waits, sum(open_waits) AS open_waits, sum(waiters) AS waiters, sum(wait_ns) AS total_wait_ns,
         max(longest_ns) AS longest_wait_ns, longest_goid
  FROM (SELECT object_id, sum(waits) AS waits, sum(open_waits) AS open_waits,
               coalesce((SELECT goroutines FROM object_people WHERE object_people.object_id = waited.object_id AND is_waker = 0),
                        (SELECT count(DISTINCT goid) FROM lock_sum AS used WHERE used.object_id IS NULL)) AS waiters,
               sum(wait_ns) AS wait_ns, max(longest_ns) AS longest_ns,
               (SELECT goid FROM packed_wait WHERE packed_wait.id = longest_id) AS longest_goid
        FROM waited GROUP BY object_id
        UNION ALL
        SELECT object_id, count(*), sum(is_open), count(DISTINCT goid), coalesce(sum(wait_ns), 0), max(wait_ns), goid
        FROM held GROUP BY object_id)
  GROUP BY object_id ORDER BY total_wait_ns DESC, waits DESC, object_id LIMIT coalesce(:limit, -1)
),
place AS MATERIALIZED (
  SELECT object_id, stack.site_function_id AS function_id, stack.site_file_id AS file_id, stack.site_line AS line,
         sum(waits) AS waits, coalesce(sum(ns), 0) AS ns
  FROM (SELECT object_id, stack_id, waits, wait_ns AS ns FROM waited
        UNION ALL
        SELECT object_id, stack_id, 1, wait_ns FROM held) AS used
  LEFT JOIN stack ON stack.id = used.stack_id
  WHERE object_id IS NULL OR object_id IN (SELECT object_id FROM summed) GROUP BY 1, 2, 3, 4
),
-- The goroutines that ended these waits.
holder (object_id, waker_goid, function_id, file_id, line, waits, ns, places) AS MATERIALIZED (
  SELECT summed.object_id, waker_goid, function_id, file_id, line, lock_holder.waits, wait_ns, places
  FROM plan CROSS JOIN summed CROSS JOIN lock_holder ON lock_holder.object_id = coalesce(summed.object_id, 0)
  WHERE has_sums
  UNION ALL
  SELECT object_id, waker_goid, stack.site_function_id, stack.site_file_id, stack.site_line, count(*), coalesce(sum(wait_ns), 0),
         count(*) OVER (PARTITION BY object_id)
  FROM held LEFT JOIN stack ON stack.id = held.waker_stack_id
  WHERE coalesce(object_id, 0) IN (SELECT coalesce(object_id, 0) FROM summed) AND waker_goid IS NOT NULL
  GROUP BY 1, 2, 3, 4, 5
)
SELECT coalesce(object_named.text, 'a lock that was not recorded') AS "lock:table", object.kind, printf('0x%llx', object.addr) AS addr,
       object.generation, object.type AS name, summed.waits, open_waits, waiters, total_wait_ns, longest_wait_ns, longest_goid,
       (SELECT json_group_array(json_object('site', site, 'file', file, 'line', line, 'waits', waits, 'total_wait_ns', ns))
        FROM (SELECT function.name AS site, file.path AS file, line, waits, ns FROM place
              LEFT JOIN function ON function.id = function_id LEFT JOIN file ON file.id = file_id
              WHERE place.object_id IS summed.object_id ORDER BY ns DESC, site, line LIMIT 10)) AS "sites:json",
       (SELECT json_group_array(json_object('goid', waker_goid, 'function', started.name, 'site', function.name, 'file', file.path,
                                            'line', line, 'waits', waits, 'total_wait_ns', ns))
        FROM (SELECT * FROM holder WHERE holder.object_id IS summed.object_id ORDER BY ns DESC, waker_goid, function_id, line LIMIT 10) AS first
        LEFT JOIN function ON function.id = first.function_id LEFT JOIN file ON file.id = first.file_id
        LEFT JOIN goroutine ON goroutine.goid = first.waker_goid
        LEFT JOIN function AS started ON started.id = goroutine.start_function_id) AS "holders:json",
       (SELECT coalesce(site, '?') || coalesce(' ' || replace(path, rtrim(path, replace(path, '/', '')), ''), '') || coalesce(':' || line, '')
               || CASE places WHEN 1 THEN '' ELSE ' +' || (places - 1) END
        FROM (SELECT function.name AS site, file.path, line, count(*) OVER () AS places FROM place
              LEFT JOIN function ON function.id = function_id LEFT JOIN file ON file.id = file_id
              WHERE place.object_id IS summed.object_id ORDER BY ns DESC, site, line LIMIT 1)) AS "site_text:table",
       (SELECT coalesce(waker_goid, '?') || coalesce(' ' || function.name, '')
               || coalesce(' ' || replace(path, rtrim(path, replace(path, '/', '')), ''), '') || coalesce(':' || line, '')
               || CASE places WHEN 1 THEN '' ELSE ' +' || (places - 1) END
        FROM (SELECT * FROM holder WHERE holder.object_id IS summed.object_id ORDER BY ns DESC, waker_goid, function_id, line LIMIT 1) AS first
        LEFT JOIN function ON function.id = first.function_id LEFT JOIN file ON file.id = first.file_id) AS "holder_text:table",
       object.is_doubtful AS "doubt:bool"
FROM summed LEFT JOIN object ON object.id = summed.object_id LEFT JOIN object_named ON object_named.id = summed.object_id
ORDER BY total_wait_ns DESC, summed.waits DESC, summed.object_id;
