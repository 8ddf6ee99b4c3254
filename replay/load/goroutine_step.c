/*
 * Doubt. An event that the state does not allow has one of two explanations: records are missing (a gap lies
 * between the goroutine's last event and this one), or we do not understand something, which is an error.
 * Either way the event is believed, and nothing is said about the time since the last sure moment: waits
 * without a wake get no length, and the time counts as unknown.
 *
 * A step that is legal may follow a gap too. It is doubtful only when so many records are missing that they
 * could hide a whole round: out of the state and back into it.
 */
#include "load/goroutine_step.h"

#include "format/event_spec.h"

/* A thread may be off its CPU for a time slice between a probe and what it tells. */
#define EDGE_NS 100000000u

enum verdict { LEGAL, SILENT, UNSEEN_WAKE, ABORTED, RACED, VOID, AFTER_GAP, ILLEGAL };

struct hole {
    uint64_t count; /* records missing since the goroutine's last step; 0: no gap */
    uint64_t since;
};

static struct hole hole_before(struct goroutine_tracker *self, const struct goroutine *goroutine,
                               uint64_t time)
{
    struct hole hole = {0};
    if (self->with.gaps->count)
        hole.count = gaps_between(self->with.gaps, goroutine->last_step, time, &hole.since);
    return hole;
}

/* The fewest events that lead out of a state and back into it. */
static bool may_hide_a_round(const struct goroutine *goroutine, struct hole hole)
{
    uint64_t fewest = 2; /* running: sched, exec. Runnable: exec, sched. */
    if (goroutine->state == GOROUTINE_WAITING) {
        /* Wake, exec, park; a coroutine switch is two of these at once, as is an exec without a wake. */
        fewest = goroutine->wait.is_silent || goroutine->wait.class == WAIT_COROUTINE ? 2 : 3;
    } else if (goroutine->state == GOROUTINE_PREEMPTED) {
        fewest = 3;
    }
    return goroutine->state != GOROUTINE_UNKNOWN && goroutine->state != GOROUTINE_DEAD &&
           hole.count >= fewest;
}

static enum verdict judge(struct goroutine_tracker *self, const struct goroutine *goroutine,
                          const struct step_facts *facts, struct hole hole, enum goroutine_state *to)
{
    struct goroutine_transition t = self->detail == DETAIL_BLOCK
                                        ? goroutine_step_without_runs(goroutine->state, facts->step)
                                        : goroutine_step(goroutine->state, facts->step);
    bool legal = t.legal;
    *to = t.to;
    if (t.is_void)
        return VOID;
    if (t.needs_silent_wake) {
        legal = false;
        /* The next thing that the thread does after an aborted park is to go on with the goroutine. */
        if (t.needs_same_thread && !hole.count && goroutine->wait.stage == WAIT_STAGE_ASLEEP &&
            binding_parked_last(self->with.binding, facts->event->tid, goroutine->goid))
            return ABORTED;
        if (goroutine->wait.stage == WAIT_STAGE_ASLEEP && goroutine->wait.is_silent)
            return SILENT;
    }
    if (t.needs_net_wake) {
        legal = false;
        if (goroutine->woken_by_net)
            return RACED;
    }
    if (t.needs_unseen_wake && !hole.count)
        return UNSEEN_WAKE;
    /* Its waker had passed the probe before the recording began, and was stopped before it had changed the state. */
    if (!legal && goroutine->is_only_looked_at && !hole.count && t.to != goroutine->state) {
        anomaly_add(self->with.anomalies, ANOMALY_SNAPSHOT_AHEAD, (int64_t)facts->event->time_ns,
                    (int64_t)goroutine->goid, facts->event->tid, 1, "woken already when a snapshot found it waiting");
        return UNSEEN_WAKE;
    }
    return legal && !t.needs_unseen_wake ? LEGAL : hole.count ? AFTER_GAP : ILLEGAL;
}

/* ---- ends of states ---- */

static struct interval_end at(uint64_t time)
{
    return (struct interval_end){time, false};
}

/* The goroutine runs again at `run` (0: not seen): the wait, if there is one, is over, and so is its
 * interval. */
