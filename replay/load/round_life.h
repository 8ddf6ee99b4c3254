/*
 * The two ends of a goroutine's life, which become part of its own row: made, put into the run queue, run for the first time; and
 * its last run and its end. Most goroutines have nothing unusual about either. What is unusual stays with round.c.
 */
#ifndef GOTAPE_REPLAY_ROUND_LIFE_H
#define GOTAPE_REPLAY_ROUND_LIFE_H

#include <stdbool.h>
#include <stdint.h>

struct round_step;
struct round_pending;

/* Create and first exec. */
struct round_birth {
    bool is_told, is_inferred; /* the exec */
    uint16_t cpu, run_cpu;     /* RING_RECORDER: none */
    uint32_t tid, run_tid;     /* 0: none */
    uint32_t stack;
    int32_t run_p; /* -1: none */
    uint64_t time, run, creator;
    uint64_t bound_ns; /* 0: seen */
};

/* End and the run before. */
struct round_death {
    bool is_told, is_inferred; /* the beginning of the run */
    uint16_t cpu;
    uint32_t tid;
    int32_t p;
    uint64_t start, time;
};

/* True when these two steps are a usual birth: it is written down then. parts: the create with nothing before it. */
bool round_life_take_birth(struct round_birth *out, const struct round_pending *parts, unsigned runnable_flags,
                           const struct round_step *exec);
/* True when the step is a usual end, behind the run in `pending`. */
bool round_life_take_death(struct round_death *out, const struct round_pending *pending, const struct round_step *end);

#endif
