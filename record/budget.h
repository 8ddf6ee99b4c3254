/*
 * How much a recording may cost, and what is given up when it costs more: pure arithmetic on what the session counts
 * (session_budget.c), without clock, probes or files.
 *
 * The share is the estimated time that the target's threads spend in our probes and in switching our events, of the CPU time
 * that the target uses meanwhile (probes included). What the recorder uses itself while no CPU is idle makes pauses longer, but
 * is no reason for the first: less of it would not be recorded cheaper. Above `warn` one message;
 * above `thin` one step after the other, each a decision that the session carries out and declares in the trace:
 *
 *   drop     the dearest of the classes that may go; it does not come back. When even so too much is left, windows at once
 *   windows  recording only part of the time; the part is set anew after each cycle
 *   full     back to recording all of the time, when that would cost less than 0.7 of `thin` three cycles in a row
 *   stop     when even the least part, BUDGET_ON_MIN_NS in BUDGET_CYCLE_MAX_NS, costs more, two cycles in a row
 *
 * A step needs two looks in a row above `thin`, or one above twice `thin`. What was spent above what `thin` allows is a debt
 * that the pauses to come pay back. What costs less than BUDGET_FLOOR of one CPU is within any budget: a target that does next
 * to nothing is left alone.
 */
#ifndef GOTAPE_RECORD_BUDGET_H
#define GOTAPE_RECORD_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "format/event.h"

#define BUDGET_WARN_DEFAULT 0.05
#define BUDGET_THIN_DEFAULT 0.20
#define BUDGET_LOOK_NS      250000000ull /* while recording all of the time */
#define BUDGET_EARLY_NS     120000000ull /* a look may come as early when it shows twice `thin` */
#define BUDGET_ON_MIN_NS    200000000ull /* a shorter window shows no wait of interest */
#define BUDGET_CUT_NS       60000000ull  /* but one that turns out too dear ends as early */
#define BUDGET_CYCLE_NS     1000000000ull /* on and off, as long as the window does not get too short */
#define BUDGET_CYCLE_MAX_NS 20000000000ull
#define BUDGET_FLOOR        0.03

const char *budget_class_name(enum budget_class class);

struct budget_limits {
    bool is_off;
    double warn, thin; /* shares, 0.05 is 5 %; thin: 0: only warn */
};

/* "off", "5%", "5%,20%". ERR_USAGE without the option's name. */
int budget_limits_parse(const char *text, struct budget_limits *out, struct error *err);

/* What was counted since the look before: one stretch of recording, in windows followed by one of not recording. */
struct budget_look {
    uint64_t on_ns, off_ns;         /* time recorded, and not */
    uint64_t on_cpu_ns, off_cpu_ns; /* of the target */
    double cost_ns[BUDGET_CLASS_COUNT]; /* of the target's CPU time */
    double own_ns;                      /* the recorder's CPU time, as far as it counts */
    double own_edge_ns;                 /* of that, what is also part of edge_ns */
    double edge_ns; /* of these two, what windows, or the beginning, take however long they are: opening and closing events,
                       snapshots */
};

struct budget_decision {
    enum budget_step step;
    bool has_windows;        /* DROP: and windows, in the same pause */
    enum budget_class class; /* DROP */
    double share;            /* of the target's time, that led to it */
    double limit;            /* warn or thin */
    uint64_t on_ns, off_ns;  /* WINDOWS; and NONE while in windows: the next cycle. The pause comes first */
};

struct budget {
    struct budget_limits limits;
    bool may_drop[BUDGET_CLASS_COUNT]; /* and has not been */
    bool in_windows, is_stopped;
    bool has_warned, has_dropped;
    unsigned above_warn, above, below; /* looks in a row */
    unsigned unfit;                    /* cycles in a row */
    uint64_t edge_ns;                  /* the session tells: how long the last edges of a window took */
    double debt_ns;                    /* spent above what is allowed; negative: below */
    double planned_ns;                 /* the window that comes may cost */
};

/* may_drop: classes that are recorded and can be left out; NULL: none. */
void budget_init(struct budget *self, const struct budget_limits *limits,
                 const bool may_drop[BUDGET_CLASS_COUNT]);
/* Prices are estimates, but hits cannot have cost more than the target's time: all classes are lessened alike when they are
 * said to have left it next to nothing for its own work. */
void budget_look_bound(struct budget_look *look);
/* The share of a look, edges and all: 0 when nothing is known. */
double budget_share(const struct budget_look *look);
struct budget_decision budget_decide(struct budget *self, const struct budget_look *look);
/* In the middle of what will be one: is it so dear already that it had better end here? */
bool budget_is_urgent(const struct budget *self, const struct budget_look *look);

#endif
