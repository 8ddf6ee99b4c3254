#include "format/event_model.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "format/event_coding_choices.h"
#include "format/range_number.h"
#include "format/run_queue_model.h"

#define INLINE static inline __attribute__((always_inline))
#define ALONE  __attribute__((noinline)) /* rarely needed: not in the way of what is needed for each event */

#define VALUES_BITS     16 /* this and the next two: at most */
#define ORDER_BITS      12
#define TIMES_BITS      10
#define VALUES_BITS_MIN 8
#define THREADS_BITS    10
#define RINGS           256u
#define RECENT_MAX      128u
#define EXPECTED_MAX    3
#define TYPES_OF_TIMES  64u

/* Uses of the table of values that are not a column of a type. */
enum { VALUES_G = CODING_TYPES_MAX * 64, VALUES_GOID, VALUES_CREATED, VALUES_CREATOR, VALUES_WOKEN };

struct value_pair {
    uint64_t last, other; /* the last value, and the last one that was another */
};

struct field_model {
    struct range_chance hit[EXPECTED_MAX][32]; /* of the second and the third one expected */
    unsigned history;   /* bit 0: the last value was not the first one expected, and so on */
    bool prefers_other; /* CODING_STACK: the second one of the expected values was the right one lately */
    uint64_t last;
    struct range_number literal;
};

struct type_model {
    struct type_coding coding;
    bool is_chosen;                /* it is the writer's choice for this type, not another one */
    struct range_nibble first[16]; /* the first field that is not as expected first */
    unsigned history;              /* bit 0: the last event had one, and so on */
    struct range_nibble next[CODING_FIELDS_MAX]; /* and the next one behind each */
    struct field_model fields[CODING_FIELDS_MAX];
};

struct ring_model {
    uint64_t time_ns;
    uint32_t tid;
    uint64_t next_tid; /* of its last thread_off */
    uint8_t types[2];  /* of the events before, the last one first */
};

struct thread_model {
    uint64_t running, created, stack;
    uint32_t p;
    uint8_t before; /* type of the event before */
    uint8_t found;  /* enum run_place of the goroutine that runs */
    bool is_over;   /* the goroutine that ran has stopped: another one runs, or none */
    bool has_p;     /* told by an exec; otherwise the CPU stands for it */
};

struct order_model {
    struct range_chance hit[EXPECTED_MAX];
    uint8_t types[EXPECTED_MAX]; /* the latest one first */
};

struct event_model {
    struct type_model *types[CODING_TYPES_MAX];
    bool used[CODING_TYPES_MAX];
    struct event_costs *costs; /* borrowed; NULL: not measured */
    bool is_wide; /* there are types with more fields than an event has room for */
    uint64_t fields[CODING_FIELDS_MAX];
    /* Tables whose size follows the number of events: a small chunk is soon forgotten. */
    struct {
        unsigned values, order, times;
    } bits;
    struct value_pair values[1 << VALUES_BITS];
    struct order_model order[1 << ORDER_BITS];
    struct range_nibble time_length[1 << TIMES_BITS];
    struct range_nibble time_top[TYPES_OF_TIMES][16];
    /* from here on forgotten with each chunk; the first part is 0 then, the second even chances */
    struct ring_model rings[RINGS];
    struct thread_model threads[1 << THREADS_BITS];
    uint32_t next_thread[1 << THREADS_BITS];
    struct run_queue_model runnable;
    uint64_t recent[RECENT_MAX];
    uint32_t recent_count;
    uint64_t newest[CODING_COUNT];
    struct {
        struct range_number type, tid, own, shared, other, other_index, recent;
    } numbers;
    struct {
        struct range_chance tid_hit[CODING_TYPES_MAX][2];
        struct range_chance place[4][32];
    } chances;
    bool bad; /* decoding: what came cannot have been encoded */
};

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

/* ---- tables ---- */

INLINE uint64_t mix(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t x = a * 0x9e3779b97f4a7c15u + b * 0xd6e8feb86659fd93u + c * 0xc2b2ae3d27d4eb4fu;
    return (x ^ x >> 32) * 0xd6e8feb86659fd93u;
}

INLINE struct value_pair *values_at(struct event_model *self, uint64_t use, uint64_t a, uint64_t b)
{
    return &self->values[mix(use, a, b) >> (64 - self->bits.values)];
}

INLINE void learn_value(struct value_pair *pair, uint64_t value)
{
    if (pair->last == value)
        return;
    pair->other = pair->last;
    pair->last = value;
}

/* ---- fields ---- */

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
    struct value_pair *beside =
        values_at(self, at->use + 2, thread->before, mix(0, last->last, thread->stack));
    uint64_t first = field->prefers_other ? beside->last : after->last;
    if (is_as_expected(coder, decoding, at, value == first)) {
        field->history <<= 1;
        value = first;
    } else {
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
    if (value > self->newest[field_coding->how])
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
    struct thread_model *thread = &self->threads[mix(0, tid, 0) >> (64 - THREADS_BITS)];
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
