-- Built after the load, in one pass each. Those that may exist already were written by the load itself, in order.
INSERT INTO long_wait (wait_ns, id, start_ns)
SELECT wait_ns, id, start_ns FROM packed_wait WHERE wait_ns >= (SELECT wait_ns FROM long_limit) AND NOT EXISTS (SELECT 1 FROM long_wait)
ORDER BY wait_ns, id;
CREATE INDEX IF NOT EXISTS packed_wait_goid ON packed_wait (goid);
CREATE INDEX IF NOT EXISTS packed_wait_object ON packed_wait (object) WHERE object IS NOT NULL AND (object < 0 OR facts & 3072);
CREATE INDEX packed_turn_goid ON packed_turn (goid, start_ns);
CREATE INDEX plain_transition_goid ON plain_transition (goid);
CREATE INDEX plain_interval_goid ON plain_interval (goid, start_ns);
CREATE INDEX wait_sum_object ON wait_sum (object);
CREATE INDEX goroutine_sum_goid ON goroutine_sum (goid);
CREATE INDEX wake_sum_object ON wake_sum (object);
CREATE INDEX object_set_object ON object_set (object_id);
CREATE INDEX IF NOT EXISTS object_addr ON object (addr, generation);
CREATE INDEX IF NOT EXISTS packed_switch_tid ON packed_switch (tid);
CREATE INDEX syscall_goid ON syscall (goid, start_ns);
CREATE INDEX span_goid ON span (goid, start_ns);
CREATE INDEX context_done ON context (done_object_id);
CREATE INDEX context_addr ON context (addr);
CREATE INDEX anomaly_of_kind ON anomaly (kind);
