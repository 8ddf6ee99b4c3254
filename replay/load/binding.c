#include "load/binding.h"

#include <stdlib.h>

#include "base/map.h"
#include "load/sum_table.h"

enum presence { PRESENCE_UNKNOWN, ON_CPU, OFF_CPU };

/* What an EV_THREAD_OFF or an EV_THREAD_OUT tells. */
struct departure {
    uint64_t state;
    uint32_t next_tid, next_name; /* text */
    uint32_t function, stack;
    uint8_t activity; /* enum thread_activity + 1; 0: not known */
    int64_t syscall;  /* number, or ROW_NULL */
};

/* A row of thread_switch that is not written yet, and the stretch on the CPU before it. */
struct switch_row {
    bool is_pending, has_on;
    uint64_t time, on_since;
    uint16_t cpu, on_cpu;
};

struct thread {
    uint32_t tid;
    uint64_t goid; /* running on it; 0: none known */
    uint64_t
        parked; /* the goroutine whose park was the last thing that happened here; 0: something else did */
    int64_t p;
    enum presence presence;
    uint64_t since;     /* of the presence */
    uint64_t last_seen; /* last switch */
    uint16_t cpu;
    struct departure off; /* the last one */
    uint64_t off_goid;
    struct switch_row out; /* the switch of `off`, until the next one decides how it is written */
    uint32_t name;         /* text */
    uint32_t creator;
    bool was_started, has_exited;
    uint64_t start_ns, exit_ns;
};

struct binding {
    struct row_writer *rows;
    struct anomaly_log *anomalies;
    const struct symbolizer *symbols;
    struct gaps *gaps;
    struct sorted_index *by_tid; /* of packed_switch */
    struct map threads; /* tid → struct thread * */
    struct map names;   /* texts whose row is written */
    int64_t last_packed, last_plain;
    struct sum_table sums; /* thread_sum: by tid, kind, next_tid, next_name */
    bool failed;
};

static void put_sum(void *context, const struct sum *s)
{
    struct binding *self = context;
    row_writer_put(self->rows, ROW_THREAD_SUM,
                   (const int64_t[]){s->key[0], s->key[1], s->key[2], s->key[3], s->count, s->ns});
}

struct binding *binding_new(struct row_writer *rows, struct anomaly_log *anomalies,
                            const struct symbolizer *symbols, struct gaps *gaps, struct sorted_index *by_tid)
{
    struct binding *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    *self = (struct binding){.rows = rows, .anomalies = anomalies, .symbols = symbols, .gaps = gaps, .by_tid = by_tid};
    map_init(&self->threads);
    map_init(&self->names);
    sum_table_init(&self->sums, put_sum, self);
    return self;
}

void binding_free(struct binding *self)
{
    size_t position = 0;
    const struct map_slot *slot;
    if (!self)
        return;
    while ((slot = map_next(&self->threads, &position)))
        free((void *)(uintptr_t)slot->value);
    map_release(&self->threads);
    map_release(&self->names);
    sum_table_release(&self->sums);
    free(self);
}

int binding_check(const struct binding *self, struct error *err)
{
    return self->failed || self->sums.failed ? error_set(err, ERR_NOMEM, "out of memory") : 0;
}

static struct thread *find(const struct binding *self, uint32_t tid)
{
    uint64_t pointer;
    return map_get(&self->threads, tid, &pointer) ? (struct thread *)(uintptr_t)pointer : NULL;
}

/* NULL for thread 0, and when out of memory. */
static struct thread *get(struct binding *self, uint32_t tid)
{
    struct thread *thread = tid ? find(self, tid) : NULL;
    if (thread || !tid)
        return thread;
    thread = calloc(1, sizeof *thread);
    if (!thread || map_put(&self->threads, tid, (uintptr_t)thread) < 0) {
        free(thread);
        self->failed = true;
        return NULL;
    }
    thread->tid = tid;
    thread->p = ROW_NULL;
    return thread;
}

uint64_t binding_enter(struct binding *self, uint32_t tid, uint64_t goid, int64_t p)
{
    struct thread *thread = get(self, tid);
    if (!thread)
        return 0;
    uint64_t before = thread->goid != goid ? thread->goid : 0;
    thread->goid = goid;
    thread->parked = 0;
    thread->p = p;
    return before;
}

void binding_leave(struct binding *self, uint32_t tid, uint64_t goid, bool is_park)
{
    struct thread *thread = get(self, tid);
    if (!thread)
        return;
    thread->goid = 0;
    thread->parked = is_park ? goid : 0;
}

