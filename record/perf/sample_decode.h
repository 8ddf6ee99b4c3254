/*
 * From the bytes of one perf record to a struct record. Pure: no system calls, no trust in the bytes; fuzzed. Field offsets
 * come from the event's `format` text, parsed once by libtraceevent (tracepoint.c, the only file that knows it).
 */
#ifndef GOTAPE_RECORD_SAMPLE_DECODE_H
#define GOTAPE_RECORD_SAMPLE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define RECORD_VALUES_MAX 32
#define SAMPLE_PROBES_MAX 32

enum record_kind {
    RECORD_SKIP = 0,   /* of no interest */
    RECORD_PROBE,      /* a uprobe hit: probe, value[], chain */
    RECORD_SWITCH_OUT, /* sched_switch: prev_state, next_tid, next_name, ip, sp, bp */
    RECORD_SWITCH_IN,
    RECORD_LOST,       /* lost: how many; time_ns: when it was noticed */
    RECORD_FORK,       /* new thread: new_pid, new_tid; tid is the creator */
    RECORD_EXIT,
    RECORD_NAME,       /* name; is_exec when it comes from execve */
};

struct record {
    enum record_kind kind;
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint32_t pid, tid;
    unsigned probe; /* index of the probe */
    uint64_t value[RECORD_VALUES_MAX];
    const uint64_t *chain; /* user frames, innermost first, without context markers; NULL without a chain */
    uint32_t chain_length;
    bool chain_cut; /* as long as kernel.perf_event_max_stack: outer frames are missing */
    uint32_t prev_state; /* THREAD_OUT_STATE mask */
    uint32_t next_tid;
    uint32_t new_pid, new_tid;
    uint64_t ip, sp, bp; /* user registers; 0 when the thread had none */
    char name[16];       /* next_name, or the thread's new name; always terminated */
    bool is_exec;
    uint64_t lost;
    uint64_t root_id; /* id of the opened event that this record belongs to (for dropping duplicates) */
};

/* What the caller wants from a tracefs event. */
struct sample_probe {
    const char *name;   /* for messages */
    uint64_t event_id;  /* perf attr.config */
    const char *format; /* text of the event's `format` file */
    const char *values[RECORD_VALUES_MAX]; /* field names; NULL ends the list */
    unsigned elements[RECORD_VALUES_MAX];  /* array lengths, 0 or 1 for scalars */
    bool call_chain;
};

#endif
