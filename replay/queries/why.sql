-- Why a goroutine waited: the chain of causes. Step 0 is its wait; each further step is the longest wait, within the time of the
-- step before, of the goroutine that ended that one.
--
-- Parameters (NULL: no restriction unless said otherwise):
--   :goid    required
--   :at      the wait at this time (CLOCK_MONOTONIC) or the last one before; NULL: the longest
--   :depth   steps after the first; NULL: 5
-- Columns:
--   step                     0, 1 …
--   goid, goroutine_function who waited, and what its go statement called
--   start_ns, wait_ns        the wait; open: to the end of the recording
--   open, start_seen         still waiting at the end of the recording; false: wait_ns is a lower bound
--   from_ns, blamed_ns       the part of it that lies within the step before
--   reason, reason_class, objects, object_text, site, file, line   why, for what and where it waited
--   cause                    what ended the wait: lock, goroutine (another one, not by a lock), timer, network,
--                            garbage_collector, scheduler, nobody (it waits still), unknown
--   waker_goid, waker_kind, waker_function, waker_site, waker_file, waker_line   who ended it
--   runnable_ns              from there until it ran: the scheduler's part
--   waker_mostly             what the waker did most of the time meanwhile: waiting (the next step), running, scheduler (it was
--                            runnable), system_call, unknown; NULL: no goroutine
--   waker_running_ns, waker_runnable_ns, waker_waiting_ns, waker_unknown_ns   how the waker spent that time
--   waker_syscall_ns         part of waker_running_ns in which its thread slept in a system call
--   waker_syscall            the longest of these system calls
--   stopped_ns               how much of that time the world was stopped, or being stopped
--   last_use_ns, last_use_goid   nobody: when somebody was last woken on one of its objects, and who
--   last_use_waker_goid      by whom
--   labels, label_text       pprof labels as the wait began
--   doubt                    why the figures are doubtful, or NULL
WITH RECURSIVE
longest (id) AS MATERIALIZED (
  SELECT CASE WHEN :at IS NULL THEN (SELECT id FROM wait WHERE goid = :goid ORDER BY coalesce(wait_ns, -1) DESC, id DESC LIMIT 1)
              ELSE (SELECT id FROM wait WHERE goid = :goid AND start_ns <= :at ORDER BY start_ns DESC, id DESC LIMIT 1) END
),
step (step, wait_id, from_ns, to_ns, waker_kind, waker_goid) AS (
  SELECT 0, wait.id, wait.start_ns, coalesce(wait.wake_ns, wait.run_ns, (SELECT end_ns FROM recording)), waker_kind, waker_goid
  FROM longest CROSS JOIN wait ON wait.id = longest.id
  UNION ALL
  SELECT l.step + 1, n.id, max(n.start_ns, l.from_ns),
         min(coalesce(n.wake_ns, n.run_ns, (SELECT end_ns FROM recording)), l.to_ns), n.waker_kind, n.waker_goid
  FROM step AS l CROSS JOIN wait AS n ON n.id = (
    SELECT id FROM (
      SELECT held.id, min(coalesce(held.wake_ns, held.run_ns, l.to_ns), l.to_ns) - max(held.start_ns, l.from_ns) AS ns
      FROM wait AS held
      WHERE held.goid = l.waker_goid AND held.start_ns < l.to_ns
        -- Ids ascend with the ends: from the first block that reaches so far, to the first wait that begins too late.
        AND held.id >= 1024 * coalesce((SELECT b.id FROM wait_block AS b WHERE b.last_ns >= l.from_ns ORDER BY b.id LIMIT 1), 0)
        AND held.id <= coalesce((SELECT after.id FROM packed_wait AS after
                                 WHERE after.goid = l.waker_goid AND after.start_ns >= l.to_ns
                                   AND after.id >= 1024 * coalesce((SELECT b.id FROM wait_block AS b WHERE b.last_ns >= l.from_ns
                                                                    ORDER BY b.id LIMIT 1), 0)
                                 ORDER BY after.id LIMIT 1), 9223372036854775807))
    WHERE ns > 0 ORDER BY ns DESC LIMIT 1)
  WHERE l.waker_kind = 'goroutine' AND l.step < coalesce(:depth, 5)
),
-- Not before the waits are known: the sums over the waker's life are made once for each step.
asked (id, goid, from_ns, to_ns) AS MATERIALIZED (
  SELECT step, waker_goid, from_ns, to_ns FROM step WHERE waker_kind = 'goroutine'
),
-- include: parts
call AS MATERIALIZED (
  SELECT step.step, syscall.name,
         min(coalesce(syscall.end_ns, step.to_ns), step.to_ns) - max(syscall.start_ns, step.from_ns) AS ns
  FROM step CROSS JOIN syscall ON syscall.goid = step.waker_goid AND syscall.start_ns < step.to_ns
  WHERE step.waker_kind = 'goroutine' AND coalesce(syscall.end_ns, step.to_ns) > step.from_ns
),
looked AS MATERIALIZED (
  SELECT step.*,
         CASE WHEN waker_kind = 'goroutine' THEN coalesce((SELECT sum(ns) FROM part WHERE part.id = step.step AND state = 2), 0) END
           AS running_ns,
         CASE WHEN waker_kind = 'goroutine' THEN coalesce((SELECT sum(ns) FROM part WHERE part.id = step.step AND state IN (1, 4)), 0)
           END AS ready_ns,
         CASE WHEN waker_kind = 'goroutine' THEN coalesce((SELECT sum(ns) FROM part WHERE part.id = step.step AND state = 3), 0) END
           AS waiting_ns,
         CASE WHEN waker_kind = 'goroutine' THEN coalesce((SELECT sum(ns) FROM part WHERE part.id = step.step AND state = 0), 0) END
           AS unknown_ns,
         CASE WHEN waker_kind = 'goroutine' THEN coalesce((SELECT sum(ns) FROM call WHERE call.step = step.step), 0) END AS syscall_ns,
         (SELECT coalesce(name, 'unknown') FROM call WHERE call.step = step.step ORDER BY ns DESC LIMIT 1) AS syscall,
         (SELECT coalesce(sum(min(coalesce(stw.end_ns, step.to_ns), step.to_ns)
                              - max(coalesce(stw.start_ns, stw.stopped_ns), step.from_ns)), 0) FROM stw
          WHERE coalesce(stw.start_ns, stw.stopped_ns) < step.to_ns AND coalesce(stw.end_ns, step.to_ns) > step.from_ns) AS halt_ns,
         CASE waker_kind WHEN 'none_yet' THEN
           (SELECT max(last_wake_id) FROM wait_object AS mine CROSS JOIN object_sum ON object_sum.object_id = mine.object_id
            WHERE mine.wait_id = step.wait_id) END AS use_id
  FROM step
)
SELECT looked.step, w.goid, started.name AS goroutine_function, w.start_ns, w.wait_ns, w.is_open AS "open:bool",
       w.is_start_seen AS "start_seen:bool", looked.from_ns, looked.to_ns - looked.from_ns AS blamed_ns, reason.name AS reason,
       reason.class AS reason_class,
       (
          -- include: wait_objects
       ) AS "objects:json",
       (
          -- include: objects_text
       ) AS "object_text:table",
       site.name AS site, file.path AS file, stack.site_line AS line,
       CASE WHEN reason.class = 'gc' THEN 'garbage_collector' WHEN w.waker_kind = 'none_yet' THEN 'nobody'
            WHEN w.waker_kind = 'goroutine' THEN CASE WHEN reason.class IN ('mutex', 'rwmutex') THEN 'lock' ELSE 'goroutine' END
            WHEN w.waker_kind = 'net' THEN 'network' WHEN w.waker_kind = 'gc' THEN 'garbage_collector'
            ELSE w.waker_kind END AS cause,
       CASE w.waker_kind WHEN 'goroutine' THEN w.waker_goid END AS waker_goid, w.waker_kind, waker_started.name AS waker_function,
       waker_site.name AS waker_site, waker_file.path AS waker_file, waker_stack.site_line AS waker_line, w.runnable_ns,
       CASE WHEN w.waker_kind <> 'goroutine' THEN NULL
            WHEN looked.waiting_ns >= max(looked.running_ns, looked.ready_ns, looked.unknown_ns) AND looked.waiting_ns > 0 THEN 'waiting'
            WHEN looked.ready_ns > max(looked.running_ns, looked.unknown_ns) THEN 'scheduler'
            WHEN looked.unknown_ns >= looked.running_ns THEN 'unknown'
            WHEN looked.syscall_ns * 2 > looked.running_ns THEN 'system_call' ELSE 'running' END AS waker_mostly,
       looked.running_ns AS waker_running_ns, looked.ready_ns AS waker_runnable_ns, looked.waiting_ns AS waker_waiting_ns,
       looked.unknown_ns AS waker_unknown_ns, looked.syscall_ns AS waker_syscall_ns, looked.syscall AS waker_syscall,
       looked.halt_ns AS stopped_ns, used.wake_ns AS last_use_ns, used.goid AS last_use_goid,
       CASE used.waker_kind WHEN 'goroutine' THEN used.waker_goid END AS last_use_waker_goid, labels.text AS "label_text:table",
       labels.json AS "labels:json", w.doubt
FROM looked CROSS JOIN wait AS w ON w.id = looked.wait_id CROSS JOIN reason ON reason.number = w.reason
LEFT JOIN goroutine ON goroutine.goid = w.goid
LEFT JOIN function AS started ON started.id = goroutine.start_function_id
LEFT JOIN stack ON stack.id = w.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN labels ON labels.id = w.labels_id
LEFT JOIN goroutine AS waker ON waker.goid = w.waker_goid
LEFT JOIN function AS waker_started ON waker_started.id = waker.start_function_id
LEFT JOIN stack AS waker_stack ON waker_stack.id = w.waker_stack_id
LEFT JOIN function AS waker_site ON waker_site.id = waker_stack.site_function_id
LEFT JOIN file AS waker_file ON waker_file.id = waker_stack.site_file_id
LEFT JOIN wait AS used ON used.id = looked.use_id
ORDER BY looked.step;
