/*
 * A second opinion on a trace, made without any of the loader's code: order and promises of the chunks, the
 * life of each goroutine, and whether every park is ended by something. Exit status 0: all is well; 1: not a
 * trace; 3: violations. After lost records nothing about goroutines can be proved any more: what looks
 * illegal then is counted as doubtful.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/opt.h"
#include "format/event_spec.h"
#include "format/trace_reader.h"

#define SHOWN_MAX  20
#define RINGS      65536
#define WOKEN_BY_G 2 /* larger values in a pollDesc are addresses of a g (runtime/netpoll.go) */

enum life { UNSEEN, RUNNABLE, RUNNING, WAITING, PREEMPTED, DEAD };
static const char *const life_names[] = {"unseen", "runnable", "running", "waiting", "preempted", "dead"};

struct goroutine {
    enum life life;
    uint32_t tid;   /* where it runs, or ran last */
    bool park_seen; /* this wait began by an event that we saw */
    bool silent;    /* the scheduler may end this wait without telling */
    bool scavenger; /* sysmon ends any wait of the scavenger, its sleep too */
    bool net_woken; /* a deadline may still come */
};

/* Printed in this order. */
#define COUNTERS(X)                                                                                          \
    X(events)                                                                                                \
    X(goroutines)                                                                                            \
    X(parks)                                                                                                 \
    X(readies)                                                                                               \
    X(net_wakes)                                                                                             \
    X(system_wakes)                                                                                          \
    X(coroutine_wakes)                                                                                       \
    X(aborted)                                                                                               \
    X(still_parked)                                                                                          \
    X(unbalanced)                                                                                            \
    X(illegal)                                                                                               \
    X(doubtful)                                                                                              \
    X(off_cpu)                                                                                               \
    X(order)                                                                                                 \
    X(damage)                                                                                                \
    X(unknown_ids)                                                                                           \
    X(time_steps_back)                                                                                       \
    X(late)                                                                                                  \
    X(late_told)                                                                                             \
    X(unjudged)                                                                                              \
    X(lost)

struct counters {
#define X(name) uint64_t name;
    COUNTERS(X)
#undef X
};

struct waiting_event {
    struct event event;
    uint64_t time, arrival; /* what it is sorted by: never back within a ring */
};

struct check {
    struct counters n;
    struct trace_reader *reader;
    struct goroutine *goroutines;
    size_t goroutine_capacity;
    struct map by_goid, by_g; /* goid → place in goroutines; address of g → goid */
    struct map off;           /* tid → 1 while it is off its CPU */
    struct waiting_event *queue;
    size_t queued, queue_capacity;
    uint64_t ring_time[RINGS];
    uint64_t watermark, arrivals;
    unsigned shown;
};

__attribute__((format(printf, 3, 4))) static void complain(struct check *self, uint64_t *counter,
                                                           const char *format, ...)
{
    ++*counter;
    if (self->shown++ >= SHOWN_MAX)
        return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "trace_check: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
}

static void out_of_memory(void)
{
    fprintf(stderr, "trace_check: out of memory\n");
    exit(1);
}

/* ---- goroutines ---- */

static struct goroutine *find(struct check *self, uint64_t goid)
{
    uint64_t place;
    if (map_get(&self->by_goid, goid, &place))
        return &self->goroutines[place];
    if (self->n.goroutines == self->goroutine_capacity) {
        self->goroutine_capacity = self->goroutine_capacity ? 2 * self->goroutine_capacity : 256;
        self->goroutines = realloc(self->goroutines, self->goroutine_capacity * sizeof *self->goroutines);
        if (!self->goroutines)
            out_of_memory();
    }
    if (map_put(&self->by_goid, goid, self->n.goroutines) != 0)
        out_of_memory();
    self->goroutines[self->n.goroutines] = (struct goroutine){.life = UNSEEN};
    return &self->goroutines[self->n.goroutines++];
}

