#include "format/event_columns.h"

#include <stdlib.h>

#include "base/map.h"
#include "format/chunk.h"
#include "format/event_batch.h"
#include "format/event_predict.h"

struct event_columns {
    struct event_predict predict;
    struct map tid_index; /* tid → its place in the chunk's dictionary of threads */
    uint32_t *tids;       /* the dictionary */
    size_t tid_count, tid_capacity;
};

struct event_columns *event_columns_new(void)
{
    return calloc(1, sizeof(struct event_columns));
}

void event_columns_free(struct event_columns *self)
{
    if (!self)
        return;
    event_predict_release(&self->predict);
    map_release(&self->tid_index);
    free(self->tids);
    free(self);
}

static void reset(struct event_columns *self)
{
    event_predict_reset(&self->predict);
    map_reset(&self->tid_index);
    self->tid_count = 0;
}

static int add_tid(struct event_columns *self, uint32_t tid)
{
    if (self->tid_count == self->tid_capacity) {
        size_t capacity = self->tid_capacity ? 2 * self->tid_capacity : 256;
        uint32_t *tids = realloc(self->tids, capacity * sizeof *tids);
        if (!tids)
            return -1;
        self->tids = tids;
        self->tid_capacity = capacity;
    }
    if (map_put(&self->tid_index, tid, self->tid_count) != 0)
        return -1;
    self->tids[self->tid_count++] = tid;
    return 0;
}

/* Who runs after `before` on the same CPU: the thread that was switched to when it is one of ours, else the
 * same. */
static uint32_t predict_tid(const struct event_columns *self, const struct event *before)
{
    uint64_t place;
    _Static_assert((int)THREAD_OUT_NEXT_TID == (int)THREAD_OFF_NEXT_TID, "one place for both");
    if ((before->type == EV_THREAD_OFF || before->type == EV_THREAD_OUT) &&
        map_get(&self->tid_index, before->f[THREAD_OFF_NEXT_TID], &place))
        return (uint32_t)before->f[THREAD_OFF_NEXT_TID];
    return before->tid;
}

/* 0 and the prediction change places, so that the usual value is 0; its own inverse. */
static uint64_t swap_code(uint64_t value, uint64_t predicted)
{
    return value == predicted ? 0 : value == 0 ? predicted : value;
}

/* The fields that are the context of others come first. */
static bool is_in_pass(const struct field_spec *spec, unsigned pass)
{
    return (spec->coding == CODE_BY_FIELD) == (pass == 1);
}

static int decode_dictionary(struct event_columns *self, struct bytes *tids)
{
    uint64_t count = bytes_varint(tids);
    if (count > bytes_left(tids) || count > CHUNK_EVENTS_MAX)
        return -1;
    for (uint64_t i = 0; i < count && !tids->bad; i++) {
        uint64_t tid = bytes_varint(tids);
        if (tid > UINT32_MAX || add_tid(self, (uint32_t)tid) != 0)
            return -1;
    }
    return tids->bad ? -1 : 0;
}

/* False when a column ends too early. */
static bool decode_fields(struct event_columns *self, struct event *e, const struct event_spec *spec,
                          struct bytes *columns, unsigned column_count)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < column_count; i++) {
            const struct field_spec *field = &spec->fields[i];
            if (!is_in_pass(field, pass))
                continue;
            uint64_t *slot = event_predict_slot(&self->predict, e, i, field);
            uint64_t code = bytes_varint(&columns[i]);
            if (columns[i].bad)
                return false;
            e->f[i] = field->coding == CODE_NEXT   ? *slot + (uint64_t)zigzag_decode(code)
                      : field->coding == CODE_TIME ? e->time_ns - (uint64_t)zigzag_decode(code)
                                                   : swap_code(code, *slot);
            *slot = e->f[i];
        }
    }
    event_predict_learn(&self->predict, e);
    return true;
}

/* Decodes the events of one section. Returns 0 or -1. */
static int decode_section(struct event_columns *self, struct event_blocks *b, uint16_t ring, uint32_t count,
                          uint64_t base, struct event_batch *out)
{
    struct event before = {.time_ns = base};
    for (uint32_t i = 0; i < count; i++) {
        uint64_t type = bytes_varint(&b->order);
        struct event e = {.cpu = ring};
        uint64_t time_code = bytes_varint(&b->times);
        b->times.bad |= time_code > UINT64_MAX >> 8;
        e.time_ns = before.time_ns + (uint64_t)zigzag_decode(time_code << 8 | bytes_u8(&b->times_low));
        uint64_t code = bytes_varint(&b->tids);
        if (b->order.bad || b->times.bad || b->times_low.bad || b->tids.bad || type == EV_NONE ||
            code > self->tid_count)
            return -1;
        e.tid = code ? self->tids[code - 1] : predict_tid(self, &before);
        const struct event_spec *spec = type < EVENT_TYPE_COUNT ? event_spec_get((unsigned)type) : NULL;
        if (spec) {
            e.type = (uint16_t)type;
            if (!decode_fields(self, &e, spec, b->columns[type], b->column_count[type]))
                return -1;
            out->events[out->count++] = e;
        } else {
            out->unknown++;
        }
        before = e;
    }
    return 0;
}

static bool columns_left(const struct event_blocks *b)
{
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        for (unsigned i = 0; i < b->column_count[type]; i++) {
            if (bytes_left(&b->columns[type][i]) > 0)
                return true;
        }
    }
    return false;
}

int event_columns_decode(struct event_columns *self, const struct event_blocks *blocks,
                         struct event_batch *out, struct error *err)
{
    struct event_blocks b = *blocks;
    out->count = out->section_count = 0;
    out->unknown = 0;
    reset(self);
    /* One byte an event there, whatever the counts claim. */
    size_t most = bytes_left(&b.times_low);
    if (most > CHUNK_EVENTS_MAX)
        return error_set(err, ERR_DAMAGED, "more events than a chunk holds");
    if (event_batch_reserve(out, most) != 0)
        return error_set(err, ERR_NOMEM, "out of memory for %zu events", most);
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        if (b.column_count[type] > 0 && event_predict_prepare(&self->predict, type) != 0)
            return error_set(err, ERR_NOMEM, "out of memory for the event codec");
    }
    if (decode_dictionary(self, &b.tids) != 0)
        return error_set(err, ERR_DAMAGED, "the list of threads makes no sense");
    uint64_t base = bytes_varint(&b.times);
    while (bytes_left(&b.sections) > 0) {
        uint64_t ring = bytes_varint(&b.sections);
        uint64_t count = bytes_varint(&b.sections);
        if (b.sections.bad || ring > UINT16_MAX || count == 0 || count > bytes_left(&b.times_low))
            return error_set(err, ERR_DAMAGED, "a section of impossible size");
        uint32_t first = out->count;
        if (decode_section(self, &b, (uint16_t)ring, (uint32_t)count, base, out) != 0)
            return error_set(err, ERR_DAMAGED, "the columns of the events do not fit together");
        if (out->count > first && event_batch_add_section(out, (uint16_t)ring, first) != 0)
            return error_set(err, ERR_NOMEM, "out of memory for sections");
    }
    if (bytes_left(&b.order) || bytes_left(&b.times) || bytes_left(&b.times_low) || bytes_left(&b.tids) ||
        columns_left(&b))
        return error_set(err, ERR_DAMAGED, "bytes are left over behind the last event");
    return 0;
}
