-- What the sums mean, in SQL over the other tables. Loading makes them on the way, without these statements; tests hold the one
-- against the other. Who changes rows makes the sums anew with them.
DELETE FROM wait_sum;
INSERT INTO wait_sum
WITH used AS (
  SELECT object, stack_id, reason, facts >> 2 & 1 AS is_system, facts & 1 AS is_woken, facts >> 1 & 1 AS is_open, wait_ns, run_after_ns, id
  FROM packed_wait
),
woken AS MATERIALIZED (SELECT object, stack_id, reason, is_system, max(wait_ns) AS longest_ns FROM used WHERE is_woken GROUP BY 1, 2, 3, 4),
summed AS MATERIALIZED (
  SELECT object, stack_id, reason, is_system, count(*) AS waits, sum(is_open) AS open_waits, sum(is_woken) AS wakes,
         coalesce(sum(wait_ns), 0) AS wait_ns, coalesce(sum(CASE WHEN is_woken THEN run_after_ns END), 0) AS runnable_ns,
         max(wait_ns) AS longest_ns, id
  FROM used GROUP BY 1, 2, 3, 4
)
SELECT summed.object, summed.stack_id, summed.reason, summed.is_system, waits, open_waits, wakes, wait_ns, runnable_ns,
       summed.longest_ns, CASE WHEN summed.longest_ns IS NOT NULL THEN id END, woken.longest_ns
FROM summed LEFT JOIN woken ON woken.object IS summed.object AND woken.stack_id IS summed.stack_id
  AND woken.reason = summed.reason AND woken.is_system = summed.is_system;

DELETE FROM goroutine_sum;
INSERT INTO goroutine_sum
SELECT goid, reason, is_system, waits, open_waits, wait_ns, runnable_ns, longest_ns, CASE WHEN longest_ns IS NOT NULL THEN id END
FROM (SELECT goid, reason, facts >> 2 & 1 AS is_system, count(*) AS waits, sum(facts >> 1 & 1) AS open_waits,
             coalesce(sum(wait_ns), 0) AS wait_ns, coalesce(sum(CASE WHEN facts & 1 THEN run_after_ns END), 0) AS runnable_ns,
             max(wait_ns) AS longest_ns, id
      FROM packed_wait GROUP BY 1, 2, 3);

DELETE FROM object_sum;
INSERT INTO object_sum
SELECT object_id, is_system, count(*), sum(is_open), coalesce(sum(wait_ns), 0), max(wait_ns),
       max(CASE WHEN is_woken AND may_have_ended_it THEN id END)
FROM (SELECT object AS object_id, facts >> 2 & 1 AS is_system, facts >> 1 & 1 AS is_open, facts & 1 AS is_woken, wait_ns, id,
             1 AS may_have_ended_it
      FROM packed_wait WHERE object > 0
      UNION ALL
      SELECT object_set.object_id, facts >> 2 & 1, facts >> 1 & 1, facts & 1, wait_ns, id,
             facts >> 21 = 0 OR facts >> 21 = object_set.ordinal + 1
      FROM packed_wait JOIN object_set ON object_set.set_id = -packed_wait.object
      WHERE packed_wait.object < 0 AND object_set.object_id IS NOT NULL)
GROUP BY 1, 2;

DELETE FROM wake_sum;
INSERT INTO wake_sum
SELECT object, reason, facts >> 2 & 1, waker_stack_id, count(*), coalesce(sum(wait_ns), 0), max(wait_ns)
FROM packed_wait WHERE (facts & 2) = 0 GROUP BY 1, 2, 3, 4;

DELETE FROM lock_sum;
INSERT INTO lock_sum
SELECT CASE WHEN object > 0 THEN object END, waker_goid, CASE WHEN (facts & 2) = 0 THEN waker_stack_id END, goid, facts >> 1 & 1, count(*),
       coalesce(sum(wait_ns), 0), max(wait_ns)
FROM packed_wait
WHERE (facts & 4) = 0 AND reason IN (SELECT number FROM reason WHERE class IN ('mutex', 'rwmutex'))
GROUP BY 1, 2, 3, 4, 5;

-- Holders of a lock, each at one place in the code.
DROP TABLE IF EXISTS temp.ended_at;
CREATE TEMP TABLE ended_at AS
SELECT object_id, waker_goid, stack.site_function_id AS function_id, stack.site_file_id AS file_id, stack.site_line AS line,
       sum(waits) AS waits, sum(wait_ns) AS wait_ns, max(longest_ns) AS longest_ns
