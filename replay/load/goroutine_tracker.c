#include "load/goroutine_tracker.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "load/fired.h"
#include "load/goroutine_step.h"
#include "load/net_wake.h"
#include "load/park.h"
#include "load/pause.h"
#include "load/resolve.h"
#include "load/snapshot.h"

static void out_of_memory(struct goroutine_tracker *self)
{
    self->failed = true;
}

struct goroutine_tracker *goroutine_tracker_new(const struct tracker_options *options)
{
    struct goroutine_tracker *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->with = *options;
    self->intervals = (struct interval_log){
        .rows = options->rows, .symbols = options->symbols, .sums = options->sums, .runtime = options->runtime};
    round_log_init(&self->intervals.rounds, options->rows);
    goroutine_table_init(&self->table);
    syscall_log_init(&self->calls);
    run_starts_init(&self->starts);
    net_pending_init(&self->net_by_g);
    net_pending_init(&self->net_by_descriptor);
    return self;
}

void goroutine_tracker_free(struct goroutine_tracker *self)
{
    if (!self)
        return;
    snapshot_release(self);
    syscall_log_release(&self->calls);
    run_starts_release(&self->starts);
    net_pending_release(&self->net_by_g);
    net_pending_release(&self->net_by_descriptor);
    goroutine_table_release(&self->table);
    round_log_release(&self->intervals.rounds);
    free(self);
}

int goroutine_tracker_check(const struct goroutine_tracker *self, struct error *err)
{
    return self->failed || self->table.failed || self->starts.failed || round_log_has_failed(&self->intervals.rounds)
               ? error_set(err, ERR_NOMEM, "out of memory for the goroutines alive at one time")
               : 0;
}

void goroutine_tracker_start(struct goroutine_tracker *self, const struct tracker_facts *facts)
{
    self->start_ns = self->intervals.begin_ns = facts->start_ns;
    self->is_attach = facts->is_attach;
    /* What a run leaves out is added as if it had been told. */
    self->may_infer_runs = facts->may_infer_runs;
    self->infers_runs = facts->infers_runs;
    self->detail = facts->infers_runs ? DETAIL_SCHED : facts->detail;
    self->calls.machine = facts->machine;
    self->calls.tells_lost_p = facts->tells_lost_p;
}

/* ---- finding goroutines ---- */

struct goroutine *goroutine_tracker_get(struct goroutine_tracker *self, const struct event *event,
                                        uint64_t goid, bool is_create)
{
    if (goid == 0 || goid > INT64_MAX) {
        anomaly_add(self->with.anomalies, ANOMALY_NO_GOID, (int64_t)event->time_ns, ROW_NULL, event->tid, 1,
                    "event type %u, goid %" PRIu64, event->type, goid);
        return NULL;
    }
    struct goroutine *goroutine = goroutine_table_find(&self->table, goid);
    if (goroutine)
        return goroutine;
    goroutine = goroutine_table_add(&self->table, goid);
    if (!goroutine) {
        out_of_memory(self);
        return NULL;
    }
    uint64_t gap_since;
    goroutine->first_ns = goroutine->last_ns = goroutine->since = goroutine->last_step = event->time_ns;
    if (is_create)
        return goroutine;
    bool after_gap = gaps_between(self->with.gaps, self->start_ns, event->time_ns, &gap_since) > 0;
    /* It was there when the recording began: nothing else could have hidden its creation. */
    if (self->is_attach && !after_gap)
        goroutine->since = self->start_ns;
    else if (!self->is_attach && !after_gap && self->detail != DETAIL_SNAPSHOT)
        anomaly_add(self->with.anomalies, ANOMALY_NO_CREATE, (int64_t)event->time_ns, (int64_t)goid,
                    event->tid, 1, "first seen by event type %u", event->type);
    return goroutine;
}

static void apply_exec(struct goroutine_tracker *self, struct goroutine *goroutine, const struct event *event,
                       const struct run_start *inferred)
{
    net_wake_before_exec(self, goroutine, event);
    goroutine_step_apply(self, goroutine,
                         &(struct step_facts){.step = event->f[EXEC_INHERIT] ? STEP_EXEC_INHERIT : STEP_EXEC,
                                              .event = event,
                                              .p = (int64_t)event->f[EXEC_P],
                                              .reason = ROW_NULL,
                                              .flags = inferred ? FLAG_INFERRED : 0,
                                              .bound_ns = inferred ? inferred->bound_ns : 0});
    uint64_t before =
        binding_enter(self->with.binding, event->tid, goroutine->goid, (int64_t)event->f[EXEC_P]);
    if (before)
        goroutine_step_displaced(self, before, event);
}

