#include "load/syscall_log.h"

#include <stdlib.h>

#include "load/goroutine_step.h"

struct call {
    uint32_t tid, stack, labels;
    uint64_t goid, start;
    uint64_t back; /* the thread is on a CPU again, since then; 0: it is not */
    uint64_t activity, syscall;
    uint64_t sleeps;
    bool is_assumed;   /* nobody has seen yet that the thread sleeps */
    struct call *next; /* spare */
};

void syscall_log_init(struct syscall_log *self)
{
    *self = (struct syscall_log){0};
    map_init(&self->by_tid);
}

void syscall_log_release(struct syscall_log *self)
{
    size_t position = 0;
    const struct map_slot *slot;
    while ((slot = map_next(&self->by_tid, &position)))
        free((void *)(uintptr_t)slot->value);
    map_release(&self->by_tid);
    while (self->spare) {
        struct call *next = self->spare->next;
        free(self->spare);
        self->spare = next;
    }
}

void syscall_log_forget(struct syscall_log *self)
{
    size_t position = 0;
    const struct map_slot *slot;
    while ((slot = map_next(&self->by_tid, &position))) {
        struct call *call = (struct call *)(uintptr_t)slot->value;
        call->next = self->spare;
        self->spare = call;
    }
    map_reset(&self->by_tid);
}

static struct call *find(const struct syscall_log *self, uint32_t tid)
{
    uint64_t pointer;
    return map_get(&self->by_tid, tid, &pointer) ? (struct call *)(uintptr_t)pointer : NULL;
}

static void drop(struct syscall_log *self, struct call *call)
{
    map_delete(&self->by_tid, call->tid);
    call->next = self->spare;
    self->spare = call;
}

static struct call *add(struct goroutine_tracker *tracker, uint32_t tid)
{
    struct syscall_log *self = &tracker->calls;
    struct call *call = self->spare ? self->spare : malloc(sizeof *call);
    if (call && call == self->spare)
        self->spare = call->next;
    if (!call || map_put(&self->by_tid, tid, (uintptr_t)call) < 0) {
        tracker->failed = true;
        free(call);
        return NULL;
    }
    *call = (struct call){.tid = tid};
    return call;
}

static const char *name_of(const struct goroutine_tracker *tracker, const struct call *call)
{
    if (call->activity == ACTIVITY_FOREIGN)
        return "cgo";
    const char *name =
        call->syscall ? syscall_name_of_number(tracker->calls.machine, call->syscall - 1) : NULL;
    return name ? name : symbolizer_stack_facts(tracker->with.symbols, call->stack).syscall;
}

/* end: 0: not over when the recording ends, at `until`. */
static void put(struct goroutine_tracker *tracker, const struct call *call, uint64_t end, uint64_t until,
                bool lost_p)
{
    struct goroutine *goroutine = goroutine_table_find(&tracker->table, call->goid);
    /* Otherwise events are missing, and nobody knows how long it went on. */
    if (!goroutine || goroutine->state != GOROUTINE_RUNNING || goroutine->tid != call->tid)
        return;
    goroutine->syscall_ns += (end ? end : until) - call->start;
    const char *name = name_of(tracker, call);
    int64_t lost = lost_p ? 1 : end && tracker->calls.tells_lost_p ? 0 : ROW_NULL;
    call_sums_add(tracker->with.call_sums,
                  &(struct call_sum_row){.name = name,
                                         .goid = call->goid,
                                         .stack = call->stack,
                                         .ns = (int64_t)((end ? end : until) - call->start),
                                         .is_open = end == 0,
                                         .lost_p = lost});
    row_writer_text(tracker->with.rows, ROW_SYSCALL, 2, name);
    row_writer_put(tracker->with.rows, ROW_SYSCALL,
                   (const int64_t[]){(int64_t)call->goid, call->tid, 0, (int64_t)call->start, row_id(end),
                                     (int64_t)call->sleeps, lost, symbolizer_stack_column(call->stack),
                                     row_id(call->labels)});
}

/* The thread does something else now. */
static void end(struct goroutine_tracker *tracker, struct call *call, uint64_t now, bool lost_p)
{
    if (!call->is_assumed)
        put(tracker, call, call->back ? call->back : now, 0, lost_p);
    drop(&tracker->calls, call);
}

