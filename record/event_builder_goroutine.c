/*
 * Events in the life of a goroutine: made, running, waiting, woken, ended.
 */
#include "event_builder_impl.h"

#include <string.h>

#define CHAIN_MAX 256

/*
 * The stack of a probe that sits on a `push %rbp`: some kernels (5.10) leave out the direct caller there,
 * whose return address is still on top of the stack: `ret` is spliced in behind the probed function unless
 * the chain has it.
 */
uint32_t event_builder_stack(struct event_builder *self, const struct record *r, uint64_t ret,
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

static void tell_labels(struct event_builder *self, const struct label_sight *sight, bool is_first)
{
    uint32_t text;
    bool is_told = label_table_tell(self->labels, sight, &text);
    self->stats.labels_unread = label_table_unread(self->labels);
    if (!is_told)
        return;
    self->extra =
        (struct event){.type = EV_LABELS, .f = {[LABELS_GOID] = sight->goid, [LABELS_LABELS] = text}};
    self->extra_is_first = is_first;
}

bool build_create(struct event_builder *self, const struct record *r, struct event *e)
{
    e->f[CREATE_GOID] = r->value[V_CREATE_GOID];
    e->f[CREATE_G] = r->value[V_CREATE_G];
    e->f[CREATE_CREATOR] = r->value[V_CREATE_CURG] ? r->value[V_CREATE_CUR_GOID] : 0;
    e->f[CREATE_STATUS] = r->value[V_CREATE_STATUS];
    e->f[CREATE_START] = code_table_location(self->o.code, r->value[V_CREATE_STARTPC], false);
    e->f[CREATE_STACK] = event_builder_stack(self, r, 0, NULL);
    tell_labels(self,
                &(struct label_sight){r->time_ns, r->value[V_CREATE_GOID], r->value[V_CREATE_G],
                                      r->value[V_CREATE_LABELS]},
                false);
    return true;
}

bool build_exec(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[EXEC_GOID] = r->value[V_EXEC_GOID];
    e->f[EXEC_G] = r->value[V_EXEC_G];
    e->f[EXEC_INHERIT] = r->value[V_EXEC_INHERIT];
    e->f[EXEC_P] = r->value[V_EXEC_P];
    return true;
}

bool build_park(struct event_builder *self, const struct record *r, struct event *e)
{
    uint32_t hints;
    e->f[PARK_GOID] = r->value[V_PARK_GOID];
    e->f[PARK_G] = r->value[V_PARK_G];
    e->f[PARK_REASON] = r->value[V_PARK_REASON];
    e->f[PARK_STACK] = event_builder_stack(self, r, r->value[V_PARK_RET], &hints);
    struct wait_object object = wait_object_find(&self->rules, self->layout, r->value, hints);
    e->f[PARK_VALUE] = object.value;
    if (object.kind == OBJECT_CHAN)
        e->f[PARK_OBJECT] = object_table_chan(self->o.objects, object.address, r->time_ns);
    else
        e->f[PARK_OBJECT] = object_table_plain(self->o.objects, object.kind, object.address, r->time_ns);
    tell_labels(self,
                &(struct label_sight){r->time_ns, r->value[V_PARK_GOID], r->value[V_PARK_G],
                                      r->value[V_PARK_LABELS]},
                true);
    return true;
}

/* A sudog of a select: its channel is the one whose other end has come. */
static void tell_fired(struct event_builder *self, const struct record *r)
{
    if (!r->value[V_READY_SUDOG] || r->value[V_READY_IS_SELECT] != 1)
        return;
    uint32_t object = object_table_chan(self->o.objects, r->value[V_READY_CHAN], r->time_ns);
    if (!object)
        return;
    self->extra = (struct event){.type = EV_FIRED,
                                 .f = {[FIRED_GOID] = r->value[V_READY_GOID], [FIRED_OBJECT] = object}};
    self->extra_is_first = true;
}

bool build_ready(struct event_builder *self, const struct record *r, struct event *e)
{
    e->f[READY_GOID] = r->value[V_READY_GOID];
    e->f[READY_WAKER] = r->value[V_READY_CURG] ? r->value[V_READY_CUR_GOID] : 0;
    e->f[READY_STACK] = event_builder_stack(self, r, r->value[V_READY_RET], NULL);
    tell_fired(self, r);
    return true;
}

/* netpollready takes only the goroutines of the directions that became ready (runtime/netpoll.go); 0 to 2 are
 * no pointers. */
bool build_net(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    uint64_t mode = r->value[V_NET_MODE];
    bool reads = mode == NET_MODE_READ || mode == NET_MODE_BOTH,
         writes = mode == NET_MODE_WRITE || mode == NET_MODE_BOTH;
    e->f[NET_POLLDESC] = r->value[V_NET_PD];
    e->f[NET_MODE] = mode;
    e->f[NET_READ_G] = reads && r->value[V_NET_RG] > 2 ? r->value[V_NET_RG] : 0;
    e->f[NET_WRITE_G] = writes && r->value[V_NET_WG] > 2 ? r->value[V_NET_WG] : 0;
    return true;
}

bool build_end(struct event_builder *self, const struct record *r, struct event *e)
{
    label_table_forget(self->labels, r->value[V_GOID_ONLY]);
    return build_goid(self, r, e);
}

bool build_goid(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[0] = r->value[V_GOID_ONLY];
    return true;
}

bool build_sched(struct event_builder *self, const struct record *r, struct event *e)
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
    return true;
}

bool build_coro(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[CORO_GOID] = r->value[V_CORO_GOID];
    e->f[CORO_TO_G] = r->value[V_CORO_C] ? r->value[V_CORO_TO_G] : 0;
    e->f[CORO_EXITING] = r->value[V_CORO_EXITING];
    return true;
}
