/*
 * What events mean: the states of a goroutine and the legal transitions between them, as data. Pure; shared
 * by replay (intervals) and, later, the recorder (triggers).
 *
 * The rules are those of Go's scheduler (runtime/proc.go), verified against balanced recordings of Go 1.18
 * to 1.27.
 */
#ifndef GOTAPE_STATE_GOROUTINE_H
#define GOTAPE_STATE_GOROUTINE_H

#include <stdbool.h>

#include "format/event.h"

/* Numbers are those of the database table `state`. */
enum goroutine_state {
    GOROUTINE_UNKNOWN = 0, /* first seen while attached, or after a gap: not observed */
    GOROUTINE_RUNNABLE = 1,
    GOROUTINE_RUNNING = 2,
    GOROUTINE_WAITING = 3,
    GOROUTINE_PREEMPTED = 4, /* stopped by preemptPark until ready */
    GOROUTINE_DEAD = 5,
    GOROUTINE_STATE_COUNT = 6
};

/* "unknown", "runnable" …; "?" for a number that is no state. */
const char *goroutine_state_name(enum goroutine_state state);

/* What an event does to the goroutine it names. */
/* clang-format off */
enum goroutine_step {
    STEP_CREATE, STEP_CREATE_PARKED, STEP_EXEC, STEP_EXEC_INHERIT, STEP_PARK, STEP_READY, STEP_NET_READY, STEP_END,
    STEP_SCHED, STEP_YIELD, STEP_PREEMPT_PARK, STEP_SYSCALL_NO_P, STEP_CORO_OUT, STEP_CORO_EXIT, STEP_CORO_IN,
    STEP_COUNT
};
/* clang-format on */

struct goroutine_transition {
    enum goroutine_state to; /* the state afterwards, also when illegal: the event is believed */
    bool legal;              /* possible at all; with one or more of the conditions below only then */
    bool needs_silent_wake;  /* legal only for wait reasons that the scheduler ends without ready
                                (wait_reason.h) */
    bool needs_same_thread;  /* or on the thread that parked, as its next event: the park was aborted */
    bool needs_net_wake;    /* legal only when a net event made it runnable: a deadline won the race for it */
    bool needs_unseen_wake; /* legal only because wakes may go unseen: goroutine_step_without_runs() */
    bool is_void;           /* changes nothing: a net event that came second in such a race */
};

struct goroutine_transition goroutine_step(enum goroutine_state from, enum goroutine_step step);

/*
 * The same for recordings without events about running (exec, sched, yield, preempt_park, syscall_no_p): a goroutine that
 * could run or wait for a CPU is in a state that is not known, and waits that the scheduler ends itself, or whose park was
 * taken back, are over without a sign.
 */
struct goroutine_transition goroutine_step_without_runs(enum goroutine_state from, enum goroutine_step step);

#endif
