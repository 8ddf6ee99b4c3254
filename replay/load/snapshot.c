#include "load/snapshot.h"

#include <stdlib.h>

#include "load/net_wake.h"
#include "load/park.h"
#include "load/pause.h"
#include "load/resolve.h"

/* A probe fires before the status changes, and its thread may be preempted in between. */
#define STATE_YOUNG_NS 1000000u

/* What a snapshot tells about one goroutine. */
struct look {
    enum goroutine_state state;
    bool is_in_syscall;
    uint32_t tid;          /* running; 0: not told */
    struct open_wait wait; /* waiting; owns its set */
};

static enum goroutine_state state_of(uint64_t status)
{
    static const unsigned char states[] = {
        [GO_STATUS_RUNNABLE] = GOROUTINE_RUNNABLE,   [GO_STATUS_RUNNING] = GOROUTINE_RUNNING,
        [GO_STATUS_SYSCALL] = GOROUTINE_RUNNING,     [GO_STATUS_WAITING] = GOROUTINE_WAITING,
        [GO_STATUS_PREEMPTED] = GOROUTINE_PREEMPTED,
    };
    return status < sizeof states ? (enum goroutine_state)states[status] : GOROUTINE_UNKNOWN;
}

/* ---- the snapshot as a whole ---- */

static void put_snapshot(struct goroutine_tracker *self, uint64_t kind, uint64_t start,
                         const struct event *end)
{
    static const char *const kinds[] = {"periodic", "start", "periodic", "end", "carried"};
    uint64_t found = end ? end->f[SNAPSHOT_GOROUTINES] : 0, unstable = end ? end->f[SNAPSHOT_UNSTABLE] : 0;
    row_writer_text(self->with.rows, ROW_SNAPSHOT, 1,
                    kinds[kind < sizeof kinds / sizeof kinds[0] ? kind : SNAPSHOT_PERIODIC]);
    row_writer_put(self->with.rows, ROW_SNAPSHOT,
                   (const int64_t[]){self->snapshot.id, 0, (int64_t)start,
                                     end ? (int64_t)end->time_ns : ROW_NULL,
                                     end ? (int64_t)(found & INT64_MAX) : ROW_NULL,
                                     end ? (int64_t)(unstable & INT64_MAX) : ROW_NULL});
}

static void begin(struct goroutine_tracker *self, uint64_t kind, uint64_t time)
{
    self->snapshot.id++;
    self->snapshot.is_open = true;
    self->snapshot.kind = kind;
    self->snapshot.start = time;
    put_snapshot(self, kind, time, NULL);
}

/* The state that the last snapshots agreed on has lasted until `time`. */
static void end_sampled(struct goroutine_tracker *self, struct goroutine *goroutine, uint64_t time)
{
    int64_t id = ROW_NULL;
    if (goroutine->wait.stage == WAIT_STAGE_ASLEEP)
        id = interval_put_wait(&self->intervals, goroutine, (struct wait_end){.sampled_until = time});
    interval_close(&self->intervals, goroutine, (struct interval_end){time, false}, id, 0);
    goroutine->since = goroutine->last_step = time;
    goroutine->state_flags = 0;
}

/* Who is in no complete snapshot any more has ended; unless some were left out. */
static void end_unseen(struct goroutine_tracker *self, const struct event *end)
{
    size_t count;
    uint64_t *list = goroutine_step_list(self, &count);
    for (size_t i = 0; i < count; i++) {
        struct goroutine *goroutine = goroutine_table_find(&self->table, list[i]);
        if (!goroutine || goroutine->snapshot == self->snapshot.id || goroutine->is_buried)
            continue;
        end_sampled(self, goroutine, end->time_ns);
        goroutine->state = end->f[SNAPSHOT_UNSTABLE] ? GOROUTINE_UNKNOWN : GOROUTINE_DEAD;
        if (goroutine->state == GOROUTINE_DEAD) {
            interval_put_goroutine(&self->intervals, goroutine);
            goroutine_table_remove(&self->table, goroutine);
        }
    }
    free(list);
}

