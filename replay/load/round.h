/*
 * Packs what happens to a goroutine into few rows. Most of the time it is this: it runs, parks, is woken, runs again; or it
 * gives its turn up and gets it back. Each such round is one row (packed_wait, packed_turn); the views transition, interval,
 * wait and wait_object unfold it again. All that does not fit exactly is written as it is (plain_transition, plain_interval):
 * what the views tell does not depend on what was packed.
 *
 * Everything about one goroutine must be told in its order of time. Failures are sticky in the row writer.
 */
#ifndef GOTAPE_REPLAY_ROUND_H
#define GOTAPE_REPLAY_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "load/row_writer.h"

#define ROUND_NO_REASON UINT32_MAX

/* As in the structs below: what is no P becomes none. */
static inline int32_t round_p(int64_t p)
{
    return p >= 0 && p <= INT32_MAX ? (int32_t)p : -1;
}

/* A change of state: a row of transition. */
struct round_step {
    uint64_t time;
    uint64_t other, value;  /* 0: none */
    uint64_t bound_ns;      /* exec that was inferred: it may have been so much later; 0: seen */
    uint32_t tid, object;   /* 0: none */
    uint32_t stack;         /* 0: none */
    uint32_t reason;        /* ROUND_NO_REASON: none */
    int32_t p;              /* -1: none */
    uint16_t cpu;           /* RING_RECORDER: none */
    uint8_t event, from, to;
    uint8_t flags;
};

/* A stretch of one state: a row of interval. */
struct round_stretch {
    uint64_t start, end; /* end 0: open */
    int64_t wait_id;     /* ROW_NULL: none */
    uint32_t tid;        /* 0: none */
    int32_t p;           /* -1: none */
    uint8_t state, flags;
};

/* A wait: a row of wait, and what it was for. */
struct round_wait {
    uint64_t start, wake, run; /* 0: not seen */
    int64_t wait_ns;           /* ROW_NULL: not known */
    uint64_t waker_goid, value;
    int64_t object; /* as packed_wait.object, or ROW_NULL */
    uint32_t reason, stack, waker_stack, labels, fired;
    uint8_t waker, doubt, direction;
    bool is_open, is_system, is_start_missed;
};

/* What is known of a round that is not over; part of each goroutine. All zero: nothing. */
struct round_pending {
    bool has_leave, has_wake, has_before;
    uint8_t before_state, before_flags;
    uint32_t before_tid;
    int32_t before_p;
    uint64_t before_start, before_end;
    struct round_step leave; /* the park, or how it became runnable */
    struct round_step wake;
};

/* The row that only its exec is missing of; it follows at once, or not at all. */
struct round_current {
    enum { ROUND_NONE, ROUND_WAIT, ROUND_TURN } kind;
    uint64_t goid;
    int64_t id; /* wait */
    struct round_pending parts;
    struct round_wait wait;
    bool has_waiting, has_runnable;
    uint8_t waiting_flags, runnable_flags;
    uint64_t runnable_end;
};

struct round_log {
    struct row_writer *rows;
    int64_t last_wait; /* id */
    int64_t last_plain;
    uint64_t transitions;
    struct round_current current;
};

void round_log_init(struct round_log *self, struct row_writer *rows);
void round_transition(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_step *step);
void round_interval(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_stretch *stretch);
/* Returns the row's id. */
int64_t round_wait(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_wait *wait);
/* Nothing follows about this goroutine, or not soon: writes what is pending. */
void round_flush(struct round_log *self, uint64_t goid, struct round_pending *pending);
/* Writes the current row, at the end. */
void round_log_finish(struct round_log *self);

#endif
