/* The inside of a perf session, shared by perf_session.c (set-up) and drain.c (reading). Nobody else includes
 * it. */
#ifndef GOTAPE_RECORD_PERF_SESSION_IMPL_H
#define GOTAPE_RECORD_PERF_SESSION_IMPL_H

#include "base/map.h"
#include "perf/cpu_scope.h"
#include "perf/perf_link.h"
#include "perf/perf_open.h"
#include "perf/perf_ring.h"
#include "perf/perf_session.h"
#include "perf/program_ring.h"

struct session_ring {
    struct perf_ring ring;
    int fd; /* of the event that owns the ring; -1 while closed */
    unsigned cpu;
    /*
     * (thread, probe) → id of the event whose records count. A hit of a thread that is covered twice is
     * written twice into the same ring, so this is decided ring by ring, and a thread that inherited only
     * some of the events is still recorded whole.
     */
    struct map owners;
    uint64_t lost_told;
    uint64_t told_ahead; /* told before the kernel did: it will, in the next record that finds room after a pause */
    struct program_ring program; /* what the probes' programs write; its control is NULL when there are none */
    uint64_t limit;   /* of the round: its head when the round began */
    uint64_t scanned; /* CPU-wide: looked for new threads up to here */
};

struct session_descriptor {
    int fd;
    unsigned ring;
    unsigned index; /* of the decoder's events */
};

struct session_exits {
    uint32_t *tids; /* owned */
    size_t count, capacity;
};

/* Programs in the place of perf's samples (perf_program.c). Maps -1: there are none. */
struct session_programs {
    int control, data, scratch;  /* maps */
    struct program_control *controls; /* by CPU; the kernel's memory, as the next */
    uint8_t *memory;
    struct program_geometry geometry;
    unsigned cpus;               /* so many of them */
    uint64_t namespace_device, namespace_inode; /* when we are in a pid namespace of our own */
    bool is_open;                /* the probes are in the target */
    int program[SAMPLE_PROBES_MAX]; /* by probe; -1: perf samples it */
    struct perf_link link;       /* what keeps the probes in the target, where the kernel has links */
    int event[SAMPLE_PROBES_MAX];   /* otherwise; -1: closed */
    uint64_t orphan_ns;          /* when the main thread exited, and the events went with it; 0: it lives */
    bool is_blind;               /* others run on without probes: to be told as a loss */
    struct error missing;        /* why there are none */
};

struct perf_session {
    pid_t pid;
    struct perf_features features;
    struct sample_decoder decoder;
    uint64_t probe_ids[SAMPLE_PROBES_MAX]; /* tracefs ids */
    char probe_names[SAMPLE_PROBES_MAX][64];
    bool is_left_out[SAMPLE_PROBES_MAX]; /* threads that are added get no event for it */
    bool no_switches;                    /* nor for these */
    uint64_t switch_id; /* tracefs id of sched:sched_switch; 0: switches are not wanted */

    struct session_ring *rings; /* owned */
    unsigned ring_count;
    uint64_t ring_bytes;
    int epoll_fd;

    struct session_descriptor *descriptors; /* owned */
    size_t descriptor_count, descriptor_capacity;
    unsigned thread_count;

    int anchors[SAMPLE_PROBES_MAX + 1]; /* perf_thin.c */
    unsigned anchor_count;
    struct session_programs programs;

    bool no_link;
    bool cpu_wide, is_open; /* is_open: CPU-wide, and the events are open */
    struct cpu_scope scope; /* CPU-wide: whose records count */

    bool enabled;
    bool was_disabled;      /* since the last round: untold losses are to be told */
    uint64_t last_round_ns; /* when the previous round started; 0 before the first */
    /* Threads that exited: forgotten one round later, when no ring can hold a record of theirs any more. */
    struct session_exits exits, old_exits;
    bool is_nested;          /* we are in a pid namespace of our own */
    struct map tid_by_first; /* when nested: a thread's number in the first namespace → ours */
    struct perf_session_stats stats;
};

/* perf_program.c. Opening fails only for what would fail for perf's own samples, too; without programs the rest does nothing. */
void perf_program_init(struct perf_session *self);
int perf_program_prepare(struct perf_session *self, struct error *err);
int perf_program_open(struct perf_session *self, struct error *err);
void perf_program_switch(struct perf_session *self, bool is_enabled);
void perf_program_close(struct perf_session *self);
void perf_program_release(struct perf_session *self);
unsigned perf_program_descriptors(const struct perf_session *self);
/* Each record of the target's: notices what the programs do not see any more. */
void perf_program_watch(struct perf_session *self, const struct record *record);
static inline bool perf_program_has(const struct perf_session *self, unsigned probe)
{
    return self->programs.program[probe] >= 0;
}

#endif
