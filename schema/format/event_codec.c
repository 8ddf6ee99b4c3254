#include "format/event_codec.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "format/chunk.h"
#include "format/event_predict.h"

struct event_codec {
    struct event_predict predict;
    struct map tid_index; /* tid → its place in the chunk's dictionary of threads */
    uint32_t *tids;       /* the dictionary */
    size_t tid_count, tid_capacity;
    struct buf sections, order, times, times_low, tid_codes, body;
    struct buf columns[EVENT_TYPE_COUNT][EVENT_FIELDS_MAX];
};

struct event_codec *event_codec_new(struct error *err)
{
    struct event_codec *self = calloc(1, sizeof *self);
    if (!self)
        error_set(err, ERR_NOMEM, "out of memory for the event codec");
    return self;
}

void event_codec_free(struct event_codec *self)
{
    if (!self)
        return;
    struct buf *const bufs[] = {&self->sections,  &self->order,     &self->times,
                                &self->times_low, &self->tid_codes, &self->body};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_release(bufs[i]);
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        for (unsigned i = 0; i < EVENT_FIELDS_MAX; i++)
            buf_release(&self->columns[type][i]);
    }
    event_predict_release(&self->predict);
    map_release(&self->tid_index);
    free(self->tids);
    free(self);
}

static void reset(struct event_codec *self)
{
    event_predict_reset(&self->predict);
    map_reset(&self->tid_index);
    self->tid_count = 0;
}

static int add_tid(struct event_codec *self, uint32_t tid)
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
static uint32_t predict_tid(const struct event_codec *self, const struct event *before)
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

static void encode_fields(struct event_codec *self, const struct event *e, const struct event_spec *spec)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < spec->field_count; i++) {
            const struct field_spec *field = &spec->fields[i];
            if (!is_in_pass(field, pass))
                continue;
            uint64_t *slot = event_predict_slot(&self->predict, e, i, field);
            uint64_t value = e->f[i];
            uint64_t code = field->coding == CODE_NEXT   ? zigzag_encode((int64_t)(value - *slot))
                            : field->coding == CODE_TIME ? zigzag_encode((int64_t)(e->time_ns - value))
                                                         : swap_code(value, *slot);
            buf_put_varint(&self->columns[e->type][i], code);
            *slot = value;
        }
    }
    event_predict_learn(&self->predict, e);
}

static int encode_events(struct event_codec *self, const struct event *events,
                         const struct trace_section *section, uint64_t base)
{
    const struct event start = {.time_ns = base};
    const struct event *before = &start;
    for (uint32_t i = 0; i < section->count; i++) {
        const struct event *e = &events[section->first + i];
        uint64_t place;
        if (!map_get(&self->tid_index, e->tid, &place))
            return ERR_DAMAGED;
        buf_put_varint(&self->order, e->type);
        uint64_t time_code = zigzag_encode((int64_t)(e->time_ns - before->time_ns));
        buf_put_varint(&self->times, time_code >> 8);
        buf_put_u8(&self->times_low, (uint8_t)time_code);
        buf_put_varint(&self->tid_codes, e->tid == predict_tid(self, before) ? 0 : place + 1);
        encode_fields(self, e, event_spec_get(e->type));
        before = e;
    }
    return 0;
}

/* Gives every thread a small number, in order of appearance, and writes the list in front of the column. */
static int encode_dictionary(struct event_codec *self, const struct event *events, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t place;
        if (i > 0 && events[i].tid == events[i - 1].tid)
            continue;
        if (!map_get(&self->tid_index, events[i].tid, &place) && add_tid(self, events[i].tid) != 0)
            return -1;
    }
    buf_put_varint(&self->tid_codes, self->tid_count);
    for (size_t i = 0; i < self->tid_count; i++)
        buf_put_varint(&self->tid_codes, self->tids[i]);
    return 0;
}

static void put_columns(struct event_codec *self, unsigned type, unsigned field_count, struct buf *out)
{
    buf_reset(&self->body);
    buf_put_varint(&self->body, type);
    buf_put_varint(&self->body, field_count);
    for (unsigned i = 0; i < field_count; i++)
        buf_put_bytes(&self->body, self->columns[type][i].data, self->columns[type][i].size);
    chunk_put_block(out, BLOCK_COLUMNS, self->body.data, self->body.size);
}

static bool any_failed(struct event_codec *self, const bool *present)
{
    bool failed = self->sections.failed || self->order.failed || self->times.failed ||
                  self->times_low.failed || self->tid_codes.failed || self->body.failed;
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        for (unsigned i = 0; i < EVENT_FIELDS_MAX; i++)
            failed |= present[type] && self->columns[type][i].failed;
    }
    return failed;
}

