#include "snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "go/go_labels.h"
#include "go/go_snapshot.h"
#include "go/probe_table.h"
#include "proc_info.h"
#include "wait_object.h"

struct snapshot {
    struct snapshot_options o;
    const struct go_layout *layout;
    struct go_snapshot *reader;
    struct wait_rules rules;
    struct snapshot_stats stats;
    bool running;
    enum snapshot_kind kind;
    uint64_t number, begin_ns;
    bool other_namespace;
    struct map tids; /* of the target's pid namespace → ours; only with other_namespace */
    bool tids_are_new;
    struct map labels; /* g.labels → string id, within one slice */
    uint32_t labels_epoch;
    struct buf text;
};

int snapshot_new(const struct snapshot_options *options, struct snapshot **out, struct error *err)
{
    struct snapshot *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, ERR_NOMEM, "out of memory");
    self->o = *options;
    self->layout = go_binary_layout(options->binary);
    map_init(&self->tids);
    map_init(&self->labels);
    buf_init(&self->text);
    wait_rules_init(&self->rules, options->reasons, options->reason_count);
    self->other_namespace = proc_has_own_pid_namespace(options->pid);
    int rc = go_snapshot_new(go_process_memory(options->process), options->binary,
                             go_process_bias(options->process), &self->reader, err);
    if (rc != 0) {
        snapshot_free(self);
        return rc;
    }
    *out = self;
    return 0;
}

void snapshot_free(struct snapshot *self)
{
    if (!self)
        return;
    go_snapshot_free(self->reader);
    map_release(&self->tids);
    map_release(&self->labels);
    buf_release(&self->text);
    free(self);
}

static void refresh_tids(struct snapshot *self)
{
    map_reset(&self->tids);
    proc_map_namespace_tids(self->o.pid, &self->tids, NULL); /* a thread that is not there stays unknown */
    self->tids_are_new = true;
}

static uint32_t our_tid(struct snapshot *self, uint64_t procid)
{
    uint64_t tid;
    if (procid == 0 || procid > INT32_MAX)
        return 0;
    if (!self->other_namespace)
        return (uint32_t)procid;
    if (map_get(&self->tids, procid, &tid))
        return (uint32_t)tid;
    if (!self->tids_are_new)
        refresh_tids(self);
    return map_get(&self->tids, procid, &tid) ? (uint32_t)tid : 0;
}

static uint32_t labels_of(struct snapshot *self, const struct go_goroutine *g)
{
    uint64_t labels = g->labels, id;
    if (!labels)
        return 0;
    if (self->labels_epoch != trace_writer_epoch(self->o.writer)) {
        self->labels_epoch = trace_writer_epoch(self->o.writer);
        map_reset(&self->labels);
    }
    if (map_get(&self->labels, labels, &id))
        return (uint32_t)id;
    buf_reset(&self->text);
    id = 0;
    if (go_process_read_labels(self->o.process, labels, &self->text) && self->text.size > strlen("{}"))
        id = trace_writer_string(self->o.writer, (const char *)self->text.data, self->text.size);
    /* Another set may be there by now. */
    if (id && !go_process_has_labels(self->o.process, g->g, g->goid, labels))
        return 0;
    map_put(&self->labels, labels, id); /* without memory they are read again */
    return (uint32_t)id;
}

/* The values that the probe at gopark would have fetched, for the same rules. */
static struct wait_object find_object(const struct snapshot *self, const struct go_goroutine *g,
                                      uint32_t hints)
{
    const struct go_layout *l = self->layout;
    uint64_t v[PROBE_VALUES_MAX] = {0};
    v[V_PARK_GOID] = g->goid;
    v[V_PARK_G] = g->g;
    v[V_PARK_REASON] = g->reason;
    switch (g->call) {
    case GO_WAIT_SEMAPHORE:
    case GO_WAIT_SLEEP:
        v[V_PARK_OBJ] = g->argument;
        break;
    case GO_WAIT_COND:
        v[V_PARK_OBJ] = g->argument;
        v[V_PARK_LOCK] = g->argument + NOTIFY_LIST_LOCK;
        break;
    case GO_WAIT_NET:
        v[V_PARK_BP1] = 1;
        v[V_PARK_PD] = g->argument;
        if (g->net_mode)
            v[V_PARK_LOCK] =
                g->argument + (unsigned)(g->net_mode == NET_MODE_READ ? l->polldesc_rg : l->polldesc_wg);
        break;
    case GO_WAIT_SELECT:
    case GO_WAIT_NONE:
    case GO_WAIT_CALLS:
        if (g->hchan)
            v[V_PARK_LOCK] = g->hchan + (unsigned)l->hchan_lock;
        break;
    }
    /* The argument is that of the call that was found, with whatever frames between it and gopark. */
    return wait_object_find(&self->rules, l, v, hints & ~(uint32_t)CHAIN_HAS_PARKUNLOCK);
}

static uint32_t object_id(struct snapshot *self, const struct wait_object *object, uint64_t time_ns)
{
    if (object->kind == OBJECT_CHAN)
        return object_table_chan(self->o.objects, object->address, time_ns);
    return object_table_plain(self->o.objects, object->kind, object->address, time_ns);
}

static void add_event(struct snapshot *self, const struct event *event)
{
    self->stats.events++;
    trace_writer_event(self->o.writer, event);
}