static void know_g(struct check *self, uint64_t g, uint64_t goid)
{
    if (g && map_put(&self->by_g, g, goid) != 0)
        out_of_memory();
}

static void illegal(struct check *self, const struct event *e, uint64_t goid, const struct goroutine *g)
{
    uint64_t *counter = self->n.lost ? &self->n.doubtful : &self->n.illegal;
    complain(self, counter,
             "at %" PRIu64 ": %s of goroutine %" PRIu64 " on thread %" PRIu32 ", which is %s (thread %" PRIu32
             ")",
             e->time_ns, event_spec_get(e->type)->name, goid, e->tid, life_names[g->life], g->tid);
}

/* The goroutine does something itself: it must be running, on this thread. */
static struct goroutine *acts(struct check *self, const struct event *e)
{
    struct goroutine *g = find(self, e->f[0]);
    if (g->life != UNSEEN && (g->life != RUNNING || g->tid != e->tid))
        illegal(self, e, e->f[0], g);
    g->tid = e->tid;
    return g;
}

static void begin_wait(struct check *self, struct goroutine *g, bool silent)
{
    self->n.parks++;
    g->life = WAITING;
    g->park_seen = true;
    g->silent = silent;
    g->net_woken = false;
}

/* A wait is over by what `counter` counts; waits that began before the recording do not count. */
static void end_wait(struct goroutine *g, uint64_t *counter)
{
    if (g->life == WAITING && g->park_seen)
        ++*counter;
    g->park_seen = false;
}

/* The runtime's text of a wait reason; NULL when unknown. */
static const char *reason_name(struct check *self, uint64_t reason)
{
    char key[48];
    snprintf(key, sizeof key, "go.wait_reason.%" PRIu64, reason);
    return trace_meta_get(trace_reader_meta(self->reader), key);
}

/* Reasons of waits that the scheduler ends on its own (garbage collection and other workers of the runtime).
 */
static bool is_silent(const char *name)
{
    static const char *const words[] = {"GC",    "gc",      "garbage",  "finalizer", "cleanup", "trace",
                                        "flush", "updater", "stopping", "preempted", "debug",   "dumping"};
    for (size_t i = 0; name && i < sizeof words / sizeof *words; i++) {
        if (strstr(name, words[i]))
            return true;
    }
    return name == NULL;
}

static void on_create(struct check *self, const struct event *e)
{
    struct goroutine *g = find(self, e->f[CREATE_GOID]);
    if (g->life != UNSEEN)
        illegal(self, e, e->f[CREATE_GOID], g);
    *g = (struct goroutine){.life = e->f[CREATE_STATUS] == GO_STATUS_WAITING ? WAITING : RUNNABLE,
                            .tid = e->tid};
    know_g(self, e->f[CREATE_G], e->f[CREATE_GOID]);
}

static void on_exec(struct check *self, const struct event *e)
{
    struct goroutine *g = find(self, e->f[EXEC_GOID]);
    if (g->life == WAITING && e->f[EXEC_INHERIT] && g->tid == e->tid && g->park_seen)
        end_wait(g, &self->n.aborted);
    else if (g->life == WAITING && g->silent)
        end_wait(g, &self->n.system_wakes);
    else if (g->life != UNSEEN && g->life != RUNNABLE)
        illegal(self, e, e->f[EXEC_GOID], g);
    g->life = RUNNING;
    g->tid = e->tid;
    g->net_woken = false;
    know_g(self, e->f[EXEC_G], e->f[EXEC_GOID]);
}

static void on_park(struct check *self, const struct event *e)
{
    const char *reason = reason_name(self, e->f[PARK_REASON]);
    struct goroutine *g = acts(self, e);
    g->scavenger |= reason && strcmp(reason, "GC scavenge wait") == 0;
    begin_wait(self, g, g->scavenger || is_silent(reason));
    know_g(self, e->f[PARK_G], e->f[PARK_GOID]);
}

