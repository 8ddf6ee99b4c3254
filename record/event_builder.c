#include "event_builder_impl.h"

#include <stdlib.h>
#include <string.h>

#include "go/probe_site.h"

struct event_builder *event_builder_new(const struct event_builder_options *options)
{
    struct event_builder *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->o = *options;
    self->layout = go_binary_layout(options->binary);
    self->end_ns = UINT64_MAX;
    self->gomaxprocs = options->gomaxprocs;
    self->rings = calloc(options->ring_count, sizeof *self->rings);
    self->contexts = context_table_new(options->process, options->writer);
    self->labels = label_table_new(options->process, options->gc, options->writer);
    self->activities = activity_finder_new(options->binary, go_process_bias(options->process),
                                           go_process_memory(options->process));
    if (!self->rings || !self->contexts || !self->labels || !self->activities) {
        event_builder_free(self);
        return NULL;
    }
    wait_rules_init(&self->rules, options->reasons, options->reason_count);
    self->rules.loses_semaphores = options->loses_semaphores;
    return self;
}

void event_builder_free(struct event_builder *self)
{
    if (!self)
        return;
    context_table_free(self->contexts);
    label_table_free(self->labels);
    activity_finder_free(self->activities);
    free(self->rings);
    free(self);
}

static const struct {
    uint16_t event;
    bool (*fill)(struct event_builder *self, const struct record *r, struct event *e);
} probe_handlers[PROBE_COUNT] = {
    [PROBE_CREATE] = {EV_CREATE, build_create},
    [PROBE_EXEC] = {EV_EXEC, build_exec},
    [PROBE_PARK] = {EV_PARK, build_park},
    [PROBE_SELECT] = {EV_SELECT, build_select},
    [PROBE_READY] = {EV_READY, build_ready},
    [PROBE_NET] = {EV_NET, build_net},
    [PROBE_END] = {EV_END, build_end},
    [PROBE_SCHED] = {EV_SCHED, build_sched},
    [PROBE_YIELD] = {EV_YIELD, build_goid},
    [PROBE_PREEMPT_PARK] = {EV_PREEMPT_PARK, build_goid},
    [PROBE_SYSCALL_NO_P] = {EV_SYSCALL_NO_P, build_goid},
    [PROBE_CORO] = {EV_CORO, build_coro},
    [PROBE_STW_BEGIN] = {EV_STW, build_stw_begin},
    [PROBE_STW_END] = {EV_STW, build_stw_end},
    [PROBE_GC_START] = {EV_GC, build_gc_start},
    [PROBE_GC_MARK_DONE] = {EV_GC, build_gc_mark_done},
    [PROBE_GOMAXPROCS] = {EV_GOMAXPROCS, build_gomaxprocs},
    [PROBE_ASSIST] = {EV_ASSIST, build_assist},
    [PROBE_P_LOST] = {EV_P_LOST, build_p_lost},
    [PROBE_P_HANDOFF] = {EV_P_HANDOFF, build_p_handoff},
    [PROBE_M_NEW] = {EV_M_NEW, build_m_new},
    [PROBE_CONTEXT] = {EV_CONTEXT, build_context},
    [PROBE_CONTEXT_END] = {EV_CONTEXT_END, build_context_end},
};

static uint32_t name_id(struct event_builder *self, const char *name)
{
    return *name ? trace_writer_string(self->o.writer, name, strlen(name)) : 0;
}

static void fill_thread_off(struct event_builder *self, const struct record *r, struct event *e)
{
    struct found_activity found;
    activity_finder_look(self->activities, r, &found);
    e->f[THREAD_OFF_STATE] = r->prev_state;
    e->f[THREAD_OFF_NEXT_TID] = r->next_tid;
    e->f[THREAD_OFF_NEXT_NAME] = r->next_tid ? name_id(self, r->name) : 0;
    e->f[THREAD_OFF_ACTIVITY] = found.activity;
    e->f[THREAD_OFF_STACK] =
        code_table_stack(self->o.code, found.chain, found.length, false, found.is_cut, NULL);
    e->f[THREAD_OFF_SYSCALL] = found.syscall;
}

/* At the jbe of a stack check that jumps: the function starts again on a larger stack, and is hit again. */
static bool restarts(const struct event_builder *self, const struct record *r)
{
    unsigned at = self->o.uses[r->probe].flags_at;
    return at && (r->value[at] & PROBE_JBE_FLAGS);
}

static bool fill_span(const struct record *r, const struct probe_use *use, struct event *e)
{
    bool is_end = use->role == ROLE_SPAN_END;
    e->type = is_end ? EV_SPAN_END : EV_SPAN_BEGIN;
    e->f[is_end ? SPAN_END_GOID : SPAN_BEGIN_GOID] = r->value[0];
    e->f[is_end ? SPAN_END_PROBE : SPAN_BEGIN_PROBE] = use->probe + 1u;
    for (unsigned i = 0; i < use->value_count && !is_end; i++)
        e->f[SPAN_BEGIN_VALUES + i] = r->value[1 + i];
    return true;
}