bool goroutine_tracker_see_run(struct goroutine_tracker *self, uint64_t goid, uint32_t tid, uint64_t time_ns)
{
    struct goroutine *goroutine = self->infers_runs && tid ? goroutine_table_find(&self->table, goid) : NULL;
    if (!goroutine || goroutine->state == GOROUTINE_RUNNING || goroutine->state == GOROUTINE_PREEMPTED ||
        goroutine->state == GOROUTINE_DEAD ||
        (goroutine->state == GOROUTINE_UNKNOWN && !run_start_is_known(&self->starts, tid)))
        return false;
    /* Over lost records nothing is inferred: the event itself tells that it does not fit. */
    uint64_t gap_since;
    if (gaps_between(self->with.gaps, goroutine->last_step, time_ns, &gap_since) > 0)
        return false;
    struct event exec = {.type = EV_EXEC,
                         .time_ns = time_ns,
                         .tid = tid,
                         .cpu = RING_RECORDER,
                         .f = {[EXEC_GOID] = goid, [EXEC_G] = goroutine->g, [EXEC_P] = (uint64_t)ROW_NULL}};
    /* A wake that waited for this sign comes first. */
    net_wake_before_exec(self, goroutine, &exec);
    struct run_held held;
    struct run_start start = run_start_infer(&self->starts, tid, goroutine->since, time_ns, &held);
    exec.time_ns = start.time_ns;
    /* An aborted park goes on at once, on the same thread. */
    exec.f[EXEC_INHERIT] = goroutine->state == GOROUTINE_WAITING && !goroutine->wait.is_silent &&
                           binding_parked_last(self->with.binding, tid, goid);
    apply_exec(self, goroutine, &exec, &start);
    for (unsigned i = 0; i < held.count; i++) {
        if (held.events[i].time_ns >= start.time_ns)
            syscall_log_thread(self, &held.events[i]);
    }
    return held.count > 0;
}

/* The event shows that the goroutine runs on its thread, and that no system call goes on there. */
static void see_run(struct goroutine_tracker *self, const struct event *event, uint64_t goid)
{
    if (goroutine_tracker_see_run(self, goid, event->tid, event->time_ns))
        syscall_log_event(self, event);
}

/* A goroutine that is named as waker or creator: it exists, and it runs on this thread. */
static void see_other(struct goroutine_tracker *self, const struct event *event, uint64_t goid)
{
    if (goid == 0)
        return;
    see_run(self, event, goid);
    struct goroutine *goroutine = goroutine_tracker_get(self, event, goid, false);
    /* Without events about running nobody knows how long it does. */
    if (goroutine && self->detail != DETAIL_BLOCK)
        binding_see(self->with.binding, event->tid, goid);
}

static void bury(struct goroutine_tracker *self, struct goroutine *goroutine)
{
    goroutine_table_unmap(&self->table, goroutine);
    struct goroutine *oldest = goroutine_table_bury(&self->table, goroutine);
    if (oldest)
        self->doomed[self->doomed_count++] = oldest;
}

/* No event buries more than two. One that the last event brought back to life stays. */
static void remove_doomed(struct goroutine_tracker *self)
{
    for (unsigned i = 0; i < self->doomed_count; i++) {
        struct goroutine *goroutine = self->doomed[i];
        if (goroutine->state != GOROUTINE_DEAD || goroutine->is_buried)
            continue;
        interval_put_goroutine(&self->intervals, goroutine);
        goroutine_table_remove(&self->table, goroutine);
    }
    self->doomed_count = 0;
}

void goroutine_tracker_map_g(struct goroutine_tracker *self, const struct event *event,
                             struct goroutine *goroutine, uint64_t g)
{
    uint64_t before = 0;
    if (g == 0)
        return;
    if (goroutine_table_map(&self->table, goroutine, g, &before) < 0)
        out_of_memory(self);
    struct goroutine *dead = before ? goroutine_table_find(&self->table, before) : NULL;
    if (!dead || dead->state == GOROUTINE_DEAD)
        return;
    goroutine_step_vanish(self, dead, event);
    bury(self, dead);
}

/* ---- events ---- */

/* The probe fires when newproc1 is almost done: a snapshot may have found the new goroutine a moment before. Nothing else
 * happens to it before its create. */
static void forget_early_look(struct goroutine *goroutine, uint64_t time)
{
    if (goroutine->was_created || !(goroutine->state_flags & FLAG_INFERRED))
        return;
    goroutine->state = GOROUTINE_UNKNOWN;
    goroutine->state_flags = 0;
    goroutine->first_ns = goroutine->since = goroutine->last_step = time;
}

