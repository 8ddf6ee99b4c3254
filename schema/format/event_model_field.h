/*
 * How each kind of field (enum coding_how) is told: what is expected, from what the model remembers, and how it goes on when
 * something else comes. A part of event_model.c, which has the whole coder of an event in one function: nobody else includes
 * it.
 */
#ifndef GOTAPE_EVENT_MODEL_FIELD_H
#define GOTAPE_EVENT_MODEL_FIELD_H

#include <string.h>

#include "format/event_model_state.h"

struct place {
    struct ring_model *ring;
    struct thread_model *thread;
    uint32_t tid;
    uint64_t time_ns;
    uint32_t p;
    const uint64_t *f; /* the fields of the event */
    uint64_t *out;     /* the same; NULL: encoding */
    unsigned use;      /* of the table of values, 4 for each field */
    /* Of fields that are as expected first nothing is told: the place of the first one that is not, then that one, then how it
     * goes on from there. */
    unsigned number;              /* of the field at hand, in the order of coding */
    unsigned missed;              /* decoding: of the next one that is not as expected first */
    struct range_nibble *chances; /* of the next such place */
    struct type_model *type;
};

/* The field at hand is not as expected first: what is behind it is told next. */
static ALONE void encode_miss(struct range_coder *coder, struct place *at)
{
    range_nibble(coder, false, at->chances, at->number);
}

INLINE void miss(struct range_coder *coder, bool decoding, struct place *at)
{
    if (!decoding)
        encode_miss(coder, at);
    at->chances = &at->type->next[at->number];
}

/* A value that is not as expected first: another one of those expected, or any, told as its distance from `base`. */
INLINE uint64_t code_other(struct range_coder *coder, bool decoding, struct field_model *field,
                           uint64_t value, const uint64_t *expected, unsigned count, uint64_t base)
{
    unsigned past = field->history & 15;
    field->history = past << 1 | 1;
    for (unsigned k = 1; k < count; k++) {
        bool again = expected[k] == expected[0] || (k > 1 && expected[k] == expected[1]);
        unsigned context = past | (k + 1 < count && expected[k] == expected[k + 1] ? 16 : 0);
        if (!again && !range_code(coder, decoding, &field->hit[k][context], value != expected[k]))
            return expected[k];
    }
    uint64_t code = range_number(coder, decoding, &field->literal, zigzag_encode((int64_t)(value - base)));
    return decoding ? base + (uint64_t)zigzag_decode(code) : value;
}

static ALONE uint64_t encode_other(struct range_coder *coder, struct field_model *field, uint64_t value,
                                   const uint64_t *expected, unsigned count, uint64_t base)
{
    return code_other(coder, false, field, value, expected, count, base);
}

static ALONE uint64_t decode_other(struct range_coder *coder, struct field_model *field,
                                   const uint64_t *expected, unsigned count, uint64_t base)
{
    return code_other(coder, true, field, 0, expected, count, base);
}

/* Encoding: is_expected tells whether the field is as expected first. When it is, nothing more is told. */
INLINE bool is_as_expected(struct range_coder *coder, bool decoding, struct place *at, bool is_expected)
{
    if (decoding ? at->number != at->missed : is_expected)
        return true;
    miss(coder, decoding, at);
    return false;
}

INLINE uint64_t code_rest(struct range_coder *coder, bool decoding, struct field_model *field, uint64_t value,
                          const uint64_t *expected, unsigned count, uint64_t base)
{
    return decoding ? decode_other(coder, field, expected, count, base)
                    : encode_other(coder, field, value, expected, count, base);
}

INLINE uint64_t code_among(struct range_coder *coder, bool decoding, struct field_model *field,
                           struct place *at, uint64_t value, const uint64_t *expected, unsigned count,
                           uint64_t base)
{
    if (is_as_expected(coder, decoding, at, value == expected[0])) {
        field->history <<= 1;
        return expected[0];
    }
    return code_rest(coder, decoding, field, value, expected, count, base);
}

/* Nothing is expected. */
INLINE uint64_t code_distance(struct event_model *self, struct range_coder *coder, bool decoding,
                              struct field_model *field, struct place *at, uint64_t value)
{
    if (is_as_expected(coder, decoding, at, false))
        self->bad = true;
    return code_rest(coder, decoding, field, value, NULL, 0, field->last);
}

