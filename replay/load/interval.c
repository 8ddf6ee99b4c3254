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
    int64_t tid, p;
};

static void put(struct interval_log *self, struct goroutine *goroutine, enum goroutine_state state,
                uint64_t start, struct interval_end end, struct place place, int64_t wait_id, unsigned flags)
{
    if (state == GOROUTINE_DEAD || (state == GOROUTINE_UNKNOWN && end.time <= start))
        return;
    add_to_sums(goroutine, state, end.time - start);
    row_writer_put(self->rows, ROW_INTERVAL,
                   (const int64_t[]){(int64_t)goroutine->goid, state, (int64_t)start,
                                     end.is_open ? ROW_NULL : (int64_t)end.time, place.tid, place.p, wait_id,
                                     flags});
}

void interval_put(struct interval_log *self, struct goroutine *goroutine, enum goroutine_state state,
                  uint64_t start, struct interval_end end, int64_t wait_id, unsigned flags)
{
    struct place place = {ROW_NULL, ROW_NULL};
    if (state == GOROUTINE_RUNNING)
        place = (struct place){row_id(goroutine->tid), goroutine->p};
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
        (struct place){row_id(run->tid), run->p}, ROW_NULL, run->flags);
}

/* ---- waits ---- */

static const char *const doubts[] = {
    [DOUBT_NONE] = NULL,
    [DOUBT_GAP] = "gap",
    [DOUBT_WAKE_MISSING] = "wake_missing",
    [DOUBT_RUN_MISSING] = "run_missing",
    [DOUBT_ILLEGAL] = "illegal",
    [DOUBT_SAMPLED] = "sampled",
};

static const char *direction_name(unsigned direction)
{
    return direction == SELECT_SEND ? "send" : direction == SELECT_RECV ? "recv" : NULL;
}

static void put_object(struct interval_log *self, int64_t wait_id, uint32_t ordinal, uint32_t object,
                       unsigned direction, int64_t is_fired)
{
    row_writer_text(self->rows, ROW_WAIT_OBJECT, 3, direction_name(direction));
    row_writer_put(self->rows, ROW_WAIT_OBJECT,
                   (const int64_t[]){wait_id, ordinal, row_id(object), 0, is_fired});
}

static void put_objects(struct interval_log *self, int64_t wait_id, const struct open_wait *wait)
{
    unsigned direction = wait->class == WAIT_CHAN_SEND   ? SELECT_SEND
                         : wait->class == WAIT_CHAN_RECV ? SELECT_RECV
                                                         : SELECT_DIRECTION_UNKNOWN;
    if (wait->set) {
        for (uint32_t i = 0; i < wait->set->count; i++)
            put_object(self, wait_id, i, wait->set->cases[i].object, wait->set->cases[i].direction,
                       wait->fired == 0 ? ROW_NULL : wait->fired == i + 1);
    } else if (wait->object.id || wait->is_nil_chan) {
        put_object(self, wait_id, 0, wait->object.id, direction, ROW_NULL);
    }
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

int64_t interval_put_wait(struct interval_log *self, struct goroutine *goroutine, struct wait_end end)
{
    struct open_wait *wait = &goroutine->wait;
    int64_t id = ++self->last_wait;
    bool is_woken = wait->stage == WAIT_STAGE_WOKEN, is_open = !is_woken && end.open_until;
    enum waker_kind waker = is_open ? WAKER_NONE_YET : wait->waker;
    goroutine->wait_count++;
    row_writer_text(self->rows, ROW_WAIT, 12, waker_kind_name(waker));
    row_writer_text(self->rows, ROW_WAIT, 17, doubts[wait->doubt]);
    row_writer_put(
        self->rows, ROW_WAIT,
        (const int64_t[]){
            id, (int64_t)goroutine->goid, (int64_t)wait->start, is_woken ? (int64_t)wait->wake : ROW_NULL,
            row_id(end.run), wait_length(wait, end),
            is_woken && end.run ? (int64_t)(end.run - wait->wake) : ROW_NULL, is_open, wait->reason,
            interval_is_system(self, goroutine), symbolizer_stack_column(wait->stack), row_id(wait->value), 0,
            row_id(waker == WAKER_GOROUTINE ? wait->waker_goid : 0),
            symbolizer_stack_column(wait->waker_stack), !wait->is_start_missed, row_id(wait->labels), 0});
    put_objects(self, id, wait);
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

void interval_put_goroutine(struct interval_log *self, const struct goroutine *goroutine)
{
    row_writer_put(
        self->rows, ROW_GOROUTINE,
        (const int64_t[]){
            (int64_t)goroutine->goid, goroutine->was_created ? (int64_t)goroutine->created_ns : ROW_NULL,
            goroutine->has_ended ? (int64_t)goroutine->ended_ns : ROW_NULL, row_id(goroutine->creator),
            symbolizer_stack_column(goroutine->create_stack), row_id(goroutine->start_function),
            goroutine->is_start_inferred, interval_is_system(self, goroutine), (int64_t)goroutine->first_ns,
            (int64_t)goroutine->last_ns, goroutine->state, (int64_t)goroutine->running_ns,
            (int64_t)goroutine->runnable_ns, (int64_t)goroutine->waiting_ns, (int64_t)goroutine->unknown_ns,
            (int64_t)goroutine->wait_count, (int64_t)goroutine->syscall_ns, row_id(goroutine->labels),
            row_id(goroutine->state == GOROUTINE_WAITING ? goroutine->wait.noticed : 0)});
}