static void on_create(struct goroutine_tracker *self, const struct event *event)
{
    struct goroutine *goroutine = goroutine_tracker_get(self, event, event->f[CREATE_GOID], true);
    if (!goroutine)
        return;
    forget_early_look(goroutine, event->time_ns);
    uint64_t creator = event->f[CREATE_CREATOR];
    net_pending_drop(&self->net_by_g, event->f[CREATE_G]);
    goroutine_tracker_map_g(self, event, goroutine, event->f[CREATE_G]);
    goroutine->was_created = true;
    goroutine->created_ns = event->time_ns;
    goroutine->creator = creator;
    goroutine->create_stack = (uint32_t)event->f[CREATE_STACK];
    if (event->f[CREATE_START])
        goroutine->start_function = (uint32_t)event->f[CREATE_START];
    see_other(self, event, creator);
    goroutine_step_apply(self, goroutine,
                         &(struct step_facts){.step = event->f[CREATE_STATUS] == GO_STATUS_WAITING
                                                          ? STEP_CREATE_PARKED
                                                          : STEP_CREATE,
                                              .event = event,
                                              .p = ROW_NULL,
                                              .reason = ROW_NULL,
                                              .stack = goroutine->create_stack,
                                              .other = creator});
}

static void on_exec(struct goroutine_tracker *self, const struct event *event)
{
    bool is_known = goroutine_table_find(&self->table, event->f[EXEC_GOID]) != NULL;
    struct goroutine *goroutine = goroutine_tracker_get(self, event, event->f[EXEC_GOID], false);
    if (!goroutine)
        return;
    if (!is_known) {
        /* Its first event is not this one, if there is a net event that waits for it. */
        const struct event *net = net_pending_find(&self->net_by_g, event->f[EXEC_G]);
        if (net) {
            goroutine->first_ns = goroutine->last_step = net->time_ns;
            if (!self->is_attach || goroutine->since > goroutine->first_ns)
                goroutine->since = goroutine->first_ns;
        }
    }
    goroutine_tracker_map_g(self, event, goroutine, event->f[EXEC_G]);
    apply_exec(self, goroutine, event, NULL);
}

static void leave_thread(struct goroutine_tracker *self, const struct event *event, uint64_t goid,
                         bool is_park)
{
    binding_leave(self->with.binding, event->tid, goid, is_park);
    if (self->infers_runs)
        run_start_left(&self->starts, event->tid, event->time_ns);
}

static void on_park(struct goroutine_tracker *self, const struct event *event)
{
    struct goroutine *goroutine = goroutine_tracker_get(self, event, event->f[PARK_GOID], false);
    if (!goroutine)
        return;
    net_pending_drop(&self->net_by_g, event->f[PARK_G]);
    goroutine_tracker_map_g(self, event, goroutine, event->f[PARK_G]);
    see_run(self, event, goroutine->goid);
    struct open_wait wait = park_make_wait(self, goroutine,
                                           &(struct park_facts){.time = event->time_ns,
                                                                .reason = event->f[PARK_REASON],
                                                                .object = event->f[PARK_OBJECT],
                                                                .value = event->f[PARK_VALUE],
                                                                .polldesc = event->f[PARK_POLLDESC],
                                                                .stack = (uint32_t)event->f[PARK_STACK]});
    if (wait.class == WAIT_SELECT) {
        wait.set = goroutine->select;
    } else if (goroutine->select) {
        anomaly_add(self->with.anomalies, ANOMALY_SELECT_UNUSED, (int64_t)event->time_ns,
                    (int64_t)goroutine->goid, event->tid, 1, "parked for another reason");
        select_set_release(goroutine->select);
    }
    goroutine->select = NULL;
    goroutine->fired = 0;
    goroutine_step_apply(self, goroutine,
                         &(struct step_facts){.step = STEP_PARK,
                                              .event = event,
                                              .p = ROW_NULL,
                                              .reason = wait.reason,
                                              .object = wait.object.id,
                                              .value = wait.value,
                                              .stack = wait.stack,
                                              .wait = &wait});
    leave_thread(self, event, goroutine->goid, true);
}

static void on_fired(struct goroutine_tracker *self, const struct event *event)
{
    struct goroutine *goroutine = goroutine_tracker_get(self, event, event->f[FIRED_GOID], false);
    if (goroutine)
        goroutine->fired = object_facts_unpack(event->f[FIRED_OBJECT]).id;
}

static void on_labels(struct goroutine_tracker *self, const struct event *event)
{
    struct goroutine *goroutine = goroutine_tracker_get(self, event, event->f[LABELS_GOID], false);
    if (!goroutine)
        return;
    goroutine->labels = labels_get(self->with.labels, event->f[LABELS_LABELS]);
    goroutine->are_labels_told = true;
}

