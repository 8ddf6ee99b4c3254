/*
 * The budget of a session: counts hits and the target's CPU time, lets budget.c decide, and carries out what it decides: a
 * message, a class of probes less, windows, the end. Each of these is an event of the trace.
 *
 * A stretch without recording begins and ends like the recording itself: a snapshot; the moment from which on records are
 * dropped (event pause); disarming, draining, closing. Then opening and arming; the moment from which on records count
 * (event resume); a snapshot. Leaving a class out is a short stretch of this kind, because the others must not contradict
 * each other meanwhile.
 */
#ifndef GOTAPE_RECORD_SESSION_BUDGET_H
#define GOTAPE_RECORD_SESSION_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "budget.h"
#include "format/trace_meta.h"
#include "perf/hit_cost.h"
#include "perf/sample_decode.h"

struct session;

struct session_budget {
    struct budget decide;
    struct hit_cost cost;
    bool is_on, may_thin; /* may_thin: we are allowed to open perf events again */
    bool is_paused, is_over;
    clockid_t clock; /* CPU time of the target */
    uint8_t class[SAMPLE_PROBES_MAX];
    double hit_ns[SAMPLE_PROBES_MAX]; /* by perf's probe number */
    bool is_left_out[BUDGET_CLASS_COUNT];
    unsigned open_events; /* of a thread */

    uint64_t since_ns, since_cpu_ns; /* the stretch that is going on */
    uint64_t until_ns;               /* it is planned to end; UINT64_MAX: it is not */
    uint64_t next_on_ns, next_off_ns;
    uint64_t paused_ns; /* the last pause began */
    struct budget_look look; /* of the cycle so far; cost_ns: also what is being counted */
    double scope_rate;       /* CPUs spent on switching open events, when last seen */

    /* the whole recording */
    double total_cost_ns;
    uint64_t hits, on_ns, off_ns, on_cpu_ns, off_cpu_ns;
    unsigned windows, steps;
};

/* For the report. */
struct budget_summary {
    bool is_on, is_measured;
    double hit_ns, chain_ns, cost_ns;
    uint64_t hits, on_ns, off_ns, cpu_ns, recorder_cpu_ns;
    unsigned windows;
};

/* While probes may be defined: measures what a hit costs here. */
void session_budget_prepare(struct session *self);
/* Capabilities to keep, as a mask for privileges_drop(). */
uint64_t session_budget_rights(const struct session *self);
/* The recording begins now. */
void session_budget_start(struct session *self);
void session_budget_count(struct session *self, const struct record *record);
/* Once per round. */
int session_budget_go_on(struct session *self, struct error *err);
/* The last stretch ends. */
void session_budget_finish(struct session *self, struct budget_summary *out);
int session_budget_begin_facts(const struct session *self, struct trace_meta *out, struct error *err);
int session_budget_end_facts(const struct session *self, const struct budget_summary *summary,
                             struct trace_meta *out, struct error *err);

#endif