static void finish_woken_wait(struct goroutine_tracker *self, struct goroutine *goroutine, uint64_t run)
{
    const struct open_wait wait = goroutine->wait;
    if (wait.stage != WAIT_STAGE_WOKEN)
        return;
    int64_t id = interval_put_wait(&self->intervals, goroutine, (struct wait_end){.run = run});
    interval_put(&self->intervals, goroutine, GOROUTINE_WAITING, wait.start, at(wait.wake), id, wait.flags);
}

/* A park begins: the run before is over unless the park is taken back. */
static void hold_run(struct goroutine *goroutine, uint64_t time, unsigned flags)
{
    goroutine->wait.run = (struct held_run){.is_held = true,
                                            .since = goroutine->since,
                                            .until = time,
                                            .tid = goroutine->tid,
                                            .p = goroutine->p,
                                            .flags = flags | goroutine->state_flags};
}

static void wake(struct goroutine_tracker *self, struct goroutine *goroutine, const struct step_facts *facts,
                 uint64_t time, unsigned flags)
{
    struct open_wait *wait = &goroutine->wait;
    interval_put_held(&self->intervals, goroutine);
    if (wait->stage == WAIT_STAGE_NONE) {
        /* Made parked: nobody saw it park. */
        interval_close(&self->intervals, goroutine, at(time), ROW_NULL, flags);
        return;
    }
    wait->stage = WAIT_STAGE_WOKEN;
    wait->wake = time;
    wait->waker = facts->waker;
    wait->waker_goid = facts->other;
    wait->waker_stack = facts->stack;
    wait->flags = flags | goroutine->state_flags;
    if (flags & FLAG_GAP)
        wait->doubt = DOUBT_GAP;
}

static void end_silently(struct goroutine_tracker *self, struct goroutine *goroutine, uint64_t time,
                         unsigned flags)
{
    struct open_wait *wait = &goroutine->wait;
    interval_put_held(&self->intervals, goroutine);
    wait->waker = wait->class == WAIT_OTHER ? WAKER_UNKNOWN : wake_rule_of_silent(wait->class);
    if (flags & FLAG_GAP)
        wait->doubt = DOUBT_GAP;
    int64_t id = interval_put_wait(&self->intervals, goroutine, (struct wait_end){.run = time});
    interval_close(&self->intervals, goroutine, at(time), id, flags);
}

/* A legal step ends the state. */
static void leave(struct goroutine_tracker *self, struct goroutine *goroutine, const struct step_facts *facts,
                  uint64_t time, unsigned flags)
{
    switch (goroutine->state) {
    case GOROUTINE_RUNNING:
        if (facts->wait)
            hold_run(goroutine, time, flags);
        else
            interval_close(&self->intervals, goroutine, at(time), ROW_NULL, flags);
        break;
    case GOROUTINE_RUNNABLE:
        if (goroutine->wait.stage == WAIT_STAGE_WOKEN && (flags & FLAG_GAP))
            goroutine->wait.doubt = DOUBT_GAP;
        finish_woken_wait(self, goroutine, time);
        interval_close(&self->intervals, goroutine, at(time), ROW_NULL, flags);
        break;
    case GOROUTINE_WAITING:
        wake(self, goroutine, facts, time, flags);
        if (facts->step == STEP_CORO_IN)
            finish_woken_wait(self, goroutine, time);
        break;
    case GOROUTINE_DEAD:
        break;
    default:
        interval_close(&self->intervals, goroutine, at(time), ROW_NULL, flags);
        break;
    }
}

/* True for steps that only a running goroutine can take, or that make it one. */
static bool shows_running(enum goroutine_step step)
{
    switch (step) {
    case STEP_CREATE:
    case STEP_CREATE_PARKED:
    case STEP_READY:
    case STEP_NET_READY:
        return false;
    default:
        return true;
    }
}

