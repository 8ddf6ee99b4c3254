/*
 * Facts from context/context.go and time/time.go, Go 1.18 to 1.27.
 */
#include "context_table.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "format/event.h"
#include "go/go_memory.h"

#define DEPTH_MAX   64 /* wrapped contexts */
#define ENTRIES_MAX 4096
#define SECOND_NS   1000000000

enum type_kind {
    KIND_OTHER,
    KIND_CANCEL,  /* its address is what (*cancelCtx).cancel gets */
    KIND_TIMER,   /* the same, and has a deadline */
    KIND_WRAPPER, /* begins with the context that it wraps */
    KIND_CANCELED,
    KIND_DEADLINE_EXCEEDED,
};

static const struct {
    const char *name;
    enum type_kind kind;
} kinds[] = {
    {"*context.cancelCtx", KIND_CANCEL},
    {"*context.afterFuncCtx", KIND_CANCEL},
    {"*context.timerCtx", KIND_TIMER},
    {"*context.valueCtx", KIND_WRAPPER},
    {"context.stopCtx", KIND_WRAPPER},
    {"*errors.errorString", KIND_CANCELED},
    {"context.deadlineExceededError", KIND_DEADLINE_EXCEEDED},
};

struct context_table {
    struct go_process *process;
    struct trace_writer *writer;
    struct map kinds; /* itab → enum type_kind */
    bool timer_holds_pointer;
    uint64_t start_nano;
};

struct context_table *context_table_new(struct go_process *process, struct trace_writer *writer)
{
    struct context_table *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->process = process;
    self->writer = writer;
    map_init(&self->kinds);
    /* In 1.20 alone a timerCtx begins with a pointer to its cancelCtx. */
    self->timer_holds_pointer = go_binary_build_info(go_process_binary(process))->minor == 20;
    return self;
}

void context_table_free(struct context_table *self)
{
    if (!self)
        return;
    map_release(&self->kinds);
    free(self);
}

static enum type_kind kind_of(struct context_table *self, uint64_t itab)
{
    uint64_t known;
    if (map_get(&self->kinds, itab, &known))
        return (enum type_kind)known;
    const char *name = go_process_itab_type(self->process, itab);
    if (!name)
        return KIND_OTHER;
    enum type_kind kind = KIND_OTHER;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(name, kinds[i].name) == 0)
            kind = kinds[i].kind;
    }
    if (self->kinds.count >= ENTRIES_MAX)
        map_reset(&self->kinds);
    map_put(&self->kinds, itab, kind); /* without memory it is looked up again */
    return kind;
}

uint64_t context_table_address(struct context_table *self, struct go_interface context, uint64_t first_word)
{
    bool by_pointer = self->timer_holds_pointer && kind_of(self, context.itab) == KIND_TIMER;
    return by_pointer ? first_word : context.data;
}

uint64_t context_table_parent(struct context_table *self, struct go_interface parent,
                              struct go_interface inner)
{
    struct go_memory memory = go_process_memory(self->process);
    for (unsigned depth = 0; depth < DEPTH_MAX && parent.data; depth++) {
        switch (kind_of(self, parent.itab)) {
        case KIND_TIMER:
            return self->timer_holds_pointer ? inner.itab : parent.data;
        case KIND_CANCEL:
            return parent.data;
        case KIND_WRAPPER:
            break;
        default:
            return 0;
        }
        parent = inner;
        if (!parent.data || !go_memory_read(memory, parent.data, &inner, sizeof inner))
            inner = (struct go_interface){0, 0};
    }
    return 0;
}

/* time.Time: the highest bit of wall says that ext is a reading of the monotonic clock, and wall has 33 bits of
 * seconds since 1885; otherwise ext has the seconds since the year 1. The lowest 30 bits are nanoseconds. */
#define HAS_MONOTONIC    ((uint64_t)1 << 63)
#define NANOSECONDS_MASK (((uint64_t)1 << 30) - 1)
#define YEAR_1_TO_1970   62135596800
#define YEAR_1_TO_1885   59453308800

int64_t context_wall_ns(uint64_t wall, uint64_t ext)
{
    int64_t seconds = wall & HAS_MONOTONIC ? (int64_t)(wall << 1 >> 31) + YEAR_1_TO_1885 : (int64_t)ext;
    int64_t nanoseconds = (int64_t)(wall & NANOSECONDS_MASK);
    if (seconds > YEAR_1_TO_1970 + INT64_MAX / SECOND_NS - 1)
        return INT64_MAX;
    if (seconds < YEAR_1_TO_1970 - INT64_MAX / SECOND_NS + 1)
        return INT64_MIN;
    return (seconds - YEAR_1_TO_1970) * SECOND_NS + nanoseconds;
}

/* By the two clocks as they stand to each other now. */
static uint64_t monotonic_of_wall(uint64_t wall, uint64_t ext)
{
    int64_t offset = (int64_t)clock_ns(CLOCK_REALTIME) - (int64_t)clock_ns(CLOCK_MONOTONIC),
            moment = context_wall_ns(wall, ext);
    if (moment == INT64_MAX || moment == INT64_MIN)
        return moment > 0 ? INT64_MAX : 1;
    return moment > offset ? (uint64_t)(moment - offset) : 1;
}

uint64_t context_table_deadline(struct context_table *self, struct go_interface context, uint64_t wall,
                                uint64_t ext)
{
    if (kind_of(self, context.itab) != KIND_TIMER)
        return 0;
    if (!self->start_nano)
        self->start_nano = go_process_start_nano(self->process);
    if (!(wall & HAS_MONOTONIC) || !self->start_nano)
        return monotonic_of_wall(wall, ext);
    int64_t sum;
    if (__builtin_add_overflow((int64_t)ext, (int64_t)self->start_nano, &sum))
        return INT64_MAX;
    return sum > 0 ? (uint64_t)sum : 1;
}

static uint32_t type_id(struct context_table *self, uint64_t itab)
{
    const char *name = go_process_itab_type(self->process, itab);
    return name ? trace_writer_string(self->writer, name, strlen(name)) : 0;
}

unsigned context_table_cause(struct context_table *self, struct go_interface error, struct go_interface cause,
                             uint32_t *error_out)
{
    enum type_kind kind = kind_of(self, error.itab);
    bool is_own = kind == KIND_CANCELED || kind == KIND_DEADLINE_EXCEEDED;
    bool has_cause = cause.itab && (cause.itab != error.itab || cause.data != error.data);
    *error_out = has_cause ? type_id(self, cause.itab) : is_own ? 0 : type_id(self, error.itab);
    return kind == KIND_CANCELED            ? CONTEXT_CANCELED
           : kind == KIND_DEADLINE_EXCEEDED ? CONTEXT_DEADLINE_EXCEEDED
                                            : CONTEXT_OTHER_ERROR;
}