static void on_ready(struct check *self, const struct event *e)
{
    struct goroutine *g = find(self, e->f[READY_GOID]);
    if (g->life == RUNNING || g->life == DEAD || (g->life == RUNNABLE && !g->net_woken))
        illegal(self, e, e->f[READY_GOID], g);
    end_wait(g, &self->n.readies);
    g->life = RUNNABLE;
    g->net_woken = false;
}

static void net_wake(struct check *self, uint64_t address)
{
    uint64_t goid;
    if (address <= WOKEN_BY_G || !map_get(&self->by_g, address, &goid))
        return;
    struct goroutine *g = find(self, goid);
    if (g->life != WAITING)
        return;
    end_wait(g, &self->n.net_wakes);
    g->life = RUNNABLE;
    g->net_woken = true;
}

static void on_net(struct check *self, const struct event *e)
{
    uint64_t mode = e->f[NET_MODE];
    if (mode == NET_MODE_READ || mode == NET_MODE_BOTH)
        net_wake(self, e->f[NET_READ_G]);
    if (mode == NET_MODE_WRITE || mode == NET_MODE_BOTH)
        net_wake(self, e->f[NET_WRITE_G]);
}

static void on_coro(struct check *self, const struct event *e)
{
    uint64_t goid;
    struct goroutine *from = acts(self, e);
    if (e->f[CORO_EXITING])
        from->life = DEAD;
    else
        begin_wait(self, from, false);
    if (!map_get(&self->by_g, e->f[CORO_TO_G], &goid))
        return;
    struct goroutine *to = find(self, goid);
    if (to->life != UNSEEN && to->life != WAITING)
        illegal(self, e, goid, to);
    end_wait(to, &self->n.coroutine_wakes);
    to->life = RUNNING;
    to->tid = e->tid;
}

/* A thread does something: it must not have been taken off its CPU. */
static void check_thread(struct check *self, const struct event *e)
{
    uint64_t *off = map_find(&self->off, e->tid);
    if (e->type == EV_LOST || e->type == EV_NOTE || e->tid == 0)
        return;
    if (off && *off && e->type != EV_THREAD_IN && !self->n.lost)
        complain(self, &self->n.off_cpu, "at %" PRIu64 ": %s on thread %" PRIu32 ", which is off its CPU",
                 e->time_ns, event_spec_get(e->type)->name, e->tid);
    if (map_put(&self->off, e->tid, e->type == EV_THREAD_OUT) != 0)
        out_of_memory();
}

static void check_event(struct check *self, const struct event *e)
{
    self->n.events++;
    check_thread(self, e);
    switch (e->type) {
    case EV_CREATE:
        on_create(self, e);
        break;
    case EV_EXEC:
        on_exec(self, e);
        break;
    case EV_PARK:
        on_park(self, e);
        break;
    case EV_SELECT:
        acts(self, e)->life = RUNNING;
        break;
    case EV_READY:
        on_ready(self, e);
        break;
    case EV_NET:
        on_net(self, e);
        break;
    case EV_END:
        acts(self, e)->life = DEAD;
        break;
    case EV_SCHED:
    case EV_YIELD:
    case EV_SYSCALL_NO_P:
        acts(self, e)->life = RUNNABLE;
        break;
    case EV_PREEMPT_PARK:
        acts(self, e)->life = PREEMPTED;
        break;
    case EV_CORO:
        on_coro(self, e);
        break;
    case EV_LOST:
        self->n.lost += e->f[LOST_COUNT];
        break;
    case EV_NOTE:
        if (e->f[NOTE_CODE] == NOTE_LATE)
            self->n.late_told += e->f[NOTE_VALUE];
        break;
    default:
        break;
    }
}

/* ---- order ---- */

static int by_time(const void *a, const void *b)
{
    const struct waiting_event *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->arrival < y->arrival ? -1 : x->arrival > y->arrival;
}

