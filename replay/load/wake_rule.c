#include "load/wake_rule.h"

#include <stddef.h>
#include <string.h>

static const char *const names[WAKER_KIND_COUNT] = {
    [WAKER_UNKNOWN] = "unknown",
    [WAKER_GOROUTINE] = "goroutine",
    [WAKER_TIMER] = "timer",
    [WAKER_NET] = "net",
    [WAKER_GC] = "gc",
    [WAKER_SCHEDULER] = "scheduler",
    [WAKER_NONE_YET] = "none_yet",
};

const char *waker_kind_name(enum waker_kind kind)
{
    return (unsigned)kind < WAKER_KIND_COUNT ? names[kind] : "unknown";
}

/* Prefixes of function names, Go 1.18 to 1.27. A read deadline is a timer too, but what it ends is the wait
 * for the descriptor: its functions are further in than the timer's and so are found first. */
static const struct {
    const char *prefix;
    enum waker_kind kind;
} functions[] = {
    {"runtime.netpoll", WAKER_NET},
    {"internal/poll.runtime_poll", WAKER_NET},
    {"runtime.goroutineReady", WAKER_TIMER},
    {"time.sendTime", WAKER_TIMER},
    {"time.goFunc", WAKER_TIMER},
    {"runtime.(*timer", WAKER_TIMER}, /* and (*timers) */
    {"runtime.runtimer", WAKER_TIMER},
    {"runtime.runOneTimer", WAKER_TIMER},
    {"runtime.checkTimers", WAKER_TIMER},
    {"runtime.gc", WAKER_GC},
    {"runtime.bgsweep", WAKER_GC},
    {"runtime.bgscavenge", WAKER_GC},
    {"runtime.(*gc", WAKER_GC},
    {"runtime.(*scavenger", WAKER_GC},
    {"runtime.resumeG", WAKER_GC},
    {"runtime.wakefing", WAKER_SCHEDULER},
    {"runtime.injectglist", WAKER_SCHEDULER},
    {"runtime.sysmon", WAKER_SCHEDULER},
    {"runtime.findRunnable", WAKER_SCHEDULER},
    {"runtime.findrunnable", WAKER_SCHEDULER},
    {"runtime.schedule", WAKER_SCHEDULER},
};

enum waker_kind wake_rule_of_function(const char *function)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strncmp(function, functions[i].prefix, strlen(functions[i].prefix)) == 0)
            return functions[i].kind;
    }
    return WAKER_UNKNOWN;
}

enum waker_kind wake_rule_of_wait(enum wait_class class, bool is_timer_channel)
{
    switch (class) {
    case WAIT_SLEEP:
        return WAKER_TIMER;
    case WAIT_NET:
        return WAKER_NET;
    case WAIT_GC:
        return WAKER_GC;
    case WAIT_RUNTIME:
        return WAKER_SCHEDULER;
    default:
        return is_timer_channel ? WAKER_TIMER : WAKER_UNKNOWN;
    }
}

enum waker_kind wake_rule_of_silent(enum wait_class class)
{
    return class == WAIT_GC ? WAKER_GC : class == WAIT_NET ? WAKER_NET : WAKER_SCHEDULER;
}

enum channel_op wake_rule_channel_op(const char *function)
{
    static const struct {
        const char *name;
        enum channel_op op;
    } ops[] = {
        {"runtime.send", CHANNEL_SEND},      {"runtime.chansend", CHANNEL_SEND},
        {"runtime.chansend1", CHANNEL_SEND}, {"runtime.recv", CHANNEL_RECV},
        {"runtime.chanrecv", CHANNEL_RECV},  {"runtime.chanrecv1", CHANNEL_RECV},
        {"runtime.chanrecv2", CHANNEL_RECV}, {"runtime.closechan", CHANNEL_ANY},
        {"runtime.selectgo", CHANNEL_ANY},
    };
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(function, ops[i].name) == 0)
            return ops[i].op;
    }
    return CHANNEL_NONE;
}