static void on_snapshot(struct goroutine_tracker *self, const struct event *event)
{
    if (event->f[SNAPSHOT_PHASE] != SNAPSHOT_END || !self->snapshot.is_open)
        begin(self, event->f[SNAPSHOT_KIND], event->time_ns);
    if (event->f[SNAPSHOT_PHASE] != SNAPSHOT_END)
        return;
    put_snapshot(self, self->snapshot.kind, self->snapshot.start, event);
    self->snapshot.is_open = false;
    if (self->detail == DETAIL_SNAPSHOT)
        end_unseen(self, event);
    else
        pause_snapshot(self, event);
}

/* ---- one goroutine ---- */

static const struct event *carried_of(const struct goroutine_tracker *self, uint64_t goid)
{
    const struct event *carried = &self->snapshot.carried;
    return carried->type && carried->f[CARRIED_GOID] == goid ? carried : NULL;
}

static void take_creation(struct goroutine *goroutine, const struct event *carried)
{
    uint64_t created = carried->f[CARRIED_CREATED];
    if (goroutine->was_created || !created || created > carried->time_ns)
        return;
    goroutine->was_created = true;
    goroutine->created_ns = created;
    goroutine->create_stack = (uint32_t)carried->f[CARRIED_STACK];
}

/* The goroutine has just taken over what a snapshot says: this is known from events, and since when. */
static void take_carried(struct goroutine_tracker *self, struct goroutine *goroutine,
                         const struct event *carried)
{
    struct open_wait *wait = &goroutine->wait;
    bool is_exact = carried->f[CARRIED_FLAGS] & CARRIED_SINCE_IS_EXACT;
    if (carried->f[CARRIED_SINCE] > carried->time_ns)
        return;
    goroutine->since = carried->f[CARRIED_SINCE];
    goroutine->state_flags = is_exact ? 0 : FLAG_INFERRED;
    goroutine->woken_by_net = carried->f[CARRIED_FLAGS] & CARRIED_WOKEN_BY_NET;
    if (goroutine->state == GOROUTINE_RUNNING && goroutine->tid && carried->f[CARRIED_P] &&
        carried->f[CARRIED_P] <= INT32_MAX) {
        goroutine->p = (int64_t)carried->f[CARRIED_P] - 1;
        binding_enter(self->with.binding, goroutine->tid, goroutine->goid, goroutine->p);
    }
    if (goroutine->state != GOROUTINE_WAITING)
        return;
    wait->start = goroutine->since;
    wait->is_start_missed = !is_exact;
    wait->noticed = 0;
    /* A net event of before may be about to take it: see net_wake.c. */
    if (wait->net_key && !net_pending_put(&self->net_by_descriptor, wait->net_key, carried))
        self->failed = true;
}

static void take_origin(struct goroutine_tracker *self, struct goroutine *goroutine,
                        const struct event *origin)
{
    uint64_t g = origin->f[ORIGIN_G];
    if (!goroutine->g && g && !goroutine_table_find_g(&self->table, g))
        goroutine_tracker_map_g(self, origin, goroutine, g);
    if (!goroutine->was_created) {
        if (origin->f[ORIGIN_CREATOR])
            goroutine->creator = origin->f[ORIGIN_CREATOR];
        if (origin->f[ORIGIN_START]) {
            goroutine->start_function = (uint32_t)origin->f[ORIGIN_START];
            goroutine->is_start_inferred = false;
        }
        if (origin->f[ORIGIN_CREATED_AT])
            goroutine->create_stack = (uint32_t)origin->f[ORIGIN_CREATED_AT];
    }
    if (!goroutine->are_labels_told)
        goroutine->labels = labels_get(self->with.labels, origin->f[ORIGIN_LABELS]);
}

static void put_look(struct goroutine_tracker *self, const struct goroutine *goroutine,
                     const struct event *event, const struct look *look)
{
    const struct open_wait *wait = &look->wait;
    bool waits = look->state == GOROUTINE_WAITING;
    row_writer_put(
        self->with.rows, ROW_SNAPSHOT_GOROUTINE,
        (const int64_t[]){self->snapshot.id, (int64_t)goroutine->goid, (int64_t)event->time_ns, look->state,
                          look->is_in_syscall, row_id(look->tid), waits ? (int64_t)wait->reason : ROW_NULL,
                          waits ? row_id(wait->object.id) : ROW_NULL, waits ? row_id(wait->value) : ROW_NULL,
                          symbolizer_stack_column(wait->stack), row_id(wait->noticed),
                          row_id(goroutine->labels)});
}