void binding_see(struct binding *self, uint32_t tid, uint64_t goid)
{
    struct thread *thread = get(self, tid);
    if (thread && thread->goid == 0)
        thread->goid = goid;
}

bool binding_parked_last(const struct binding *self, uint32_t tid, uint64_t goid)
{
    const struct thread *thread = find(self, tid);
    return thread && thread->parked == goid;
}

uint64_t binding_goid(const struct binding *self, uint32_t tid)
{
    const struct thread *thread = find(self, tid);
    return thread ? thread->goid : 0;
}

static bool is_present(const struct binding *self, uint32_t tid, enum presence presence, uint64_t *since_out)
{
    const struct thread *thread = find(self, tid);
    if (!thread || thread->presence != presence)
        return false;
    *since_out = thread->since;
    return true;
}

bool binding_is_on(const struct binding *self, uint32_t tid, uint64_t *since_out)
{
    return is_present(self, tid, ON_CPU, since_out);
}

bool binding_is_off(const struct binding *self, uint32_t tid, uint64_t *since_out)
{
    return is_present(self, tid, OFF_CPU, since_out);
}

int64_t binding_p(const struct binding *self, uint32_t tid)
{
    const struct thread *thread = find(self, tid);
    return thread ? thread->p : ROW_NULL;
}

/* ---- rows ---- */

static void put_thread(struct binding *self, const struct thread *thread)
{
    row_writer_text(self->rows, ROW_THREAD, 1, symbolizer_get_text(self->symbols, thread->name));
    row_writer_put(self->rows, ROW_THREAD,
                   (const int64_t[]){thread->tid, 0, row_id(thread->creator),
                                     thread->was_started ? (int64_t)thread->start_ns : ROW_NULL,
                                     thread->has_exited ? (int64_t)thread->exit_ns : ROW_NULL});
}

/* Ids of the views, as in round.c. */
#define ID_FACTOR 16777216
#define ID_FIRST  16

static int64_t next_plain_id(struct binding *self)
{
    int64_t least = self->last_packed * ID_FACTOR + ID_FIRST;
    self->last_plain = self->last_plain + 1 > least ? self->last_plain + 1 : least;
    return self->last_plain;
}

static int64_t name_column(struct binding *self, uint32_t text)
{
    uint64_t known;
    if (!text)
        return ROW_NULL;
    if (!map_get(&self->names, text, &known)) {
        if (map_put(&self->names, text, 1) < 0)
            self->failed = true;
        row_writer_text(self->rows, ROW_NAME, 1, symbolizer_get_text(self->symbols, text));
        row_writer_put(self->rows, ROW_NAME, (const int64_t[]){text, 0});
    }
    return text;
}

static void put_on(struct binding *self, const struct thread *thread, uint64_t since, int64_t end,
                   uint16_t cpu)
{
    row_writer_put(self->rows, ROW_PLAIN_THREAD_INTERVAL,
                   (const int64_t[]){next_plain_id(self), thread->tid, 1, (int64_t)since, end, cpu, ROW_NULL,
                                     ROW_NULL, ROW_NULL, ROW_NULL, 0, ROW_NULL});
}

static void put_off(struct binding *self, const struct thread *thread, int64_t end)
{
    const struct departure *off = &thread->off;
    row_writer_put(self->rows, ROW_PLAIN_THREAD_INTERVAL,
                   (const int64_t[]){next_plain_id(self), thread->tid, 0, (int64_t)thread->since, end,
                                     ROW_NULL, (int64_t)off->state, (int64_t)off->next_tid,
                                     name_column(self, off->next_name), row_id(thread->off_goid),
                                     off->activity, symbolizer_stack_column(off->stack)});
}

/* The last departure, when its return does not follow, and the stretch before it. */
static void put_out(struct binding *self, struct thread *thread)
{
    struct switch_row *out = &thread->out;
    const struct departure *off = &thread->off;
    if (!out->is_pending)
        return;
    out->is_pending = false;
    if (out->has_on)
        put_on(self, thread, out->on_since, (int64_t)out->time, out->on_cpu);
    row_writer_put(self->rows, ROW_PLAIN_SWITCH,
                   (const int64_t[]){next_plain_id(self), (int64_t)out->time, thread->tid, out->cpu, 0,
                                     (int64_t)off->state, (int64_t)off->next_tid,
                                     name_column(self, off->next_name), row_id(off->function), off->activity,
                                     symbolizer_stack_column(off->stack), off->syscall});
}