/* Whoever is preempted in foreign code wants to run: in C code, or in the vDSO, where a goroutine that asks for the time is. */
static bool is_call(uint64_t activity, uint64_t state)
{
    return activity == ACTIVITY_SYSCALL || (activity == ACTIVITY_FOREIGN && state != THREAD_STATE_RUNNABLE);
}

static void on_off(struct goroutine_tracker *tracker, const struct event *event)
{
    uint64_t activity = event->f[THREAD_OFF_ACTIVITY], syscall = event->f[THREAD_OFF_SYSCALL];
    uint32_t stack = (uint32_t)event->f[THREAD_OFF_STACK];
    struct call *call = find(&tracker->calls, event->tid);
    bool sleeps = is_call(activity, event->f[THREAD_OFF_STATE]);
    if (call && !call->is_assumed && sleeps && call->activity == activity && call->stack == stack &&
        call->syscall == syscall) {
        call->sleeps++;
        call->back = 0;
        return;
    }
    if (call)
        end(tracker, call, event->time_ns, false);
    uint64_t goid = sleeps ? binding_goid(tracker->with.binding, event->tid) : 0;
    const struct goroutine *goroutine = goid ? goroutine_table_find(&tracker->table, goid) : NULL;
    if (!goroutine || goroutine->state != GOROUTINE_RUNNING || goroutine->tid != event->tid)
        return;
    call = add(tracker, event->tid);
    if (!call)
        return;
    call->goid = goid;
    call->start = event->time_ns;
    call->stack = stack;
    call->labels = goroutine->labels;
    call->activity = activity;
    call->syscall = syscall;
    call->sleeps = 1;
}

void syscall_log_thread(struct goroutine_tracker *tracker, const struct event *event)
{
    if (event->type == EV_THREAD_OFF) {
        on_off(tracker, event);
        return;
    }
    struct call *call = tracker->calls.by_tid.count ? find(&tracker->calls, event->tid) : NULL;
    if (!call || call->back)
        return;
    call->is_assumed = false;
    call->back = event->time_ns;
}

void syscall_log_assume(struct goroutine_tracker *tracker, const struct goroutine *goroutine, uint64_t since,
                        uint32_t stack)
{
    uint64_t off_since = 0, on_since;
    bool is_off = binding_is_off(tracker->with.binding, goroutine->tid, &off_since);
    if (!goroutine->tid || find(&tracker->calls, goroutine->tid) ||
        (!is_off && binding_is_on(tracker->with.binding, goroutine->tid, &on_since)))
        return;
    struct call *call = add(tracker, goroutine->tid);
    if (!call)
        return;
    call->goid = goroutine->goid;
    call->start = is_off && off_since > since ? off_since : since;
    call->stack = stack;
    call->labels = goroutine->labels;
    call->activity = ACTIVITY_SYSCALL;
    call->sleeps = 1;
    call->is_assumed = !is_off;
}

void syscall_log_event(struct goroutine_tracker *tracker, const struct event *event)
{
    struct call *call = find(&tracker->calls, event->tid);
    if (call)
        end(tracker, call, event->time_ns,
            (event->type == EV_P_LOST || event->type == EV_SYSCALL_NO_P) && event->f[0] == call->goid);
}

static int by_tid(const void *a, const void *b)
{
    const struct call *x = *(struct call *const *)a, *y = *(struct call *const *)b;
    return x->tid < y->tid ? -1 : x->tid > y->tid;
}

void syscall_log_finish(struct goroutine_tracker *tracker, uint64_t end_ns)
{
    struct syscall_log *self = &tracker->calls;
    struct call **list = malloc((self->by_tid.count + 1) * sizeof(struct call *));
    size_t position = 0, n = 0;
    const struct map_slot *slot;
    if (!list) {
        tracker->failed = true;
        return;
    }
    while ((slot = map_next(&self->by_tid, &position)))
        list[n++] = (struct call *)(uintptr_t)slot->value;
    qsort(list, n, sizeof *list, by_tid);
    /* A thread that has not moved for the whole recording does sleep. */
    for (size_t i = 0; i < n; i++)
        put(tracker, list[i], list[i]->back, end_ns, false);
    free(list);
}