/* The goroutine is in this state since `since`. */
static void take_over(struct goroutine_tracker *self, struct goroutine *goroutine, const struct event *event,
                      struct look *look)
{
    struct step_facts facts = {.event = event, .p = ROW_NULL, .reason = ROW_NULL, .flags = FLAG_INFERRED};
    enum goroutine_state from = goroutine->state;
    goroutine->state = look->state;
    goroutine->state_flags = FLAG_INFERRED;
    goroutine->last_step = goroutine->last_ns = event->time_ns;
    if (look->state == GOROUTINE_RUNNING) {
        goroutine->tid = look->tid;
        goroutine->p = ROW_NULL;
        if (look->tid)
            binding_see(self->with.binding, look->tid, goroutine->goid);
    } else if (look->state == GOROUTINE_WAITING) {
        select_set_release(goroutine->wait.set);
        goroutine->wait = look->wait;
        look->wait.set = NULL;
        goroutine->wait.start = goroutine->since;
        goroutine->wait.is_start_missed = true;
        goroutine->wait.doubt = self->detail == DETAIL_SNAPSHOT ? DOUBT_SAMPLED : DOUBT_NONE;
        facts.reason = look->wait.reason;
        facts.object = look->wait.object.id;
        facts.value = look->wait.value;
        facts.stack = look->wait.stack;
    }
    goroutine_step_put_transition(self, goroutine, from, look->state, &facts, FLAG_INFERRED);
}

static bool is_same_wait(const struct open_wait *a, const struct open_wait *b)
{
    uint32_t n = a->set ? a->set->count : 0;
    if (a->reason != b->reason || a->object.id != b->object.id || a->stack != b->stack ||
        n != (b->set ? b->set->count : 0))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (a->set->cases[i].object != b->set->cases[i].object)
            return false;
    }
    return true;
}

static void sample(struct goroutine_tracker *self, struct goroutine *goroutine, const struct event *event,
                   struct look *look)
{
    goroutine->snapshot = self->snapshot.id;
    if (goroutine->state == look->state &&
        (look->state != GOROUTINE_RUNNING || goroutine->tid == look->tid) &&
        (look->state != GOROUTINE_WAITING || is_same_wait(&goroutine->wait, &look->wait))) {
        goroutine->last_step = goroutine->last_ns = event->time_ns;
        goroutine->wait.noticed = look->wait.noticed;
        return;
    }
    end_sampled(self, goroutine, event->time_ns);
    take_over(self, goroutine, event, look);
}

/* What the park could not tell. */
static void complete_wait(struct open_wait *wait, struct look *look)
{
    wait->noticed = look->wait.noticed;
    if (wait->stage != WAIT_STAGE_ASLEEP || wait->reason != look->wait.reason)
        return;
    if (!wait->object.id)
        wait->object = look->wait.object;
    if (!wait->set && wait->class == WAIT_SELECT) {
        wait->set = look->wait.set;
        look->wait.set = NULL;
    }
}

static bool agrees(const struct goroutine *goroutine, const struct look *look)
{
    const struct open_wait *wait = &goroutine->wait;
    switch (goroutine->state) {
    case GOROUTINE_WAITING:
        if (look->state == GOROUTINE_WAITING)
            return wait->stage != WAIT_STAGE_ASLEEP || wait->reason == look->wait.reason;
        /* The scheduler may have ended the wait without telling. */
        return look->state == GOROUTINE_RUNNABLE && wait->is_silent;
    case GOROUTINE_PREEMPTED:
        /* suspendG makes it a waiting one (runtime/preempt.go). */
        return look->state == GOROUTINE_PREEMPTED || look->state == GOROUTINE_WAITING;
    default:
        return goroutine->state == look->state;
    }
}

static bool is_step_young(const struct goroutine_tracker *self, const struct goroutine *goroutine,
                          uint64_t now)
{
    uint64_t since = goroutine->since, off_since, on_since;
    if (binding_is_off(self->with.binding, goroutine->step_tid, &off_since))
        return true;
    if (binding_is_on(self->with.binding, goroutine->step_tid, &on_since) && on_since > since)
        since = on_since;
    return now - since < STATE_YOUNG_NS;
}

