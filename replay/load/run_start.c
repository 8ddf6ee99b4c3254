#include "load/run_start.h"

#include <stdlib.h>
#include <string.h>

struct run_thread {
    uint64_t free_ns;            /* since then it may have begun to run a goroutine; 0: not known */
    uint64_t shown_ns;           /* the first moment since then at which it was running one; 0: not seen */
    bool is_off, was_scheduling; /* when it left its CPU */
    unsigned held_count;
    struct event held[RUN_START_HELD_MAX];
};

/*
 * Exact names: others begin with these. None that is probed (gopark, goexit0, goschedImpl …): a thread may be preempted at the
 * probe before its hit is handled, and then its goroutine has not left yet.
 */
static const char *const scheduler[] = {
    "runtime.schedule",      "runtime.findRunnable",   "runtime.findrunnable",   "runtime.stealWork",
    "runtime.runqsteal",     "runtime.runqgrab",       "runtime.stopm",          "runtime.stoplockedm",
    "runtime.gcstopm",       "runtime.park_m",         "runtime.gdestroy",       "runtime.resetspinning",
    "runtime.checkRunqsNoP", "runtime.checkTimersNoP", "runtime.checkIdleGCNoP", "runtime.pollWork",
    "runtime.startlockedm",
};

bool run_start_is_scheduler(const char *function)
{
    for (size_t i = 0; i < sizeof scheduler / sizeof scheduler[0]; i++) {
        if (strcmp(function, scheduler[i]) == 0)
            return true;
    }
    return false;
}

void run_starts_init(struct run_starts *self)
{
    *self = (struct run_starts){.failed = false};
    map_init(&self->by_tid);
}

void run_starts_release(struct run_starts *self)
{
    size_t position = 0;
    const struct map_slot *slot;
    while ((slot = map_next(&self->by_tid, &position)))
        free((void *)(uintptr_t)slot->value);
    map_release(&self->by_tid);
}

static struct run_thread *find(const struct run_starts *self, uint32_t tid)
{
    uint64_t pointer;
    return map_get(&self->by_tid, tid, &pointer) ? (struct run_thread *)(uintptr_t)pointer : NULL;
}

/* NULL when out of memory. */
static struct run_thread *get(struct run_starts *self, uint32_t tid)
{
    struct run_thread *thread = find(self, tid);
    if (thread)
        return thread;
    thread = calloc(1, sizeof *thread);
    if (!thread || map_put(&self->by_tid, tid, (uintptr_t)thread) < 0) {
        free(thread);
        self->failed = true;
        return NULL;
    }
    return thread;
}

static void set_free(struct run_thread *thread, uint64_t time_ns)
{
    thread->free_ns = time_ns;
    thread->shown_ns = 0;
    thread->held_count = 0;
}

void run_start_left(struct run_starts *self, uint32_t tid, uint64_t time_ns)
{
    struct run_thread *thread = tid ? get(self, tid) : NULL;
    if (thread)
        set_free(thread, time_ns);
}

static void hold(struct run_thread *thread, const struct event *event)
{
    if (thread->held_count < RUN_START_HELD_MAX)
        thread->held[thread->held_count++] = *event;
}

static void on_off(struct run_thread *thread, const struct symbolizer *symbols, const struct event *event)
{
    uint64_t activity = event->f[THREAD_OFF_ACTIVITY];
    uint32_t stack = (uint32_t)event->f[THREAD_OFF_STACK];
    thread->is_off = true;
    thread->was_scheduling = activity == ACTIVITY_IDLE || symbolizer_stack_facts(symbols, stack).is_scheduler;
    if (!thread->shown_ns && (activity == ACTIVITY_SYSCALL || activity == ACTIVITY_FOREIGN))
        thread->shown_ns = event->time_ns;
}

void run_start_thread(struct run_starts *self, const struct symbolizer *symbols, const struct event *event,
                      uint64_t goid)
{
    if (event->type == EV_THREAD_START) {
        /* What has this number from now on; the event is its creator's. */
        run_start_left(self, (uint32_t)event->f[THREAD_START_TID], event->time_ns);
        return;
    }
    struct run_thread *thread = event->tid ? get(self, event->tid) : NULL;
    if (!thread)
        return;
    if (event->type == EV_THREAD_EXIT) {
        map_delete(&self->by_tid, event->tid);
        free(thread);
        return;
    }
    if (goid)
        return;
    if (event->type == EV_THREAD_OFF) {
        on_off(thread, symbols, event);
        if (!thread->was_scheduling)
            hold(thread, event);
    } else if (event->type == EV_THREAD_IN) {
        if (thread->is_off && thread->was_scheduling)
            set_free(thread, event->time_ns);
        else
            hold(thread, event);
        thread->is_off = false;
    }
}

bool run_start_is_known(const struct run_starts *self, uint32_t tid)
{
    const struct run_thread *thread = find(self, tid);
    return thread && thread->free_ns;
}

struct run_start run_start_infer(struct run_starts *self, uint32_t tid, uint64_t since, uint64_t now,
                                 struct run_held *held_out)
{
    const struct run_thread *thread = find(self, tid);
    uint64_t earliest = since, latest = now;
    *held_out = (struct run_held){NULL, 0};
    if (thread) {
        if (thread->free_ns > earliest)
            earliest = thread->free_ns;
        if (thread->shown_ns >= earliest && thread->shown_ns)
            latest = thread->shown_ns;
        *held_out = (struct run_held){thread->held, thread->held_count};
    }
    if (earliest > now)
        earliest = now;
    if (latest < earliest)
        latest = earliest;
    return (struct run_start){.time_ns = earliest, .bound_ns = latest - earliest};
}
