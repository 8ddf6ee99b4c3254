#include "check_life.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/event_spec.h"

#define SHOWN_MAX 20
/* netpollready may be preempted for a time slice between our probe and its taking of a goroutine. */
#define NET_RACE_NS 100000000u
#define WOKEN_BY_G  2 /* larger values in a pollDesc are addresses of a g (runtime/netpoll.go) */

/* A probe fires before the status changes, and its thread may be preempted in between. */
#define STATE_YOUNG_NS 1000000u

/* OPEN: known to live, but not whether it runs. */
enum life { UNSEEN, OPEN, RUNNABLE, RUNNING, WAITING, PREEMPTED, DEAD };
static const char *const life_names[] = {"unseen",  "open",      "runnable", "running",
                                         "waiting", "preempted", "dead"};

struct check_goroutine {
    enum life life;
    uint32_t tid;      /* where it runs, or ran last */
    bool park_seen;    /* this wait began by an event that we saw */
    bool silent;       /* the scheduler may end this wait without telling */
    bool scavenger;    /* sysmon ends any wait of the scavenger, its sleep too */
    bool net_woken;    /* a deadline may still come */
    bool on_net;       /* waits for a descriptor */
    uint64_t since;    /* the wait began */
    uint64_t changed;  /* its last event */
    uint64_t snapshot; /* the last one that told about it */
};

void check_life_complain(struct check_life *self, uint64_t *counter, const char *format, ...)
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

void check_life_out_of_memory(void)
{
    fprintf(stderr, "trace_check: out of memory\n");
    exit(1);
}

void check_life_release(struct check_life *self)
{
    map_release(&self->by_goid);
    map_release(&self->by_g);
    map_release(&self->off);
    free(self->goroutines);
}

static struct check_goroutine *find(struct check_life *self, uint64_t goid)
{
    uint64_t place;
    if (map_get(&self->by_goid, goid, &place))
        return &self->goroutines[place];
    if (self->n.goroutines == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 256;
        self->goroutines = realloc(self->goroutines, self->capacity * sizeof *self->goroutines);
        if (!self->goroutines)
            check_life_out_of_memory();
    }
    if (map_put(&self->by_goid, goid, self->n.goroutines) != 0)
        check_life_out_of_memory();
    self->goroutines[self->n.goroutines] = (struct check_goroutine){.life = UNSEEN};
    return &self->goroutines[self->n.goroutines++];
}

static void know_g(struct check_life *self, uint64_t g, uint64_t goid)
{
    if (g && map_put(&self->by_g, g, goid) != 0)
        check_life_out_of_memory();
}

static void illegal(struct check_life *self, const struct event *e, uint64_t goid,
                    const struct check_goroutine *g)
{
    uint64_t *counter = self->n.lost ? &self->n.doubtful : &self->n.illegal;
    check_life_complain(self, counter,
                        "at %" PRIu64 ": %s of goroutine %" PRIu64 " on thread %" PRIu32
                        ", which is %s (thread %" PRIu32 ")",
                        e->time_ns, event_spec_get(e->type)->name, goid, e->tid, life_names[g->life], g->tid);
}

/* A wait is over by what `counter` counts; waits that began before the recording do not count. */
static void end_wait(struct check_goroutine *g, uint64_t *counter)
{
    if (g->life == WAITING && g->park_seen)
        ++*counter;
    g->park_seen = false;
}

static bool are_runs_unseen(struct check_life *self)
{
    if (self->runs == RUNS_NOT_ASKED) {
        const char *detail = trace_meta_get(trace_reader_meta(self->reader), "record.detail");
        self->runs = detail && strcmp(detail, "block") == 0 ? RUNS_UNSEEN : RUNS_SEEN;
    }
    return self->runs == RUNS_UNSEEN;
}

/* Runnable or running, where that can be told. */
static enum life awake(struct check_life *self, enum life life)
{
    return are_runs_unseen(self) ? OPEN : life;
}

