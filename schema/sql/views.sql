-- Views: the tables with names in place of numbers, for people who write SQL.

-- Frames with names.
CREATE VIEW stack_frame AS
SELECT frame.stack_id, frame.depth, function.name AS function, file.path AS file, frame.line, frame.is_inlined,
       function.is_internal, frame.pc
FROM frame JOIN function ON function.id = frame.function_id LEFT JOIN file ON file.id = frame.file_id;

-- Waits with names: site is the first function outside Go's runtime, sync and internal packages.
CREATE VIEW wait_named AS
SELECT wait.id, wait.goid, reason.name AS reason, reason.class AS reason_class, wait.start_ns, wait.wake_ns, wait.run_ns,
       wait.wait_ns, wait.runnable_ns, wait.is_open, wait.is_system, site.name AS site, file.path AS file,
       stack.site_line AS line, wait.stack_id, wait.waker_kind, wait.waker_goid, waker_site.name AS waker_site,
       wait.waker_stack_id, wait.value, wait.doubt
FROM wait
JOIN reason ON reason.number = wait.reason
LEFT JOIN stack ON stack.id = wait.stack_id
LEFT JOIN function AS site ON site.id = stack.site_function_id
LEFT JOIN file ON file.id = stack.site_file_id
LEFT JOIN stack AS waker_stack ON waker_stack.id = wait.waker_stack_id
LEFT JOIN function AS waker_site ON waker_site.id = waker_stack.site_function_id;

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