static void enqueue(struct check *self, const struct event *e)
{
    uint64_t *ring_time = &self->ring_time[e->cpu];
    if (self->queued == self->queue_capacity) {
        self->queue_capacity = self->queue_capacity ? 2 * self->queue_capacity : 65536;
        self->queue = realloc(self->queue, self->queue_capacity * sizeof *self->queue);
        if (!self->queue)
            out_of_memory();
    }
    self->n.late += e->time_ns < self->watermark && e->type != EV_NOTE && e->type != EV_LOST;
    self->n.time_steps_back += e->time_ns < *ring_time;
    if (e->time_ns > *ring_time)
        *ring_time = e->time_ns;
    self->queue[self->queued++] =
        (struct waiting_event){.event = *e, .time = *ring_time, .arrival = self->arrivals++};
}

static void release_before(struct check *self, uint64_t time, bool all)
{
    size_t done = 0;
    if (self->queued == 0)
        return;
    qsort(self->queue, self->queued, sizeof *self->queue, by_time);
    while (done < self->queued && (all || self->queue[done].time < time))
        check_event(self, &self->queue[done++].event);
    memmove(self->queue, self->queue + done, (self->queued - done) * sizeof *self->queue);
    self->queued -= done;
}

/* ---- chunks ---- */

static bool is_known(const struct trace_reader *reader, enum field_kind kind, uint64_t id)
{
    uint32_t small = id > UINT32_MAX ? UINT32_MAX : (uint32_t)id;
    switch (kind) {
    case FIELD_STACK:
        return trace_reader_stack(reader, small);
    case FIELD_LOCATION:
        return trace_reader_location(reader, small);
    case FIELD_STRING:
        return trace_reader_string(reader, small, NULL);
    case FIELD_OBJECT:
        return trace_reader_object(reader, small);
    case FIELD_SET:
        return trace_reader_set(reader, small);
    default:
        return true;
    }
}

static void check_ids(struct check *self, const struct event *e)
{
    const struct event_spec *spec = event_spec_get(e->type);
    for (unsigned i = 0; i < spec->field_count; i++) {
        if (e->f[i] && !is_known(self->reader, spec->fields[i].kind, e->f[i]))
            complain(self, &self->n.unknown_ids, "at %" PRIu64 ": %s %" PRIu64 " of %s is not defined",
                     e->time_ns, spec->fields[i].name, e->f[i], spec->name);
    }
}

static void check_end(struct check *self, const struct trace_meta *totals)
{
    const char *events = trace_meta_get(totals, "end.events");
    uint64_t told = events ? strtoull(events, NULL, 10) : 0;
    if (told != self->arrivals && !self->n.damage)
        complain(self, &self->n.order, "the end tells of %" PRIu64 " events, there are %" PRIu64, told,
                 self->arrivals);
}

static void check_chunk(struct check *self, const struct trace_chunk *chunk)
{
    const struct chunk_header *header = &chunk->header;
    if (chunk->damage && chunk->damage->kind != DAMAGE_NO_END)
        complain(self, &self->n.damage, "damage at byte %" PRIu64 ": %s", chunk->damage->offset,
                 chunk->damage->message);
    if (header->kind == 0)
        return;
    uint64_t lost = 0, first = UINT64_MAX, last = 0;
    for (uint32_t i = 0; i < chunk->event_count; i++) {
        const struct event *e = &chunk->events[i];
        lost += e->type == EV_LOST ? e->f[LOST_COUNT] : 0;
        first = e->time_ns < first ? e->time_ns : first;
        last = e->time_ns > last ? e->time_ns : last;
        check_ids(self, e);
        enqueue(self, e);
    }
    if (lost != header->lost_count)
        complain(self, &self->n.order, "chunk %" PRIu64 " tells of other losses than its events",
                 header->sequence);
    if (chunk->event_count && (first != header->first_time_ns || last != header->last_time_ns))
        complain(self, &self->n.order, "chunk %" PRIu64 " tells of other times than its events",
                 header->sequence);
    if (header->watermark_ns < self->watermark)
        complain(self, &self->n.order, "the watermark of chunk %" PRIu64 " goes back", header->sequence);
    else
        self->watermark = header->watermark_ns;
    release_before(self, self->watermark, false);
    if (header->kind == CHUNK_END)
        check_end(self, chunk->meta);
}