/* A step that does not fit: what happened after the last sure moment is not known. */
static void break_off(struct goroutine_tracker *self, struct goroutine *goroutine, enum goroutine_step step,
                      uint64_t time, struct hole hole)
{
    struct open_wait *wait = &goroutine->wait;
    unsigned flags = hole.count ? FLAG_GAP : 0;
    uint64_t known_until = hole.count && hole.since < time ? hole.since
                           : hole.count                    ? time
                                                           : goroutine->since;
    int64_t id = ROW_NULL;
    interval_put_held(&self->intervals, goroutine);
    if (wait->stage == WAIT_STAGE_ASLEEP) {
        bool runs_now = step == STEP_EXEC || step == STEP_EXEC_INHERIT || step == STEP_CORO_IN;
        wait->doubt = hole.count ? DOUBT_GAP : shows_running(step) ? DOUBT_WAKE_MISSING : DOUBT_ILLEGAL;
        wait->waker = WAKER_UNKNOWN;
        /* A length would be a guess, also for waits that end at their run. */
        wait->is_silent = false;
        id = interval_put_wait(&self->intervals, goroutine, (struct wait_end){.run = runs_now ? time : 0});
    } else if (wait->stage == WAIT_STAGE_WOKEN) {
        wait->doubt = hole.count ? DOUBT_GAP : shows_running(step) ? DOUBT_RUN_MISSING : DOUBT_ILLEGAL;
        finish_woken_wait(self, goroutine, 0);
    }
    if (goroutine->state != GOROUTINE_DEAD)
        interval_break_off(&self->intervals, goroutine, known_until, time, id, flags);
}

/* Nobody told when the wait ended, only that it has. */
static void end_unseen(struct goroutine_tracker *self, struct goroutine *goroutine, uint64_t time)
{
    struct open_wait *wait = &goroutine->wait;
    int64_t id = ROW_NULL;
    interval_put_held(&self->intervals, goroutine);
    if (wait->stage == WAIT_STAGE_ASLEEP) {
        wait->waker =
            wait->is_silent && wait->class != WAIT_OTHER ? wake_rule_of_silent(wait->class) : WAKER_UNKNOWN;
        wait->doubt = wait->is_silent ? DOUBT_NONE : DOUBT_WAKE_MISSING;
        wait->is_silent = false;
        id = interval_put_wait(&self->intervals, goroutine, (struct wait_end){0});
    }
    interval_break_off(&self->intervals, goroutine, goroutine->since, time, id, 0);
}

/* The park was taken back: as if the goroutine had run on. */
static void take_back(struct goroutine *goroutine, const struct step_facts *facts)
{
    const struct held_run *run = &goroutine->wait.run;
    goroutine->state = GOROUTINE_RUNNING;
    goroutine->since = run->is_held ? run->since : goroutine->wait.start;
    goroutine->tid = run->is_held ? run->tid : facts->event->tid;
    goroutine->p = run->is_held ? run->p : facts->p;
    goroutine->state_flags = run->is_held ? run->flags : 0;
    select_set_release(goroutine->wait.set);
    goroutine->wait = (struct open_wait){0};
}

/* A deadline was faster than the net event that was seen before it. The thread of that event is still in netpollready, and takes
 * who parks there next. */
static void overtake(struct goroutine_tracker *self, struct goroutine *goroutine, const struct step_facts *facts, uint64_t time)
{
    struct open_wait *wait = &goroutine->wait;
    goroutine->woken_by_net = false;
    if (wait->stage != WAIT_STAGE_WOKEN)
        return;
    if (wait->net_key &&
        !net_pending_put(&self->net_by_descriptor, wait->net_key, &(struct event){.type = EV_NET, .time_ns = wait->wake}))
        self->failed = true;
    wait->wake = time;
    wait->waker = facts->waker;
    wait->waker_goid = facts->other;
    wait->waker_stack = facts->stack;
    goroutine->since = time;
}

/* ---- a step ---- */

void goroutine_step_put_transition(struct goroutine_tracker *self, struct goroutine *goroutine,
                                   enum goroutine_state from, enum goroutine_state to,
                                   const struct step_facts *facts, unsigned flags)
{
    const struct event *event = facts->event;
    round_transition(&self->intervals.rounds, goroutine->goid, &goroutine->pending,
                     &(struct round_step){.time = event->time_ns,
                                          .other = facts->other,
                                          .bound_ns = facts->bound_ns,
                                          .value = facts->value,
                                          .tid = event->tid,
                                          .object = facts->object,
                                          .stack = facts->stack,
                                          .reason = facts->reason == ROW_NULL ? ROUND_NO_REASON : (uint32_t)facts->reason,
                                          .p = round_p(facts->p),
                                          .cpu = event->cpu,
                                          .event = (uint8_t)event->type,
                                          .from = (uint8_t)from,
                                          .to = (uint8_t)to,
                                          .flags = (uint8_t)flags});
}