static void differs(struct goroutine_tracker *self, const struct goroutine *goroutine,
                    const struct event *event, const struct look *look)
{
    bool is_young = is_step_young(self, goroutine, event->time_ns);
    bool both_wait = goroutine->state == look->state && look->state == GOROUTINE_WAITING;
    anomaly_add(self->with.anomalies, is_young ? ANOMALY_SNAPSHOT_AHEAD : ANOMALY_SNAPSHOT_DIFFERS,
                (int64_t)event->time_ns, (int64_t)goroutine->goid, row_id(look->tid), 1, "%s, snapshot: %s%s",
                goroutine_state_name(goroutine->state), goroutine_state_name(look->state),
                both_wait ? " for another reason" : "");
}

/* A net event of before, whose goroutine turns out to be this one, came between its wait and the snapshot. */
static void adopt_unseen(struct goroutine_tracker *self, struct goroutine *goroutine,
                         const struct event *event, struct look *look)
{
    const struct event *net = goroutine->g ? net_pending_find(&self->net_by_g, goroutine->g) : NULL;
    bool was_woken = net != NULL;
    if (was_woken && look->state != GOROUTINE_WAITING)
        net_wake_pending(self, goroutine);
    else
        take_over(self, goroutine, event, look);
    if (was_woken && look->state == GOROUTINE_WAITING)
        net_wake_pending(self, goroutine);
}

static void adopt(struct goroutine_tracker *self, struct goroutine *goroutine, const struct event *event,
                  struct look *look, bool is_new)
{
    uint64_t since;
    bool is_run = look->state == GOROUTINE_RUNNABLE || look->state == GOROUTINE_RUNNING ||
                  look->state == GOROUTINE_PREEMPTED;
    /* Without events about running nobody knows how long this is so. */
    if (look->state == GOROUTINE_UNKNOWN || (self->detail == DETAIL_BLOCK && is_run))
        return;
    /* A run whose beginning is not told yet. */
    if (self->infers_runs && look->state == GOROUTINE_RUNNING &&
        (goroutine->state == GOROUTINE_RUNNABLE ||
         (goroutine->state == GOROUTINE_WAITING && goroutine->wait.is_silent))) {
        uint64_t there = binding_goid(self->with.binding, look->tid);
        if (look->tid && (there == 0 || there == goroutine->goid))
            goroutine_tracker_see_run(self, goroutine->goid, look->tid, event->time_ns);
        return;
    }
    bool after_gap = gaps_between(self->with.gaps, goroutine->last_step, event->time_ns, &since) > 0;
    if (is_new) {
        adopt_unseen(self, goroutine, event, look);
        goroutine->is_only_looked_at = goroutine->state == GOROUTINE_WAITING;
    } else if (goroutine->state == GOROUTINE_UNKNOWN) {
        /* Where runs are not seen, what was woken may look asleep for a moment. */
        if (self->detail == DETAIL_BLOCK && !after_gap)
            return;
        interval_close(&self->intervals, goroutine, (struct interval_end){event->time_ns, false}, ROW_NULL,
                       after_gap ? FLAG_GAP : 0);
        goroutine->since = event->time_ns;
        take_over(self, goroutine, event, look);
    } else if (agrees(goroutine, look)) {
        if (look->state == GOROUTINE_WAITING)
            complete_wait(&goroutine->wait, look);
    } else if (after_gap) {
        goroutine_step_lose(self, goroutine, event);
        take_over(self, goroutine, event, look);
    } else {
        differs(self, goroutine, event, look);
    }
}

