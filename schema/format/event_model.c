#include "format/event_model.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "format/event_model_field.h"
#include "format/event_model_state.h"

/* ---- memory ---- */

struct event_model *event_model_new(void)
{
    return calloc(1, sizeof(struct event_model));
}

void event_model_free(struct event_model *self)
{
    if (!self)
        return;
    for (unsigned type = 0; type < CODING_TYPES_MAX; type++)
        free(self->types[type]);
    free(self);
}

static void set_even(struct range_chance *chances, size_t size)
{
    size_t count = size / sizeof *chances;
    chances[0] = (struct range_chance){.zero = RANGE_EVEN};
    for (size_t done = 1; done < count; done *= 2)
        memcpy(chances + done, chances, (done < count - done ? done : count - done) * sizeof *chances);
}

/* Sizes the tables, and empties what is used of them. */
static void reset_tables(struct event_model *self, uint32_t event_count)
{
    unsigned bits = VALUES_BITS_MIN;
    while (bits < VALUES_BITS && (uint32_t)1 << bits < 2 * (uint64_t)event_count)
        bits++;
    self->bits.values = bits;
    self->bits.order = bits - (VALUES_BITS - ORDER_BITS);
    self->bits.times = bits - (VALUES_BITS - TIMES_BITS);
    memset(self->values, 0, sizeof *self->values << self->bits.values);
    range_nibbles_init(self->time_length, (size_t)1 << self->bits.times);
    for (unsigned i = 0; i < 1u << self->bits.order; i++) {
        self->order[i] = (struct order_model){0};
        set_even(self->order[i].hit, sizeof self->order[i].hit);
    }
}

void event_model_reset(struct event_model *self, uint64_t base_ns, uint32_t event_count)
{
    size_t first = offsetof(struct event_model, rings), end = offsetof(struct event_model, numbers);
    memset((char *)self + first, 0, end - first);
    range_nibbles_init(self->time_top[0], sizeof self->time_top / sizeof self->time_top[0][0]);
    range_numbers_init((struct range_number *)&self->numbers,
                       sizeof self->numbers / sizeof(struct range_number));
    set_even((struct range_chance *)&self->chances, sizeof self->chances);
    reset_tables(self, event_count);
    for (unsigned i = 0; i < RINGS; i++)
        self->rings[i].time_ns = base_ns;
    memset(self->used, 0, sizeof self->used);
    self->is_wide = false;
    self->bad = false;
}

int event_model_add_type(struct event_model *self, const struct type_coding *coding)
{
    struct type_model *type = self->types[coding->type];
    if (!type) {
        type = self->types[coding->type] = calloc(1, sizeof *type);
        if (!type)
            return -1;
    }
    struct type_coding choice = {0};
    if (event_spec_get(coding->type))
        event_coding_choose(coding->type, &choice);
    type->coding = *coding;
    type->is_chosen = choice.count == coding->count &&
                      memcmp(choice.fields, coding->fields, coding->count * sizeof *choice.fields) == 0;
    type->history = 0;
    range_nibbles_init(type->first, sizeof type->first / sizeof *type->first);
    range_nibbles_init(type->next, sizeof type->next / sizeof *type->next);
    for (unsigned i = 0; i < coding->count; i++) {
        struct field_model *field = &type->fields[i];
        field->history = 0;
        field->prefers_other = false;
        field->last = 0;
        set_even(field->hit[0], sizeof field->hit);
        range_numbers_init(&field->literal, 1);
    }
    self->used[coding->type] = true;
    for (unsigned i = 0; i < coding->count; i++)
        self->is_wide |= coding->fields[i].field >= EVENT_FIELDS_MAX;
    return 0;
}

/* ---- what events mean for those that follow ---- */

static void learn_net(struct event_model *self, const uint64_t *f)
{
    const uint64_t waiting[] = {f[NET_READ_G], f[NET_WRITE_G]};
    for (unsigned i = 0; i < 2; i++) {
        uint64_t goid = waiting[i] > 2 ? values_at(self, VALUES_GOID, waiting[i], 0)->last : 0;
        if (goid)
            run_queue_push(&self->runnable.shared, goid);
    }
}

