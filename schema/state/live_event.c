/* What each event does to the goroutines of a live table. */
#include "state/live_table_impl.h"

/* ---- steps ---- */

static void tell_latency(const struct live_table *self, uint64_t since, uint64_t run)
{
    if (self->o.latency && run >= since)
        self->o.latency(self->o.context, since, run);
}

/* An event that is older than the state: what it tells is over, but for how long a woken one waited for a CPU. */
static void take_late(struct live_table *self, struct live_goroutine *goroutine, enum goroutine_state to,
                      uint64_t time)
{
    if (to != GOROUTINE_RUNNABLE || !(goroutine->flags & LIVE_NEEDS_LATENCY))
        return;
    goroutine->flags &= (uint8_t)~LIVE_NEEDS_LATENCY;
    tell_latency(self, time, goroutine->since);
}

/* The state that the step leads to, with all that belonged to the last one forgotten. False: it is not news. */
static bool step(struct live_table *self, uint32_t place, enum goroutine_step what, uint64_t time)
{
    struct live_goroutine *goroutine = live_at(self, place);
    enum goroutine_state from = (enum goroutine_state)goroutine->state;
    enum goroutine_state to =
        (self->o.without_runs ? goroutine_step_without_runs(from, what) : goroutine_step(from, what)).to;
    bool is_told = goroutine->flags & LIVE_IS_TOLD;
    if (from == GOROUTINE_DEAD || (is_told && time < goroutine->last_ns)) {
        take_late(self, goroutine, to, time);
        return false;
    }
    goroutine->flags &= (uint8_t) ~(LIVE_IS_REPORTED | LIVE_NEEDS_LATENCY | LIVE_IS_BY_NET);
    if (what == STEP_NET_READY)
        goroutine->flags |= LIVE_IS_BY_NET;
    if (to == GOROUTINE_RUNNING && from == GOROUTINE_RUNNABLE && (goroutine->flags & LIVE_IS_EXACT))
        tell_latency(self, goroutine->since, time);
    else if (to == GOROUTINE_RUNNING && from != GOROUTINE_RUNNABLE)
        goroutine->flags |= LIVE_NEEDS_LATENCY;
    goroutine->flags |= LIVE_IS_TOLD | LIVE_IS_EXACT;
    goroutine->last_ns = goroutine->since = time;
    goroutine->state = (uint8_t)to;
    goroutine->stack = goroutine->object = goroutine->set = 0;
    goroutine->value = 0;
    goroutine->tid = 0;
    goroutine->p = 0;
    if (to == GOROUTINE_DEAD)
        live_bury(self, place);
    return true;
}

static void run_on(struct live_goroutine *goroutine, uint32_t tid, uint64_t p)
{
    goroutine->tid = tid;
    goroutine->p = p < INT16_MAX ? (int16_t)(p + 1) : 0;
}

/* It does something, which is not in doubt; since when it runs is. */
static void see_running(struct live_table *self, uint64_t goid, uint32_t tid, uint64_t time)
{
    uint32_t place = self->o.infers_runs && goid ? live_find_or_add(self, goid, time) : NONE;
    struct live_goroutine *goroutine = place == NONE ? NULL : live_at(self, place);
    if (!goroutine || goroutine->state == GOROUTINE_RUNNING || !step(self, place, STEP_EXEC, time))
        return;
    goroutine->flags &= (uint8_t)~LIVE_IS_EXACT;
    run_on(goroutine, tid, UINT64_MAX);
}

static void on_create(struct live_table *self, const struct event *event, uint64_t time)
{
    see_running(self, event->f[CREATE_CREATOR], event->tid, time);
    uint32_t place = live_find_or_add(self, event->f[CREATE_GOID], time);
    if (place == NONE) {
        self->beyond++;
        return;
    }
    struct live_goroutine *goroutine = live_at(self, place);
    live_map_g(self, place, event->f[CREATE_G], time);
    goroutine->created_ns = time;
    goroutine->creator = event->f[CREATE_CREATOR];
    goroutine->start = (uint32_t)event->f[CREATE_START];
    goroutine->create_stack = (uint32_t)event->f[CREATE_STACK];
    step(self, place, event->f[CREATE_STATUS] == GO_STATUS_WAITING ? STEP_CREATE_PARKED : STEP_CREATE, time);
    if (goroutine->state == GOROUTINE_WAITING && goroutine->last_ns == time)
        goroutine->reason = (uint16_t)self->coroutine;
}

static void on_exec(struct live_table *self, const struct event *event, uint64_t time)
{
    uint32_t place = live_find_or_add(self, event->f[EXEC_GOID], time);
    if (place == NONE)
        return;
    live_map_g(self, place, event->f[EXEC_G], time);
    if (step(self, place, event->f[EXEC_INHERIT] ? STEP_EXEC_INHERIT : STEP_EXEC, time))
        run_on(live_at(self, place), event->tid, event->f[EXEC_P]);
}