static void report(struct goroutine_tracker *self, const struct goroutine *goroutine,
                   const struct step_facts *facts, enum verdict verdict)
{
    const struct event_spec *spec = event_spec_get(facts->event->type);
    anomaly_add(self->with.anomalies, verdict == ILLEGAL ? ANOMALY_ILLEGAL_TRANSITION : ANOMALY_AFTER_GAP,
                (int64_t)facts->event->time_ns, (int64_t)goroutine->goid, facts->event->tid, 1, "%s while %s",
                spec ? spec->name : "?", goroutine_state_name(goroutine->state));
}

static void enter(struct goroutine *goroutine, enum goroutine_state to, const struct step_facts *facts,
                  uint64_t time)
{
    goroutine->state = to;
    goroutine->state_flags = 0;
    goroutine->since = time;
    goroutine->woken_by_net = facts->step == STEP_NET_READY;
    if (to == GOROUTINE_RUNNING) {
        goroutine->state_flags = facts->flags & FLAG_INFERRED;
        goroutine->tid = facts->event->tid;
        goroutine->p = facts->p;
    } else if (to == GOROUTINE_DEAD) {
        goroutine->has_ended = true;
        goroutine->ended_ns = time;
    }
    if (facts->wait) {
        struct held_run run = goroutine->wait.run;
        goroutine->wait = *facts->wait;
        goroutine->wait.run = run;
    }
}

/* A net event for a goroutine that waits for something else: the g was read too early, or a gap hides what
 * came between. */
static bool is_stray_net(struct goroutine_tracker *self, const struct goroutine *goroutine,
                         const struct step_facts *facts, struct hole *hole)
{
    if (facts->step != STEP_NET_READY || goroutine->wait.stage != WAIT_STAGE_ASLEEP ||
        goroutine->wait.class == WAIT_NET || goroutine->wait.class == WAIT_OTHER || hole->count)
        return false;
    anomaly_add(self->with.anomalies, ANOMALY_NET_OTHER_WAIT, (int64_t)facts->event->time_ns,
                (int64_t)goroutine->goid, facts->event->tid, 1, "it waits for: %s",
                wait_class_name(goroutine->wait.class));
    return true;
}

/*
 * Right behind a pause the snapshot may have found a state whose end had been told before, in the pause: a thread was
 * preempted between the probe and the change of the state. What does not fit then is explained by the pause.
 */
static bool is_at_edge(const struct goroutine_tracker *self, const struct goroutine *goroutine, uint64_t time)
{
    return self->edge_ns && (goroutine->state_flags & FLAG_INFERRED) && goroutine->since >= self->edge_ns &&
           time - self->edge_ns < EDGE_NS;
}

void goroutine_step_apply(struct goroutine_tracker *self, struct goroutine *goroutine,
                          const struct step_facts *facts)
{
    uint64_t time = facts->event->time_ns;
    struct hole hole = hole_before(self, goroutine, time);
    if (is_stray_net(self, goroutine, facts, &hole))
        return;
    enum goroutine_state from = goroutine->state, to;
    enum verdict verdict = judge(self, goroutine, facts, hole, &to);
    if (verdict == ILLEGAL && is_at_edge(self, goroutine, time)) {
        verdict = AFTER_GAP;
        hole = (struct hole){GAP_COUNT_MAX, self->edge_ns};
    }
    unsigned touch = hole.count && may_hide_a_round(goroutine, hole) ? FLAG_GAP : 0;
    unsigned flags = facts->flags;
    switch (verdict) {
    case VOID:
        anomaly_add(self->with.anomalies, ANOMALY_NET_RACE, (int64_t)time, (int64_t)goroutine->goid,
                    facts->event->tid, 1, "it was %s", goroutine_state_name(from));
        return;
    case ABORTED:
        take_back(goroutine, facts);
        flags |= FLAG_ABORTED;
        break;
    case RACED:
        overtake(self, goroutine, facts, time);
        break;
    case SILENT:
        end_silently(self, goroutine, time, touch);
        break;
    case UNSEEN_WAKE:
        end_unseen(self, goroutine, time);
        break;
    case LEGAL:
        leave(self, goroutine, facts, time, from == GOROUTINE_UNKNOWN && hole.count ? FLAG_GAP : touch);
        break;
    case AFTER_GAP:
    case ILLEGAL:
        report(self, goroutine, facts, verdict);
        break_off(self, goroutine, facts->step, time, hole);
        flags |= verdict == ILLEGAL ? FLAG_ILLEGAL : FLAG_GAP;
        break;
    }
    if (verdict != ABORTED && verdict != RACED)
        enter(goroutine, to, facts, time);
    if (to == GOROUTINE_UNKNOWN)
        finish_woken_wait(self, goroutine, 0);
    goroutine->last_step = goroutine->last_ns = time;
    goroutine->step_tid = facts->event->tid;
    goroutine->is_only_looked_at = false;
    goroutine_step_put_transition(self, goroutine, from, to, facts, flags);
}

