#include "format/event_codec.h"

#include <stdlib.h>
#include <string.h>

#include "format/chunk.h"
#include "format/event_coding.h"
#include "format/event_columns.h"
#include "format/event_model.h"
#include "format/event_spec.h"

struct event_codec {
    struct event_model *model;
    struct event_columns *columns; /* for files of format 1; NULL: not yet needed */
    struct buf body, coded, raw;
    struct event_summary summary;
    struct event_costs *costs; /* borrowed; NULL: not measured */
};

struct event_codec *event_codec_new(struct error *err)
{
    struct event_codec *self = calloc(1, sizeof *self);
    if (self)
        self->model = event_model_new();
    if (!self || !self->model) {
        event_codec_free(self);
        error_set(err, ERR_NOMEM, "out of memory for the event codec");
        return NULL;
    }
    return self;
}

void event_codec_free(struct event_codec *self)
{
    if (!self)
        return;
    event_model_free(self->model);
    event_columns_free(self->columns);
    buf_release(&self->body);
    buf_release(&self->coded);
    buf_release(&self->raw);
    free(self);
}

/* ---- encoding ---- */

/* Which types come is known after the events: their codings are put in front of them then. */
static int add_coding(struct event_codec *self, struct type_coding *coding, unsigned type)
{
    event_coding_choose(type, coding);
    return event_model_add_type(self->model, coding);
}

static void sum_up(struct event_summary *self, const struct event *event)
{
    if (event->time_ns < self->first_time_ns)
        self->first_time_ns = event->time_ns;
    if (event->time_ns > self->last_time_ns)
        self->last_time_ns = event->time_ns;
    if (event->type == EV_LOST)
        self->lost += event->f[LOST_COUNT];
    self->by_type[event->type]++;
}

static int encode_sections(struct event_codec *self, const struct event_log *log, size_t *place, uint32_t count,
                           const struct trace_section *sections, uint32_t section_count,
                           struct type_coding *codings, struct error *err)
{
    struct range_coder coder;
    uint32_t covered = 0;
    range_encoder_init(&coder, &self->coded, &self->raw);
    for (uint32_t i = 0; i < section_count; i++) {
        const struct trace_section *section = &sections[i];
        if (section->first != covered || section->count > count - covered)
            return error_set(err, ERR_DAMAGED, "sections and events do not fit together");
        for (; covered < section->first + section->count; covered++) {
            const struct event *event = event_log_at(log, *place);
            struct type_coding *coding = &codings[event->type];
            if (coding->type == EV_NONE && add_coding(self, coding, event->type) != 0)
                return error_set(err, ERR_NOMEM, "out of memory while encoding events");
            sum_up(&self->summary, event);
            event_model_encode(self->model, &coder, section->ring, event);
            *place = event_log_after(*place, event);
        }
    }
    range_encoder_finish(&coder);
    return 0;
}

static void put_body(struct event_codec *self, const struct trace_section *sections, uint32_t section_count,
                     const struct type_coding *codings)
{
    unsigned types = 0;
    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++)
        types += codings[type].type != EV_NONE;
    buf_put_varint(&self->body, types);
    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++) {
        if (codings[type].type != EV_NONE)
            event_coding_put(&self->body, &codings[type]);
    }
    buf_put_varint(&self->body, section_count);
    for (uint32_t i = 0; i < section_count; i++) {
        buf_put_varint(&self->body, sections[i].ring);
        buf_put_varint(&self->body, sections[i].count);
    }
    buf_put_bytes(&self->body, self->coded.data, self->coded.size);
    buf_put_bytes(&self->body, self->raw.data, self->raw.size);
}

int event_codec_encode(struct event_codec *self, const struct event_log *log, size_t *place, uint32_t count,
                       const struct trace_section *sections, uint32_t section_count, struct buf *out,
                       struct error *err)
{
    struct type_coding codings[EVENT_TYPE_COUNT] = {{0}};
    uint64_t base = count ? event_log_at(log, *place)->time_ns : 0;
    buf_reset(&self->body);
    buf_reset(&self->coded);
    buf_reset(&self->raw);
    event_model_reset(self->model, base, count);
    self->summary = (struct event_summary){.first_time_ns = UINT64_MAX};
    buf_put_varint(&self->body, base);
    buf_put_varint(&self->body, count);
    int rc = encode_sections(self, log, place, count, sections, section_count, codings, err);
    if (rc != 0)
        return rc;
    put_body(self, sections, section_count, codings);
    chunk_put_block(out, BLOCK_CODED, self->body.data, self->body.size);
    if (self->body.failed || self->coded.failed || self->raw.failed || out->failed)
        return error_set(err, ERR_NOMEM, "out of memory while encoding events");
    return 0;
}

const struct event_summary *event_codec_summary(const struct event_codec *self)
{
    return &self->summary;
}