INLINE void learn_event(struct event_model *self, const struct place *at, unsigned type)
{
    struct thread_model *thread = at->thread;
    struct run_processor *p = &self->runnable.processors[at->p];
    const uint64_t *f = at->f;
    switch (type) {
    case EV_EXEC:
        thread->running = f[EXEC_GOID];
        thread->is_over = false;
        thread->has_p = true;
        thread->p = (uint32_t)f[EXEC_P];
        break;
    case EV_CREATE:
        learn_value(values_at(self, VALUES_CREATED, f[CREATE_CREATOR], 0), f[CREATE_GOID]);
        learn_value(values_at(self, VALUES_CREATOR, f[CREATE_GOID], 0), f[CREATE_CREATOR]);
        run_queue_ready(&self->runnable, at->p, f[CREATE_GOID]);
        break;
    case EV_READY:
        run_queue_ready(&self->runnable, at->p, f[READY_GOID]);
        break;
    case EV_PARK:
        thread->is_over = true;
        break;
    case EV_NET:
        learn_net(self, f);
        break;
    case EV_SCHED:
    case EV_SYSCALL_NO_P:
        run_queue_push(&self->runnable.shared, f[0]);
        thread->is_over = true;
        break;
    case EV_YIELD:
        run_queue_push(&p->queue, f[YIELD_GOID]);
        thread->is_over = true;
        break;
    case EV_END:
        run_freed_put(p, values_at(self, VALUES_G, f[END_GOID], 0)->last);
        thread->is_over = true;
        break;
    case EV_PREEMPT_PARK:
    case EV_CORO:
        thread->is_over = true;
        break;
    default:
        break;
    }
}

/* ---- all fields ---- */

/* Those that are told as a distance from the largest one of all fields of their kind. */
INLINE bool has_newest(unsigned how)
{
    return how == CODING_STACK || how == CODING_OBJECT || how == CODING_NEWEST;
}

INLINE void code_one(struct event_model *self, struct range_coder *coder, bool decoding,
                     struct type_model *type, struct place *at, unsigned number,
                     const struct type_coding *coding)
{
    const struct coded_field *field_coding = &coding->fields[number];
    struct field_model *field = &type->fields[number];
    at->number = number;
    at->use = coding->type * 64u + field_coding->field * 4u;
    uint64_t value = code_field(self, coder, decoding, field, field_coding, at);
    if (decoding) {
        at->out[field_coding->field] = value;
        if (number == at->missed && number + 1u < coding->count)
            at->missed = range_nibble(coder, true, at->chances, 0);
    }
    if (decoding && self->costs)
        event_costs_take(self->costs, coder, coding->type, COST_FIELDS + field_coding->field);
    field->last = value;
    if (has_newest(field_coding->how) && value > self->newest[field_coding->how])
        self->newest[field_coding->how] = value;
}

/* With a coding that is a constant. */
INLINE void code_chosen(struct event_model *self, struct range_coder *coder, bool decoding,
                        struct type_model *type, struct place *at, const struct type_coding *coding)
{
    code_one(self, coder, decoding, type, at, 0, coding);
    code_one(self, coder, decoding, type, at, 1, coding);
    code_one(self, coder, decoding, type, at, 2, coding);
    if (coding->count > 3)
        code_one(self, coder, decoding, type, at, 3, coding);
    if (coding->count > 4)
        code_one(self, coder, decoding, type, at, 4, coding);
    if (coding->count > 5)
        code_one(self, coder, decoding, type, at, 5, coding);
}

INLINE void code_all(struct event_model *self, struct range_coder *coder, bool decoding,
                     struct type_model *type, struct place *at)
{
    /* The frequent ones, then all. */
    switch (type->is_chosen ? type->coding.type : EV_NONE) {
    case EV_CREATE:
        code_chosen(self, coder, decoding, type, at, &coding_create);
        learn_event(self, at, EV_CREATE);
        return;
    case EV_EXEC:
        code_chosen(self, coder, decoding, type, at, &coding_exec);
        learn_event(self, at, EV_EXEC);
        return;
    case EV_PARK:
        code_chosen(self, coder, decoding, type, at, &coding_park);
        learn_event(self, at, EV_PARK);
        return;
    case EV_READY:
        code_chosen(self, coder, decoding, type, at, &coding_ready);
        learn_event(self, at, EV_READY);
        return;
    case EV_NET:
        code_chosen(self, coder, decoding, type, at, &coding_net);
        learn_event(self, at, EV_NET);
        return;
    case EV_THREAD_OFF:
        code_chosen(self, coder, decoding, type, at, &coding_thread_off);
        learn_event(self, at, EV_THREAD_OFF);
        return;
    default:
        break;
    }
    for (unsigned i = 0; i < type->coding.count; i++)
        code_one(self, coder, decoding, type, at, i, &type->coding);
    learn_event(self, at, type->coding.type);
}

INLINE void code_fields(struct event_model *self, struct range_coder *coder, bool decoding,
                        struct type_model *type, struct place *at)
{
    unsigned count = type->coding.count;
    struct range_nibble *first = &type->first[type->history & 15];
    at->type = type;
    at->chances = first;
    at->missed = decoding ? range_nibble(coder, true, first, 0) : 0;
    code_all(self, coder, decoding, type, at);
    if (!decoding && at->chances != &type->next[count - 1])
        range_nibble(coder, false, at->chances, count);
    type->history = type->history << 1 | (at->chances != first);
}

/* ---- thread, type, time ---- */

