#include "load/round.h"

#include "format/event.h"
#include "load/interval.h"
#include "load/symbolize.h"
#include "state/goroutine.h"

/* Ids of the views are those of the packed rows times this, plus which of its rows it is; see schema/sql/views.sql. Rows
 * of the plain tables lie in between. */
#define ID_FACTOR 16777216
#define ID_FIRST  16
#define IDS_EACH  4

/* Bits of packed_wait.facts. */
enum {
    FACT_WOKEN = 1,
    FACT_OPEN = 2,
    FACT_SYSTEM = 4,
    FACT_START_MISSED = 8,
    FACT_WAKER_AT = 4,
    FACT_DOUBT_AT = 7,
    FACT_DIRECTION_AT = 10,
    FACT_WHOLE = 1 << 12, /* in place of all of PARTS: two bytes less */
    FACT_NET = 1 << 13,
    FACT_INFERRED = 1 << 14, /* in place of INFERRED_FLAGS */
    FACT_PARK = 1 << 15,
    FACT_WAKE = 1 << 16,
    FACT_EXEC = 1 << 17,
    FACT_BEFORE = 1 << 18,
    FACT_WAITING = 1 << 19,
    FACT_RUNNABLE = 1 << 20,
    FACT_FIRED_AT = 21,
    PARTS = FACT_PARK | FACT_WAKE | FACT_EXEC | FACT_BEFORE | FACT_WAITING | FACT_RUNNABLE,
};
/* In packed_wait.flags: of the exec, and of the run before. */
#define INFERRED_FLAGS (FLAG_INFERRED << 8 | FLAG_INFERRED << 12)
#define FLAGS_MAX 15

void round_log_init(struct round_log *self, struct row_writer *rows)
{
    *self = (struct round_log){.rows = rows};
    place_table_init(&self->places, rows);
    map_init(&self->written);
}

void round_log_release(struct round_log *self)
{
    place_table_release(&self->places);
    map_release(&self->written);
}

bool round_log_has_failed(const struct round_log *self)
{
    return self->failed || self->places.failed;
}

static int64_t number(int32_t value)
{
    return value < 0 ? ROW_NULL : value;
}

static int64_t cpu_column(uint16_t cpu)
{
    return cpu == RING_RECORDER ? ROW_NULL : cpu;
}

static int64_t next_plain_id(struct round_log *self)
{
    int64_t least = self->last_wait * ID_FACTOR + ID_FIRST;
    self->last_plain = self->last_plain + IDS_EACH > least ? self->last_plain + IDS_EACH : least;
    return self->last_plain;
}

/* ---- rows as they are ---- */

static void put_transition(struct round_log *self, int64_t id, uint64_t goid, const struct round_step *step)
{
    row_writer_put(self->rows, ROW_PLAIN_TRANSITION,
                   (const int64_t[]){id, (int64_t)step->time, step->event, (int64_t)goid, step->from, step->to,
                                     row_id(step->tid), cpu_column(step->cpu), number(step->p), step->reason == ROUND_NO_REASON ? ROW_NULL : (int64_t)step->reason,
                                     row_id(step->object), row_id(step->value), symbolizer_stack_column(step->stack),
                                     row_id(step->other), step->flags, row_id(step->bound_ns)});
}

static void put_interval(struct round_log *self, int64_t id, uint64_t goid, const struct round_stretch *stretch)
{
    row_writer_put(self->rows, ROW_PLAIN_INTERVAL,
                   (const int64_t[]){id, (int64_t)goid, stretch->state, (int64_t)stretch->start,
                                     row_id(stretch->end), row_id(stretch->tid), number(stretch->p), stretch->wait_id,
                                     stretch->flags});
}

static void flush_before(struct round_log *self, uint64_t goid, struct round_pending *pending)
{
    if (pending->has_before)
        put_interval(self, next_plain_id(self), goid,
                     &(struct round_stretch){.start = pending->before_start,
                                             .end = pending->before_end,
                                             .wait_id = ROW_NULL,
                                             .tid = pending->before_tid,
                                             .p = pending->before_p,
                                             .state = pending->before_state,
                                             .flags = pending->before_flags});
    pending->has_before = false;
}

static void flush_parts(struct round_log *self, uint64_t goid, struct round_pending *pending)
{
    flush_before(self, goid, pending);
    if (pending->has_leave)
        put_transition(self, next_plain_id(self), goid, &pending->leave);
    if (pending->has_wake)
        put_transition(self, next_plain_id(self), goid, &pending->wake);
    pending->has_leave = pending->has_wake = false;
}