static void put_in(struct binding *self, const struct event *event)
{
    row_writer_put(self->rows, ROW_PLAIN_SWITCH,
                   (const int64_t[]){next_plain_id(self), (int64_t)event->time_ns, event->tid, event->cpu, 1,
                                     ROW_NULL, ROW_NULL, ROW_NULL, ROW_NULL, 0, ROW_NULL, ROW_NULL});
}

/* Bits of packed_switch.facts. */
enum { FACT_ON = 16, FACT_OFF = 32 };

/* thread_sum.kind, from 1 on by enum thread_activity + 1 of who sleeps. */
enum { KIND_ON_CPU, KIND_PREEMPTED };
static const uint8_t kinds_asleep[] = {7, 6, 4, 2, 3, 5};

static void add_to_sums(struct binding *self, const struct thread *thread, uint64_t off_ns)
{
    const struct departure *off = &thread->off;
    struct sum *sum;
    if (thread->out.has_on) {
        sum = sum_table_find(&self->sums,
                             (const int64_t[SUM_KEYS]){thread->tid, KIND_ON_CPU, ROW_NULL, ROW_NULL});
        if (sum)
            sum_add(sum, ROW_NULL, (int64_t)(thread->out.time - thread->out.on_since));
    }
    if (off->state == THREAD_STATE_RUNNABLE)
        sum = sum_table_find(&self->sums,
                             (const int64_t[SUM_KEYS]){thread->tid, KIND_PREEMPTED, (int64_t)off->next_tid,
                                                       name_column(self, off->next_name)});
    else
        sum = sum_table_find(&self->sums, (const int64_t[SUM_KEYS]){thread->tid, kinds_asleep[off->activity],
                                                                    ROW_NULL, ROW_NULL});
    if (sum)
        sum_add(sum, ROW_NULL, (int64_t)off_ns);
}

/* Out and in, with the stretches that they end. */
static void put_packed(struct binding *self, struct thread *thread, const struct event *in)
{
    struct switch_row *out = &thread->out;
    const struct departure *off = &thread->off;
    out->is_pending = false;
    add_to_sums(self, thread, in->time_ns - out->time);
    sorted_index_add(self->by_tid, thread->tid, ++self->last_packed);
    row_writer_put(
        self->rows, ROW_PACKED_SWITCH,
        (const int64_t[]){self->last_packed, thread->tid, (int64_t)out->time,
                          (int64_t)(in->time_ns - out->time),
                          off->activity | FACT_OFF | (out->has_on ? FACT_ON : 0), (int64_t)off->state,
                          out->cpu, in->cpu, out->has_on ? (int64_t)(out->time - out->on_since) : ROW_NULL,
                          out->has_on ? out->on_cpu : ROW_NULL, row_id(thread->off_goid),
                          (int64_t)off->next_tid, name_column(self, off->next_name), row_id(off->function),
                          symbolizer_stack_column(off->stack), off->syscall});
}

/* The system calls of all architectures have small numbers. */
#define SYSCALL_NUMBER_MAX 100000

static struct departure read_departure(const struct binding *self, const struct event *event)
{
    struct departure off = {.state = event->f[THREAD_OFF_STATE],
                            .next_tid = (uint32_t)event->f[THREAD_OFF_NEXT_TID],
                            .next_name = (uint32_t)event->f[THREAD_OFF_NEXT_NAME],
                            .syscall = ROW_NULL};
    if (event->type == EV_THREAD_OUT) {
        off.function = (uint32_t)event->f[THREAD_OUT_IP];
        return off;
    }
    uint64_t activity = event->f[THREAD_OFF_ACTIVITY], number = event->f[THREAD_OFF_SYSCALL];
    if (activity >= ACTIVITY_GO && activity <= ACTIVITY_RUNTIME)
        off.activity = (uint8_t)(activity - ACTIVITY_GO + 1);
    off.stack = (uint32_t)event->f[THREAD_OFF_STACK];
    off.function = symbolizer_stack_facts(self->symbols, off.stack).innermost;
    if (number && number <= SYSCALL_NUMBER_MAX)
        off.syscall = (int64_t)number - 1;
    return off;
}

/* ---- events ---- */

static void forget(struct binding *self, struct thread *thread)
{
    put_out(self, thread);
    put_thread(self, thread);
    map_delete(&self->threads, thread->tid);
    free(thread);
}

