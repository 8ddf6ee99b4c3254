/*
 * From perf records to events of the trace: one handler per probe and record kind. Decides what a value means
 * (which object a wait reason waits for), believes no fetched value whose parent pointer was NULL, and gives
 * call chains, objects and names their ids. Works record by record in ring order; nothing is allocated per
 * event once the tables have grown.
 */
#ifndef GOTAPE_RECORD_EVENT_BUILDER_H
#define GOTAPE_RECORD_EVENT_BUILDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "code_table.h"
#include "format/trace_writer.h"
#include "go/go_process.h"
#include "gc_clock.h"
#include "object_table.h"
#include "perf/sample_decode.h"

struct event_builder;

/* What an event of the perf session is. */
enum probe_role { ROLE_RUNTIME, ROLE_SPAN_BEGIN, ROLE_SPAN_END };
struct probe_use {
    uint8_t role;        /* enum probe_role */
    uint8_t probe;       /* enum probe_id, or the number of a user's probe, 0, 1 … */
    uint8_t value_count; /* of a user's probe, behind the goroutine's id */
    uint8_t flags_at;    /* index of the flags register among its values, 0: not fetched */
};

struct event_builder_options {
    pid_t pid;
    struct go_binary *binary;
    struct go_process *process;
    struct trace_writer *writer;
    struct code_table *code;
    struct object_table *objects;
    const struct gc_clock *gc;
    const char *const *reasons; /* the runtime's wait reason strings; borrowed */
    size_t reason_count;
    bool loses_semaphores; /* as in probe_plan.h */
    const struct probe_use *uses; /* by the perf session's probe number; borrowed */
    unsigned probe_count;
    unsigned ring_count;
    unsigned gomaxprocs; /* when the recording begins; 0: not known */
};

/* Borrows everything. NULL when out of memory. */
struct event_builder *event_builder_new(const struct event_builder_options *options);
void event_builder_free(struct event_builder *self);

/* Adds one record of the ring of this CPU to the trace. */
void event_builder_add(struct event_builder *self, unsigned ring, uint16_t cpu, const struct record *record);

/*
 * The recording is what lies between two moments: the probes are armed and disarmed one after the other, and
 * what the first ones say while the others are silent would contradict itself. Records outside are dropped.
 * Until told, there is no end.
 */
void event_builder_begin(struct event_builder *self, uint64_t time_ns);
void event_builder_end(struct event_builder *self, uint64_t time_ns);

/* Records older than this have all been seen: a later one is counted as late. */
void event_builder_watermark(struct event_builder *self, uint64_t time_ns);

struct event_builder_stats {
    uint64_t events; /* added to the trace, whether or not their chunk is written yet */
    uint64_t chains_cut, late, lost;
    uint64_t labels_unread; /* label sets */
    bool saw_exec;          /* the target has replaced itself by another program */
    uint64_t last_ns;       /* time of the newest record */
};
const struct event_builder_stats *event_builder_stats(const struct event_builder *self);

/* The target's GOMAXPROCS as of the newest record; 0: not known. */
unsigned event_builder_gomaxprocs(const struct event_builder *self);

/* Time of the newest record of a ring; 0 before the first. */
uint64_t event_builder_ring_time(const struct event_builder *self, unsigned ring);

/* Adds a note event (enum note_code) at this time; nothing when the value is 0. */
void event_builder_note(struct event_builder *self, uint64_t time_ns, unsigned code, uint64_t value);

/* Adds the name of a thread that was there before the recording. */
void event_builder_thread_name(struct event_builder *self, uint64_t time_ns, uint32_t tid, const char *name);

#endif