/* ---- packed rows ---- */

/* Three bits: 0 for the usual state. */
static int64_t state_bits(unsigned state, unsigned usual)
{
    return state == usual ? 0 : (int64_t)state + 1;
}

static int64_t step_place(struct round_log *self, const struct round_step *step)
{
    return place_table_get(&self->places, step->tid, step->cpu, step->p);
}

/* Of the event that begins it; its P is that of the run before. */
static int64_t leave_place(struct round_log *self, const struct round_pending *parts)
{
    return parts->has_leave ? place_table_get(&self->places, parts->leave.tid, parts->leave.cpu, parts->has_before ? parts->before_p : -1)
                            : ROW_NULL;
}

static void emit_wait(struct round_log *self, const struct round_step *exec)
{
    const struct round_current *current = &self->current;
    const struct round_pending *parts = &current->parts;
    const struct round_wait *wait = &current->wait;
    int64_t facts = (wait->wake ? FACT_WOKEN : 0) | (wait->is_open ? FACT_OPEN : 0) | (wait->is_system ? FACT_SYSTEM : 0) |
                    (wait->is_start_missed ? FACT_START_MISSED : 0) | (int64_t)wait->waker << FACT_WAKER_AT |
                    (int64_t)wait->doubt << FACT_DOUBT_AT | (int64_t)wait->direction << FACT_DIRECTION_AT |
                    (int64_t)wait->fired << FACT_FIRED_AT;
    int64_t flags = 0;
    if (parts->has_leave) {
        facts |= FACT_PARK;
        flags |= parts->leave.flags | state_bits(parts->leave.from, GOROUTINE_RUNNING) << 24;
    }
    if (parts->has_wake) {
        facts |= FACT_WAKE | (parts->wake.event == EV_NET ? FACT_NET : 0);
        flags |= (int64_t)parts->wake.flags << 4 | state_bits(parts->wake.to, GOROUTINE_RUNNABLE) << 27;
    }
    if (exec) {
        facts |= FACT_EXEC;
        flags |= (int64_t)exec->flags << 8;
    }
    if (parts->has_before) {
        facts |= FACT_BEFORE;
        flags |= (int64_t)parts->before_flags << 12;
    }
    if (current->has_waiting) {
        facts |= FACT_WAITING;
        flags |= (int64_t)current->waiting_flags << 16;
    }
    if (current->has_runnable) {
        facts |= FACT_RUNNABLE;
        flags |= (int64_t)current->runnable_flags << 20;
    }
    if ((facts & PARTS) == PARTS)
        facts ^= PARTS | FACT_WHOLE;
    if ((flags & INFERRED_FLAGS) == INFERRED_FLAGS) {
        flags ^= INFERRED_FLAGS;
        facts |= FACT_INFERRED;
    }
    uint64_t from = wait->wake ? wait->wake : wait->start;
    row_writer_put(self->rows, ROW_PACKED_WAIT,
                   (const int64_t[]){current->id, (int64_t)current->goid, (int64_t)wait->start, wait->wait_ns, wait->reason, facts,
                                     wait->object, symbolizer_stack_column(wait->stack), row_id(wait->waker_goid),
                                     symbolizer_stack_column(wait->waker_stack),
                                     wait->run ? (int64_t)(wait->run - from) : ROW_NULL,
                                     leave_place(self, parts),
                                     parts->has_wake ? step_place(self, &parts->wake) : ROW_NULL,
                                     exec ? step_place(self, exec) : ROW_NULL, exec ? row_id(exec->bound_ns) : ROW_NULL,
                                     parts->has_before ? (int64_t)(parts->before_end - parts->before_start) : ROW_NULL,
                                     row_id(wait->labels),
                                     row_id(wait->value), flags ? flags : ROW_NULL});
}

