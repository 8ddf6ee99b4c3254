#include "event_builder.h"

#include <stdlib.h>
#include <string.h>

#include "go/probe_site.h"
#include "go/probe_table.h"
#include "wait_object.h"

#define CHAIN_MAX 256

struct ring_state {
    uint64_t last_ns; /* newest record */
};

struct event_builder {
    struct event_builder_options o;
    const struct go_layout *layout;
    struct wait_rules rules;
    struct ring_state *rings;
    struct event_builder_stats stats;
    uint64_t watermark_ns;
    uint64_t begin_ns, end_ns; /* the recording: [begin, end) */
};

struct event_builder *event_builder_new(const struct event_builder_options *options)
{
    struct event_builder *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->o = *options;
    self->layout = go_binary_layout(options->binary);
    self->end_ns = UINT64_MAX;
    self->rings = calloc(options->ring_count, sizeof *self->rings);
    if (!self->rings) {
        free(self);
        return NULL;
    }
    wait_rules_init(&self->rules, options->reasons, options->reason_count);
    return self;
}

void event_builder_free(struct event_builder *self)
{
    if (!self)
        return;
    free(self->rings);
    free(self);
}

/*
 * The stack of a probe that sits on a `push %rbp`: some kernels (5.10) leave out the direct caller there,
 * whose return address is still on top of the stack: `ret` is spliced in behind the probed function unless
 * the chain has it.
 */
static uint32_t stack_with_caller(struct event_builder *self, const struct record *r, uint64_t ret,
                                  uint32_t *hints_out)
{
    uint64_t spliced[CHAIN_MAX];
    const uint64_t *chain = r->chain;
    uint32_t length = r->chain_length;
    if (length > CHAIN_MAX - 1)
        length = CHAIN_MAX - 1;
    bool cut = r->chain_cut || length < r->chain_length;
    if (cut)
        self->stats.chains_cut++;
    if (ret && length > 0 && (length == 1 || chain[1] != ret)) {
        spliced[0] = chain[0];
        spliced[1] = ret;
        memcpy(spliced + 2, chain + 1, (length - 1) * sizeof *chain);
        chain = spliced;
        length++;
    }
    return code_table_stack(self->o.code, chain, length, false, cut, hints_out);
}

static void on_create(struct event_builder *self, const struct record *r, struct event *e)
{
    e->f[CREATE_GOID] = r->value[V_CREATE_GOID];
    e->f[CREATE_G] = r->value[V_CREATE_G];
    e->f[CREATE_CREATOR] = r->value[V_CREATE_CURG] ? r->value[V_CREATE_CUR_GOID] : 0;
    e->f[CREATE_STATUS] = r->value[V_CREATE_STATUS];
    e->f[CREATE_START] = code_table_location(self->o.code, r->value[V_CREATE_STARTPC], false);
    e->f[CREATE_STACK] = stack_with_caller(self, r, 0, NULL);
}

static void on_exec(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[EXEC_GOID] = r->value[V_EXEC_GOID];
    e->f[EXEC_G] = r->value[V_EXEC_G];
    e->f[EXEC_INHERIT] = r->value[V_EXEC_INHERIT];
    e->f[EXEC_P] = r->value[V_EXEC_P];
}

static void on_park(struct event_builder *self, const struct record *r, struct event *e)
{
    uint32_t hints;
    e->f[PARK_GOID] = r->value[V_PARK_GOID];
    e->f[PARK_G] = r->value[V_PARK_G];
    e->f[PARK_REASON] = r->value[V_PARK_REASON];
    e->f[PARK_STACK] = stack_with_caller(self, r, r->value[V_PARK_RET], &hints);
    struct wait_object object = wait_object_find(&self->rules, self->layout, r->value, hints);
    e->f[PARK_VALUE] = object.value;
    if (object.kind == OBJECT_CHAN)
        e->f[PARK_OBJECT] = object_table_chan(self->o.objects, object.address, r->time_ns);
    else
        e->f[PARK_OBJECT] = object_table_plain(self->o.objects, object.kind, object.address, r->time_ns);
}

/* scases lie in memory as runtime/select.go wants them: sends in source order, then receives in reverse
 * source order. */
static void on_select(struct event_builder *self, const struct record *r, struct event *e)
{
    struct def_case cases[SELECT_ARRAY_CASES];
    struct def_set set = {.cases = cases};
    unsigned sends, receives;
    e->f[SELECT_GOID] = r->value[V_SELECT_GOID];
    uint64_t return_address = r->value[V_SELECT_RET] - go_process_bias(self->o.process);
    if (!r->value[V_SELECT_CASES] ||
        !go_binary_select_counts(self->o.binary, return_address, &sends, &receives))
        return;
    unsigned total = sends + receives, shown = total < SELECT_ARRAY_CASES ? total : SELECT_ARRAY_CASES;
    if (shown < total)
        set.flags |= SET_INCOMPLETE;
    for (unsigned i = 0; i < shown; i++) {
        bool is_send = i < sends;
        /* Of a cut list the missing receives are the first ones of the source: the known ones keep their
         * order. */
        unsigned place = is_send ? i : sends < shown ? sends + (shown - 1 - i) : i;
        uint64_t hchan = r->value[V_SELECT_ARRAY + 2 * i];
        cases[place] = (struct def_case){object_table_chan(self->o.objects, hchan, r->time_ns),
                                         is_send ? SELECT_SEND : SELECT_RECV};
    }
    set.case_count = shown;
    e->f[SELECT_SET] = trace_writer_set(self->o.writer, &set);
}

