/*
 * Writes what is over: stretches of one state, waits with their objects, goroutines. Closed ones go to the
 * database at once; at the end of the recording, open ones follow, and stay open.
 */
#ifndef GOTAPE_REPLAY_INTERVAL_H
#define GOTAPE_REPLAY_INTERVAL_H

#include "load/goroutine_table.h"
#include "load/round.h"
#include "load/row_writer.h"
#include "load/runtime_log.h"
#include "load/symbolize.h"
#include "load/wait_sums.h"

/* Flags of rows in transition and interval. */
enum { FLAG_ILLEGAL = 1, FLAG_INFERRED = 2, FLAG_GAP = 4, FLAG_ABORTED = 8, FLAG_CARRIED = 16 };

struct interval_log {
    struct row_writer *rows;
    const struct symbolizer *symbols;
    struct runtime_log *runtime;
    struct wait_sums *sums;
    struct round_log rounds;
    uint64_t begin_ns; /* of the recording: what began earlier is known from the one before, and shown from here on */
};

/* The end of an interval that is still open when the recording ends, `end` being that moment. */
struct interval_end {
    uint64_t time;
    bool is_open;
};

/* Writes the current state of the goroutine from its beginning to `end`, and adds it to the sums. wait_id:
 * ROW_NULL or the wait. Does not change the state. */
void interval_close(struct interval_log *self, struct goroutine *goroutine, struct interval_end end,
                    int64_t wait_id, unsigned flags);
/* The same for a state in the past. */
void interval_put(struct interval_log *self, struct goroutine *goroutine, enum goroutine_state state,
                  uint64_t start, struct interval_end end, int64_t wait_id, unsigned flags);
/* A goroutine's state is known until `known_until`, and unknown from there to `end`. */
void interval_break_off(struct interval_log *self, struct goroutine *goroutine, uint64_t known_until,
                        uint64_t end, int64_t wait_id, unsigned flags);
/* Writes the run before the current wait, if it was held back. */
void interval_put_held(struct interval_log *self, struct goroutine *goroutine);

/* How a wait ended; times are 0 when they were not seen. */
struct wait_end {
    uint64_t run;
    uint64_t open_until;    /* end of the recording, for waits that did not end */
    uint64_t sampled_until; /* the snapshot that no longer found it */
};

/* Writes the goroutine's wait and its objects; returns the row's id. The wait is over (stage none) after it.
 */
int64_t interval_put_wait(struct interval_log *self, struct goroutine *goroutine, struct wait_end end);
/* Nothing more will be told about it, or not soon. */
void interval_put_goroutine(struct interval_log *self, struct goroutine *goroutine);

/* True for the runtime's own goroutines. */
bool interval_is_system(const struct interval_log *self, const struct goroutine *goroutine);

#endif
