/*
 * One step of one goroutine: is it legal, what does it end, what does it begin. The inner half of
 * goroutine_tracker and its parts, which alone include this.
 */
#ifndef GOTAPE_REPLAY_GOROUTINE_STEP_H
#define GOTAPE_REPLAY_GOROUTINE_STEP_H

#include "load/goroutine_table.h"
#include "load/goroutine_tracker.h"
#include "load/interval.h"
#include "load/net_pending.h"

struct goroutine_tracker {
    struct tracker_options with;
    struct interval_log intervals;
    struct goroutine_table table;
    struct net_pending net_by_g; /* the goroutine of this g is not known */
    struct net_pending
        net_by_descriptor; /* found nobody, but may have taken who parked right then: see net_key() */
    /* Dead for long enough; written and freed before the next event, because this one may still hold pointers
     * to them. */
    struct goroutine *doomed[4];
    unsigned doomed_count;
    uint64_t start_ns;
    bool is_attach, failed;
};

/* What an event says about the step. Columns are ROW_NULL, or 0 for ids, when there is nothing. */
struct step_facts {
    enum goroutine_step step;
    const struct event *event;
    int64_t p, reason;
    uint32_t object, stack;
    uint64_t value, other;
    unsigned flags;
    enum waker_kind waker;        /* wakes */
    const struct open_wait *wait; /* parks: the wait that begins */
};

void goroutine_step_apply(struct goroutine_tracker *self, struct goroutine *goroutine,
                          const struct step_facts *facts);
/* Its g was given to another goroutine: it is dead, and its end was not seen. */
void goroutine_step_vanish(struct goroutine_tracker *self, struct goroutine *goroutine,
                           const struct event *event);
/* Another goroutine runs on the thread that this one had not left. */
void goroutine_step_displaced(struct goroutine_tracker *self, uint64_t goid, const struct event *event);
void goroutine_step_end_of_recording(struct goroutine_tracker *self, struct goroutine *goroutine,
                                     uint64_t end_ns);

#endif