static void on_park(struct live_table *self, const struct event *event, uint64_t time)
{
    uint32_t place = live_find_or_add(self, event->f[PARK_GOID], time);
    if (place == NONE)
        return;
    struct live_goroutine *goroutine = live_at(self, place);
    live_map_g(self, place, event->f[PARK_G], time);
    if (!step(self, place, STEP_PARK, time))
        return;
    goroutine->reason = (uint16_t)event->f[PARK_REASON];
    goroutine->object = (uint32_t)event->f[PARK_OBJECT];
    goroutine->value = event->f[PARK_VALUE];
    goroutine->stack = (uint32_t)event->f[PARK_STACK];
    enum wait_class class = live_table_class(self, goroutine);
    if (class == WAIT_SELECT)
        goroutine->set = goroutine->next_set;
    goroutine->next_set = 0;
    if (class == WAIT_NET && goroutine->net_ns > time)
        step(self, place, STEP_NET_READY, goroutine->net_ns);
}

static void on_net(struct live_table *self, uint64_t g, uint64_t time)
{
    uint32_t place = g > 2 ? live_find_g(self, g) : NONE;
    if (place == NONE)
        return;
    struct live_goroutine *goroutine = live_at(self, place);
    if (time > goroutine->net_ns)
        goroutine->net_ns = time;
    enum wait_class class = live_table_class(self, goroutine);
    if (goroutine->state == GOROUTINE_WAITING && (class == WAIT_NET || class == WAIT_OTHER))
        step(self, place, STEP_NET_READY, time);
}

static void on_coro(struct live_table *self, const struct event *event, uint64_t time)
{
    uint32_t to = event->f[CORO_TO_G] ? live_find_g(self, event->f[CORO_TO_G]) : NONE;
    uint32_t from = live_find_or_add(self, event->f[CORO_GOID], time);
    int16_t p = from == NONE ? 0 : live_at(self, from)->p;
    if (from != NONE && step(self, from, event->f[CORO_EXITING] ? STEP_CORO_EXIT : STEP_CORO_OUT, time))
        live_at(self, from)->reason = (uint16_t)self->coroutine;
    if (to != NONE && to != from && step(self, to, STEP_CORO_IN, time)) {
        live_at(self, to)->tid = event->tid;
        live_at(self, to)->p = p;
    }
}

/* Events that tell nothing but which goroutine. */
static void on_goid(struct live_table *self, uint64_t goid, enum goroutine_step what, uint64_t time)
{
    uint32_t place = live_find_goid(self, goid);
    if (place == NONE && what == STEP_END && self->beyond) {
        self->beyond--; /* one that had no place */
        return;
    }
    if (place == NONE)
        place = live_find_or_add(self, goid, time);
    if (place != NONE)
        step(self, place, what, time);
}

/* ---- snapshots: what no event has told ---- */

static void take_origin(struct live_table *self, uint32_t place)
{
    struct live_goroutine *goroutine = live_at(self, place);
    const struct event *origin = &self->origin;
    if (origin->type != EV_GOROUTINE_ORIGIN || origin->f[ORIGIN_GOID] != goroutine->goid)
        return;
    if (!goroutine->g && live_find_g(self, origin->f[ORIGIN_G]) == NONE)
        live_map_g(self, place, origin->f[ORIGIN_G], origin->time_ns);
    if (!goroutine->created_ns) {
        goroutine->creator = origin->f[ORIGIN_CREATOR];
        goroutine->start = (uint32_t)origin->f[ORIGIN_START];
        goroutine->created_at = (uint32_t)origin->f[ORIGIN_CREATED_AT];
    }
    if (!goroutine->labels && !(goroutine->flags & LIVE_IS_TOLD))
        goroutine->labels = (uint32_t)origin->f[ORIGIN_LABELS];
}

static enum goroutine_state state_of_status(uint64_t status)
{
    switch (status) {
    case GO_STATUS_RUNNABLE:
        return GOROUTINE_RUNNABLE;
    case GO_STATUS_RUNNING:
    case GO_STATUS_SYSCALL:
        return GOROUTINE_RUNNING;
    case GO_STATUS_WAITING:
        return GOROUTINE_WAITING;
    case GO_STATUS_PREEMPTED:
        return GOROUTINE_PREEMPTED;
    default:
        return GOROUTINE_UNKNOWN;
    }
}

static void adopt(const struct live_table *self, struct live_goroutine *goroutine, const struct event *look)
{
    enum goroutine_state state = state_of_status(look->f[GOROUTINE_STATUS]);
    bool is_known = goroutine->flags & LIVE_IS_TOLD && !live_table_is_doubtful(self, goroutine);
    bool is_same = goroutine->state == GOROUTINE_WAITING && state == GOROUTINE_WAITING &&
                   goroutine->reason == look->f[GOROUTINE_REASON];
    uint32_t set = self->look_set_goid == goroutine->goid ? self->look_set : 0;
    if (is_known || goroutine->state == GOROUTINE_DEAD) {
        if (is_same && !goroutine->object)
            goroutine->object = (uint32_t)look->f[GOROUTINE_OBJECT];
        if (is_same && !goroutine->set)
            goroutine->set = set;
        return;
    }
    if (self->o.without_runs && state != GOROUTINE_WAITING)
        state = GOROUTINE_UNKNOWN;
    if (!is_same) {
        goroutine->since = look->time_ns;
        goroutine->flags &= (uint8_t)~LIVE_IS_EXACT;
    }
    goroutine->state = (uint8_t)state;
    goroutine->last_ns = look->time_ns;
    goroutine->tid = state == GOROUTINE_RUNNING ? (uint32_t)look->f[GOROUTINE_THREAD] : 0;
    goroutine->reason = (uint16_t)look->f[GOROUTINE_REASON];
    goroutine->object = (uint32_t)look->f[GOROUTINE_OBJECT];
    goroutine->value = look->f[GOROUTINE_VALUE];
    goroutine->stack = (uint32_t)look->f[GOROUTINE_STACK];
    goroutine->set = set;
}