/* The last value for this key, and the one before. */
INLINE uint64_t code_by_key(struct event_model *self, struct range_coder *coder, bool decoding,
                            struct field_model *field, struct place *at, uint64_t key, uint64_t value)
{
    struct value_pair *last = values_at(self, at->use, key, 0);
    const uint64_t expected[] = {last->last, last->other};
    value = code_among(coder, decoding, field, at, value, expected, 2, field->last);
    learn_value(last, value);
    return value;
}

INLINE uint64_t code_stack(struct event_model *self, struct range_coder *coder, bool decoding,
                           struct field_model *field, struct place *at, uint64_t key, uint64_t value)
{
    struct thread_model *thread = at->thread;
    struct value_pair *last = values_at(self, at->use, key, 0);
    struct value_pair *after = values_at(self, at->use + 1, key, mix(0, last->last, thread->before));
    uint64_t place = mix(0, last->last, thread->stack);
    /* Looked up where it is needed only: usually it is not. */
    struct value_pair *beside = field->prefers_other ? values_at(self, at->use + 2, thread->before, place) : NULL;
    uint64_t first = beside ? beside->last : after->last;
    if (is_as_expected(coder, decoding, at, value == first)) {
        field->history <<= 1;
        value = first;
    } else {
        beside = values_at(self, at->use + 2, thread->before, place);
        const uint64_t expected[] = {first, field->prefers_other ? after->last : beside->last, after->other};
        value = code_rest(coder, decoding, field, value, expected, 3, self->newest[CODING_STACK]);
        if (value == expected[1] && value != first)
            field->prefers_other = !field->prefers_other;
        learn_value(after, value);
        learn_value(beside, value);
    }
    learn_value(last, value);
    thread->stack = value;
    return value;
}

/* This g is of this goroutine from now on. */
INLINE void learn_g(struct event_model *self, struct value_pair *g_of_goid, uint64_t goid, uint64_t g)
{
    learn_value(g_of_goid, g);
    learn_value(values_at(self, VALUES_GOID, g, 0), goid);
}

INLINE uint64_t code_g(struct event_model *self, struct range_coder *coder, bool decoding,
                       struct field_model *field, struct place *at, uint64_t goid, uint64_t value)
{
    struct value_pair *g = values_at(self, VALUES_G, goid, 0);
    if (is_as_expected(coder, decoding, at, value == g->last)) {
        field->history <<= 1;
        return g->last;
    }
    value = code_rest(coder, decoding, field, value, &g->last, 1, field->last);
    learn_g(self, g, goid, value);
    return value;
}

/* A new g. */
INLINE uint64_t code_new_g(struct event_model *self, struct range_coder *coder, bool decoding,
                           struct field_model *field, struct place *at, uint64_t goid, uint64_t value)
{
    struct run_processor *p = &self->runnable.processors[at->p];
    const uint64_t expected[] = {run_freed_get(p, 0), run_freed_get(p, 1)};
    value = code_among(coder, decoding, field, at, value, expected, 2, field->last);
    if (value == expected[0])
        run_freed_remove(p, 0);
    else if (value == expected[1])
        run_freed_remove(p, 1);
    learn_g(self, values_at(self, VALUES_G, goid, 0), goid, value);
    return value;
}

/* Whether the one woken is the last that the waker made, or the one that made it, is the same at each call chain. */
INLINE uint64_t code_woken(struct event_model *self, struct range_coder *coder, bool decoding,
                           struct field_model *field, struct place *at, uint64_t waker, uint64_t value)
{
    enum { OTHER, CREATED, CREATOR };
    uint64_t stack = at->thread->stack;
    struct value_pair *kin = values_at(self, VALUES_WOKEN, stack, 0);
    struct value_pair *first = kin->last == CREATED   ? values_at(self, VALUES_CREATED, waker, 0)
                               : kin->last == CREATOR ? values_at(self, VALUES_CREATOR, waker, 0)
                                                      : values_at(self, at->use, waker, stack);
    if (is_as_expected(coder, decoding, at, value == first->last)) {
        field->history <<= 1;
        return first->last;
    }
    uint64_t created = values_at(self, VALUES_CREATED, waker, 0)->last;
    uint64_t creator = values_at(self, VALUES_CREATOR, waker, 0)->last;
    struct value_pair *here = values_at(self, at->use, waker, stack);
    struct value_pair *last = values_at(self, at->use + 1, waker, 0);
    const uint64_t expected[] = {first->last, here->last, last->last};
    value = code_rest(coder, decoding, field, value, expected, 3, field->last);
    if (value == created)
        kin->last = CREATED;
    else if (value == creator)
        kin->last = CREATOR;
    else if (value == here->last)
        kin->last = OTHER;
    learn_value(here, value);
    learn_value(last, value);
    return value;
}

