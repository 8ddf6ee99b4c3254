/*
 * When a run began that no event tells (recordings without exec events, --detail block).
 *
 * A goroutine that does something on a thread runs there. Its run began after the thread's previous slice had ended (a
 * park, an end, a yield, a preemption: all of these have events), after the thread was last seen in the scheduler (it
 * slept there, or was preempted there: the functions on its stack tell), and after the goroutine had been made or
 * woken. The latest of these moments is the earliest at which the run can have begun, and mostly within a few
 * microseconds of when it did; the latest at which it can have begun is the first thing that the goroutine was seen to
 * do: an event, or a system call in which its thread slept. That bound is kept beside the time.
 *
 * What the thread slept for in between is held back until the goroutine is known, so that system calls find theirs.
 */
#ifndef GOTAPE_REPLAY_RUN_START_H
#define GOTAPE_REPLAY_RUN_START_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "format/event.h"
#include "load/symbolize.h"

#define RUN_START_HELD_MAX 32 /* switches of a thread that are held back */

struct run_starts {
    struct map by_tid; /* → struct run_thread *, owned */
    bool failed;       /* out of memory */
};

struct run_start {
    uint64_t time_ns;  /* the earliest possible moment */
    uint64_t bound_ns; /* it may have been later, by so much at most */
};

/* Switches of the thread since then, oldest first; valid until the next call about the thread. */
struct run_held {
    const struct event *events;
    unsigned count;
};

void run_starts_init(struct run_starts *self);
void run_starts_release(struct run_starts *self);

/* A function in which a thread is only while it runs no goroutine (runtime/proc.go, Go 1.18 to 1.27). */
bool run_start_is_scheduler(const char *function);

/* The thread's goroutine has left it. */
void run_start_left(struct run_starts *self, uint32_t tid, uint64_t time_ns);
/* The thread's goroutine is known (0: is not): its switches need not be held back. EV_THREAD_OFF, IN, START, EXIT. */
void run_start_thread(struct run_starts *self, const struct symbolizer *symbols, const struct event *event,
                      uint64_t goid);
/* A goroutine turns out to run on a thread at this time; `since`: it could not before. */
struct run_start run_start_infer(struct run_starts *self, uint32_t tid, uint64_t since, uint64_t now,
                                 struct run_held *held_out);
/* Something is known about when the thread was free: otherwise what runs there may have run before the recording. */
bool run_start_is_known(const struct run_starts *self, uint32_t tid);

#endif
