/*
 * The budget of a session: counts hits and the target's CPU time, lets budget.c decide, and carries out what it decides: a
 * message, a class of probes less, windows, the end. Each of these is an event of the trace.
 *
 * Judged is a pause together with the window behind it, when that ends: what it has cost decides how long the next pause is.
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
#include "perf/hit_gauge.h"
#include "perf/hit_price.h"
#include "perf/sample_decode.h"

struct session;

struct session_budget {
    struct budget decide;
    struct hit_price cost;  /* when the recording began */
    struct hit_gauge gauge; /* and since */
    uint64_t gauged_ns;
    double scale;         /* of the costs, as things are now */
    struct hit_gap *gaps; /* by ring: of what is recorded there, hits and switches */
    unsigned ring_count;  /* of gaps; 0: there was no memory for them, and all hits count as hot */
    double factor_sum;    /* of what was added for cold caches, for the report */
    uint64_t factor_count;
    bool is_on, may_thin; /* may_thin: we are allowed to open perf events again */
    bool is_paused, is_over;
    clockid_t clock; /* CPU time of the target */
    uint8_t class[SAMPLE_PROBES_MAX];
    double hit_ns[SAMPLE_PROBES_MAX]; /* by perf's probe number, without its call chain */
    bool is_left_out[BUDGET_CLASS_COUNT];
    unsigned open_events; /* of a thread */

    /* The stretch that is going on: what is counted of it adds up in `look`, since the last one was judged. */
    uint64_t since_ns, since_cpu_ns, since_own_ns;
    uint64_t until_ns; /* it is planned to end; UINT64_MAX: it is not */
    uint64_t next_on_ns;
    uint64_t told_ns;                /* the trace tells its beginning: resume or pause */
    unsigned reason;                 /* of the last pause */
    struct budget_look look;         /* but for own_ns and own_edge_ns: */
    double own_ns, own_edge_ns;      /* our CPU time since, and what of it was for edges */
    uint64_t since_idle_ns;          /* idle time of all CPUs when it began; UINT64_MAX: not known */
    uint64_t look_hits, judged_hits; /* in it; in the one before */
    double hit_rate;                 /* hits per ns before the last pause */
    uint64_t closing_ns;             /* ending the last window took */
    double scope_rate;               /* CPUs spent on switching open events, when last seen */

    /* the whole recording */
    double total_cost_ns, taken_ns; /* in the target; our CPU time that no idle CPU had for us */
    uint64_t hits, on_ns, off_ns, cpu_ns;
    uint64_t own_start_ns; /* our CPU time before it */
    unsigned windows, steps;
};

/* For the report. */
struct budget_summary {
    bool is_on, is_measured;
    double hit_ns, chain_ns, cost_ns; /* cost_ns: of the target's time */
    double taken_ns;                  /* of recorder_cpu_ns, what no idle CPU had for it */
    uint64_t hits, on_ns, off_ns, cpu_ns, recorder_cpu_ns;
    unsigned windows;
};

/* While probes may be defined: measures what a hit costs here. */
void session_budget_prepare(struct session *self);
/* Capabilities to keep, as a mask for privileges_drop(). */
uint64_t session_budget_rights(const struct session *self);
/* The recording begins now. */
void session_budget_start(struct session *self);
/* `ring`: of the session of perf, a CPU. */
void session_budget_count(struct session *self, unsigned ring, const struct record *record);
/* Around what costs the same however long a window is, and is no part of going from one to the other: snapshots. */
uint64_t session_budget_edge_begins(const struct session *self);
void session_budget_edge_ends(struct session *self, uint64_t begun);
/* No later than then it wants to go on. */
uint64_t session_budget_wakes_ns(const struct session *self);
/* Once per round. */
int session_budget_go_on(struct session *self, struct error *err);
/* A part begins at this time: in a pause that began before, if one goes on. */
void session_budget_tell_pause(struct session *self, uint64_t now);
/* Before the definitions of probes are deleted; idempotent. */
void session_budget_release(struct session *self);
/* The last stretch ends. */
void session_budget_finish(struct session *self, struct budget_summary *out);
int session_budget_begin_facts(const struct session *self, struct trace_meta *out, struct error *err);
int session_budget_end_facts(const struct session *self, const struct budget_summary *summary,
                             struct trace_meta *out, struct error *err);

#endif