static void on_select(struct goroutine_tracker *self, const struct event *event)
{
    if (snapshot_is_for(event)) {
        snapshot_event(self, event);
        return;
    }
    struct select_set *set = (struct select_set *)(uintptr_t)event->f[SELECT_SET];
    struct goroutine *goroutine = goroutine_tracker_get(self, event, event->f[SELECT_GOID], false);
    if (!goroutine) {
        select_set_release(set);
        return;
    }
    if (goroutine->select)
        anomaly_add(self->with.anomalies, ANOMALY_SELECT_UNUSED, (int64_t)event->time_ns,
                    (int64_t)goroutine->goid, event->tid, 1, "another select followed");
    select_set_release(goroutine->select);
    goroutine->select = set;
}

/* True when a timer's channel is among what the goroutine waits for. */
static bool waits_for_timer(const struct open_wait *wait)
{
    bool is_timer = wait->object.is_timer;
    for (uint32_t i = 0; wait->set && i < wait->set->count; i++)
        is_timer |= wait->set->cases[i].is_timer;
    return is_timer;
}

static void on_ready(struct goroutine_tracker *self, const struct event *event)
{
    struct goroutine *goroutine = goroutine_tracker_get(self, event, event->f[READY_GOID], false);
    if (!goroutine)
        return;
    uint64_t waker = event->f[READY_WAKER];
    uint32_t stack = (uint32_t)event->f[READY_STACK];
    see_other(self, event, waker);
    enum waker_kind kind = WAKER_GOROUTINE;
    if (waker == 0) {
        kind = (enum waker_kind)symbolizer_stack_facts(self->with.symbols, stack).waker;
        if (kind == WAKER_UNKNOWN && goroutine->wait.stage != WAIT_STAGE_NONE)
            kind = wake_rule_of_wait(goroutine->wait.class, waits_for_timer(&goroutine->wait));
    }
    if (goroutine->wait.stage == WAIT_STAGE_ASLEEP && goroutine->wait.set)
        goroutine->wait.fired =
            fired_case(goroutine->wait.set, goroutine->fired, kind,
                       (enum channel_op)symbolizer_stack_facts(self->with.symbols, stack).channel_op);
    goroutine->fired = 0;
    goroutine_step_apply(self, goroutine,
                         &(struct step_facts){.step = STEP_READY,
                                              .event = event,
                                              .p = ROW_NULL,
                                              .reason = ROW_NULL,
                                              .stack = stack,
                                              .other = waker,
                                              .waker = kind});
}

/* Events of a goroutine that leaves its thread, with nothing more to tell than which. */
static void on_leave(struct goroutine_tracker *self, const struct event *event, enum goroutine_step step,
                     uint32_t stack)
{
    struct goroutine *goroutine = goroutine_tracker_get(self, event, event->f[0], false);
    if (!goroutine)
        return;
    see_run(self, event, goroutine->goid);
    goroutine_step_apply(
        self, goroutine,
        &(struct step_facts){
            .step = step, .event = event, .p = ROW_NULL, .reason = ROW_NULL, .stack = stack});
    leave_thread(self, event, goroutine->goid, false);
    if (goroutine->state == GOROUTINE_DEAD)
        bury(self, goroutine);
}

static void on_coro(struct goroutine_tracker *self, const struct event *event)
{
    struct goroutine *from = goroutine_tracker_get(self, event, event->f[CORO_GOID], false);
    if (!from)
        return;
    see_run(self, event, from->goid);
    struct goroutine *to = goroutine_table_find_g(&self->table, event->f[CORO_TO_G]);
    int64_t p = binding_p(self->with.binding, event->tid);
    uint64_t from_goid = from->goid;
    struct open_wait wait = {.stage = WAIT_STAGE_ASLEEP, .start = event->time_ns, .labels = from->labels};
    wait_reasons_get(self->with.reasons, self->with.reasons->coroutine, OBJECT_UNKNOWN, WAIT_OTHER,
                     &wait.reason, &wait.class);
    bool exits = event->f[CORO_EXITING] != 0;
    goroutine_step_apply(self, from,
                         &(struct step_facts){.step = exits ? STEP_CORO_EXIT : STEP_CORO_OUT,
                                              .event = event,
                                              .p = ROW_NULL,
                                              .reason = exits ? ROW_NULL : (int64_t)wait.reason,
                                              .other = to ? to->goid : 0,
                                              .wait = exits ? NULL : &wait});
    leave_thread(self, event, from_goid, false);
    if (from->state == GOROUTINE_DEAD)
        bury(self, from);
    if (!to || to == from) {
        if (!self->is_attach || to)
            anomaly_add(self->with.anomalies, ANOMALY_CORO_UNKNOWN, (int64_t)event->time_ns,
                        (int64_t)from_goid, event->tid, 1, "to the g at 0x%" PRIx64, event->f[CORO_TO_G]);
        return;
    }
    goroutine_step_apply(self, to,
                         &(struct step_facts){.step = STEP_CORO_IN,
                                              .event = event,
                                              .p = p,
                                              .reason = ROW_NULL,
                                              .other = from_goid,
                                              .waker = WAKER_GOROUTINE});
    if (self->detail != DETAIL_BLOCK)
        binding_enter(self->with.binding, event->tid, to->goid, p);
}