void goroutine_step_vanish(struct goroutine_tracker *self, struct goroutine *goroutine,
                           const struct event *event)
{
    struct hole hole = hole_before(self, goroutine, event->time_ns);
    anomaly_add(self->with.anomalies, hole.count ? ANOMALY_AFTER_GAP : ANOMALY_END_MISSING,
                (int64_t)event->time_ns, (int64_t)goroutine->goid, event->tid, 1,
                "its g was given to another goroutine");
    break_off(self, goroutine, STEP_END, event->time_ns, hole);
    goroutine->state = GOROUTINE_DEAD;
    goroutine->since = goroutine->last_step = event->time_ns;
}

uint64_t *goroutine_step_list(struct goroutine_tracker *self, size_t *count_out)
{
    uint64_t *list = goroutine_table_list(&self->table);
    if (!list && self->table.by_goid.count)
        self->failed = true;
    *count_out = list ? self->table.by_goid.count : 0;
    return list;
}

void goroutine_step_lose(struct goroutine_tracker *self, struct goroutine *goroutine,
                         const struct event *event)
{
    break_off(self, goroutine, STEP_READY, event->time_ns, hole_before(self, goroutine, event->time_ns));
    goroutine->state = GOROUTINE_UNKNOWN;
    goroutine->state_flags = 0;
    goroutine->since = event->time_ns;
}

void goroutine_step_displaced(struct goroutine_tracker *self, uint64_t goid, const struct event *event)
{
    struct goroutine *goroutine = goroutine_table_find(&self->table, goid);
    if (!goroutine || goroutine->state != GOROUTINE_RUNNING || goroutine->tid != event->tid)
        return;
    struct hole hole = hole_before(self, goroutine, event->time_ns);
    if (!hole.count)
        anomaly_add(self->with.anomalies, ANOMALY_THREAD_CONFLICT, (int64_t)event->time_ns, (int64_t)goid,
                    event->tid, 1, "another goroutine runs on its thread");
    break_off(self, goroutine, STEP_EXEC, event->time_ns, hole);
    goroutine->state = GOROUTINE_UNKNOWN;
    goroutine->state_flags = 0;
    goroutine->since = goroutine->last_step = event->time_ns;
}

void goroutine_step_end_of_recording(struct goroutine_tracker *self, struct goroutine *goroutine,
                                     uint64_t end_ns)
{
    struct hole hole = hole_before(self, goroutine, end_ns);
    unsigned flags = hole.count && may_hide_a_round(goroutine, hole) ? FLAG_GAP : 0;
    struct interval_end open = {end_ns, true};
    interval_put_held(&self->intervals, goroutine);
    if (flags && goroutine->wait.stage != WAIT_STAGE_NONE)
        goroutine->wait.doubt = DOUBT_GAP;
    if (goroutine->state == GOROUTINE_RUNNABLE) {
        finish_woken_wait(self, goroutine, 0);
    } else if (goroutine->wait.stage == WAIT_STAGE_ASLEEP) {
        int64_t id = interval_put_wait(&self->intervals, goroutine, (struct wait_end){.open_until = end_ns});
        interval_close(&self->intervals, goroutine, open, id, flags);
        return;
    }
    interval_close(&self->intervals, goroutine, open, ROW_NULL, flags);
}
