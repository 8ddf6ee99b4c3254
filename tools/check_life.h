/*
 * The life of goroutines as trace_check understands it, and the counters of all its checks. Events must come
 * in the order of their times.
 */
#ifndef GOTAPE_TOOLS_CHECK_LIFE_H
#define GOTAPE_TOOLS_CHECK_LIFE_H

#include "base/map.h"
#include "format/trace_reader.h"

/* Printed in this order. */
#define COUNTERS(X)                                                                                          \
    X(events)                                                                                                \
    X(goroutines)                                                                                            \
    X(parks)                                                                                                 \
    X(readies)                                                                                               \
    X(net_wakes)                                                                                             \
    X(system_wakes)                                                                                          \
    X(coroutine_wakes)                                                                                       \
    X(unseen_wakes)                                                                                          \
    X(paused_waits)                                                                                          \
    X(aborted)                                                                                               \
    X(still_parked)                                                                                          \
    X(unbalanced)                                                                                            \
    X(illegal)                                                                                               \
    X(doubtful)                                                                                              \
    X(off_cpu)                                                                                               \
    X(order)                                                                                                 \
    X(damage)                                                                                                \
    X(unknown_ids)                                                                                           \
    X(time_steps_back)                                                                                       \
    X(late)                                                                                                  \
    X(late_told)                                                                                             \
    X(unjudged)                                                                                              \
    X(snapshots)                                                                                             \
    X(snapshot_looks)                                                                                        \
    X(snapshot_differs)                                                                                      \
    X(lost)

struct counters {
#define X(name) uint64_t name;
    COUNTERS(X)
#undef X
};

struct check_goroutine;

struct check_life {
    struct counters n;
    const struct trace_reader *reader; /* borrowed: texts of wait reasons */
    struct check_goroutine *goroutines;
    size_t capacity;
    struct map by_goid, by_g;     /* goid → place in goroutines; address of g → goid */
    struct map off;               /* tid → 1 while it is off its CPU */
    uint64_t net_found_nobody_ns; /* latest such net event */
    enum {
        RUNS_NOT_ASKED,
        RUNS_SEEN,
        RUNS_UNSEEN
    } runs;
    bool loses_runs; /* with the next pause */
    /* META record.detail block: without events about running */
    struct {
        bool is_open;
        uint64_t number, looks, origin_goid; /* origin_goid: whose EV_GOROUTINE must be next; 0: anybody's */
    } snapshot;
    unsigned shown;
};

/* One field more of EV_PARK for check_life_event(): 1 when the stack is that of the runtime's scavenger. */
enum { CHECK_PARK_SCAVENGER = PARK_STACK + 1 };

void check_life_release(struct check_life *self);
/* Counts a violation, and prints the first ones. */
void check_life_complain(struct check_life *self, uint64_t *counter, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_life_out_of_memory(void) __attribute__((noreturn));

void check_life_event(struct check_life *self, const struct event *e);
/* At the end: every park must have been ended by something, or still last. */
void check_life_balance(struct check_life *self);

#endif