static void emit_turn(struct round_log *self, const struct round_step *exec)
{
    struct round_current *current = &self->current;
    struct round_pending *parts = &current->parts;
    const struct round_step *leave = &parts->leave;
    if (!exec) {
        flush_parts(self, current->goid, parts);
        put_interval(self, next_plain_id(self), current->goid,
                     &(struct round_stretch){.start = leave->time,
                                             .end = current->runnable_end,
                                             .wait_id = ROW_NULL,
                                             .p = -1,
                                             .state = GOROUTINE_RUNNABLE,
                                             .flags = current->runnable_flags});
        return;
    }
    int64_t flags = leave->flags | (int64_t)exec->flags << 4 | (parts->has_before ? (int64_t)parts->before_flags << 8 : 0) |
                    (int64_t)current->runnable_flags << 12 | state_bits(leave->from, GOROUTINE_RUNNING) << 16;
    row_writer_put(self->rows, ROW_PACKED_TURN,
                   (const int64_t[]){next_plain_id(self), (int64_t)current->goid, (int64_t)leave->time, leave->event,
                                     (int64_t)(exec->time - leave->time), symbolizer_stack_column(leave->stack),
                                     row_id(leave->other), leave_place(self, parts), step_place(self, exec), row_id(exec->bound_ns),
                                     parts->has_before ? (int64_t)(parts->before_end - parts->before_start) : ROW_NULL,
                                     flags ? flags : ROW_NULL});
}

/* exec: NULL when it does not follow. */
static void emit(struct round_log *self, const struct round_step *exec)
{
    if (self->current.kind == ROUND_WAIT)
        emit_wait(self, exec);
    else if (self->current.kind == ROUND_TURN)
        emit_turn(self, exec);
    self->current.kind = ROUND_NONE;
}

void round_log_finish(struct round_log *self)
{
    emit(self, NULL);
}

/* ---- lives ---- */

/* Ids of the views for what a goroutine's row tells: before all others, and behind them. */
#define BIRTH_ID(goid) (-4 * (int64_t)(goid))
#define LAST_ID        ((int64_t)1 << 62)
#define GOID_MAX       ((uint64_t)1 << 60)

static bool is_written(const struct round_log *self, uint64_t goid)
{
    uint64_t bits = 0;
    return map_get(&self->written, goid / 64, &bits) && (bits >> goid % 64 & 1);
}

static void put_birth(struct round_log *self, uint64_t goid, const struct round_birth *birth)
{
    put_transition(self, BIRTH_ID(goid), goid,
                   &(struct round_step){.time = birth->time,
                                        .other = birth->creator,
                                        .tid = birth->tid,
                                        .stack = birth->stack,
                                        .reason = ROUND_NO_REASON,
                                        .p = -1,
                                        .cpu = birth->cpu,
                                        .event = EV_CREATE,
                                        .from = GOROUTINE_UNKNOWN,
                                        .to = GOROUTINE_RUNNABLE});
    put_transition(self, BIRTH_ID(goid) + 1, goid,
                   &(struct round_step){.time = birth->run,
                                        .bound_ns = birth->bound_ns,
                                        .tid = birth->run_tid,
                                        .reason = ROUND_NO_REASON,
                                        .p = birth->run_p,
                                        .cpu = birth->run_cpu,
                                        .event = EV_EXEC,
                                        .from = GOROUTINE_RUNNABLE,
                                        .to = GOROUTINE_RUNNING,
                                        .flags = birth->is_inferred ? FLAG_INFERRED : 0});
    put_interval(self, BIRTH_ID(goid) + 1, goid,
                 &(struct round_stretch){
                     .start = birth->time, .end = birth->run, .wait_id = ROW_NULL, .p = -1, .state = GOROUTINE_RUNNABLE});
}

/* It was not the end, or is not told by the goroutine's row. */
static void flush_death(struct round_log *self, uint64_t goid, struct round_death *death)
{
    if (!death->is_told)
        return;
    death->is_told = false;
    put_interval(self, next_plain_id(self), goid,
                 &(struct round_stretch){.start = death->start,
                                         .end = death->time,
                                         .wait_id = ROW_NULL,
                                         .tid = death->tid,
                                         .p = death->p,
                                         .state = GOROUTINE_RUNNING,
                                         .flags = death->is_inferred ? FLAG_INFERRED : 0});
    put_transition(self, next_plain_id(self), goid,
                   &(struct round_step){.time = death->time,
                                        .tid = death->tid,
                                        .reason = ROUND_NO_REASON,
                                        .p = -1,
                                        .cpu = death->cpu,
                                        .event = EV_END,
                                        .from = GOROUTINE_RUNNING,
                                        .to = GOROUTINE_DEAD});
}

static bool fits_birth(const struct round_birth *birth, const struct round_facts *facts)
{
    return facts->was_created && facts->created_ns == birth->time && facts->creator == birth->creator &&
           facts->create_stack == birth->stack && facts->runnable_ns >= birth->run - birth->time;
}

