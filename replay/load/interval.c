#include "load/interval.h"

static void add_to_sums(struct goroutine *goroutine, enum goroutine_state state, uint64_t ns)
{
    switch (state) {
    case GOROUTINE_RUNNING:
        goroutine->running_ns += ns;
        break;
    case GOROUTINE_RUNNABLE:
    case GOROUTINE_PREEMPTED:
        goroutine->runnable_ns += ns;
        break;
    case GOROUTINE_WAITING:
        goroutine->waiting_ns += ns;
        break;
    case GOROUTINE_UNKNOWN:
        goroutine->unknown_ns += ns;
        break;
    default:
        break;
    }
}

struct place {
    uint32_t tid; /* 0: none */
    int32_t p;    /* -1: none */
};


static void put(struct interval_log *self, struct goroutine *goroutine, enum goroutine_state state,
                uint64_t start, struct interval_end end, struct place place, int64_t wait_id, unsigned flags)
{
    if (state == GOROUTINE_DEAD || (state == GOROUTINE_UNKNOWN && end.time <= start))
        return;
    if (start < self->begin_ns && end.time >= self->begin_ns) {
        start = self->begin_ns;
        flags |= FLAG_CARRIED;
    }
    add_to_sums(goroutine, state, end.time - start);
    round_interval(&self->rounds, goroutine->goid, &goroutine->pending,
                   &(struct round_stretch){.start = start,
                                           .end = end.is_open ? 0 : end.time,
                                           .wait_id = wait_id,
                                           .tid = place.tid,
                                           .p = place.p,
                                           .state = (uint8_t)state,
                                           .flags = (uint8_t)flags});
}

void interval_put(struct interval_log *self, struct goroutine *goroutine, enum goroutine_state state,
                  uint64_t start, struct interval_end end, int64_t wait_id, unsigned flags)
{
    struct place place = {0, -1};
    if (state == GOROUTINE_RUNNING)
        place = (struct place){goroutine->tid, round_p(goroutine->p)};
    put(self, goroutine, state, start, end, place, wait_id, flags);
}

void interval_close(struct interval_log *self, struct goroutine *goroutine, struct interval_end end,
                    int64_t wait_id, unsigned flags)
{
    interval_put(self, goroutine, goroutine->state, goroutine->since, end, wait_id,
                 flags | goroutine->state_flags);
}

void interval_break_off(struct interval_log *self, struct goroutine *goroutine, uint64_t known_until,
                        uint64_t end, int64_t wait_id, unsigned flags)
{
    if (known_until > goroutine->since)
        interval_close(self, goroutine, (struct interval_end){known_until, false}, wait_id, flags);
    else
        known_until = goroutine->since;
    interval_put(self, goroutine, GOROUTINE_UNKNOWN, known_until, (struct interval_end){end, false}, wait_id,
                 flags);
}

void interval_put_held(struct interval_log *self, struct goroutine *goroutine)
{
    struct held_run *run = &goroutine->wait.run;
    if (!run->is_held)
        return;
    run->is_held = false;
    put(self, goroutine, GOROUTINE_RUNNING, run->since, (struct interval_end){run->until, false},
        (struct place){run->tid, round_p(run->p)}, ROW_NULL, run->flags);
}

/* ---- waits ---- */

/* As packed_wait.object. */
static int64_t object_column(const struct open_wait *wait)
{
    if (wait->set)
        return -(int64_t)wait->set->row;
    return wait->object.id ? (int64_t)wait->object.id : wait->is_nil_chan ? 0 : ROW_NULL;
}

/* The length of the wait: to the wake, to the run when the scheduler ends such waits itself, or to the
 * recording's end. */
static int64_t wait_length(const struct open_wait *wait, struct wait_end end)
{
    if (wait->stage == WAIT_STAGE_WOKEN)
        return (int64_t)(wait->wake - wait->start);
    if (end.open_until)
        return (int64_t)(end.open_until - wait->start);
    if (end.sampled_until)
        return (int64_t)(end.sampled_until - wait->start);
    if (wait->is_silent && end.run && wait->doubt != DOUBT_WAKE_MISSING && wait->doubt != DOUBT_ILLEGAL)
        return (int64_t)(end.run - wait->start);
    return ROW_NULL;
}