int event_codec_encode(struct event_codec *self, const struct event *events, uint32_t count,
                       const struct trace_section *sections, uint32_t section_count, struct buf *out,
                       struct error *err)
{
    bool present[EVENT_TYPE_COUNT] = {false};
    uint64_t base = UINT64_MAX;
    reset(self);
    struct buf *const bufs[] = {&self->sections,  &self->order,     &self->times,
                                &self->times_low, &self->tid_codes, &self->body};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_reset(bufs[i]);
    for (uint32_t i = 0; i < count; i++) {
        present[events[i].type] = true;
        if (events[i].time_ns < base)
            base = events[i].time_ns;
    }
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        for (unsigned i = 0; present[type] && i < EVENT_FIELDS_MAX; i++)
            buf_reset(&self->columns[type][i]);
        if (present[type] && event_predict_prepare(&self->predict, type) != 0)
            return error_set(err, ERR_NOMEM, "out of memory while encoding events");
    }
    if (encode_dictionary(self, events, count) != 0)
        return error_set(err, ERR_NOMEM, "out of memory while encoding events");
    buf_put_varint(&self->times, base);
    for (uint32_t i = 0; i < section_count; i++) {
        buf_put_varint(&self->sections, sections[i].ring);
        buf_put_varint(&self->sections, sections[i].count);
        if (encode_events(self, events, &sections[i], base) != 0)
            return error_set(err, ERR_DAMAGED, "sections and events do not fit together");
    }
    chunk_put_block(out, BLOCK_SECTIONS, self->sections.data, self->sections.size);
    chunk_put_block(out, BLOCK_ORDER, self->order.data, self->order.size);
    chunk_put_block(out, BLOCK_TIMES, self->times.data, self->times.size);
    chunk_put_block(out, BLOCK_TIMES_LOW, self->times_low.data, self->times_low.size);
    chunk_put_block(out, BLOCK_TIDS, self->tid_codes.data, self->tid_codes.size);
    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++) {
        const struct event_spec *spec = event_spec_get(type);
        if (present[type] && spec->field_count > 0)
            put_columns(self, type, spec->field_count, out);
    }
    if (any_failed(self, present) || out->failed)
        return error_set(err, ERR_NOMEM, "out of memory while encoding events");
    return 0;
}

/* ---- decoding ---- */

static int add_columns(struct event_blocks *self, struct bytes body)
{
    uint64_t type = bytes_varint(&body);
    uint64_t count = bytes_varint(&body);
    if (body.bad)
        return ERR_DAMAGED;
    const struct event_spec *spec = type < EVENT_TYPE_COUNT ? event_spec_get((unsigned)type) : NULL;
    if (!spec)
        return 1;
    if (self->column_count[type])
        return ERR_DAMAGED;
    /* Columns beyond ours are of a later minor version. */
    for (unsigned i = 0; i < count && i < spec->field_count && !body.bad; i++) {
        self->columns[type][i] = bytes_slice(&body, bytes_varint(&body));
        self->column_count[type]++;
    }
    return body.bad ? ERR_DAMAGED : 1;
}

int event_blocks_add(struct event_blocks *self, uint64_t tag, struct bytes body)
{
    struct bytes *place = NULL;
    switch (tag) {
    case BLOCK_SECTIONS:
        place = &self->sections;
        break;
    case BLOCK_ORDER:
        place = &self->order;
        break;
    case BLOCK_TIMES:
        place = &self->times;
        break;
    case BLOCK_TIMES_LOW:
        place = &self->times_low;
        break;
    case BLOCK_TIDS:
        place = &self->tids;
        break;
    case BLOCK_COLUMNS:
        return add_columns(self, body);
    default:
        return 0;
    }
    if (self->seen & 1u << tag)
        return ERR_DAMAGED;
    self->seen |= 1u << tag;
    *place = body;
    return 1;
}

void event_batch_release(struct event_batch *self)
{
    free(self->events);
    free(self->sections);
    *self = (struct event_batch){0};
}

static int decode_dictionary(struct event_codec *self, struct bytes *tids)
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
static bool decode_fields(struct event_codec *self, struct event *e, const struct event_spec *spec,
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
static int decode_section(struct event_codec *self, struct event_blocks *b, uint16_t ring, uint32_t count,
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

static int add_section(struct event_batch *out, uint16_t ring, uint32_t first)
{
    if (out->section_count == out->section_capacity) {
        uint32_t capacity = out->section_capacity ? 2 * out->section_capacity : 64;
        struct trace_section *sections = realloc(out->sections, capacity * sizeof *sections);
        if (!sections)
            return -1;
        out->sections = sections;
        out->section_capacity = capacity;
    }
    out->sections[out->section_count++] =
        (struct trace_section){.ring = ring, .first = first, .count = out->count - first};
    return 0;
}

static int reserve_events(struct event_batch *out, size_t count)
{
    if (count <= out->capacity)
        return 0;
    free(out->events);
    out->capacity = 0;
    out->events = malloc(count * sizeof *out->events);
    if (!out->events)
        return -1;
    out->capacity = (uint32_t)count;
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

int event_codec_decode(struct event_codec *self, const struct event_blocks *blocks, struct event_batch *out,
                       struct error *err)
{
    struct event_blocks b = *blocks;
    out->count = out->section_count = 0;
    out->unknown = 0;
    reset(self);
    /* One byte an event there, whatever the counts claim. */
    size_t most = bytes_left(&b.times_low);
    if (most > CHUNK_EVENTS_MAX)
        return error_set(err, ERR_DAMAGED, "more events than a chunk holds");
    if (reserve_events(out, most) != 0)
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
        if (out->count > first && add_section(out, (uint16_t)ring, first) != 0)
            return error_set(err, ERR_NOMEM, "out of memory for sections");
    }
    if (bytes_left(&b.order) || bytes_left(&b.times) || bytes_left(&b.times_low) || bytes_left(&b.tids) ||
        columns_left(&b))
        return error_set(err, ERR_DAMAGED, "bytes are left over behind the last event");
    return 0;
}