/* The goroutine does something itself: it must be running, on this thread. */
static struct check_goroutine *acts(struct check_life *self, const struct event *e)
{
    struct check_goroutine *g = find(self, e->f[0]);
    if (g->life == WAITING && are_runs_unseen(self)) {
        end_wait(g, &self->n.unseen_wakes);
        g->life = OPEN;
    }
    if (g->life != UNSEEN && g->life != OPEN && (g->life != RUNNING || g->tid != e->tid))
        illegal(self, e, e->f[0], g);
    g->tid = e->tid;
    g->changed = e->time_ns;
    return g;
}

static void begin_wait(struct check_life *self, struct check_goroutine *g, bool silent)
{
    self->n.parks++;
    g->life = WAITING;
    g->park_seen = true;
    g->silent = silent;
    g->net_woken = false;
}

/* The runtime's text of a wait reason; NULL when unknown. */
static const char *reason_name(struct check_life *self, uint64_t reason)
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

static void on_create(struct check_life *self, const struct event *e)
{
    struct check_goroutine *g = find(self, e->f[CREATE_GOID]);
    if (g->life != UNSEEN)
        illegal(self, e, e->f[CREATE_GOID], g);
    *g = (struct check_goroutine){.life = e->f[CREATE_STATUS] == GO_STATUS_WAITING ? WAITING
                                                                                   : awake(self, RUNNABLE),
                                  .tid = e->tid,
                                  .changed = e->time_ns};
    know_g(self, e->f[CREATE_G], e->f[CREATE_GOID]);
}

static void on_exec(struct check_life *self, const struct event *e)
{
    struct check_goroutine *g = find(self, e->f[EXEC_GOID]);
    if (g->life == WAITING && e->f[EXEC_INHERIT] && g->tid == e->tid && g->park_seen)
        end_wait(g, &self->n.aborted);
    else if (g->life == WAITING && g->silent)
        end_wait(g, &self->n.system_wakes);
    else if (g->life == WAITING && g->on_net && self->net_found_nobody_ns + NET_RACE_NS >= g->since)
        end_wait(g,
                 &self->n.net_wakes); /* netpollready took it after our probe had looked and found nobody */
    else if (g->life != UNSEEN && g->life != RUNNABLE)
        illegal(self, e, e->f[EXEC_GOID], g);
    g->life = RUNNING;
    g->tid = e->tid;
    g->changed = e->time_ns;
    g->net_woken = false;
    know_g(self, e->f[EXEC_G], e->f[EXEC_GOID]);
}

static void on_park(struct check_life *self, const struct event *e)
{
    const char *reason = reason_name(self, e->f[PARK_REASON]);
    struct check_goroutine *g = acts(self, e);
    g->scavenger |= e->f[CHECK_PARK_SCAVENGER] != 0;
    begin_wait(self, g, g->scavenger || is_silent(reason));
    g->on_net = reason && strcmp(reason, "IO wait") == 0;
    g->since = e->time_ns;
    know_g(self, e->f[PARK_G], e->f[PARK_GOID]);
}

static void on_ready(struct check_life *self, const struct event *e)
{
    struct check_goroutine *g = find(self, e->f[READY_GOID]);
    if (g->life == RUNNING || g->life == DEAD || (g->life == RUNNABLE && !g->net_woken))
        illegal(self, e, e->f[READY_GOID], g);
    end_wait(g, &self->n.readies);
    g->life = awake(self, RUNNABLE);
    g->changed = e->time_ns;
    g->net_woken = false;
}

static void net_wake(struct check_life *self, const struct event *e, uint64_t address)
{
    uint64_t goid;
    if (address <= WOKEN_BY_G)
        self->net_found_nobody_ns = e->time_ns;
    if (address <= WOKEN_BY_G || !map_get(&self->by_g, address, &goid))
        return;
    struct check_goroutine *g = find(self, goid);
    if (g->life != WAITING)
        return;
    end_wait(g, &self->n.net_wakes);
    g->life = awake(self, RUNNABLE);
    g->changed = e->time_ns;
    g->net_woken = true;
}