static void add_select(struct snapshot *self, const struct go_goroutine *g)
{
    struct def_case cases[GO_SELECT_CASES];
    struct def_set set = {
        .flags = g->select.is_cut ? SET_INCOMPLETE : 0, .case_count = g->select.count, .cases = cases};
    for (unsigned i = 0; i < g->select.count; i++)
        cases[i] = (struct def_case){object_table_chan(self->o.objects, g->select.hchan[i], g->read_ns),
                                     g->select.is_send[i] ? SELECT_SEND : SELECT_RECV};
    struct event event = {.time_ns = g->read_ns, .type = EV_SELECT};
    event.f[SELECT_GOID] = g->goid;
    event.f[SELECT_SET] = trace_writer_set(self->o.writer, &set);
    add_event(self, &event);
}

static void add_origin(struct snapshot *self, const struct go_goroutine *g)
{
    struct event event = {.time_ns = g->read_ns, .type = EV_GOROUTINE_ORIGIN};
    event.f[ORIGIN_GOID] = g->goid;
    event.f[ORIGIN_G] = g->g;
    event.f[ORIGIN_CREATOR] = g->creator;
    event.f[ORIGIN_START] = code_table_location(self->o.code, g->start_pc, false);
    event.f[ORIGIN_CREATED_AT] = code_table_location(self->o.code, g->created_pc, true);
    event.f[ORIGIN_LABELS] = labels_of(self, g);
    event.f[ORIGIN_WAIT_SINCE] = g->wait_since_ns;
    add_event(self, &event);
}

static void add_goroutine(struct snapshot *self, const struct go_goroutine *g)
{
    struct event event = {.time_ns = g->read_ns, .type = EV_GOROUTINE};
    uint32_t hints = 0;
    if (g->has_select)
        add_select(self, g);
    add_origin(self, g);
    event.f[GOROUTINE_GOID] = g->goid;
    event.f[GOROUTINE_STATUS] = g->status;
    event.f[GOROUTINE_REASON] = g->reason;
    event.f[GOROUTINE_STACK] =
        code_table_stack(self->o.code, g->walk.chain, (uint32_t)g->walk.depth, g->first_is_return,
                         g->walk.depth > 0 && g->walk.end != UNWIND_COMPLETE, &hints);
    event.f[GOROUTINE_THREAD] = our_tid(self, g->thread);
    if (g->status == GO_STATUS_WAITING) {
        struct wait_object object = find_object(self, g, hints);
        event.f[GOROUTINE_VALUE] = object.value;
        event.f[GOROUTINE_OBJECT] = object_id(self, &object, g->read_ns);
    }
    add_event(self, &event);
}

static void add_phase(struct snapshot *self, unsigned phase, uint64_t time_ns)
{
    struct event event = {.time_ns = time_ns, .type = EV_SNAPSHOT};
    struct go_snapshot_counts counts = go_snapshot_counts(self->reader);
    event.f[SNAPSHOT_NUMBER] = self->number;
    event.f[SNAPSHOT_PHASE] = phase;
    event.f[SNAPSHOT_KIND] = self->kind;
    event.f[SNAPSHOT_GOROUTINES] = counts.alive;
    event.f[SNAPSHOT_UNSTABLE] = counts.unstable;
    add_event(self, &event);
}

int snapshot_begin(struct snapshot *self, enum snapshot_kind kind, struct error *err)
{
    self->running = false;
    uint64_t time_ns = clock_ns(CLOCK_MONOTONIC);
    int rc = go_snapshot_begin(self->reader, err);
    if (rc != 0)
        return rc;
    self->running = true;
    self->kind = kind;
    self->number++;
    self->begin_ns = time_ns;
    trace_writer_section(self->o.writer, RING_RECORDER);
    add_phase(self, SNAPSHOT_BEGIN, time_ns);
    return 0;
}

bool snapshot_is_running(const struct snapshot *self)
{
    return self->running;
}

static void complete(struct snapshot *self)
{
    struct go_snapshot_counts counts = go_snapshot_counts(self->reader);
    uint64_t time_ns = clock_ns(CLOCK_MONOTONIC);
    add_phase(self, SNAPSHOT_END, time_ns);
    self->running = false;
    self->stats.snapshots++;
    self->stats.goroutines += counts.alive;
    self->stats.unstable += counts.unstable;
    if (time_ns - self->begin_ns > self->stats.longest_ns)
        self->stats.longest_ns = time_ns - self->begin_ns;
}

int snapshot_slice(struct snapshot *self, uint64_t budget_ns, struct error *err)
{
    uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + budget_ns;
    if (!self->running)
        return 0;
    map_reset(&self->labels); /* the memory behind a pointer may be another's by now */
    self->tids_are_new = false;
    trace_writer_section(self->o.writer, RING_RECORDER);
    do {
        const struct go_goroutine *g;
        struct error read_err = {0};
        int rc = go_snapshot_next(self->reader, &g, &read_err);
        if (rc == 0) {
            complete(self);
            return 0;
        }
        if (rc == ERR_GONE || rc == ERR_DAMAGED) { /* it stays without an end, which replay tells */
            self->running = false;
            return 0;
        }
        if (rc < 0) {
            *err = read_err;
            return rc;
        }
        if (rc == 2)
            continue;
        if (trace_writer_is_full(self->o.writer)) {
            rc = trace_writer_flush(self->o.writer, err);
            if (rc != 0)
                return rc;
            trace_writer_section(self->o.writer, RING_RECORDER);
        }
        add_goroutine(self, g);
        /* What was read together stays between the same two rounds of the rings: after some more its time would lie before
         * what the writer has promised to be complete. */
    } while (clock_ns(CLOCK_MONOTONIC) < end_ns || go_snapshot_has_more_read(self->reader));
    return 1;
}

const struct snapshot_stats *snapshot_stats(const struct snapshot *self)
{
    return &self->stats;
}