static struct look read_look(struct goroutine_tracker *self, struct goroutine *goroutine,
                             const struct event *event, const struct event *origin)
{
    struct look look = {.state = state_of(event->f[GOROUTINE_STATUS]),
                        .is_in_syscall = event->f[GOROUTINE_STATUS] == GO_STATUS_SYSCALL};
    if (look.state == GOROUTINE_RUNNING && event->f[GOROUTINE_THREAD] <= UINT32_MAX)
        look.tid = (uint32_t)event->f[GOROUTINE_THREAD];
    struct park_facts facts = {.time = event->time_ns, .stack = (uint32_t)event->f[GOROUTINE_STACK]};
    if (look.state == GOROUTINE_WAITING) {
        facts.reason = event->f[GOROUTINE_REASON];
        facts.object = event->f[GOROUTINE_OBJECT];
        facts.value = event->f[GOROUTINE_VALUE];
        facts.polldesc = event->f[GOROUTINE_POLLDESC];
        look.wait = park_make_wait(self, goroutine, &facts);
    } else {
        look.wait.stack = facts.stack;
    }
    if (origin && look.state == GOROUTINE_WAITING && origin->f[ORIGIN_WAIT_SINCE] <= event->time_ns)
        look.wait.noticed = origin->f[ORIGIN_WAIT_SINCE];
    return look;
}

static void on_goroutine(struct goroutine_tracker *self, const struct event *event)
{
    uint64_t goid = event->f[GOROUTINE_GOID];
    struct snapshot_state *snapshot = &self->snapshot;
    const struct event *origin =
        snapshot->origin.type && snapshot->origin.f[ORIGIN_GOID] == goid ? &snapshot->origin : NULL;
    bool is_new = !goroutine_table_find(&self->table, goid);
    struct goroutine *goroutine = goroutine_tracker_get(self, event, goid, false);
    if (!goroutine)
        return;
    if (!snapshot->is_open)
        begin(self, SNAPSHOT_PERIODIC, event->time_ns);
    if (self->detail == DETAIL_SNAPSHOT && is_new)
        goroutine->since = event->time_ns;
    const struct event *carried = carried_of(self, goid);
    if (origin)
        take_origin(self, goroutine, origin);
    if (carried)
        take_creation(goroutine, carried);
    struct look look = read_look(self, goroutine, event, origin);
    if (look.wait.class == WAIT_SELECT && snapshot->set && snapshot->set_goid == goid) {
        look.wait.set = snapshot->set;
        snapshot->set = NULL;
    }
    enum goroutine_state before = goroutine->state;
    if (snapshot->kind != SNAPSHOT_CARRIED || is_new)
        put_look(self, goroutine, event, &look);
    goroutine->snapshot = snapshot->id;
    if (self->detail == DETAIL_SNAPSHOT)
        sample(self, goroutine, event, &look);
    else
        adopt(self, goroutine, event, &look, is_new);
    if (carried && before == GOROUTINE_UNKNOWN && goroutine->state != GOROUTINE_UNKNOWN)
        take_carried(self, goroutine, carried);
    if (look.is_in_syscall && goroutine->state == GOROUTINE_RUNNING && goroutine->tid == look.tid &&
        self->detail <= DETAIL_SCHED)
        syscall_log_assume(self, goroutine, goroutine->since, look.wait.stack);
    select_set_release(look.wait.set);
}

void snapshot_release(struct goroutine_tracker *self)
{
    select_set_release(self->snapshot.set);
    self->snapshot.set = NULL;
    self->snapshot.origin.type = EV_NONE;
    self->snapshot.carried.type = EV_NONE;
}

bool snapshot_is_for(const struct event *event)
{
    return event->type == EV_SNAPSHOT || event->type == EV_GOROUTINE_ORIGIN || event->type == EV_GOROUTINE ||
           event->type == EV_CARRIED ||
           (event->type == EV_SELECT && event->cpu == RING_RECORDER);
}

void snapshot_event(struct goroutine_tracker *self, const struct event *event)
{
    switch (event->type) {
    case EV_SELECT:
        select_set_release(self->snapshot.set);
        self->snapshot.set = (struct select_set *)(uintptr_t)event->f[SELECT_SET];
        self->snapshot.set_goid = event->f[SELECT_GOID];
        break;
    case EV_GOROUTINE_ORIGIN:
        self->snapshot.origin = *event;
        break;
    case EV_CARRIED:
        self->snapshot.carried = *event;
        break;
    case EV_GOROUTINE:
        on_goroutine(self, event);
        snapshot_release(self);
        break;
    default:
        on_snapshot(self, event);
        break;
    }
}