INLINE uint64_t code_object(struct event_model *self, struct range_coder *coder, bool decoding,
                            struct field_model *field, struct place *at, uint64_t goid, uint64_t value)
{
    uint64_t stack = at->thread->stack, newest = self->newest[CODING_OBJECT];
    struct value_pair *own = values_at(self, at->use, goid, stack);
    if (is_as_expected(coder, decoding, at, value == own->last)) {
        field->history <<= 1;
        return own->last;
    }
    struct value_pair *here = values_at(self, at->use + 1, stack, 0);
    const uint64_t expected[] = {own->last, here->last, newest + 1};
    value = code_rest(coder, decoding, field, value, expected, 3, newest);
    learn_value(own, value);
    learn_value(here, value);
    return value;
}

INLINE uint64_t code_newest(struct event_model *self, struct range_coder *coder, bool decoding,
                            struct field_model *field, struct place *at, uint64_t key, uint64_t value)
{
    struct value_pair *last = values_at(self, at->use, key, 0);
    uint64_t newest = self->newest[CODING_NEWEST];
    const uint64_t expected[] = {last->last, newest + 1, last->other};
    value = code_among(coder, decoding, field, at, value, expected, 3, newest);
    learn_value(last, value);
    return value;
}

/* Of a pair: the last value, and how far it was from the one before. */
INLINE uint64_t code_step(struct event_model *self, struct range_coder *coder, bool decoding,
                          struct field_model *field, struct place *at, uint64_t value)
{
    struct value_pair *pair = values_at(self, at->use, at->thread->stack, 0);
    const uint64_t expected[] = {pair->last, pair->last + pair->other};
    value = code_among(coder, decoding, field, at, value, expected, 2, pair->last);
    pair->other = value - pair->last;
    pair->last = value;
    return value;
}

/* The place in the list of recent values plus 1, then it stands in front. */
INLINE uint64_t code_recent(struct event_model *self, struct range_coder *coder, bool decoding,
                            struct field_model *field, struct place *at, uint64_t value)
{
    uint64_t place = 0;
    while (!decoding && place < self->recent_count && self->recent[place] != value)
        place++;
    place = place == self->recent_count ? 0 : place + 1;
    if (is_as_expected(coder, decoding, at, place == 1))
        place = 1;
    else
        place = range_number(coder, decoding, &self->numbers.recent, place);
    if (place > self->recent_count) {
        self->bad = true;
        return 0;
    }
    if (place > 0) {
        value = self->recent[place - 1];
    } else {
        value = code_rest(coder, decoding, field, value, NULL, 0, field->last);
        if (self->recent_count < RECENT_MAX)
            self->recent_count++;
        place = self->recent_count;
    }
    memmove(self->recent + 1, self->recent, (place - 1) * sizeof *self->recent);
    self->recent[0] = value;
    return value;
}

/* Not the one that is to run next: where in the run queues the goroutine is; a number when it is nowhere. */
INLINE uint64_t code_waiting(struct event_model *self, struct range_coder *coder, bool decoding,
                             struct field_model *field, struct place *at, enum coding_how coding,
                             uint64_t value)
{
    struct run_queue_model *run = &self->runnable;
    uint32_t p = at->p;
    const struct run_processor *own = &run->processors[p];
    unsigned filled =
        (own->next != 0) | (run_queue_count(&own->queue) > 0) << 1 | (run_queue_count(&run->shared) > 0) << 2;
    unsigned context =
        filled | (at->ring->types[0] == EV_PARK) << 3 | (unsigned)(coding == CODING_RUNNING) << 4;
    struct run_position found = {.place = RUN_NEXT};
    if (!decoding)
        found = run_queue_find(run, p, value);
    /* One question for each place, in this order; the next place, if in use, would be expected. */
    unsigned place = own->next ? RUN_OWN : RUN_NEXT;
    while (place < RUN_NOWHERE &&
           range_code(coder, decoding, &self->chances.place[place][context], found.place > place))
        place++;
    found.place = (enum run_place)place;
    if (place == RUN_OWN)
        found.index = (uint32_t)range_number(coder, decoding, &self->numbers.own, found.index);
    if (place == RUN_SHARED)
        found.index = (uint32_t)range_number(coder, decoding, &self->numbers.shared, found.index);
    if (place == RUN_OTHER) {
        found.processor = (uint32_t)range_number(coder, decoding, &self->numbers.other, found.processor);
        found.index = (uint32_t)range_number(coder, decoding, &self->numbers.other_index, found.index);
    }
    at->thread->found = (uint8_t)place;
    uint64_t taken = run_queue_take(run, p, found);
    return place < RUN_NOWHERE ? taken : code_rest(coder, decoding, field, value, NULL, 0, field->last);
}

