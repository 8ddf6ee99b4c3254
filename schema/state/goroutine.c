#include "state/goroutine.h"

#include <stddef.h>

static const char *const state_names[GOROUTINE_STATE_COUNT] = {
    [GOROUTINE_UNKNOWN] = "unknown", [GOROUTINE_RUNNABLE] = "runnable",   [GOROUTINE_RUNNING] = "running",
    [GOROUTINE_WAITING] = "waiting", [GOROUTINE_PREEMPTED] = "preempted", [GOROUTINE_DEAD] = "dead",
};

const char *goroutine_state_name(enum goroutine_state state)
{
    return (unsigned)state < GOROUTINE_STATE_COUNT ? state_names[state] : "?";
}

/* Where each step leads, from whatever state. A net event is the exception: it moves waiting goroutines only.
 */
static const enum goroutine_state step_target[STEP_COUNT] = {
    [STEP_CREATE] = GOROUTINE_RUNNABLE,        [STEP_CREATE_PARKED] = GOROUTINE_WAITING,
    [STEP_EXEC] = GOROUTINE_RUNNING,           [STEP_EXEC_INHERIT] = GOROUTINE_RUNNING,
    [STEP_PARK] = GOROUTINE_WAITING,           [STEP_READY] = GOROUTINE_RUNNABLE,
    [STEP_NET_READY] = GOROUTINE_RUNNABLE,     [STEP_END] = GOROUTINE_DEAD,
    [STEP_SCHED] = GOROUTINE_RUNNABLE,         [STEP_YIELD] = GOROUTINE_RUNNABLE,
    [STEP_PREEMPT_PARK] = GOROUTINE_PREEMPTED, [STEP_SYSCALL_NO_P] = GOROUTINE_RUNNABLE,
    [STEP_CORO_OUT] = GOROUTINE_WAITING,       [STEP_CORO_EXIT] = GOROUTINE_DEAD,
    [STEP_CORO_IN] = GOROUTINE_RUNNING,
};

enum rule {
    NO = 0,  /* illegal */
    YES,     /* legal */
    SILENT,  /* legal when the wait reason ends without a wake */
    ABORT,   /* legal when the park was aborted, or as SILENT */
    RACE,    /* legal when a net event had made it runnable */
    NOTHING, /* legal, without effect */
};

/*
 * One row a state, in the order of enum goroutine_step. What an unobserved goroutine does is always possible;
 * goids are never reused, so a create of a known one is not.
 */
/* clang-format off */
static const unsigned char rules[GOROUTINE_STATE_COUNT][STEP_COUNT] = {
    /*                       create parked exec    inherit park ready net      end  sched yield ppark sysnop out  exit in */
    [GOROUTINE_UNKNOWN]   = {YES,   YES,   YES,    YES,    YES, YES,  YES,     YES, YES,  YES,  YES,  YES,   YES, YES, YES},
    [GOROUTINE_RUNNABLE]  = {NO,    NO,    YES,    YES,    NO,  RACE, NOTHING, NO,  NO,   NO,   NO,   NO,    NO,  NO,  NO},
    [GOROUTINE_RUNNING]   = {NO,    NO,    NO,     NO,     YES, NO,   NOTHING, YES, YES,  YES,  YES,  YES,   YES, YES, NO},
    [GOROUTINE_WAITING]   = {NO,    NO,    SILENT, ABORT,  NO,  YES,  YES,     NO,  NO,   NO,   NO,   NO,    NO,  NO,  YES},
    [GOROUTINE_PREEMPTED] = {NO,    NO,    NO,     NO,     NO,  YES,  NOTHING, NO,  NO,   NO,   NO,   NO,    NO,  NO,  NO},
    [GOROUTINE_DEAD]      = {NO,    NO,    NO,     NO,     NO,  NO,   NOTHING, NO,  NO,   NO,   NO,   NO,    NO,  NO,  NO},
};
/* clang-format on */

struct goroutine_transition goroutine_step(enum goroutine_state from, enum goroutine_step step)
{
    struct goroutine_transition t = {.to = from};
    if ((unsigned)from >= GOROUTINE_STATE_COUNT || (unsigned)step >= STEP_COUNT)
        return t;
    enum rule rule = (enum rule)rules[from][step];
    t.legal = rule != NO;
    t.needs_silent_wake = rule == SILENT || rule == ABORT;
    t.needs_same_thread = rule == ABORT;
    t.needs_net_wake = rule == RACE;
    t.is_void = rule == NOTHING;
    if (!t.is_void)
        t.to = step_target[step];
    return t;
}

struct goroutine_transition goroutine_step_without_runs(enum goroutine_state from, enum goroutine_step step)
{
    struct goroutine_transition t = goroutine_step(from, step);
    if (t.to == GOROUTINE_RUNNABLE || t.to == GOROUTINE_RUNNING || t.to == GOROUTINE_PREEMPTED)
        t.to = GOROUTINE_UNKNOWN;
    bool is_create = step == STEP_CREATE || step == STEP_CREATE_PARKED;
    if (from == GOROUTINE_WAITING && (unsigned)step < STEP_COUNT && !is_create &&
        (!t.legal || t.needs_silent_wake)) {
        t.needs_silent_wake = t.needs_same_thread = false;
        t.legal = t.needs_unseen_wake = true;
    }
    return t;
}
