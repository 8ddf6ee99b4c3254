/*
 * Snapshots: what every goroutine of the live target is doing, as events of the ring RING_RECORDER. Read in
 * slices between the rounds in which the perf rings are drained, so that neither waits long for the other.
 */
#ifndef GOTAPE_RECORD_SNAPSHOT_H
#define GOTAPE_RECORD_SNAPSHOT_H

#include "code_table.h"
#include "format/event.h"
#include "format/trace_writer.h"
#include "go/go_process.h"
#include "object_table.h"

struct snapshot;

struct snapshot_options {
    pid_t pid;
    struct go_binary *binary;
    struct go_process *process;
    struct trace_writer *writer;
    struct code_table *code;
    struct object_table *objects;
    const char *const *reasons; /* the runtime's wait reason strings; borrowed */
    size_t reason_count;
};

struct snapshot_stats {
    uint64_t snapshots;  /* completed */
    uint64_t goroutines; /* that they found, added up */
    uint64_t unstable;   /* of these: moved while they were read, and are left out */
    uint64_t events;     /* added to the trace */
    uint64_t longest_ns; /* the longest of them took */
};

/* Borrows everything. ERR_UNSUPPORTED when the goroutines cannot be found in this program. */
int snapshot_new(const struct snapshot_options *options, struct snapshot **out, struct error *err);
void snapshot_free(struct snapshot *self);

/* Begins one, with what was begun before given up. ERR_GONE when the target has ended. */
int snapshot_begin(struct snapshot *self, enum snapshot_kind kind, struct error *err);
bool snapshot_is_running(const struct snapshot *self);
/*
 * Goes on for about this long, at least to the end of what was read together, with a section of its own in the chunk: returns 1 when there is more to do, 0 when
 * none is running any more. Flushes full chunks. When the target ends meanwhile, the snapshot ends without its
 * last event.
 */
int snapshot_slice(struct snapshot *self, uint64_t budget_ns, struct error *err);

const struct snapshot_stats *snapshot_stats(const struct snapshot *self);

#endif