/* The present stretch ought to be one of the other kind: a switch is missing, and nobody knows when it ended. */
static void report_missing(struct binding *self, const struct thread *thread, const struct event *event,
                           const char *did)
{
    uint64_t gap_since;
    if (thread->presence != PRESENCE_UNKNOWN &&
        gaps_between(self->gaps, thread->last_seen, event->time_ns, &gap_since) == 0)
        anomaly_add(self->anomalies, ANOMALY_SWITCH_MISSING, (int64_t)event->time_ns, ROW_NULL, thread->tid,
                    1, "%s a CPU twice", did);
}

static void on_out(struct binding *self, struct thread *thread, const struct event *event)
{
    put_out(self, thread);
    bool has_on = thread->presence == ON_CPU;
    if (!has_on)
        report_missing(self, thread, event, "left");
    thread->out = (struct switch_row){.is_pending = true,
                                      .has_on = has_on,
                                      .time = event->time_ns,
                                      .on_since = thread->since,
                                      .cpu = event->cpu,
                                      .on_cpu = thread->cpu};
    thread->off = read_departure(self, event);
    thread->presence = OFF_CPU;
    thread->since = thread->last_seen = event->time_ns;
    thread->off_goid = thread->goid;
    /* A dead thread leaves its CPU once more, after its exit. */
    if (thread->has_exited)
        forget(self, thread);
}

static void on_in(struct binding *self, struct thread *thread, const struct event *event)
{
    if (thread->presence == OFF_CPU && thread->out.is_pending) {
        put_packed(self, thread, event);
    } else {
        if (thread->presence == ON_CPU)
            report_missing(self, thread, event, "entered");
        put_in(self, event);
    }
    thread->presence = ON_CPU;
    thread->since = thread->last_seen = event->time_ns;
    thread->cpu = event->cpu;
}

static void on_start(struct binding *self, const struct event *event)
{
    uint32_t tid = (uint32_t)event->f[THREAD_START_TID];
    struct thread *thread = tid ? find(self, tid) : NULL;
    if (thread && thread->has_exited)
        forget(self, thread);
    thread = get(self, tid);
    if (!thread)
        return;
    thread->creator = event->tid;
    thread->was_started = true;
    thread->start_ns = event->time_ns;
}

void binding_event(struct binding *self, const struct event *event)
{
    struct thread *thread = get(self, event->tid);
    if (event->type == EV_THREAD_START) {
        on_start(self, event);
        return;
    }
    if (!thread)
        return;
    switch (event->type) {
    case EV_THREAD_OUT:
    case EV_THREAD_OFF:
        on_out(self, thread, event);
        break;
    case EV_THREAD_IN:
        on_in(self, thread, event);
        break;
    case EV_THREAD_EXIT:
        thread->has_exited = true;
        thread->exit_ns = event->time_ns;
        break;
    case EV_THREAD_NAME:
        thread->name = (uint32_t)event->f[THREAD_NAME_NAME];
        break;
    default:
        break;
    }
}

static int by_tid(const void *a, const void *b)
{
    const struct thread *x = *(struct thread *const *)a, *y = *(struct thread *const *)b;
    return x->tid < y->tid ? -1 : x->tid > y->tid;
}

void binding_pause(struct binding *self, uint64_t time_ns)
{
    size_t position = 0;
    const struct map_slot *slot;
    while ((slot = map_next(&self->threads, &position))) {
        struct thread *thread = (struct thread *)(uintptr_t)slot->value;
        put_out(self, thread);
        if (thread->presence == ON_CPU)
            put_on(self, thread, thread->since, (int64_t)time_ns, thread->cpu);
        thread->presence = PRESENCE_UNKNOWN;
        thread->goid = thread->parked = 0;
        thread->p = ROW_NULL;
    }
}

void binding_finish(struct binding *self)
{
    struct thread **list = malloc((self->threads.count + 1) * sizeof *list);
    size_t position = 0, n = 0;
    const struct map_slot *slot;
    if (!list) {
        self->failed = true;
        return;
    }
    while ((slot = map_next(&self->threads, &position)))
        list[n++] = (struct thread *)(uintptr_t)slot->value;
    qsort(list, n, sizeof *list, by_tid);
    for (size_t i = 0; i < n; i++) {
        put_out(self, list[i]);
        if (list[i]->presence == ON_CPU && !list[i]->has_exited)
            put_on(self, list[i], list[i]->since, ROW_NULL, list[i]->cpu);
        else if (list[i]->presence == OFF_CPU && !list[i]->has_exited)
            put_off(self, list[i], ROW_NULL);
        put_thread(self, list[i]);
    }
    free(list);
    sum_table_flush(&self->sums);
}
