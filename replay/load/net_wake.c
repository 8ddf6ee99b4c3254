#include "load/net_wake.h"

/* netpollready may be preempted for a whole time slice between our probe and its taking of a goroutine. */
#define NET_RACE_NS 100000000u

/* Addresses have fewer than 63 bits. */
uint64_t net_wake_key(uint64_t polldesc, uint64_t mode)
{
    return polldesc && (mode == NET_MODE_READ || mode == NET_MODE_WRITE)
               ? polldesc << 1 | (mode == NET_MODE_WRITE)
               : 0;
}

/*
 * A goroutine runs that waited for a descriptor and that nothing has woken: when a net event of this
 * descriptor had found nobody, it was that one. The probe looks at the descriptor before netpollready takes
 * the goroutine out of it (runtime/netpoll.go), and a goroutine that parks in between is taken all the same.
 */
static void apply_race(struct goroutine_tracker *self, struct goroutine *goroutine, const struct event *exec)
{
    struct open_wait *wait = &goroutine->wait;
    if (goroutine->state != GOROUTINE_WAITING || wait->stage != WAIT_STAGE_ASLEEP || !wait->net_key ||
        exec->f[EXEC_INHERIT])
        return;
    const struct event *found = net_pending_find(&self->net_by_descriptor, wait->net_key);
    if (!found || found->time_ns + NET_RACE_NS < wait->start)
        return;
    net_pending_drop(&self->net_by_descriptor, wait->net_key);
    wait->is_silent = true;
}

static void apply(struct goroutine_tracker *self, struct goroutine *goroutine, const struct event *net)
{
    goroutine_step_apply(self, goroutine,
                         &(struct step_facts){.step = STEP_NET_READY,
                                              .event = net,
                                              .p = ROW_NULL,
                                              .reason = ROW_NULL,
                                              .flags = FLAG_INFERRED,
                                              .waker = WAKER_NET});
}

/* A net event of before, whose goroutine turns out to be this one. */
static void apply_pending(struct goroutine_tracker *self, struct goroutine *goroutine, uint64_t g)
{
    struct event net;
    if (!net_pending_take(&self->net_by_g, g, &net))
        return;
    if (goroutine->state == GOROUTINE_UNKNOWN && net.time_ns >= goroutine->last_step)
        apply(self, goroutine, &net);
}

void net_wake_pending(struct goroutine_tracker *self, struct goroutine *goroutine)
{
    struct event net;
    if (net_pending_take(&self->net_by_g, goroutine->g, &net) && net.time_ns >= goroutine->since)
        apply(self, goroutine, &net);
}

void net_wake_before_exec(struct goroutine_tracker *self, struct goroutine *goroutine,
                          const struct event *exec)
{
    apply_pending(self, goroutine, exec->f[EXEC_G]);
    apply_race(self, goroutine, exec);
}

static void net_ready(struct goroutine_tracker *self, const struct event *event, uint64_t g, uint64_t mode)
{
    uint64_t key = net_wake_key(event->f[NET_POLLDESC], mode);
    /* Small numbers are states of the descriptor (pdNil, pdReady, pdWait), not goroutines. */
    if (g <= 2) {
        if (key && !net_pending_put(&self->net_by_descriptor, key, event))
            self->failed = true;
        return;
    }
    net_pending_drop(&self->net_by_descriptor, key);
    struct goroutine *goroutine = goroutine_table_find_g(&self->table, g);
    if (!goroutine) {
        if (!net_pending_put(&self->net_by_g, g, event))
            self->failed = true;
        return;
    }
    bool is_woken = goroutine->state == GOROUTINE_RUNNABLE && goroutine->woken_by_net;
    goroutine_step_apply(
        self, goroutine,
        &(struct step_facts){
            .step = STEP_NET_READY, .event = event, .p = ROW_NULL, .reason = ROW_NULL, .waker = WAKER_NET});
    /* Two threads are in netpollready for one descriptor: one has taken the goroutine, the other will find who
     * parks there next. */
    if (is_woken && key && !net_pending_put(&self->net_by_descriptor, key, event))
        self->failed = true;
}

void net_wake_event(struct goroutine_tracker *self, const struct event *event)
{
    uint64_t mode = event->f[NET_MODE];
    if (mode == NET_MODE_READ || mode == NET_MODE_BOTH)
        net_ready(self, event, event->f[NET_READ_G], NET_MODE_READ);
    if (mode == NET_MODE_WRITE || mode == NET_MODE_BOTH)
        net_ready(self, event, event->f[NET_WRITE_G], NET_MODE_WRITE);
}