static void close_accounts(struct check *self)
{
    struct counters *n = &self->n;
    /* Behind the last watermark of a recorder that was killed, other rings may be missing. */
    if (trace_reader_has_end(self->reader))
        release_before(self, 0, true);
    n->unjudged = self->queued;
    for (uint64_t i = 0; i < n->goroutines; i++)
        n->still_parked += self->goroutines[i].life == WAITING && self->goroutines[i].park_seen;
    uint64_t ended = n->readies + n->net_wakes + n->system_wakes + n->coroutine_wakes + n->aborted;
    if (n->parks != ended + n->still_parked && !n->lost)
        complain(self, &n->unbalanced, "%" PRIu64 " parks, but %" PRIu64 " ends and %" PRIu64 " still parked",
                 n->parks, ended, n->still_parked);
    if (n->late > n->late_told)
        complain(self, &n->order, "%" PRIu64 " events came after their watermark, %" PRIu64 " of them told",
                 n->late, n->late_told);
}

static void print(const struct counters *n, bool json)
{
    const char *separator = "{";
#define X(name)                                                                                              \
    if (json)                                                                                                \
        printf("%s\"%s\": %" PRIu64, separator, #name, n->name);                                             \
    else                                                                                                     \
        printf("%-16s %12" PRIu64 "\n", #name, n->name);                                                     \
    separator = ", ";
    COUNTERS(X)
#undef X
    if (json)
        printf("}\n");
}

/* Returns 0, or a negative code when the file cannot be read as a trace. */
static int run(struct check *self, const char *path, struct error *err)
{
    struct source *source;
    struct trace_chunk chunk;
    int rc = source_open(path, &source, err);
    if (rc != 0)
        return rc;
    rc = trace_reader_open(source, &self->reader, err);
    if (rc != 0) {
        source_close(source);
        return rc;
    }
    while ((rc = trace_reader_next(self->reader, &chunk, err)) == 1)
        check_chunk(self, &chunk);
    close_accounts(self);
    trace_reader_close(self->reader);
    return rc;
}

int main(int argc, char **argv)
{
    const char *format = "text";
    bool help = false;
    const struct opt table[] = {
        {0, "format", OPT_STRING, &format, "FORMAT", "text or json"},
        {'h', "help", OPT_FLAG, &help, NULL, "show this"},
        {0},
    };
    struct error err = {0};
    int operands;
    if (opt_parse(table, argc, argv, false, &operands, &err) != 0 || (operands != 1 && !help) ||
        (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)) {
        fprintf(stderr, "trace_check: %s\n",
                err.code ? err.message : "usage: trace_check [--format text|json] TRACE");
        return 2;
    }
    if (help) {
        printf("usage: trace_check [options] TRACE\n\n");
        opt_print_help(table, stdout);
        return 0;
    }
    struct check *self = calloc(1, sizeof *self);
    if (!self)
        out_of_memory();
    int rc = run(self, argv[argc - 1], &err);
    const struct counters n = self->n;
    if (rc == 0)
        print(&n, strcmp(format, "json") == 0);
    else
        fprintf(stderr, "trace_check: %s: %s\n", argv[argc - 1], err.message);
    map_release(&self->by_goid);
    map_release(&self->by_g);
    map_release(&self->off);
    free(self->goroutines);
    free(self->queue);
    free(self);
    if (rc != 0)
        return 1;
    return n.illegal || n.unbalanced || n.off_cpu || n.order || n.damage || n.unknown_ids ? 3 : 0;
}
