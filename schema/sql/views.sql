-- Views: first the tables that the packed ones unfold to, then tables with names in place of numbers, for people who write SQL.

-- One row for each goroutine that was seen.
CREATE VIEW goroutine (
  goid,                                -- runtime.g.goid; never used twice
  created_ns,                          -- NULL: before the recording
  ended_ns,                            -- NULL: still there at the end, or the end was not seen (state dead)
  creator_goid,                        -- NULL: unknown, or no goroutine (timer, runtime)
  create_stack_id,                     -- the go statement and its callers
  start_function_id,                   -- what the go statement called
  is_start_inferred,                   -- 1: start function taken from the outermost frame of a stack
  is_system,                           -- 1: the runtime's own goroutine
  first_ns,                            -- first sight
  last_ns,                             -- last event
  state,                               -- at the end of the recording
  running_ns,                          -- sums over its intervals, open ones up to the end of the recording
  runnable_ns,                         -- …; preempted counts here
  waiting_ns,                          -- …
  unknown_ns,                          -- time in a state that was not observed
  wait_count,                          -- rows in wait
  syscall_ns,                          -- part of running_ns in which its thread slept in a system call
  labels_id,                           -- its last pprof labels; NULL: none
  wait_since_ns                        -- waiting at the end: the runtime had noticed it by then; NULL: not known
) AS
SELECT goid, first_ns + created_after_ns, first_ns + life_ns - ended_before_ns, creator_goid, create_stack_id, start_function_id,
       facts & 1, facts >> 1 & 1, first_ns, first_ns + life_ns, facts >> 2 & 7, running_ns, runnable_ns, waiting_ns, unknown_ns,
       wait_count, syscall_ns, labels_id, wait_since_ns
FROM packed_goroutine;

-- One row for each change of a goroutine's state; ORDER BY time_ns, id is the order of time. A net event's goroutine may become known only when it
-- runs: its row is written then (flag 2), with the time of the net event.
CREATE VIEW transition (
  id,                                  -- for one goroutine in time order (unless it was met again after its end); not dense
  time_ns,                             -- when
  event,                               -- what made it
  goid,                                -- whose state changes
  from_state,                          -- before: a number of state
  to_state,                            -- after: a number of state
  tid,                                 -- thread on which the event was seen
  cpu,                                 -- on which the event was seen
  p,                                   -- P id (exec only)
  reason,                              -- park only
  object_id,                           -- park only
  value,                               -- park on sleep: duration in ns
  stack_id,                            -- park: the waiter; ready: the waker; create: the creator; sched: where
  other_goid,                          -- ready: the waker; create: the creator; coro: the other side; NULL: none
  flags,                               -- 1 illegal, 2 inferred, 4 after a gap (possible only because records are missing),
                                       -- 8 exec: the park before it was aborted and is no wait
  bound_ns                             -- exec that was inferred: it was at time_ns, or up to so much later; NULL: seen
) AS
SELECT id * 16777216 + 1, start_ns, 3, goid,
       CASE coalesce(flags, 0) >> 24 & 7 WHEN 0 THEN 2 ELSE (flags >> 24 & 7) - 1 END, 3, (SELECT tid FROM place WHERE place.id = place),
       (SELECT cpu FROM place WHERE place.id = place), NULL, reason, CASE WHEN object > 0 THEN object END, value, stack_id, NULL,
       coalesce(flags, 0) & 15, NULL
FROM packed_wait WHERE facts & 36864
UNION ALL
SELECT id * 16777216 + 2, start_ns + wait_ns, CASE WHEN facts & 8192 THEN 6 ELSE 5 END, goid, 3,
       CASE coalesce(flags, 0) >> 27 & 7 WHEN 0 THEN 1 ELSE (flags >> 27 & 7) - 1 END, (SELECT tid FROM place WHERE place.id = wake_place),
       (SELECT cpu FROM place WHERE place.id = wake_place), NULL, NULL, NULL, NULL, waker_stack_id, waker_goid, coalesce(flags, 0) >> 4 & 15, NULL
FROM packed_wait WHERE facts & 69632
UNION ALL
SELECT id * 16777216 + 3, start_ns + CASE WHEN facts & 1 THEN wait_ns ELSE 0 END + run_after_ns, 2, goid,
       CASE WHEN facts & 1 THEN 1 ELSE 3 END, 2, (SELECT tid FROM place WHERE place.id = run_place),
       (SELECT cpu FROM place WHERE place.id = run_place), (SELECT p FROM place WHERE place.id = run_place), NULL, NULL, NULL, NULL, NULL,
       (coalesce(flags, 0) >> 8 & 15) | (facts >> 13 & 2), run_bound_ns
