/*
 * Drives the state machine: takes the merged events in time order, keeps each goroutine's state, and writes
 * transitions, intervals, waits and goroutines. Nothing is invented: what the events do not tell is unknown,
 * and marked.
 */
#ifndef GOTAPE_REPLAY_GOROUTINE_TRACKER_H
#define GOTAPE_REPLAY_GOROUTINE_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "format/event.h"
#include "load/anomaly.h"
#include "load/binding.h"
#include "load/call_sums.h"
#include "load/gaps.h"
#include "load/labels.h"
#include "load/row_writer.h"
#include "load/runtime_log.h"
#include "load/symbolize.h"
#include "load/syscall_name.h"
#include "load/wait_reasons.h"
#include "load/wait_sums.h"

struct goroutine_tracker;

struct tracker_options {
    struct row_writer *rows;
    struct anomaly_log *anomalies;
    struct symbolizer *symbols;
    struct labels *labels;
    struct runtime_log *runtime;
    struct wait_sums *sums;
    struct call_sums *call_sums;
    struct wait_reasons *reasons;
    struct binding *binding;
    struct gaps *gaps;
}; /* all borrowed */

/* NULL when out of memory. */
struct goroutine_tracker *goroutine_tracker_new(const struct tracker_options *options);
void goroutine_tracker_free(struct goroutine_tracker *self);

/* What was recorded (META record.detail); snapshot: nothing but snapshots; block: no event about running. */
enum record_detail { DETAIL_ALL, DETAIL_SCHED, DETAIL_BLOCK, DETAIL_SNAPSHOT };

struct tracker_facts {
    uint64_t start_ns; /* the recording began */
    bool is_attach;    /* with goroutines that nobody saw being made */
    enum record_detail detail;
    enum syscall_machine machine;
    bool tells_lost_p;   /* a P that was lost has an event */
    bool may_infer_runs; /* all that ends a run has events */
    bool infers_runs;    /* DETAIL_BLOCK, and all that ends a run has events: when one began is inferred */
};

/* Before the first event. */
void goroutine_tracker_start(struct goroutine_tracker *self, const struct tracker_facts *facts);
/*
 * One event about goroutines. Its fields are resolved: stacks and functions are rows' ids or SYMBOL_LOST, a
 * wait's object is packed (object_facts_pack), a select's set is a pointer to a select_set whose reference
 * passes to the tracker. Times must not go back.
 */
void goroutine_tracker_event(struct goroutine_tracker *self, const struct event *event);
/* An event about threads (EV_THREAD_*), after the binding has seen it. */
void goroutine_tracker_thread(struct goroutine_tracker *self, const struct event *event);
/* Another event (EV_STW …) shows that its thread does something. */
void goroutine_tracker_see_thread(struct goroutine_tracker *self, const struct event *event);
/* Writes what is still open at the end of the recording. */
void goroutine_tracker_finish(struct goroutine_tracker *self, uint64_t end_ns);
int goroutine_tracker_check(const struct goroutine_tracker *self, struct error *err);

/* EV_PAUSE, EV_RESUME, EV_BUDGET. */
void goroutine_tracker_pause(struct goroutine_tracker *self, const struct event *event);
/* Changes of state told so far. */
uint64_t goroutine_tracker_transitions(const struct goroutine_tracker *self);

#endif