static uint8_t direction(const struct open_wait *wait)
{
    if (wait->set)
        return SELECT_DIRECTION_UNKNOWN;
    if (wait->class == WAIT_CHAN_SEND)
        return SELECT_SEND;
    if (wait->class == WAIT_CHAN_RECV)
        return SELECT_RECV;
    return wait->object.id && wait->object.kind == OBJECT_CHAN ? ROUND_ANY_DIRECTION : SELECT_DIRECTION_UNKNOWN;
}

int64_t interval_put_wait(struct interval_log *self, struct goroutine *goroutine, struct wait_end end)
{
    struct open_wait *wait = &goroutine->wait;
    bool is_woken = wait->stage == WAIT_STAGE_WOKEN, is_open = !is_woken && end.open_until;
    enum waker_kind waker = is_open ? WAKER_NONE_YET : wait->waker;
    goroutine->wait_count++;
    struct round_wait row = {.start = wait->start,
                                        .wake = is_woken ? wait->wake : 0,
                                        .run = end.run,
                                        .wait_ns = wait_length(wait, end),
                                        .waker_goid = waker == WAKER_GOROUTINE ? wait->waker_goid : 0,
                                        .value = wait->value,
                                        .object = object_column(wait),
                                        .reason = wait->reason,
                                        .stack = wait->stack,
                                        .waker_stack = wait->waker_stack,
                                        .labels = wait->labels,
                                        .fired = wait->set ? wait->fired : 0,
                                        .waker = (uint8_t)waker,
                                        .doubt = (uint8_t)wait->doubt,
                                        .class = (uint8_t)wait->class,
                                        .direction = direction(wait),
                                        .is_open = is_open,
                                        .is_system = interval_is_system(self, goroutine),
                                        .is_start_missed = wait->is_start_missed};
    int64_t id = round_wait(&self->rounds, goroutine->goid, &goroutine->pending, &row);
    wait_sums_add(self->sums, id, goroutine->goid, &row, wait->set);
    if (wait->is_assist && wait_length(wait, end) != ROW_NULL)
        runtime_log_assist(self->runtime, wait->start, (uint64_t)wait_length(wait, end));
    select_set_release(wait->set);
    wait->set = NULL;
    wait->stage = WAIT_STAGE_NONE;
    return id;
}

/* ---- goroutines ---- */

bool interval_is_system(const struct interval_log *self, const struct goroutine *goroutine)
{
    return symbolizer_is_system_start(self->symbols, goroutine->start_function);
}

void interval_put_goroutine(struct interval_log *self, struct goroutine *goroutine)
{
    bool is_created = goroutine->was_created, has_ended = goroutine->has_ended;
    struct round_life life = round_end(&self->rounds, goroutine->goid, &goroutine->pending,
                                       &(struct round_facts){.was_created = is_created,
                                                             .has_ended = has_ended,
                                                             .created_ns = goroutine->created_ns,
                                                             .ended_ns = goroutine->ended_ns,
                                                             .creator = goroutine->creator,
                                                             .running_ns = goroutine->running_ns,
                                                             .runnable_ns = goroutine->runnable_ns,
                                                             .create_stack = goroutine->create_stack});
    int64_t first = (int64_t)goroutine->first_ns, last = (int64_t)goroutine->last_ns;
    int64_t facts = goroutine->is_start_inferred | interval_is_system(self, goroutine) << 1 | (int64_t)goroutine->state << 2 | life.facts;
    row_writer_put(self->rows, ROW_PACKED_GOROUTINE,
                   (const int64_t[]){(int64_t)goroutine->goid, first, last - first,
                                     is_created ? (int64_t)goroutine->created_ns - first : ROW_NULL,
                                     has_ended ? last - (int64_t)goroutine->ended_ns : ROW_NULL, facts, row_id(goroutine->creator),
                                     symbolizer_stack_column(goroutine->create_stack), row_id(goroutine->start_function),
                                     (int64_t)goroutine->running_ns, (int64_t)goroutine->runnable_ns, (int64_t)goroutine->waiting_ns,
                                     (int64_t)goroutine->unknown_ns, (int64_t)goroutine->wait_count, (int64_t)goroutine->syscall_ns,
                                     row_id(goroutine->labels), row_id(goroutine->state == GOROUTINE_WAITING ? goroutine->wait.noticed : 0),
                                     life.created_place, life.first_place, life.first_bound_ns, life.later_runnable_ns, life.end_place,
                                     life.earlier_running_ns, ROW_NULL});
}