static void on_look(struct live_table *self, const struct event *look)
{
    uint32_t place = live_find_or_add(self, look->f[GOROUTINE_GOID], look->time_ns);
    if (place != NONE) {
        take_origin(self, place);
        adopt(self, live_at(self, place), look);
    }
    self->origin.type = EV_NONE;
    self->look_set_goid = 0;
}

/* Whom a whole snapshot has not found after a loss has ended in it. */
static void on_snapshot(struct live_table *self, const struct event *event)
{
    if (event->f[SNAPSHOT_PHASE] != SNAPSHOT_END) {
        self->look_begin_ns = event->time_ns;
        return;
    }
    if (event->f[SNAPSHOT_UNSTABLE] || !self->gap_ns || self->look_begin_ns <= self->gap_ns)
        return;
    for (uint32_t place = 0; place < self->used; place++) {
        struct live_goroutine *goroutine = live_at(self, place);
        if (!goroutine->goid || goroutine->state == GOROUTINE_DEAD ||
            !live_table_is_doubtful(self, goroutine))
            continue;
        goroutine->last_ns = event->time_ns;
        live_bury(self, place);
    }
}

static void on_select(struct live_table *self, const struct event *event, uint64_t time)
{
    if (event->cpu == RING_RECORDER) {
        self->look_set = (uint32_t)event->f[SELECT_SET];
        self->look_set_goid = event->f[SELECT_GOID];
        return;
    }
    uint32_t place = live_find_or_add(self, event->f[SELECT_GOID], time);
    if (place != NONE)
        live_at(self, place)->next_set = (uint32_t)event->f[SELECT_SET];
}

static void on_labels(struct live_table *self, const struct event *event)
{
    uint32_t place = live_find_goid(self, event->f[LABELS_GOID]);
    if (place != NONE)
        live_at(self, place)->labels = (uint32_t)event->f[LABELS_LABELS];
}

/* ---- events ---- */

/* Times may step back by a few ns between records of one ring, whose order is the truth. */
static uint64_t time_in_ring(struct live_table *self, const struct event *event)
{
    if (event->cpu >= LIVE_RINGS_MAX)
        return event->time_ns;
    uint64_t *last = &self->ring_ns[event->cpu];
    if (event->time_ns > *last)
        *last = event->time_ns;
    return *last;
}

void live_table_event(struct live_table *self, const struct event *event)
{
    uint64_t time = time_in_ring(self, event);
    switch (event->type) {
    case EV_CREATE:
        on_create(self, event, time);
        break;
    case EV_EXEC:
        on_exec(self, event, time);
        break;
    case EV_PARK:
        on_park(self, event, time);
        break;
    case EV_SELECT:
        on_select(self, event, time);
        break;
    case EV_READY:
        see_running(self, event->f[READY_WAKER], event->tid, time);
        on_goid(self, event->f[READY_GOID], STEP_READY, time);
        break;
    case EV_NET:
        on_net(self, event->f[NET_READ_G], time);
        on_net(self, event->f[NET_WRITE_G], time);
        break;
    case EV_END:
        on_goid(self, event->f[END_GOID], STEP_END, time);
        break;
    case EV_SCHED:
        on_goid(self, event->f[SCHED_GOID], STEP_SCHED, time);
        break;
    case EV_YIELD:
        on_goid(self, event->f[YIELD_GOID], STEP_YIELD, time);
        break;
    case EV_PREEMPT_PARK:
        on_goid(self, event->f[PREEMPT_PARK_GOID], STEP_PREEMPT_PARK, time);
        break;
    case EV_SYSCALL_NO_P:
        on_goid(self, event->f[SYSCALL_NO_P_GOID], STEP_SYSCALL_NO_P, time);
        break;
    case EV_CORO:
        on_coro(self, event, time);
        break;
    case EV_LABELS:
        on_labels(self, event);
        break;
    case EV_SNAPSHOT:
        on_snapshot(self, event);
        break;
    case EV_GOROUTINE_ORIGIN:
        self->origin = *event;
        break;
    case EV_GOROUTINE:
        on_look(self, event);
        break;
    case EV_LOST:
    case EV_PAUSE:
    case EV_RESUME:
        live_table_lose(self, time);
        break;
    default:
        break;
    }
}
