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
#include "load/run_start.h"
#include "load/syscall_log.h"

struct snapshot_state {
    int64_t id; /* of the latest; 0: none yet */
    bool is_open;
    uint64_t kind, start;
    struct event origin;    /* of the goroutine that is told next; type EV_NONE: none */
    struct event carried;   /* the same */
    struct select_set *set; /* owned; of the goroutine set_goid, which is told next */
    uint64_t set_goid;
};

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
    struct snapshot_state snapshot;
    struct syscall_log calls;
    struct run_starts starts;
    uint64_t start_ns;
    enum record_detail detail;
    bool is_attach, failed;
    uint64_t resumed_ns; /* a pause has ended then, and no whole snapshot was seen since; 0: otherwise */
    uint64_t edge_ns; /* the last pause has ended then; 0: none */
    uint64_t dropped; /* class of events that the next pause does away with; 0: none */
    bool may_infer_runs; /* all that ends a run has events */
    bool infers_runs; /* no exec event: see run_start.h */
};

/* The goroutine that an event names, which may be new; NULL when it names none, or when out of memory. */
struct goroutine *goroutine_tracker_get(struct goroutine_tracker *self, const struct event *event,
                                        uint64_t goid, bool is_create);
/* The g belongs to this goroutine now. Who had it before must be dead, for g's are given out again only then. */
void goroutine_tracker_map_g(struct goroutine_tracker *self, const struct event *event,
                             struct goroutine *goroutine, uint64_t g);

/*
 * Recordings without exec events: the goroutine runs on this thread at this time; if it is not known to, its run began
 * before (run_start.h). True when the thread was off its CPU meanwhile.
 */
bool goroutine_tracker_see_run(struct goroutine_tracker *self, uint64_t goid, uint32_t tid, uint64_t time_ns);

/* What an event says about the step. Columns are ROW_NULL, or 0 for ids, when there is nothing. */
struct step_facts {
    enum goroutine_step step;
    const struct event *event;
    int64_t p, reason;
    uint32_t object, stack;
    uint64_t value, other;
    unsigned flags;
    uint64_t bound_ns; /* with FLAG_INFERRED: it may have been later, by so much at most */
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
/* Nothing is known about its state any more, since the last sure moment before the event. */
void goroutine_step_lose(struct goroutine_tracker *self, struct goroutine *goroutine,
                         const struct event *event);
/* The row alone. */
void goroutine_step_put_transition(struct goroutine_tracker *self, struct goroutine *goroutine,
                                   enum goroutine_state from, enum goroutine_state to,
                                   const struct step_facts *facts, unsigned flags);
/* The goids of all goroutines, ascending, for the caller to free. Without memory there are none, and the tracker has failed. */
uint64_t *goroutine_step_list(struct goroutine_tracker *self, size_t *count_out);
void goroutine_step_end_of_recording(struct goroutine_tracker *self, struct goroutine *goroutine,
                                     uint64_t end_ns);

#endif