FROM packed_wait WHERE facts & 135168
UNION ALL
SELECT id, start_ns, event, goid, CASE coalesce(flags, 0) >> 16 & 7 WHEN 0 THEN 2 ELSE (flags >> 16 & 7) - 1 END, 1,
       (SELECT tid FROM place WHERE place.id = place), (SELECT cpu FROM place WHERE place.id = place), NULL, NULL, NULL, NULL, stack_id,
       other_goid, coalesce(flags, 0) & 15, NULL
FROM packed_turn
UNION ALL
SELECT id + 1, start_ns + run_after_ns, 2, goid, 1, 2, (SELECT tid FROM place WHERE place.id = run_place),
       (SELECT cpu FROM place WHERE place.id = run_place), (SELECT p FROM place WHERE place.id = run_place), NULL, NULL, NULL, NULL, NULL,
       coalesce(flags, 0) >> 4 & 15, run_bound_ns
FROM packed_turn
UNION ALL
SELECT -4 * goid, first_ns + created_after_ns, 1, goid, 0, 1, (SELECT tid FROM place WHERE place.id = created_place),
       (SELECT cpu FROM place WHERE place.id = created_place), NULL, NULL, NULL, NULL, create_stack_id, creator_goid, 0, NULL
FROM packed_goroutine WHERE facts & 32
UNION ALL
SELECT -4 * goid + 1, first_ns + created_after_ns + runnable_ns - later_runnable_ns, 2, goid, 1, 2,
       (SELECT tid FROM place WHERE place.id = first_place), (SELECT cpu FROM place WHERE place.id = first_place),
       (SELECT p FROM place WHERE place.id = first_place), NULL, NULL, NULL, NULL, NULL, facts >> 5 & 2, first_bound_ns
FROM packed_goroutine WHERE facts & 32
UNION ALL
SELECT 4611686018427387904 + goid, coalesce(told_end_ns, first_ns + life_ns - ended_before_ns), 7, goid, 2, 5,
       (SELECT tid FROM place WHERE place.id = end_place), (SELECT cpu FROM place WHERE place.id = end_place), NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL
FROM packed_goroutine WHERE facts & 128
UNION ALL
SELECT * FROM plain_transition;

-- Every stretch of time that a goroutine spent in one state. State unknown: it was not observed, either before the first
-- event of a goroutine that the recording found already there, or where an event must be missing (flag 4: in a gap).
CREATE VIEW interval (
  id,                                  -- for one goroutine in time order (unless it was met again after its end); not dense
  goid,                                -- whose
  state,                               -- which: a number of state
  start_ns,                            -- from when
  end_ns,                              -- NULL: still open at the end of the recording
  tid,                                 -- running: on which thread
  p,                                   -- running: on which P
  wait_id,                             -- waiting, or unknown where its end was not seen
  flags                                -- 2 inferred, 4 touches a gap, 16 carried: it began before this file, and is shown from there on
) AS
SELECT id * 16777216, goid, 2, start_ns - before_ns, start_ns, (SELECT tid FROM place WHERE place.id = place),
       (SELECT p FROM place WHERE place.id = place), NULL, (coalesce(flags, 0) >> 12 & 15) | (facts >> 13 & 2)
FROM packed_wait WHERE facts & 266240
UNION ALL
SELECT id * 16777216 + 1, goid, 3, start_ns, CASE WHEN facts & 1 THEN start_ns + wait_ns ELSE start_ns + run_after_ns END, NULL, NULL,
       id, coalesce(flags, 0) >> 16 & 15
FROM packed_wait WHERE facts & 528384
UNION ALL
SELECT id * 16777216 + 2, goid, 1, start_ns + wait_ns, start_ns + wait_ns + run_after_ns, NULL, NULL, NULL,
       coalesce(flags, 0) >> 20 & 15
FROM packed_wait WHERE facts & 1052672
UNION ALL
SELECT id, goid, 2, start_ns - before_ns, start_ns, (SELECT tid FROM place WHERE place.id = place),
       (SELECT p FROM place WHERE place.id = place), NULL, coalesce(flags, 0) >> 8 & 15