void goroutine_tracker_see_thread(struct goroutine_tracker *self, const struct event *event)
{
    if (self->calls.by_tid.count && event->tid)
        syscall_log_event(self, event);
}

void goroutine_tracker_thread(struct goroutine_tracker *self, const struct event *event)
{
    if (self->infers_runs)
        run_start_thread(&self->starts, self->with.symbols, event,
                         binding_goid(self->with.binding, event->tid));
    if (event->type == EV_THREAD_OFF || event->type == EV_THREAD_IN)
        syscall_log_thread(self, event);
    else if (event->type == EV_THREAD_EXIT)
        goroutine_tracker_see_thread(self, event);
}

void goroutine_tracker_event(struct goroutine_tracker *self, const struct event *event)
{
    remove_doomed(self);
    if (self->detail == DETAIL_SNAPSHOT && !snapshot_is_for(event)) {
        resolve_drop(event);
        return;
    }
    goroutine_tracker_see_thread(self, event);
    switch (event->type) {
    case EV_CREATE:
        on_create(self, event);
        break;
    case EV_EXEC:
        on_exec(self, event);
        break;
    case EV_PARK:
        on_park(self, event);
        break;
    case EV_SELECT:
        on_select(self, event);
        break;
    case EV_READY:
        on_ready(self, event);
        break;
    case EV_NET:
        net_wake_event(self, event);
        break;
    case EV_END:
        on_leave(self, event, STEP_END, 0);
        break;
    case EV_SCHED:
        on_leave(self, event, STEP_SCHED, (uint32_t)event->f[SCHED_STACK]);
        break;
    case EV_YIELD:
        on_leave(self, event, STEP_YIELD, 0);
        break;
    case EV_PREEMPT_PARK:
        on_leave(self, event, STEP_PREEMPT_PARK, 0);
        break;
    case EV_SYSCALL_NO_P:
        on_leave(self, event, STEP_SYSCALL_NO_P, 0);
        break;
    case EV_CORO:
        on_coro(self, event);
        break;
    case EV_SNAPSHOT:
    case EV_GOROUTINE_ORIGIN:
    case EV_GOROUTINE:
    case EV_CARRIED:
        snapshot_event(self, event);
        break;
    case EV_FIRED:
        on_fired(self, event);
        break;
    case EV_LABELS:
        on_labels(self, event);
        break;
    default:
        break;
    }
}

void goroutine_tracker_pause(struct goroutine_tracker *self, const struct event *event)
{
    remove_doomed(self);
    if (self->detail == DETAIL_SNAPSHOT)
        return;
    if (event->type == EV_PAUSE)
        pause_begin(self, event);
    else if (event->type == EV_RESUME)
        pause_end(self, event);
    else
        pause_drop(self, event);
}

uint64_t goroutine_tracker_transitions(const struct goroutine_tracker *self)
{
    return self->intervals.rounds.transitions;
}

void goroutine_tracker_finish(struct goroutine_tracker *self, uint64_t end_ns)
{
    remove_doomed(self);
    syscall_log_finish(self, end_ns);
    size_t count;
    uint64_t *list = goroutine_step_list(self, &count);
    for (size_t i = 0; i < count; i++) {
        struct goroutine *goroutine = goroutine_table_find(&self->table, list[i]);
        if (!goroutine)
            continue;
        goroutine_step_end_of_recording(self, goroutine, end_ns);
        interval_put_goroutine(&self->intervals, goroutine);
        goroutine_table_remove(&self->table, goroutine);
    }
    free(list);
    round_log_finish(&self->intervals.rounds);
    if (self->net_by_g.events.count)
        anomaly_add(self->with.anomalies, ANOMALY_NET_UNKNOWN, ROW_NULL, ROW_NULL, ROW_NULL,
                    self->net_by_g.events.count, "net events of goroutines that were not seen");
}
