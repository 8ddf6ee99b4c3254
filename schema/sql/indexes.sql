-- Built after the load, in one pass each.
CREATE INDEX packed_wait_goid ON packed_wait (goid, start_ns);
CREATE INDEX packed_turn_goid ON packed_turn (goid);
CREATE INDEX plain_transition_goid ON plain_transition (goid);
CREATE INDEX plain_interval_goid ON plain_interval (goid);
CREATE INDEX object_set_object ON object_set (object_id);
CREATE INDEX IF NOT EXISTS object_addr ON object (addr, generation);
CREATE INDEX packed_switch_tid ON packed_switch (tid, out_ns);
CREATE INDEX syscall_goid ON syscall (goid, start_ns);
CREATE INDEX span_goid ON span (goid, start_ns);
CREATE INDEX context_done ON context (done_object_id);
CREATE INDEX context_addr ON context (addr);
CREATE INDEX anomaly_of_kind ON anomaly (kind);