FROM packed_turn WHERE before_ns IS NOT NULL
UNION ALL
SELECT id + 1, goid, 1, start_ns, start_ns + run_after_ns, NULL, NULL, NULL, coalesce(flags, 0) >> 12 & 15
FROM packed_turn
UNION ALL
SELECT -4 * goid + 1, goid, 1, first_ns + created_after_ns, first_ns + created_after_ns + runnable_ns - later_runnable_ns, NULL, NULL,
       NULL, 0
FROM packed_goroutine WHERE facts & 32
UNION ALL
SELECT 4611686018427387904 + goid, goid, 2,
       coalesce(told_end_ns, first_ns + life_ns - ended_before_ns) - running_ns + earlier_running_ns,
       coalesce(told_end_ns, first_ns + life_ns - ended_before_ns), (SELECT tid FROM place WHERE place.id = end_place),
       (SELECT p FROM place WHERE place.id = end_place), NULL, facts >> 7 & 2
FROM packed_goroutine WHERE facts & 128
UNION ALL
SELECT * FROM plain_interval;

-- Every wait of a goroutine whose beginning was seen (a park), or that a snapshot found waiting (is_start_seen 0). Some of
-- the runtime's own waits end without a wake-up: the scheduler just runs the goroutine. Then wake_ns and runnable_ns are
-- NULL, wait_ns goes to run_ns, and waker_kind is gc or scheduler; or net, when the goroutine parked while the network poller
-- was just about to look for it. A park that the runtime took back (transition flag 8) is no wait. A recording with --detail
-- block does not see runs: run_ns and runnable_ns are NULL. One with --detail snapshot sees no wakes either: wait_ns goes to
-- the first snapshot that no longer found the wait (doubt 'sampled').
CREATE VIEW wait (
  id,                                  -- ascending in the order of their ends
  goid,                                -- who waited
  start_ns,                            -- park, before this file perhaps when another one was before it; with is_start_seen 0 the
                                       -- beginning of the recording, or the snapshot
  wake_ns,                             -- made runnable; NULL: open, or not seen
  run_ns,                              -- running again; NULL: not (yet) seen
  wait_ns,                             -- park to wake (or see above); open: to the end of the recording; NULL: the
                                       -- wake was not seen
  runnable_ns,                         -- wake to running; NULL when unknown
  is_open,                             -- 1: still waiting at the end of the recording
  reason,                              -- why
  is_system,                           -- 1: by one of the runtime's own goroutines
  stack_id,                            -- where
  value,                               -- sleep: asked duration in ns
  waker_kind,                          -- goroutine, timer, net, gc, scheduler, none_yet, unknown
  waker_goid,                          -- with waker_kind goroutine
  waker_stack_id,                      -- where the waker was
  is_start_seen,                       -- 0: it began earlier, nobody knows when: wait_ns is a lower bound
  labels_id,                           -- pprof labels of who waited; NULL: none
  doubt                                -- NULL, or why the figures are doubtful: gap (records are missing in its time,
                                       -- enough of them to hide another wait), wake_missing, run_missing, illegal,
                                       -- sampled (only snapshots tell about it)
) AS
SELECT id, goid, start_ns, CASE WHEN facts & 1 THEN start_ns + wait_ns END,
       start_ns + CASE WHEN facts & 1 THEN wait_ns ELSE 0 END + run_after_ns, wait_ns, CASE WHEN facts & 1 THEN run_after_ns END,
       facts >> 1 & 1, reason, facts >> 2 & 1, stack_id, value,
       CASE facts >> 4 & 7 WHEN 1 THEN 'goroutine' WHEN 2 THEN 'timer' WHEN 3 THEN 'net' WHEN 4 THEN 'gc' WHEN 5 THEN 'scheduler'
                           WHEN 6 THEN 'none_yet' ELSE 'unknown' END,
       waker_goid, waker_stack_id, (facts & 8) = 0, labels_id,
       CASE facts >> 7 & 7 WHEN 1 THEN 'gap' WHEN 2 THEN 'wake_missing' WHEN 3 THEN 'run_missing' WHEN 4 THEN 'illegal'
                           WHEN 5 THEN 'sampled' END
FROM packed_wait;