static void on_net(struct check_life *self, const struct event *e)
{
    uint64_t mode = e->f[NET_MODE];
    if (mode == NET_MODE_READ || mode == NET_MODE_BOTH)
        net_wake(self, e, e->f[NET_READ_G]);
    if (mode == NET_MODE_WRITE || mode == NET_MODE_BOTH)
        net_wake(self, e, e->f[NET_WRITE_G]);
}

static void on_coro(struct check_life *self, const struct event *e)
{
    uint64_t goid;
    struct check_goroutine *from = acts(self, e);
    if (e->f[CORO_EXITING])
        from->life = DEAD;
    else
        begin_wait(self, from, false);
    if (!map_get(&self->by_g, e->f[CORO_TO_G], &goid))
        return;
    struct check_goroutine *to = find(self, goid);
    if (to->life != UNSEEN && to->life != OPEN && to->life != WAITING)
        illegal(self, e, goid, to);
    end_wait(to, &self->n.coroutine_wakes);
    to->life = awake(self, RUNNING);
    to->changed = e->time_ns;
    to->tid = e->tid;
}

/* A thread does something: it must not have been taken off its CPU. */
static void check_thread(struct check_life *self, const struct event *e)
{
    uint64_t *off = map_find(&self->off, e->tid);
    if (e->type == EV_LOST || e->type == EV_NOTE || e->tid == 0 || e->cpu == RING_RECORDER)
        return;
    if (off && *off && e->type != EV_THREAD_IN && !self->n.lost)
        check_life_complain(self, &self->n.off_cpu,
                            "at %" PRIu64 ": %s on thread %" PRIu32 ", which is off its CPU", e->time_ns,
                            event_spec_get(e->type)->name, e->tid);
    if (map_put(&self->off, e->tid, e->type == EV_THREAD_OUT || e->type == EV_THREAD_OFF) != 0)
        check_life_out_of_memory();
}

static void on_stw(struct check_life *self, const struct event *e)
{
    uint64_t begin = e->f[STW_BEGIN], stopped = e->f[STW_STOPPED];
    if (begin > e->time_ns || stopped > e->time_ns || (begin && stopped && stopped < begin))
        check_life_complain(self, &self->n.order,
                            "at %" PRIu64 ": a stop of the world begins at %" PRIu64
                            " and has stopped it at %" PRIu64,
                            e->time_ns, begin, stopped);
    if (e->f[STW_GOID])
        acts(self, e)->life = awake(self, RUNNING);
}

/* Nothing is recorded from here on: who waits may be woken, who runs may do anything. */
static void on_pause(struct check_life *self)
{
    for (uint64_t i = 0; i < self->n.goroutines; i++) {
        struct check_goroutine *g = &self->goroutines[i];
        if (g->life == DEAD)
            continue;
        end_wait(g, &self->n.paused_waits);
        g->life = UNSEEN;
    }
    map_reset(&self->by_g);
    map_reset(&self->off);
    if (self->loses_runs)
        self->runs = RUNS_UNSEEN;
}

/* ---- snapshots ---- */

static void on_snapshot(struct check_life *self, const struct event *e)
{
    bool begins = e->f[SNAPSHOT_PHASE] == SNAPSHOT_BEGIN;
    uint64_t found = e->f[SNAPSHOT_GOROUTINES], unstable = e->f[SNAPSHOT_UNSTABLE];
    if (begins == self->snapshot.is_open || (!begins && e->f[SNAPSHOT_NUMBER] != self->snapshot.number))
        check_life_complain(self, &self->n.order, "at %" PRIu64 ": snapshot %" PRIu64 " %s out of turn",
                            e->time_ns, e->f[SNAPSHOT_NUMBER], begins ? "begins" : "ends");
    else if (!begins && self->snapshot.looks != found - unstable)
        check_life_complain(self, &self->n.order,
                            "at %" PRIu64 ": snapshot %" PRIu64 " tells of %" PRIu64 " goroutines, %" PRIu64
                            " of them left out, but has %" PRIu64,
                            e->time_ns, e->f[SNAPSHOT_NUMBER], found, unstable, self->snapshot.looks);
    self->snapshot.is_open = begins;
    self->snapshot.number = e->f[SNAPSHOT_NUMBER];
    self->snapshot.looks = 0;
    self->snapshot.origin_goid = 0;
    self->n.snapshots += begins;
}