static bool fits_death(const struct round_death *death, const struct round_facts *facts)
{
    return facts->has_ended && facts->ended_ns == death->time && facts->running_ns >= death->time - death->start;
}

struct round_life round_end(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_facts *facts)
{
    struct round_life life = {0, ROW_NULL, ROW_NULL, ROW_NULL, ROW_NULL, ROW_NULL, ROW_NULL};
    struct round_birth *birth = &pending->birth;
    struct round_death *death = &pending->death;
    emit(self, NULL);
    flush_parts(self, goid, pending);
    if (birth->is_told && !fits_birth(birth, facts)) {
        put_birth(self, goid, birth);
    } else if (birth->is_told) {
        life.facts |= LIFE_BORN | (birth->is_inferred ? LIFE_BORN_INFERRED : 0);
        life.created_place = place_table_get(&self->places, birth->tid, birth->cpu, -1);
        life.first_place = place_table_get(&self->places, birth->run_tid, birth->run_cpu, birth->run_p);
        life.first_bound_ns = row_id(birth->bound_ns);
        life.later_runnable_ns = (int64_t)(facts->runnable_ns - (birth->run - birth->time));
    }
    if (death->is_told && (is_written(self, goid) || goid > GOID_MAX || !fits_death(death, facts)))
        flush_death(self, goid, death);
    if (death->is_told) {
        life.facts |= LIFE_ENDED | (death->is_inferred ? LIFE_ENDED_INFERRED : 0);
        life.end_place = place_table_get(&self->places, death->tid, death->cpu, death->p);
        life.earlier_running_ns = (int64_t)(facts->running_ns - (death->time - death->start));
    }
    birth->is_told = death->is_told = false;
    uint64_t bits = 0;
    map_get(&self->written, goid / 64, &bits);
    if (map_put(&self->written, goid / 64, bits | (uint64_t)1 << goid % 64) < 0)
        self->failed = true;
    return life;
}

/* ---- what fits ---- */

static bool is_exec_of(const struct round_current *current, uint64_t goid, const struct round_step *step)
{
    if (current->kind == ROUND_NONE || current->goid != goid || step->event != EV_EXEC || step->to != GOROUTINE_RUNNING ||
        step->reason != ROUND_NO_REASON || step->object || step->value || step->stack || step->other)
        return false;
    if (current->kind == ROUND_TURN)
        return step->from == GOROUTINE_RUNNABLE && step->time == current->runnable_end;
    return step->from == (current->wait.wake ? GOROUTINE_RUNNABLE : GOROUTINE_WAITING) && step->time == current->wait.run;
}

static bool is_park(const struct round_step *step)
{
    return step->event == EV_PARK && step->to == GOROUTINE_WAITING && step->p < 0 && !step->other && !step->bound_ns;
}

static bool is_turn(const struct round_step *step)
{
    return step->to == GOROUTINE_RUNNABLE && step->event != EV_READY && step->event != EV_NET && step->p < 0 && step->reason == ROUND_NO_REASON &&
           !step->object && !step->value;
}

static bool is_wake(const struct round_pending *pending, const struct round_step *step)
{
    return (step->event == EV_READY || step->event == EV_NET) && step->from == GOROUTINE_WAITING && pending->has_leave &&
           !pending->has_wake && is_park(&pending->leave) && step->p < 0 && step->reason == ROUND_NO_REASON && !step->object && !step->value;
}

static bool is_before(const struct round_pending *pending, const struct round_step *leave)
{
    return pending->before_end == leave->time && pending->before_tid == leave->tid;
}

static bool take_birth(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_step *exec)
{
    const struct round_current *current = &self->current;
    return current->kind == ROUND_TURN && current->parts.is_leave_first && goid <= GOID_MAX && !is_written(self, goid) &&
           round_life_take_birth(&pending->birth, &current->parts, current->runnable_flags, exec);
}