-- The same, for whoever asks for a time: each wait with two bounds that an index knows, so that `WHERE since_ns <= :to AND until_ns >=
-- :from AND start_ns <= :to AND coalesce(wake_ns, run_ns, start_ns + wait_ns, start_ns) >= :from` visits little more than it finds,
-- where the same without the bounds, or of wait, goes through all rows. Times of transition and interval have no index: ask them
-- for a goid as well.
CREATE VIEW wait_by_time (
  since_ns,                            -- it started at this time or later
  until_ns,                            -- it ended at this time or earlier
  id,                                  -- as in wait, and so on
  goid,                                -- …
  start_ns,                            -- …
  wake_ns,                             -- …
  run_ns,                              -- …
  wait_ns,                             -- …
  runnable_ns,                         -- …
  is_open,                             -- …
  reason,                              -- …
  is_system,                           -- …
  stack_id,                            -- …
  value,                               -- …
  waker_kind,                          -- …
  waker_goid,                          -- …
  waker_stack_id,                      -- …
  is_start_seen,                       -- …
  labels_id,                           -- …
  doubt                                -- …
) AS
SELECT b.first_ns, b.last_ns, wait.*
FROM wait_block AS b CROSS JOIN wait ON wait.id >= b.id * 1024 AND wait.id < b.id * 1024 + 1024
WHERE wait.wait_ns IS NULL OR wait.wait_ns < (SELECT wait_ns FROM long_limit)
UNION ALL
SELECT l.start_ns, l.start_ns + l.wait_ns, wait.* FROM long_wait AS l CROSS JOIN wait ON wait.id = l.id;

-- What each wait was for: one row, or one for each case of a select.
CREATE VIEW wait_object (
  wait_id,                             -- whose object
  ordinal,                             -- 0, 1 …
  object_id,                           -- NULL: a nil channel
  direction,                           -- send, recv; NULL for other objects
  is_fired                             -- select: 1: this case ended it, 0: another one; NULL: not known
) AS
SELECT packed_wait.id, coalesce(object_set.ordinal, 0),
       CASE WHEN packed_wait.object < 0 THEN object_set.object_id ELSE nullif(packed_wait.object, 0) END,
       CASE coalesce(object_set.direction, packed_wait.facts >> 10 & 3) WHEN 1 THEN 'send' WHEN 2 THEN 'recv' END,
       CASE WHEN packed_wait.object < 0 AND packed_wait.facts >> 21 > 0 THEN packed_wait.facts >> 21 = object_set.ordinal + 1 END
FROM packed_wait LEFT JOIN object_set ON object_set.set_id = -packed_wait.object
WHERE packed_wait.object >= 0 OR object_set.set_id IS NOT NULL;