/* True: the goroutine is the one that is to run next, and taken out of the queues. */
INLINE bool code_next(struct event_model *self, struct range_coder *coder, bool decoding, struct place *at,
                      uint64_t value, uint64_t *taken_out)
{
    struct run_queue_model *run = &self->runnable;
    struct run_position first = run_queue_first(run, at->p);
    if (!is_as_expected(coder, decoding, at, value && value == run_queue_peek(run, at->p, first)))
        return false;
    at->thread->found = (uint8_t)first.place;
    *taken_out = run_queue_take(run, at->p, first);
    return true;
}

INLINE uint64_t code_runnable(struct event_model *self, struct range_coder *coder, bool decoding,
                              struct field_model *field, struct place *at, uint64_t value)
{
    if (code_next(self, coder, decoding, at, value, &value))
        return value;
    return code_waiting(self, coder, decoding, field, at, CODING_RUNNABLE, value);
}

/* Without an exec it is not told who came after the one that has stopped: nobody yet, or one of the run queues. */
INLINE uint64_t code_running(struct event_model *self, struct range_coder *coder, bool decoding,
                             struct field_model *field, struct place *at, uint64_t value)
{
    struct thread_model *thread = at->thread;
    if (!thread->is_over) {
        const uint64_t expected[] = {thread->running, 0};
        value = code_among(coder, decoding, field, at, value, expected, 2, field->last);
    } else if (!code_next(self, coder, decoding, at, value, &value)) {
        unsigned past = field->history & 15;
        if (range_code(coder, decoding, &field->hit[2][past], value != 0))
            value = code_waiting(self, coder, decoding, field, at, CODING_RUNNING, value);
        else
            value = 0;
        field->history = past << 1 | (value == 0);
    } else {
        field->history <<= 1;
    }
    if (value) {
        thread->running = value;
        thread->is_over = false;
    }
    return value;
}

INLINE uint64_t code_field(struct event_model *self, struct range_coder *coder, bool decoding,
                           struct field_model *field, const struct coded_field *coding, struct place *at)
{
    struct thread_model *thread = at->thread;
    uint64_t value = decoding ? 0 : at->f[coding->field];
    uint64_t key = coding->of < CODING_FIELDS_MAX ? at->f[coding->of] : at->tid;
    uint64_t expected[2] = {0, 0};
    switch ((enum coding_how)coding->how) {
    case CODING_DELTA:
        return code_distance(self, coder, decoding, field, at, value);
    case CODING_TIME:
        return code_among(coder, decoding, field, at, value, expected, 1, at->time_ns);
    case CODING_RUNNING:
        return code_running(self, coder, decoding, field, at, value);
    case CODING_THREAD:
        return code_by_key(self, coder, decoding, field, at, at->tid, value);
    case CODING_FIELD:
        return code_by_key(self, coder, decoding, field, at, key, value);
    case CODING_STACK:
        return code_stack(self, coder, decoding, field, at, key, value);
    case CODING_G:
        return code_g(self, coder, decoding, field, at, key, value);
    case CODING_NEW_G:
        return code_new_g(self, coder, decoding, field, at, key, value);
    case CODING_NEW_GOID:
        expected[0] = thread->created + 1;
        expected[1] = field->last + 1;
        thread->created = value = code_among(coder, decoding, field, at, value, expected, 2, field->last);
        return value;
    case CODING_RUNNABLE:
        return code_runnable(self, coder, decoding, field, at, value);
    case CODING_FOUND:
        return code_by_key(self, coder, decoding, field, at, thread->found * 256u + at->ring->types[0],
                           value);
    case CODING_WOKEN:
        return code_woken(self, coder, decoding, field, at, key, value);
    case CODING_OBJECT:
        return code_object(self, coder, decoding, field, at, key, value);
    case CODING_NEWEST:
        return code_newest(self, coder, decoding, field, at, key, value);
    case CODING_RECENT:
        return code_recent(self, coder, decoding, field, at, value);
    case CODING_STEP:
        return code_step(self, coder, decoding, field, at, value);
    case CODING_COUNT:
        break;
    }
    return 0;
}

#endif
