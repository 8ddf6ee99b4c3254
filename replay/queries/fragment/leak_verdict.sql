-- CTE judged: every goroutine that waits at the end of the recording, with what could still wake it.
open_wait AS MATERIALIZED (
  SELECT goroutine.goid, goroutine.start_function_id, goroutine.create_stack_id, goroutine.creator_goid,
         goroutine.labels_id AS last_labels_id, goroutine.is_system OR coalesce(w.is_system, 0) AS is_system, w.id, w.reason,
         w.stack_id, w.start_ns, w.labels_id, w.doubt,
         coalesce(w.is_start_seen, 0) AS is_start_seen, w.value,
         -- The runtime's own time is that of the beginning of a collection, which may be before the wait.
         CASE WHEN w.is_start_seen = 1 THEN w.start_ns
              ELSE min(coalesce(w.start_ns, goroutine.last_ns), coalesce(goroutine.wait_since_ns, w.start_ns, goroutine.last_ns)) END
           AS since_ns
  FROM goroutine
  LEFT JOIN wait AS w
    ON w.id = (SELECT wait.id FROM wait WHERE wait.goid = goroutine.goid ORDER BY wait.start_ns DESC, wait.id DESC LIMIT 1)
    AND w.is_open = 1
  WHERE goroutine.state = 3
    AND (:all IS NOT NULL OR (goroutine.is_system = 0 AND coalesce(w.is_system, 0) = 0))
    AND (:label_key IS NULL OR coalesce(w.labels_id, goroutine.labels_id) IN match_label)
),
-- The last wait on each object that somebody ended: who used the object last. Its other waits are older (see wait.id).
object_use (object_id, wait_id) AS MATERIALIZED (
  SELECT object_id,
         (SELECT max(last_wake_id) FROM object_sum WHERE object_sum.object_id = found.object_id)
  FROM (SELECT DISTINCT wait_object.object_id FROM open_wait CROSS JOIN wait_object ON wait_object.wait_id = open_wait.id
        WHERE wait_object.object_id IS NOT NULL) AS found
),
-- Those who wait for the same object share its fate: since when the first of them has waited.
object_since (object_id, since_ns) AS MATERIALIZED (
  SELECT wait_object.object_id, min(open_wait.since_ns)
  FROM open_wait CROSS JOIN wait_object ON wait_object.wait_id = open_wait.id
  WHERE wait_object.object_id IS NOT NULL GROUP BY wait_object.object_id
),
-- Ended waits at the same place: what is usual there.
sibling (stack_id, wakes, longest_ns) AS MATERIALIZED (
  SELECT stack_id, sum(wakes), max(longest_wake_ns) FROM wait_sum
  WHERE wakes > 0 AND stack_id IN (SELECT stack_id FROM open_wait) GROUP BY stack_id
),
looked AS MATERIALIZED (
  SELECT open_wait.*, (SELECT end_ns FROM recording) - since_ns AS waited_ns, reason.name AS reason_name, reason.class AS reason_class,
         sibling.wakes AS sibling_wakes, sibling.longest_ns AS sibling_longest_ns,
         (SELECT count(*) FROM wait_object WHERE wait_object.wait_id = open_wait.id AND object_id IS NOT NULL) AS objects,
         (SELECT max(object_use.wait_id) FROM wait_object CROSS JOIN object_use ON object_use.object_id = wait_object.object_id
          WHERE wait_object.wait_id = open_wait.id) AS use_id,
         EXISTS (SELECT 1 FROM wait_object CROSS JOIN object_use ON object_use.object_id = wait_object.object_id
                 CROSS JOIN wait AS w ON w.id = object_use.wait_id
                 CROSS JOIN object_since ON object_since.object_id = wait_object.object_id
                 WHERE wait_object.wait_id = open_wait.id AND w.wake_ns >= object_since.since_ns) AS is_in_use,
         EXISTS (SELECT 1 FROM wait_object CROSS JOIN object ON object.id = wait_object.object_id
                 WHERE wait_object.wait_id = open_wait.id AND (object.is_timer = 1 OR object.type = 'time.Time')) AS has_timer,
         EXISTS (SELECT 1 FROM wait_object CROSS JOIN object ON object.id = wait_object.object_id
                 WHERE wait_object.wait_id = open_wait.id AND object.type = 'os.Signal') AS has_signal,
         EXISTS (SELECT 1 FROM frame CROSS JOIN function ON function.id = frame.function_id
                 WHERE frame.stack_id = open_wait.stack_id AND function.name LIKE '%.accept') AS is_accept
  FROM open_wait LEFT JOIN reason ON reason.number = open_wait.reason
  LEFT JOIN sibling ON sibling.stack_id = open_wait.stack_id
  WHERE :min_ns IS NULL OR (SELECT end_ns FROM recording) - since_ns >= :min_ns
),
verdict AS MATERIALIZED (
  SELECT looked.*,
    CASE WHEN looked.is_system THEN 'runtime'
         WHEN looked.id IS NULL THEN 'unknown'
         WHEN reason_name LIKE '%(nil chan)%' OR reason_name LIKE 'select (no cases)%' THEN 'stuck'
         WHEN reason_class = 'net' THEN 'net'
         WHEN reason_class = 'sleep' OR has_timer THEN 'timer'
         WHEN reason_class IN ('gc', 'runtime', 'syscall') THEN 'runtime'
         WHEN has_signal OR is_in_use THEN 'idle'
         WHEN objects > 0 AND sibling_longest_ns >= waited_ns THEN 'idle'
         WHEN objects = 0 AND reason_class <> 'coroutine' THEN 'unknown'
         ELSE 'stuck' END AS verdict,
    CASE WHEN looked.is_system THEN 'one of the runtime''s own'
         WHEN looked.id IS NULL THEN 'waits, but its wait was not recorded'
         WHEN reason_name LIKE '%(nil chan)%' THEN 'a nil channel: nothing can ever wake it'
         WHEN reason_name LIKE 'select (no cases)%' THEN 'a select without cases: nothing can ever wake it'
         WHEN reason_class = 'net' AND is_accept THEN 'a listener: waits for connections'
         WHEN reason_class = 'net' THEN 'the network may wake it'
         WHEN reason_class = 'sleep' THEN 'sleeps'
         WHEN has_timer THEN 'a timer''s channel is among what it waits for'
         WHEN reason_class IN ('gc', 'runtime', 'syscall') THEN 'the runtime will wake it'
         WHEN has_signal THEN 'waits for a signal to the process'
         WHEN is_in_use THEN printf('what it waits for is in use: others were woken by it while some wait, last %.3f s before the end',
                                    ((SELECT end_ns FROM recording) - used.wake_ns) / 1e9)
         WHEN objects > 0 AND sibling_longest_ns >= waited_ns
           THEN printf('%,d wait%s here ended, some after as long as this one', sibling_wakes, CASE sibling_wakes WHEN 1 THEN '' ELSE 's' END)
         WHEN objects = 0 AND reason_class = 'coroutine' THEN 'a coroutine that nobody resumed'
         WHEN objects = 0 THEN 'what it waits for was not recorded'
         WHEN used.id IS NOT NULL THEN 'nobody was woken by it since this wait began'
         WHEN EXISTS (SELECT 1 FROM wait_object AS mine CROSS JOIN object_people ON object_people.object_id = mine.object_id
                      WHERE mine.wait_id = looked.id AND is_waker = 0 AND object_people.goroutines > 1) THEN 'nobody was woken by it in the recording'
         ELSE 'no other goroutine touched it in the recording' END
    || CASE WHEN objects > 0 AND sibling_longest_ns < waited_ns AND NOT (looked.is_system OR has_timer OR has_signal OR is_in_use)
                 AND reason_class NOT IN ('net', 'sleep', 'gc', 'runtime', 'syscall')
            THEN printf('; %,d other wait%s here ended, after %.3f s at most', sibling_wakes,
                        CASE sibling_wakes WHEN 1 THEN '' ELSE 's' END, sibling_longest_ns / 1e9)
            ELSE '' END AS why,
    used.wake_ns AS last_use_ns, used.goid AS last_use_goid, used.waker_kind AS last_use_waker_kind,
    CASE used.waker_kind WHEN 'goroutine' THEN used.waker_goid END AS last_use_waker_goid, used.waker_stack_id AS last_use_stack_id
  FROM looked LEFT JOIN wait AS used ON used.id = looked.use_id
),
judged AS MATERIALIZED (
  SELECT verdict.*, CASE verdict WHEN 'stuck' THEN 0 WHEN 'unknown' THEN 1 WHEN 'idle' THEN 2 WHEN 'timer' THEN 3 WHEN 'net' THEN 4
                                 ELSE 5 END AS rank
  FROM verdict
),