-- Threads leaving and entering CPUs.
CREATE VIEW thread_switch (
  id,                                  -- for one thread in time order; not dense
  time_ns,                             -- when
  tid,                                 -- whose switch
  cpu,                                 -- where
  is_in,                               -- 1: got the CPU, 0: left it
  state,                               -- out: 0 still runnable (preempted), 1 sleeping, 2 uninterruptible, other bits as in Linux
  next_tid,                            -- out: who took the CPU (0: nobody; 4294967295: outside of the recorder's pid namespace)
  next_name,                           -- out: its name
  function_id,                         -- out: where in user code the thread was
  activity,                            -- out: go, idle, syscall, foreign (cgo, vDSO), runtime; NULL: not known
  stack_id,                            -- out: where, as far as it was recorded
  syscall                              -- out: number of the system call; NULL: none, or not known
) AS
SELECT id * 16777216 + 1, out_ns, tid, cpu, 0, state, next_tid, (SELECT text FROM name WHERE name.id = next_name_id), function_id,
       CASE facts & 7 WHEN 1 THEN 'go' WHEN 2 THEN 'idle' WHEN 3 THEN 'syscall' WHEN 4 THEN 'foreign' WHEN 5 THEN 'runtime' END,
       stack_id, syscall
FROM packed_switch
UNION ALL
SELECT id * 16777216 + 2, out_ns + off_ns, tid, in_cpu, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM packed_switch
UNION ALL
SELECT id, time_ns, tid, cpu, is_in, state, next_tid, (SELECT text FROM name WHERE name.id = next_name_id), function_id,
       CASE activity WHEN 1 THEN 'go' WHEN 2 THEN 'idle' WHEN 3 THEN 'syscall' WHEN 4 THEN 'foreign' WHEN 5 THEN 'runtime' END,
       stack_id, syscall
FROM plain_switch;

-- Every stretch of time that a thread spent on or off a CPU.
CREATE VIEW thread_interval (
  id,                                  -- for one thread in time order; not dense
  tid,                                 -- whose
  is_on_cpu,                           -- 1: on a CPU, 0: off
  start_ns,                            -- from when
  end_ns,                              -- NULL: still open at the end
  cpu,                                 -- on: where
  state,                               -- off: as in thread_switch
  next_tid,                            -- off: who took the CPU
  next_name,                           -- off: its name
  goid,                                -- off: the goroutine that was running on the thread, NULL: none known
  activity,                            -- off: as in thread_switch
  stack_id                             -- off: as in thread_switch
) AS
SELECT id * 16777216, tid, 1, out_ns - on_ns, out_ns, on_cpu, NULL, NULL, NULL, NULL, NULL, NULL FROM packed_switch WHERE facts & 16
UNION ALL
SELECT id * 16777216 + 1, tid, 0, out_ns, out_ns + off_ns, NULL, state, next_tid, (SELECT text FROM name WHERE name.id = next_name_id),
       goid, CASE facts & 7 WHEN 1 THEN 'go' WHEN 2 THEN 'idle' WHEN 3 THEN 'syscall' WHEN 4 THEN 'foreign' WHEN 5 THEN 'runtime' END,
       stack_id
FROM packed_switch WHERE facts & 32
UNION ALL
SELECT id, tid, is_on_cpu, start_ns, end_ns, cpu, state, next_tid, (SELECT text FROM name WHERE name.id = next_name_id), goid,
       CASE activity WHEN 1 THEN 'go' WHEN 2 THEN 'idle' WHEN 3 THEN 'syscall' WHEN 4 THEN 'foreign' WHEN 5 THEN 'runtime' END,
       stack_id
FROM plain_thread_interval;

-- Frames with names.
CREATE VIEW stack_frame AS
SELECT frame.stack_id, frame.depth, function.name AS function, file.path AS file, frame.line, frame.is_inlined,
       function.is_internal, frame.pc
FROM frame JOIN function ON function.id = frame.function_id LEFT JOIN file ON file.id = frame.file_id;

-- Waits with names: site is the first function outside Go's runtime, sync and internal packages; waker says in words who
-- ended the wait.
CREATE VIEW wait_named AS
SELECT wait.id, wait.goid, reason.name AS reason, reason.class AS reason_class, wait.start_ns, wait.wake_ns, wait.run_ns,
       wait.wait_ns, wait.runnable_ns, wait.is_open, wait.is_system, site.name AS site, file.path AS file,
       stack.site_line AS line, wait.stack_id, wait.waker_kind, wait.waker_goid, waker_site.name AS waker_site,
       wait.waker_stack_id, wait.value, wait.doubt, wait.is_start_seen, wait.labels_id, labels.text AS labels,
       CASE wait.waker_kind WHEN 'goroutine' THEN 'goroutine ' || wait.waker_goid ELSE wait.waker_kind END AS waker
FROM wait
JOIN reason ON reason.number = wait.reason
LEFT JOIN stack ON stack.id = wait.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN stack AS waker_stack ON waker_stack.id = wait.waker_stack_id
LEFT JOIN function AS waker_site ON waker_site.id = waker_stack.site_function_id
LEFT JOIN labels ON labels.id = wait.labels_id;

-- System calls with names.
CREATE VIEW syscall_named AS
SELECT syscall.id, syscall.goid, syscall.tid, syscall.name, syscall.start_ns, syscall.end_ns,
       syscall.end_ns - syscall.start_ns AS syscall_ns, syscall.sleep_count, syscall.lost_p, site.name AS site,
       file.path AS file, stack.site_line AS line, syscall.stack_id, syscall.labels_id, labels.text AS labels
FROM syscall
LEFT JOIN stack ON stack.id = syscall.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN labels ON labels.id = syscall.labels_id;

-- Stretches of threads with names; site tells where in the program the thread was when it left its CPU.
CREATE VIEW thread_interval_named AS
SELECT thread_interval.id, thread_interval.tid, thread.name AS thread, thread_interval.is_on_cpu, thread_interval.start_ns,
       thread_interval.end_ns, thread_interval.cpu, thread_interval.state, thread_interval.activity,
       thread_interval.next_tid, thread_interval.next_name, thread_interval.goid, site.name AS site, file.path AS file,
       stack.site_line AS line, thread_interval.stack_id
FROM thread_interval
LEFT JOIN thread ON thread.tid = thread_interval.tid
LEFT JOIN stack ON stack.id = thread_interval.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id;

-- What snapshots found, with names.
CREATE VIEW snapshot_goroutine_named AS
SELECT snapshot_goroutine.snapshot_id, snapshot.kind AS snapshot, snapshot_goroutine.goid, snapshot_goroutine.time_ns,
       state.name AS state, snapshot_goroutine.is_in_syscall, snapshot_goroutine.tid, reason.name AS reason,
       reason.class AS reason_class, snapshot_goroutine.object_id, snapshot_goroutine.value, site.name AS site,
       file.path AS file, stack.site_line AS line, snapshot_goroutine.stack_id, snapshot_goroutine.wait_since_ns,
       snapshot_goroutine.labels_id, labels.text AS labels
FROM snapshot_goroutine
JOIN snapshot ON snapshot.id = snapshot_goroutine.snapshot_id
JOIN state ON state.id = snapshot_goroutine.state
LEFT JOIN reason ON reason.number = snapshot_goroutine.reason
LEFT JOIN stack ON stack.id = snapshot_goroutine.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN labels ON labels.id = snapshot_goroutine.labels_id;

-- Contexts with names: where each was made, where it was ended.
CREATE VIEW context_named AS
SELECT context.id, context.addr, context.parent_id, context.created_ns, context.goid, site.name AS site, file.path AS file,
       stack.site_line AS line, context.stack_id, context.deadline_ns, context.done_object_id, context.ended_ns,
       context.ended_by_goid, end_site.name AS end_site, end_file.path AS end_file, end_stack.site_line AS end_line,
       context.end_stack_id, context.cause, context.error
FROM context
LEFT JOIN stack ON stack.id = context.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN stack AS end_stack ON end_stack.id = context.end_stack_id
LEFT JOIN function AS end_site ON end_site.id = end_stack.site_function_id
LEFT JOIN file AS end_file ON end_file.id = end_stack.site_file_id;

-- Spans with names.
CREATE VIEW span_named AS
SELECT span.id, span.goid, span_probe.function, span.start_ns, span.end_ns, span.end_ns - span.start_ns AS span_ns,
       span.depth, span.value_json, span.probe_id, span_probe.spec
FROM span JOIN span_probe ON span_probe.id = span.probe_id;

-- Transitions with names.
CREATE VIEW transition_named AS
SELECT transition.id, time_ns, event_type.name AS event, goid, from_state.name AS from_state, to_state.name AS to_state,
       tid, cpu, p, reason.name AS reason, object_id, value, stack_id, other_goid, flags, bound_ns
FROM transition
JOIN event_type ON event_type.id = transition.event
JOIN state AS from_state ON from_state.id = transition.from_state
JOIN state AS to_state ON to_state.id = transition.to_state
LEFT JOIN reason ON reason.number = transition.reason;

-- Intervals with names.
CREATE VIEW interval_named AS
SELECT interval.id, goid, state.name AS state, start_ns, end_ns, tid, p, wait_id, flags
FROM interval JOIN state ON state.id = interval.state;

-- Objects as people read them: chan main.Job cap 8 0xc000102060, mutex main.mu 0x5a3c20. An address that was used again
-- ends with its generation (#2), one that may have been with a question mark (not where a variable holds the object).
CREATE VIEW object_named AS
SELECT id, CASE kind WHEN 'chan' THEN CASE is_timer WHEN 1 THEN 'timer chan ' ELSE 'chan ' END || coalesce(type, '?')
                     WHEN 'unknown' THEN coalesce(type, '') ELSE kind || coalesce(' ' || type, '') END
           || CASE WHEN capacity > 0 THEN ' cap ' || capacity ELSE '' END || printf(' 0x%llx', addr)
           || CASE WHEN generation > 1 THEN '#' || generation ELSE '' END
           || CASE WHEN is_doubtful = 1 AND (kind = 'chan' OR type IS NULL) THEN '?' ELSE '' END AS text
FROM object;

-- How much of the time was recorded: one row. Counts and totals over recorded time, times scale, estimate those of the whole;
-- figures of single waits, and the longest of them, are as recorded.
CREATE VIEW coverage (
  recorded_ns,                         -- time that was recorded
  paused_ns,                           -- time that was not, as table pause tells
  pauses,                              -- how many
  scale                                -- (recorded + paused) / recorded; 1.0: all was recorded
) AS
SELECT end_ns - start_ns - paused, paused, pauses,
       CASE WHEN end_ns - start_ns > paused THEN (end_ns - start_ns) * 1.0 / (end_ns - start_ns - paused) ELSE 1.0 END
FROM (SELECT recording.start_ns, recording.end_ns,
             (SELECT count(*) FROM pause) AS pauses,
             (SELECT coalesce(sum(coalesce(pause.end_ns, recording.end_ns) - max(pause.start_ns, recording.start_ns)), 0) FROM pause) AS paused
      FROM recording);