void round_transition(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_step *step)
{
    bool is_first = !pending->is_known;
    self->transitions++;
    pending->is_known = true;
    if (step->flags <= FLAGS_MAX && is_exec_of(&self->current, goid, step)) {
        if (take_birth(self, goid, pending, step))
            self->current.kind = ROUND_NONE;
        emit(self, step);
        return;
    }
    emit(self, NULL);
    flush_death(self, goid, &pending->death);
    if (is_wake(pending, step) && step->flags <= FLAGS_MAX) {
        pending->wake = *step;
        pending->has_wake = true;
        return;
    }
    if (round_life_take_death(&pending->death, pending, step)) {
        pending->has_before = false;
        return;
    }
    bool begins = (is_park(step) || is_turn(step)) && step->flags <= FLAGS_MAX;
    if (!begins || pending->has_leave || (pending->has_before && !is_before(pending, step)))
        flush_parts(self, goid, pending);
    if (begins) {
        pending->leave = *step;
        pending->has_leave = true;
        pending->is_leave_first = is_first;
    } else {
        put_transition(self, next_plain_id(self), goid, step);
    }
}

static bool take_into_wait(struct round_current *current, const struct round_stretch *stretch)
{
    const struct round_wait *wait = &current->wait;
    if (stretch->tid || stretch->p >= 0)
        return false;
    if (stretch->state == GOROUTINE_WAITING && !current->has_waiting && stretch->wait_id == current->id &&
        stretch->start == wait->start && stretch->end && stretch->end == (wait->wake ? wait->wake : wait->run)) {
        current->has_waiting = true;
        current->waiting_flags = stretch->flags;
        return true;
    }
    if (stretch->state == GOROUTINE_RUNNABLE && !current->has_runnable && stretch->wait_id == ROW_NULL && wait->wake && wait->run &&
        stretch->start == wait->wake && stretch->end == wait->run) {
        current->has_runnable = true;
        current->runnable_flags = stretch->flags;
        return true;
    }
    return false;
}

/* The run before what has begun, or is about to. */
static bool take_before(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_stretch *stretch)
{
    if (stretch->state != GOROUTINE_RUNNING || !stretch->end || stretch->wait_id != ROW_NULL)
        return false;
    if (pending->has_wake || pending->has_before ||
        (pending->has_leave && (pending->leave.time != stretch->end || pending->leave.tid != stretch->tid)))
        flush_parts(self, goid, pending);
    pending->has_before = true;
    pending->before_start = stretch->start;
    pending->before_end = stretch->end;
    pending->before_tid = stretch->tid;
    pending->before_p = stretch->p;
    pending->before_state = stretch->state;
    pending->before_flags = stretch->flags;
    return true;
}

void round_interval(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_stretch *stretch)
{
    struct round_current *current = &self->current;
    bool fits = stretch->flags <= FLAGS_MAX;
    if (fits && current->kind == ROUND_WAIT && current->goid == goid && take_into_wait(current, stretch))
        return;
    emit(self, NULL);
    pending->is_known = true;
    flush_death(self, goid, &pending->death);
    if (fits && take_before(self, goid, pending, stretch))
        return;
    if (fits && stretch->state == GOROUTINE_RUNNABLE && stretch->wait_id == ROW_NULL && stretch->end && pending->has_leave &&
        is_turn(&pending->leave) && stretch->start == pending->leave.time) {
        *current = (struct round_current){.kind = ROUND_TURN,
                                          .goid = goid,
                                          .parts = *pending,
                                          .runnable_flags = stretch->flags,
                                          .runnable_end = stretch->end};
        pending->has_leave = pending->has_wake = pending->has_before = false;
        return;
    }
    flush_parts(self, goid, pending);
    put_interval(self, next_plain_id(self), goid, stretch);
}

static bool is_park_of(const struct round_step *step, const struct round_wait *wait)
{
    return is_park(step) && step->time == wait->start && step->reason == wait->reason && step->stack == wait->stack &&
           step->value == wait->value && (int64_t)step->object == (wait->object > 0 ? wait->object : 0);
}

static bool is_wake_of(const struct round_step *step, const struct round_wait *wait)
{
    return wait->wake && step->time == wait->wake && step->stack == wait->waker_stack && step->other == wait->waker_goid;
}

int64_t round_wait(struct round_log *self, uint64_t goid, struct round_pending *pending, const struct round_wait *wait)
{
    struct round_current *current = &self->current;
    emit(self, NULL);
    pending->is_known = true;
    flush_death(self, goid, &pending->death);
    if (!pending->has_leave || !is_park_of(&pending->leave, wait) || (pending->has_wake && !is_wake_of(&pending->wake, wait)))
        flush_parts(self, goid, pending);
    *current = (struct round_current){
        .kind = ROUND_WAIT, .goid = goid, .id = ++self->last_wait, .parts = *pending, .wait = *wait};
    pending->has_leave = pending->has_wake = pending->has_before = false;
    return current->id;
}