/* ---- decoding ---- */

void event_codec_measure(struct event_codec *self, struct event_costs *costs)
{
    self->costs = costs;
    event_model_measure(self->model, costs);
}

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
    case BLOCK_CODED:
        place = &self->coded;
        break;
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

static int take_codings(struct event_codec *self, struct bytes *in, struct error *err)
{
    uint64_t count = bytes_varint(in);
    bool seen[CODING_TYPES_MAX] = {false};
    for (uint64_t i = 0; i < count; i++) {
        struct type_coding coding;
        if (!event_coding_take(in, &coding) || seen[coding.type])
            return error_set(err, ERR_DAMAGED,
                             "the coding of an event type makes no sense, or is of a later version");
        seen[coding.type] = true;
        if (event_model_add_type(self->model, &coding) != 0)
            return error_set(err, ERR_NOMEM, "out of memory for the event codec");
    }
    return 0;
}

/* Decodes the events of one section. Returns 0 or -1. */
static int decode_section(struct event_codec *self, struct range_coder *coder, uint16_t ring, uint64_t count,
                          struct event_batch *out)
{
    for (uint64_t i = 0; i < count; i++) {
        struct event *e = &out->events[out->count];
        if (!event_model_decode(self->model, coder, ring, e) || coder->in->bad || coder->raw_in->bad)
            return -1;
        const struct event_spec *spec = event_spec_get(e->type);
        if (!spec) {
            out->unknown++;
            continue;
        }
        /* Fields behind ours are of a later minor version. */
        for (unsigned k = spec->field_count; k < EVENT_FIELDS_MAX; k++)
            e->f[k] = 0;
        out->count++;
    }
    return 0;
}

/* What the sections hold together makes up all events. Leaves the cursor behind them. */
static bool sections_make_sense(struct bytes *in, uint64_t section_count, uint64_t event_count)
{
    uint64_t total = 0;
    for (uint64_t i = 0; i < section_count; i++) {
        uint64_t ring = bytes_varint(in), count = bytes_varint(in);
        total += count;
        if (in->bad || ring > UINT16_MAX || count == 0 || count > event_count || total > event_count)
            return false;
    }
    return total == event_count;
}

static int decode_coded(struct event_codec *self, struct bytes in, struct event_batch *out, struct error *err)
{
    uint64_t base = bytes_varint(&in), count = bytes_varint(&in);
    if (count > CHUNK_EVENTS_MAX)
        return error_set(err, ERR_DAMAGED, "more events than a chunk holds");
    event_model_reset(self->model, base, (uint32_t)count);
    int rc = take_codings(self, &in, err);
    if (rc != 0)
        return rc;
    uint64_t section_count = bytes_varint(&in);
    struct bytes sections = in;
    bool sane = sections_make_sense(&in, section_count, count);
    struct bytes coded = bytes_slice(&in, bytes_varint(&in));
    struct bytes raw = bytes_slice(&in, bytes_varint(&in));
    if (!sane || in.bad || bytes_left(&in) || bytes_left(&raw) % 4)
        return error_set(err, ERR_DAMAGED, "the sections of the events make no sense");
    if (event_batch_reserve(out, (size_t)count) != 0)
        return error_set(err, ERR_NOMEM, "out of memory for %u events", (unsigned)count);
    struct range_coder coder;
    range_decoder_init(&coder, &coded, &raw);
    if (self->costs)
        event_costs_begin(self->costs, &coder);
    for (uint64_t i = 0; i < section_count; i++) {
        uint16_t ring = (uint16_t)bytes_varint(&sections);
        uint32_t first = out->count;
        if (decode_section(self, &coder, ring, bytes_varint(&sections), out) != 0)
            return error_set(err, ERR_DAMAGED, "the bits of the events make no sense");
        if (out->count > first && event_batch_add_section(out, ring, first) != 0)
            return error_set(err, ERR_NOMEM, "out of memory for sections");
    }
    if (coded.bad || !range_decoder_is_at_end(&coder))
        return error_set(err, ERR_DAMAGED, "bytes are left over behind the last event");
    return 0;
}

int event_codec_decode(struct event_codec *self, const struct event_blocks *blocks, struct event_batch *out,
                       struct error *err)
{
    out->count = out->section_count = 0;
    out->unknown = 0;
    if (blocks->seen == 1u << BLOCK_CODED)
        return decode_coded(self, blocks->coded, out, err);
    if (blocks->seen & 1u << BLOCK_CODED)
        return error_set(err, ERR_DAMAGED, "events are coded twice");
    if (!self->columns)
        self->columns = event_columns_new();
    if (!self->columns)
        return error_set(err, ERR_NOMEM, "out of memory for the event codec");
    return event_columns_decode(self->columns, blocks, out, err);
}