FROM lock_sum LEFT JOIN stack ON stack.id = waker_stack_id WHERE is_open = 0 GROUP BY 1, 2, 3, 4, 5;

DELETE FROM lock_holder;
INSERT INTO lock_holder
SELECT * FROM (
  SELECT coalesce(object_id, 0),
         row_number() OVER (PARTITION BY object_id ORDER BY wait_ns DESC, waker_goid, function_id, file_id, line) AS place,
         waker_goid, function_id, file_id, line, waits, wait_ns, count(*) OVER (PARTITION BY object_id)
  FROM ended_at WHERE waker_goid IS NOT NULL)
WHERE place <= 10;

DELETE FROM holder_sum;
INSERT INTO holder_sum
SELECT waker_goid, function_id, file_id, line, sum(waits), sum(wait_ns) AS total_ns, max(longest_ns)
FROM ended_at GROUP BY 1, 2, 3, 4 ORDER BY total_ns DESC, 1, 2, 3, 4 LIMIT 1000;

DELETE FROM gc_wait;
INSERT INTO gc_wait
SELECT id FROM packed_wait WHERE (facts & 4) = 0 AND reason IN (SELECT number FROM reason WHERE class = 'gc');

DELETE FROM object_people;
INSERT INTO object_people
WITH used AS (
  SELECT object AS object_id, goid, waker_goid FROM packed_wait WHERE object > 0
  UNION ALL
  SELECT object_set.object_id, goid, waker_goid FROM packed_wait JOIN object_set ON object_set.set_id = -packed_wait.object
  WHERE packed_wait.object < 0 AND object_set.object_id IS NOT NULL
)
SELECT object_id, 0, count(DISTINCT goid) FROM used GROUP BY 1
UNION ALL
SELECT object_id, 1, count(DISTINCT waker_goid) FROM used WHERE waker_goid IS NOT NULL GROUP BY 1;

DELETE FROM site_people;
INSERT INTO site_people
SELECT site_function_id, site_file_id, site_line, reason, facts >> 2 & 1, count(DISTINCT goid)
FROM packed_wait LEFT JOIN stack ON stack.id = packed_wait.stack_id GROUP BY 1, 2, 3, 4, 5;

-- The length of the waits that are the longest fiftieth, or at least 400.
DELETE FROM long_limit;
INSERT INTO long_limit
SELECT coalesce((SELECT wait_ns FROM packed_wait WHERE wait_ns IS NOT NULL ORDER BY wait_ns DESC
                 LIMIT 1 OFFSET (SELECT max(400, count(*) / 50) FROM packed_wait WHERE wait_ns IS NOT NULL)), 0);

DELETE FROM wait_block;
INSERT INTO wait_block
SELECT id / 1024, min(CASE WHEN wait_ns IS NULL OR wait_ns < (SELECT wait_ns FROM long_limit) THEN start_ns END) AS first_ns,
       max(start_ns + coalesce(wait_ns, run_after_ns, 0))
FROM packed_wait GROUP BY 1;

DELETE FROM syscall_sum;
INSERT INTO syscall_sum
SELECT name, stack_id, count(*), sum(end_ns IS NULL), sum(ns), max(ns), goid, sum(lost_p)
FROM (SELECT syscall.*, coalesce(syscall.end_ns, recording.end_ns) - syscall.start_ns AS ns FROM syscall, recording)
GROUP BY 1, 2;

DELETE FROM syscall_people;
INSERT INTO syscall_people
SELECT name, 0, NULL, NULL, NULL, count(DISTINCT goid) FROM syscall GROUP BY 1
UNION ALL
SELECT name, 1, site_function_id, site_file_id, site_line, count(DISTINCT goid)
FROM syscall LEFT JOIN stack ON stack.id = syscall.stack_id GROUP BY 1, 3, 4, 5;

DELETE FROM thread_sum;
INSERT INTO thread_sum
SELECT tid, 0, NULL, NULL, count(*), sum(on_ns) FROM packed_switch WHERE facts & 16 GROUP BY 1
UNION ALL
SELECT tid, 1, next_tid, next_name_id, count(*), sum(off_ns) FROM packed_switch WHERE facts & 32 AND state = 0 GROUP BY 1, 3, 4
UNION ALL
SELECT tid, CASE facts & 7 WHEN 1 THEN 6 WHEN 2 THEN 4 WHEN 3 THEN 2 WHEN 4 THEN 3 WHEN 5 THEN 5 ELSE 7 END, NULL, NULL, count(*), sum(off_ns)
FROM packed_switch WHERE facts & 32 AND state <> 0 GROUP BY 1, 2;