INLINE uint32_t code_tid(struct event_model *self, struct range_coder *coder, bool decoding,
                         struct ring_model *ring, uint32_t tid)
{
    uint32_t before = ring->tid;
    uint32_t expected = ring->types[0] == EV_THREAD_OFF ? (uint32_t)ring->next_tid : before;
    uint32_t *next = &self->next_thread[mix(0, before, 0) >> (64 - THREADS_BITS)];
    struct range_chance *hit = self->chances.tid_hit[ring->types[0]];
    if (!range_code(coder, decoding, &hit[0], tid != expected))
        return expected;
    if (!range_code(coder, decoding, &hit[1], tid != *next))
        return *next;
    uint64_t code = range_number(coder, decoding, &self->numbers.tid, zigzag_encode((int64_t)tid - before));
    return *next = decoding ? before + (uint32_t)zigzag_decode(code) : tid;
}

/* One of the last three types in this situation, or any. */
INLINE unsigned code_type(struct event_model *self, struct range_coder *coder, bool decoding,
                          const struct ring_model *ring, const struct thread_model *thread, unsigned type)
{
    uint64_t situation = mix(ring->types[0], ring->types[1], thread->stack);
    struct order_model *order = &self->order[situation >> (64 - self->bits.order)];
    unsigned k = 0;
    while (k < EXPECTED_MAX && range_code(coder, decoding, &order->hit[k], type != order->types[k]))
        k++;
    if (k < EXPECTED_MAX)
        type = order->types[k];
    else
        type = (unsigned)range_number(coder, decoding, &self->numbers.type, type);
    for (unsigned i = k < EXPECTED_MAX ? k : EXPECTED_MAX - 1; i > 0; i--)
        order->types[i] = order->types[i - 1];
    order->types[0] = (uint8_t)type;
    return type;
}

/* Back in time is far in the future. */
INLINE uint64_t code_time(struct event_model *self, struct range_coder *coder, bool decoding,
                          const struct ring_model *ring, unsigned type, uint64_t time)
{
    struct range_nibble *lengths =
        &self->time_length[mix(type, ring->types[0], 0) >> (64 - self->bits.times)];
    struct range_nibble *tops = self->time_top[type % TYPES_OF_TIMES];
    return ring->time_ns + range_number_by(coder, decoding, lengths, tops, time - ring->time_ns);
}

/* ---- events ---- */

/* Decoding: f and out are one, with room for all fields of the type, and the event is filled. Encoding: out is NULL. */
INLINE void code_event(struct event_model *self, struct range_coder *coder, bool decoding,
                       uint16_t ring_number, const struct event *e, const uint64_t *f, struct event *decoded,
                       uint64_t *out)
{
    struct ring_model *ring = &self->rings[ring_number % RINGS];
    uint32_t tid = code_tid(self, coder, decoding, ring, decoding ? 0 : e->tid);
    if (tid != ring->tid || !ring->thread)
        ring->thread = &self->threads[mix(0, tid, 0) >> (64 - THREADS_BITS)];
    struct thread_model *thread = ring->thread;
    unsigned type = code_type(self, coder, decoding, ring, thread, decoding ? 0 : e->type);
    if (decoding && (type >= CODING_TYPES_MAX || !self->used[type])) {
        self->bad = true;
        return;
    }
    if (decoding && self->costs)
        event_costs_take(self->costs, coder, type, COST_HEAD);
    struct type_model *model = self->types[type];
    struct place at = {.ring = ring, .thread = thread, .tid = tid, .f = f, .out = out};
    at.p = (thread->has_p ? thread->p : ring_number) % RUN_PROCESSORS;
    at.time_ns = code_time(self, coder, decoding, ring, type, decoding ? 0 : e->time_ns);
    if (decoding) {
        decoded->time_ns = at.time_ns;
        decoded->tid = tid;
        decoded->type = (uint16_t)type;
        decoded->cpu = ring_number;
    }
    if (decoding && self->costs)
        event_costs_take(self->costs, coder, type, COST_TIME);
    if (model->coding.count > 0)
        code_fields(self, coder, decoding, model, &at);
    ring->time_ns = at.time_ns;
    ring->tid = tid;
    ring->types[1] = ring->types[0];
    ring->types[0] = thread->before = (uint8_t)type;
    if (type == EV_THREAD_OFF)
        ring->next_tid = f[THREAD_OFF_NEXT_TID];
}

void event_model_measure(struct event_model *self, struct event_costs *costs)
{
    self->costs = costs;
}

void event_model_encode(struct event_model *self, struct range_coder *coder, uint16_t ring,
                        const struct event *event)
{
    code_event(self, coder, false, ring, event, event->f, NULL, NULL);
}

bool event_model_decode(struct event_model *self, struct range_coder *coder, uint16_t ring,
                        struct event *event)
{
    uint64_t *f = self->is_wide ? self->fields : event->f;
    memset(f, 0, EVENT_FIELDS_MAX * sizeof *f);
    code_event(self, coder, true, ring, NULL, f, event, f);
    if (self->is_wide)
        memcpy(event->f, f, sizeof event->f);
    return !self->bad;
}
