/*
 * What an event model remembers of the events so far: shared by event_model.c (events) and event_model_field.h (their
 * fields). Nobody else includes it.
 */
#ifndef GOTAPE_EVENT_MODEL_STATE_H
#define GOTAPE_EVENT_MODEL_STATE_H

#include "format/event_coding_choices.h"
#include "format/event_model.h"
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

struct thread_model {
    uint64_t running, created, stack;
    uint32_t p;
    uint8_t before; /* type of the event before */
    uint8_t found;  /* enum run_place of the goroutine that runs */
    bool is_over;   /* the goroutine that ran has stopped: another one runs, or none */
    bool has_p;     /* told by an exec; otherwise the CPU stands for it */
};

struct ring_model {
    uint64_t time_ns;
    uint32_t tid;
    uint64_t next_tid; /* of its last thread_off */
    uint8_t types[2];  /* of the events before, the last one first */
    struct thread_model *thread; /* tid's; NULL: not looked up yet */
};

struct order_model {
    struct range_chance hit[EXPECTED_MAX];
    uint8_t types[EXPECTED_MAX]; /* the latest one first */
};

struct event_model {
    struct type_model *types[CODING_TYPES_MAX];
    bool used[CODING_TYPES_MAX];
    struct event_costs *costs; /* borrowed; NULL: not measured */
    bool is_wide;              /* there are types with more fields than an event has room for */
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

#endif
