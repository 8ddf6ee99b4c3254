-- Views: the tables with names in place of numbers, for people who write SQL.

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
       tid, cpu, p, reason.name AS reason, object_id, value, stack_id, other_goid, flags
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