static void on_ready(struct event_builder *self, const struct record *r, struct event *e)
{
    e->f[READY_GOID] = r->value[V_READY_GOID];
    e->f[READY_WAKER] = r->value[V_READY_CURG] ? r->value[V_READY_CUR_GOID] : 0;
    e->f[READY_STACK] = stack_with_caller(self, r, r->value[V_READY_RET], NULL);
}

/* netpollready takes only the goroutines of the directions that became ready (runtime/netpoll.go); 0 to 2 are
 * no pointers. */
static void on_net(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    uint64_t mode = r->value[V_NET_MODE];
    bool reads = mode == NET_MODE_READ || mode == NET_MODE_BOTH,
         writes = mode == NET_MODE_WRITE || mode == NET_MODE_BOTH;
    e->f[NET_POLLDESC] = r->value[V_NET_PD];
    e->f[NET_MODE] = mode;
    e->f[NET_READ_G] = reads && r->value[V_NET_RG] > 2 ? r->value[V_NET_RG] : 0;
    e->f[NET_WRITE_G] = writes && r->value[V_NET_WG] > 2 ? r->value[V_NET_WG] : 0;
}

static void on_goid(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[0] = r->value[V_GOID_ONLY];
}

static void on_sched(struct event_builder *self, const struct record *r, struct event *e)
{
    uint64_t chain[3] = {r->value[V_SCHED_PC]};
    uint32_t length = chain[0] ? 1 : 0;
    if (length && r->value[V_SCHED_BP]) {
        chain[length++] = r->value[V_SCHED_RET0];
        if (r->value[V_SCHED_BP1])
            chain[length++] = r->value[V_SCHED_RET1];
    }
    e->f[SCHED_GOID] = r->value[V_SCHED_GOID];
    e->f[SCHED_PREEMPTED] = r->value[V_SCHED_PREEMPTED];
    e->f[SCHED_STACK] = code_table_stack(self->o.code, chain, length, true, false, NULL);
}

static void on_coro(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[CORO_GOID] = r->value[V_CORO_GOID];
    e->f[CORO_TO_G] = r->value[V_CORO_C] ? r->value[V_CORO_TO_G] : 0;
    e->f[CORO_EXITING] = r->value[V_CORO_EXITING];
}

static const struct {
    uint16_t event;
    void (*fill)(struct event_builder *self, const struct record *r, struct event *e);
} probe_handlers[PROBE_COUNT] = {
    [PROBE_CREATE] = {EV_CREATE, on_create},
    [PROBE_EXEC] = {EV_EXEC, on_exec},
    [PROBE_PARK] = {EV_PARK, on_park},
    [PROBE_SELECT] = {EV_SELECT, on_select},
    [PROBE_READY] = {EV_READY, on_ready},
    [PROBE_NET] = {EV_NET, on_net},
    [PROBE_END] = {EV_END, on_goid},
    [PROBE_SCHED] = {EV_SCHED, on_sched},
    [PROBE_YIELD] = {EV_YIELD, on_goid},
    [PROBE_PREEMPT_PARK] = {EV_PREEMPT_PARK, on_goid},
    [PROBE_SYSCALL_NO_P] = {EV_SYSCALL_NO_P, on_goid},
    [PROBE_CORO] = {EV_CORO, on_coro},
};

static uint32_t name_id(struct event_builder *self, const char *name)
{
    return *name ? trace_writer_string(self->o.writer, name, strlen(name)) : 0;
}

/* At the jbe of a stack check that jumps: the function starts again on a larger stack, and is hit again. */
static bool restarts(const struct event_builder *self, const struct record *r)
{
    unsigned at = self->o.flags_at[r->probe];
    return at && (r->value[at] & PROBE_JBE_FLAGS);
}

/* Fills the event for a record; false when there is nothing to write. */
static bool fill_event(struct event_builder *self, unsigned ring, const struct record *r, struct event *e)
{
    switch (r->kind) {
    case RECORD_PROBE:
        if (r->probe >= self->o.probe_count || restarts(self, r))
            return false;
        e->type = probe_handlers[self->o.probe_of[r->probe]].event;
        probe_handlers[self->o.probe_of[r->probe]].fill(self, r, e);
        return true;
    case RECORD_SWITCH_OUT:
        e->type = EV_THREAD_OUT;
        e->f[THREAD_OUT_STATE] = r->prev_state;
        e->f[THREAD_OUT_NEXT_TID] = r->next_tid;
        e->f[THREAD_OUT_NEXT_NAME] = r->next_tid ? name_id(self, r->name) : 0;
        e->f[THREAD_OUT_IP] = code_table_location(self->o.code, r->ip, false);
        e->f[THREAD_OUT_SP] = r->sp;
        e->f[THREAD_OUT_BP] = r->bp;
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

void event_builder_add(struct event_builder *self, unsigned ring, uint16_t cpu, const struct record *record)
{
    struct event event = {.time_ns = record->time_ns, .tid = record->tid, .cpu = cpu};
    bool outside = is_outside(self, ring, record);
    if (!outside && !self->stats.saw_exec && fill_event(self, ring, record, &event)) {
        if (event.time_ns < self->watermark_ns)
            self->stats.late++;
        if (event.time_ns > self->stats.last_ns)
            self->stats.last_ns = event.time_ns;
        self->stats.events++;
        trace_writer_event(self->o.writer, &event);
    }
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