static bool fill_probe(struct event_builder *self, const struct record *r, struct event *e)
{
    const struct probe_use *use = &self->o.uses[r->probe];
    if (use->role != ROLE_RUNTIME)
        return fill_span(r, use, e);
    e->type = probe_handlers[use->probe].event;
    return probe_handlers[use->probe].fill(self, r, e);
}

/* Fills the event for a record; false when there is nothing to write. */
static bool fill_event(struct event_builder *self, unsigned ring, const struct record *r, struct event *e)
{
    switch (r->kind) {
    case RECORD_PROBE:
        return r->probe < self->o.probe_count && !restarts(self, r) && fill_probe(self, r, e);
    case RECORD_SWITCH_OUT:
        e->type = EV_THREAD_OFF;
        fill_thread_off(self, r, e);
        return true;
    case RECORD_SWITCH_IN:
        e->type = EV_THREAD_IN;
        return true;
    case RECORD_LOST:
        e->type = EV_LOST;
        e->f[LOST_COUNT] = r->lost;
        e->f[LOST_SINCE] = self->rings[ring].last_ns;
        self->stats.lost += r->lost;
        return true;
    case RECORD_FORK:
        if ((pid_t)r->new_pid != self->o.pid)
            return false;
        e->type = EV_THREAD_START;
        e->f[THREAD_START_TID] = r->new_tid;
        return true;
    case RECORD_EXIT:
        e->type = EV_THREAD_EXIT;
        return true;
    case RECORD_NAME:
        if (r->is_exec)
            self->stats.saw_exec = true;
        e->type = EV_THREAD_NAME;
        e->f[THREAD_NAME_NAME] = name_id(self, r->name);
        return true;
    case RECORD_SKIP:
        break;
    }
    return false;
}

/* A loss belongs to the recording when the gap begins inside. */
static bool is_outside(const struct event_builder *self, unsigned ring, const struct record *record)
{
    uint64_t from_ns = record->kind == RECORD_LOST ? self->rings[ring].last_ns : record->time_ns;
    return record->time_ns < self->begin_ns || from_ns >= self->end_ns;
}

static void add_event(struct event_builder *self, const struct event *event)
{
    self->stats.events++;
    trace_writer_event(self->o.writer, event);
}

/* What a handler has found beside its event. */
static void add_extra(struct event_builder *self, const struct event *event, bool is_first)
{
    struct event *extra = &self->extra;
    if (extra->type == EV_NONE || self->extra_is_first != is_first)
        return;
    extra->time_ns = event->time_ns;
    extra->tid = event->tid;
    extra->cpu = event->cpu;
    add_event(self, extra);
    extra->type = EV_NONE;
}

void event_builder_add(struct event_builder *self, unsigned ring, uint16_t cpu, const struct record *record)
{
    struct event event = {.time_ns = record->time_ns, .tid = record->tid, .cpu = cpu};
    bool outside = is_outside(self, ring, record);
    if (!outside && !self->stats.saw_exec && fill_event(self, ring, record, &event)) {
        if (event.time_ns < self->watermark_ns)
            self->stats.late++;
        if (event.time_ns > self->stats.last_ns)
            self->stats.last_ns = event.time_ns;
        add_extra(self, &event, true);
        add_event(self, &event);
        add_extra(self, &event, false);
    }
    self->extra.type = EV_NONE;
    if (record->time_ns > self->rings[ring].last_ns)
        self->rings[ring].last_ns = record->time_ns;
}

void event_builder_begin(struct event_builder *self, uint64_t time_ns)
{
    self->begin_ns = time_ns;
}

void event_builder_end(struct event_builder *self, uint64_t time_ns)
{
    self->end_ns = time_ns;
}

void event_builder_watermark(struct event_builder *self, uint64_t time_ns)
{
    self->watermark_ns = time_ns;
}

const struct event_builder_stats *event_builder_stats(const struct event_builder *self)
{
    return &self->stats;
}

unsigned event_builder_gomaxprocs(const struct event_builder *self)
{
    return self->gomaxprocs;
}

uint64_t event_builder_ring_time(const struct event_builder *self, unsigned ring)
{
    return self->rings[ring].last_ns;
}

void event_builder_note(struct event_builder *self, uint64_t time_ns, unsigned code, uint64_t value)
{
    if (value == 0)
        return;
    struct event event = {.time_ns = time_ns, .tid = (uint32_t)self->o.pid, .type = EV_NOTE};
    event.f[NOTE_CODE] = code;
    event.f[NOTE_VALUE] = value;
    trace_writer_event(self->o.writer, &event);
}

void event_builder_thread_name(struct event_builder *self, uint64_t time_ns, uint32_t tid, const char *name)
{
    struct event event = {.time_ns = time_ns, .tid = tid, .type = EV_THREAD_NAME, .cpu = RING_RECORDER};
    event.f[THREAD_NAME_NAME] = name_id(self, name);
    self->stats.events++;
    trace_writer_event(self->o.writer, &event);
}
