/*
 * Where the trace has holes: records that the kernel dropped (EV_LOST), and chunks that are missing or
 * damaged. A hole begins before the event that tells about it, so all of them are collected before anything
 * is concluded from the events.
 */
#ifndef GOTAPE_REPLAY_GAPS_H
#define GOTAPE_REPLAY_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "format/trace_meta.h"

#define GAP_COUNT_MAX (1ull << 40) /* stands for an unknown number of records */

struct gap {
    uint64_t since, until; /* CLOCK_MONOTONIC */
    uint64_t count;        /* records missing at most; GAP_COUNT_MAX: unknown */
    uint64_t before;       /* sum of the counts of the windows before */
};

struct gaps {
    struct gap *windows; /* owned; sorted, disjoint once gaps_seal() was called */
    size_t count, capacity;
    size_t cursor; /* first window that begins after the latest time asked for */
};

void gaps_init(struct gaps *self);
void gaps_release(struct gaps *self);
/* Returns 0 or ERR_NOMEM. */
int gaps_add(struct gaps *self, uint64_t since, uint64_t until, uint64_t count, struct error *err);
void gaps_seal(struct gaps *self);
/* Adds one to sealed ones, none of which begins later. */
int gaps_append(struct gaps *self, uint64_t since, uint64_t until, uint64_t count, struct error *err);

/*
 * Is there a hole between two times? Returns the number of records that may be missing there (0: no hole),
 * and when the first of these holes begins. Quick when `until` seldom goes back from call to call.
 */
uint64_t gaps_between(struct gaps *self, uint64_t since, uint64_t until, uint64_t *first_since_out);

/*
 * Looks through the chunk headers only: true when no chunk reports a loss and all follow each other up to an
 * END chunk. Then there are no holes, unless a payload turns out to be damaged.
 */
int gaps_scan_headers(const char *trace_path, bool *is_whole_out, struct error *err);
/* Reads the whole trace for its holes; also the facts of all META chunks, for those who need them before the
 * first one. */
int gaps_scan(const char *trace_path, const volatile int *stop, struct gaps *out, struct trace_meta *meta,
              struct error *err);

#endif
