-- Built after the load, in one pass each.
CREATE INDEX interval_goid ON interval (goid, start_ns);
CREATE INDEX wait_goid ON wait (goid, start_ns);
CREATE INDEX wait_longest ON wait (wait_ns);
CREATE INDEX wait_object_object ON wait_object (object_id, wait_id);
CREATE INDEX IF NOT EXISTS object_addr ON object (addr, generation);
CREATE INDEX thread_switch_tid ON thread_switch (tid, time_ns);
CREATE INDEX thread_interval_tid ON thread_interval (tid, start_ns);
CREATE INDEX syscall_goid ON syscall (goid, start_ns);
CREATE INDEX span_goid ON span (goid, start_ns);
CREATE INDEX context_done ON context (done_object_id);
CREATE INDEX context_addr ON context (addr);
CREATE INDEX anomaly_of_kind ON anomaly (kind);
