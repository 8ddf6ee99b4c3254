#include "load/runtime_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/symbolize.h"

/* Waits for a cycle may end when it is long over. */
#define CYCLES_KEPT 64
/* So many goroutines may begin a cycle at the same time; one of them does it. */
#define STEPS_KEPT 16

enum stw_kind { STW_OTHER, STW_SWEEP_TERMINATION, STW_MARK_TERMINATION };

/* Times are 0 when they are not known. */
struct cycle {
    uint64_t start, mark_start, mark_end, end, stw_ns;
    bool is_stw_known;
    uint64_t assist_count, assist_ns;
};

struct runtime_log {
    struct row_writer *rows;
    struct runtime_facts facts;
    uint64_t start_ns;
    struct event stopping; /* EV_STW of Go versions that tell its beginning; type EV_NONE: none */
    struct event
        steps[STEPS_KEPT]; /* EV_GC whose stop is not over, type EV_NONE: none; each of another goroutine */
    unsigned next_step;
    uint64_t gomaxprocs; /* 0: not known */
    struct cycle cycles[CYCLES_KEPT];
    uint64_t cycle_count, written;
    bool has_paused;
};

struct runtime_log *runtime_log_new(struct row_writer *rows, const struct runtime_facts *facts)
{
    struct runtime_log *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rows = rows;
    self->facts = *facts;
    return self;
}

void runtime_log_free(struct runtime_log *self)
{
    free(self);
}

static const char *fact(const struct runtime_log *self, const char *key)
{
    const char *text = trace_meta_get(self->facts.now, key);
    return text ? text : trace_meta_get(self->facts.early, key);
}

/* ---- GOMAXPROCS ---- */

static void put_gomaxprocs(struct runtime_log *self, uint64_t time, uint64_t count, uint64_t before)
{
    self->gomaxprocs = count;
    row_writer_put(
        self->rows, ROW_GOMAXPROCS,
        (const int64_t[]){(int64_t)time, (int64_t)(count & INT64_MAX), row_id(before & INT64_MAX)});
}

void runtime_log_start(struct runtime_log *self, uint64_t start_ns)
{
    const char *text = fact(self, "go.gomaxprocs");
    uint64_t count = text ? strtoull(text, NULL, 10) : 0;
    self->start_ns = start_ns;
    if (count)
        put_gomaxprocs(self, start_ns, count, 0);
}

static void on_gomaxprocs(struct runtime_log *self, const struct event *event)
{
    uint64_t count = event->f[GOMAXPROCS_COUNT], before = event->f[GOMAXPROCS_BEFORE];
    if (!self->gomaxprocs && before)
        put_gomaxprocs(self, self->start_ns, before, 0);
    if (count != self->gomaxprocs)
        put_gomaxprocs(self, event->time_ns, count, self->gomaxprocs ? self->gomaxprocs : before);
}

/* ---- cycles of the garbage collector ---- */

static struct cycle *latest(struct runtime_log *self)
{
    return self->cycle_count ? &self->cycles[(self->cycle_count - 1) % CYCLES_KEPT] : NULL;
}

static void put_cycle(struct runtime_log *self, uint64_t number)
{
    const struct cycle *cycle = &self->cycles[(number - 1) % CYCLES_KEPT];
    row_writer_put(self->rows, ROW_GC_CYCLE,
                   (const int64_t[]){(int64_t)number, row_id(cycle->start), row_id(cycle->mark_start),
                                     row_id(cycle->mark_end), row_id(cycle->end),
                                     cycle->is_stw_known ? (int64_t)cycle->stw_ns : ROW_NULL,
                                     cycle->start ? (int64_t)cycle->assist_count : ROW_NULL,
                                     cycle->start ? (int64_t)cycle->assist_ns : ROW_NULL});
    self->written = number;
}

static struct cycle *add_cycle(struct runtime_log *self)
{
    if (self->cycle_count - self->written == CYCLES_KEPT)
        put_cycle(self, self->written + 1);
    self->cycle_count++;
    struct cycle *cycle = latest(self);
    *cycle = (struct cycle){0};
    return cycle;
}

/* From `begin` (0: not known) to `end` the world was stopped for the collector. */
static void take_stop(struct runtime_log *self, enum stw_kind kind, uint64_t begin, uint64_t end)
{
    struct cycle *cycle = latest(self);
    if (kind == STW_SWEEP_TERMINATION) {
        cycle = add_cycle(self);
        cycle->start = begin;
        cycle->mark_start = end;
        cycle->is_stw_known = begin != 0;
    } else {
        if ((!cycle || cycle->end) && self->has_paused)
            return; /* it may have begun in the pause, or before */
        if (!cycle || cycle->end)
            cycle = add_cycle(self);
        if (begin < cycle->mark_start)
            begin = 0;
        cycle->mark_end = begin;
        cycle->end = end;
        cycle->is_stw_known = begin && (cycle->is_stw_known || !cycle->mark_start);
    }
    if (begin)
        cycle->stw_ns += end - begin;
}

void runtime_log_assist(struct runtime_log *self, uint64_t start, uint64_t ns)
{
    for (uint64_t n = self->cycle_count; n > self->written; n--) {
        struct cycle *cycle = &self->cycles[(n - 1) % CYCLES_KEPT];
        if (cycle->start && cycle->start > start)
            continue;
        if (cycle->end == 0 || start <= cycle->end) {
            cycle->assist_count++;
            cycle->assist_ns += ns;
        }
        return;
    }
}

/* ---- stops of the world ---- */