/* Where the events know better, a snapshot has to agree. */
static bool agrees(const struct check_goroutine *g, uint64_t status)
{
    switch (g->life) {
    case RUNNABLE:
        return status == GO_STATUS_RUNNABLE;
    case RUNNING:
        return status == GO_STATUS_RUNNING || status == GO_STATUS_SYSCALL;
    case WAITING:
        return status == GO_STATUS_WAITING || (g->silent && status == GO_STATUS_RUNNABLE);
    case PREEMPTED:
        return status == GO_STATUS_PREEMPTED || status == GO_STATUS_WAITING;
    case DEAD:
        return false;
    default:
        return true;
    }
}

static void on_look(struct check_life *self, const struct event *e)
{
    uint64_t goid = e->f[GOROUTINE_GOID], origin = self->snapshot.origin_goid;
    struct check_goroutine *g = find(self, goid);
    self->n.snapshot_looks++;
    self->snapshot.looks++;
    self->snapshot.origin_goid = 0;
    if (!self->snapshot.is_open || (origin && origin != goid) || g->snapshot == self->n.snapshots)
        check_life_complain(self, &self->n.order,
                            "at %" PRIu64 ": goroutine %" PRIu64 " out of turn in a snapshot", e->time_ns,
                            goid);
    g->snapshot = self->n.snapshots;
    /* Without events about running a wait may be over without a sign. */
    bool is_unsure = g->life == WAITING && are_runs_unseen(self);
    if (!is_unsure && !agrees(g, e->f[GOROUTINE_STATUS]) && e->time_ns - g->changed >= STATE_YOUNG_NS)
        check_life_complain(self, &self->n.snapshot_differs,
                            "at %" PRIu64 ": a snapshot found goroutine %" PRIu64 " with status %" PRIu64
                            ", which is %s since %" PRIu64,
                            e->time_ns, goid, e->f[GOROUTINE_STATUS], life_names[g->life], g->changed);
}

void check_life_event(struct check_life *self, const struct event *e)
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
        if (e->cpu != RING_RECORDER)
            acts(self, e)->life = awake(self, RUNNING);
        break;
    case EV_GC:
    case EV_ASSIST:
    case EV_P_LOST:
    case EV_CONTEXT:
    case EV_CONTEXT_END:
    case EV_SPAN_BEGIN:
    case EV_SPAN_END:
        if (e->f[0])
            acts(self, e)->life = awake(self, RUNNING);
        break;
    case EV_STW:
        on_stw(self, e);
        break;
    case EV_PAUSE:
        on_pause(self);
        break;
    case EV_BUDGET:
        if (e->f[BUDGET_STEP] == BUDGET_STEP_DROP && e->f[BUDGET_WHAT] == BUDGET_CLASS_RUNS)
            self->loses_runs = true;
        break;
    case EV_SNAPSHOT:
        on_snapshot(self, e);
        break;
    case EV_GOROUTINE_ORIGIN:
        self->snapshot.origin_goid = e->f[ORIGIN_GOID];
        break;
    case EV_GOROUTINE:
        on_look(self, e);
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
        acts(self, e)->life = awake(self, RUNNABLE);
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

void check_life_balance(struct check_life *self)
{
    struct counters *n = &self->n;
    for (uint64_t i = 0; i < n->goroutines; i++)
        n->still_parked += self->goroutines[i].life == WAITING && self->goroutines[i].park_seen;
    uint64_t ended =
        n->readies + n->net_wakes + n->system_wakes + n->coroutine_wakes + n->aborted + n->unseen_wakes + n->paused_waits;
    if (n->parks != ended + n->still_parked && !n->lost)
        check_life_complain(self, &n->unbalanced,
                            "%" PRIu64 " parks, but %" PRIu64 " ends and %" PRIu64 " still parked", n->parks,
                            ended, n->still_parked);
}
