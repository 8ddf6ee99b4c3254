/*
 * Packs what happens to a goroutine into few rows. Most of the time it is this: it runs, parks, is woken, runs again; or it
 * gives its turn up and gets it back. Each such round is one row (packed_wait, packed_turn), and its birth and its end are part
 * of the goroutine's own (packed_goroutine); the views transition, interval, wait and wait_object unfold it again. All that does
 * not fit exactly is written as it is (plain_transition, plain_interval):
 * what the views tell does not depend on what was packed.
 *
 * Everything about one goroutine must be told in its order of time. Failures are sticky in the row writer.
 */
#ifndef GOTAPE_REPLAY_ROUND_H
#define GOTAPE_REPLAY_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "load/place.h"
#include "load/round_life.h"
#include "load/row_writer.h"

#define ROUND_NO_REASON UINT32_MAX
/* Of a wait for a channel: nobody knows. */
#define ROUND_ANY_DIRECTION 3

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
    uint8_t waker, doubt;
    uint8_t direction; /* of a channel: enum select_direction, or ROUND_ANY_DIRECTION; 0: no channel, or several */
    uint8_t class; /* enum wait_class */
    bool is_open, is_system, is_start_missed;
};

/* What is known of a round that is not over, and of the goroutine's life; part of each goroutine. All zero: nothing. */
struct round_pending {
    bool has_leave, has_wake, has_before;
    bool is_known;      /* something was told about it */
    bool is_leave_first; /* nothing was told before `leave` */
    uint8_t before_state, before_flags;
    uint32_t before_tid;
    int32_t before_p;
    uint64_t before_start, before_end;
    struct round_step leave; /* the park, or how it became runnable */
    struct round_step wake;
    struct round_birth birth;
    struct round_death death;
};

/* What the goroutine's row tells of its life; ROW_NULL and 0: nothing. */
struct round_life {
    int64_t facts; /* LIFE_… */
    int64_t created_place, first_place, first_bound_ns, later_runnable_ns, end_place, earlier_running_ns;
};

/* Of the goroutine's own row, as it is about to be written. */
struct round_facts {
    bool was_created, has_ended;
    uint64_t created_ns, ended_ns, creator, running_ns, runnable_ns;
    uint32_t create_stack;
};

/* Bits of packed_goroutine.facts. */
enum { LIFE_BORN = 32, LIFE_BORN_INFERRED = 64, LIFE_ENDED = 128, LIFE_ENDED_INFERRED = 256 };

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
    struct place_table places;
    struct map written; /* goroutines that have a row: number / 64 → bits */
    bool failed;        /* out of memory */
};

/* Borrows the rows. */
void round_log_init(struct round_log *self, struct row_writer *rows);
void round_log_release(struct round_log *self);
bool round_log_has_failed(const struct round_log *self);
void round_transition(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_step *step);
void round_interval(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_stretch *stretch);
/* Returns the row's id. */
int64_t round_wait(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_wait *wait);
/* Nothing follows about this goroutine, or not soon: writes what is pending, but for what its row tells. */
struct round_life round_end(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_facts *facts);
/* Writes the current row, at the end. */
void round_log_finish(struct round_log *self);

#endif