static const char *reason_name(const struct runtime_log *self, uint64_t reason)
{
    char key[48];
    snprintf(key, sizeof key, "go.stw_reason.%" PRIu64, reason);
    const char *name = reason ? fact(self, key) : NULL;
    return name ? name : "unknown";
}

static struct event *find_step(struct runtime_log *self, uint64_t goid)
{
    for (unsigned i = 0; i < STEPS_KEPT; i++) {
        if (self->steps[i].type != EV_NONE && self->steps[i].f[GC_GOID] == goid)
            return &self->steps[i];
    }
    return NULL;
}

static void keep_step(struct runtime_log *self, const struct event *event)
{
    struct event *step = find_step(self, event->f[GC_GOID]);
    if (!step)
        step = &self->steps[self->next_step++ % STEPS_KEPT];
    *step = *event;
}

/* Up to Go 1.20 the collector's own stops have no reason: they belong to the latest step of the same goroutine. */
static enum stw_kind kind_of(uint64_t reason, const char *name, const struct event *step)
{
    if (strcmp(name, "GC sweep termination") == 0)
        return STW_SWEEP_TERMINATION;
    if (strcmp(name, "GC mark termination") == 0)
        return STW_MARK_TERMINATION;
    if (reason || !step)
        return STW_OTHER;
    return step->f[GC_STEP] == GC_STEP_MARK_DONE ? STW_MARK_TERMINATION : STW_SWEEP_TERMINATION;
}

static void put_stw(struct runtime_log *self, const char *name, uint64_t goid, uint64_t begin,
                    uint64_t stopped, int64_t end)
{
    row_writer_text(self->rows, ROW_STW, 0, name);
    row_writer_put(self->rows, ROW_STW,
                   (const int64_t[]){0, row_id(goid), begin >= self->start_ns ? row_id(begin) : ROW_NULL,
                                     row_id(stopped), end});
}

static void on_stw(struct runtime_log *self, const struct event *event)
{
    if (event->f[STW_PHASE] == STW_PHASE_BEGIN) {
        self->stopping = *event;
        return;
    }
    uint64_t now = event->time_ns, begin = event->f[STW_BEGIN], stopped = event->f[STW_STOPPED];
    uint64_t goid = event->f[STW_GOID], reason = event->f[STW_REASON];
    const struct event *told = &self->stopping;
    if (told->type == EV_NONE || (told->f[STW_GOID] && goid && told->f[STW_GOID] != goid))
        told = NULL;
    if (begin > now)
        begin = 0;
    if (!begin && told)
        begin = told->time_ns;
    if (!reason && told)
        reason = told->f[STW_REASON];
    if (!goid && told)
        goid = told->f[STW_GOID];
    if (stopped > now || stopped < begin || stopped < self->start_ns)
        stopped = 0;
    const char *name = reason_name(self, reason);
    put_stw(self, name, goid, begin, stopped, (int64_t)now);
    struct event *step = find_step(self, goid);
    enum stw_kind kind = kind_of(reason, name, step);
    if (kind != STW_OTHER) {
        if (!begin && step)
            begin = step->time_ns;
        take_stop(self, kind, begin >= self->start_ns ? begin : 0, now);
        if (step)
            step->type = EV_NONE;
    }
    self->stopping.type = EV_NONE;
}

/* ---- other events ---- */

static void put_event(struct runtime_log *self, const struct event *event, uint64_t goid, uint64_t value,
                      uint32_t stack)
{
    row_writer_put(self->rows, ROW_RUNTIME_EVENT,
                   (const int64_t[]){(int64_t)event->time_ns, event->type, row_id(goid), row_id(event->tid),
                                     event->type == EV_P_LOST ? ROW_NULL : (int64_t)(value & INT64_MAX),
                                     symbolizer_stack_column(stack)});
}

void runtime_log_event(struct runtime_log *self, const struct event *event)
{
    switch (event->type) {
    case EV_STW:
        on_stw(self, event);
        break;
    case EV_GOMAXPROCS:
        on_gomaxprocs(self, event);
        break;
    case EV_GC:
        keep_step(self, event);
        put_event(self, event, event->f[GC_GOID], event->f[GC_STEP], 0);
        break;
    case EV_ASSIST:
        put_event(self, event, event->f[ASSIST_GOID], event->f[ASSIST_WORK], 0);
        break;
    case EV_P_LOST:
        put_event(self, event, event->f[P_LOST_GOID], 0, 0);
        break;
    case EV_P_HANDOFF:
        put_event(self, event, 0, event->f[P_HANDOFF_P], (uint32_t)event->f[P_HANDOFF_STACK]);
        break;
    case EV_M_NEW:
        put_event(self, event, event->f[M_NEW_GOID], event->f[M_NEW_M], 0);
        break;
    default:
        break;
    }
}

void runtime_log_pause(struct runtime_log *self)
{
    const struct cycle *cycle = latest(self);
    if (cycle && !cycle->end && self->cycle_count > self->written)
        self->cycle_count--;
    self->stopping.type = EV_NONE;
    for (unsigned i = 0; i < STEPS_KEPT; i++)
        self->steps[i].type = EV_NONE;
    self->has_paused = true;
}

void runtime_log_finish(struct runtime_log *self)
{
    const struct event *open = &self->stopping;
    if (open->type != EV_NONE)
        put_stw(self, reason_name(self, open->f[STW_REASON]), open->f[STW_GOID], open->time_ns, 0, ROW_NULL);
    while (self->written < self->cycle_count)
        put_cycle(self, self->written + 1);
}
