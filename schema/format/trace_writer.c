#include "format/trace_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/chunk_zstd.h"
#include "format/definition_carry.h"
#include "format/definition_codec.h"
#include "format/definition_table.h"
#include "format/event_codec.h"
#include "format/event_hold.h"
#include "format/event_log.h"
#include "format/event_spec.h"

#define CHUNK_EVENTS_DEFAULT 32768u
#define EPOCH_CHUNKS_DEFAULT 64u
/* Definitions of one chunk; what is more goes into chunks of its own. */
#define CHUNK_DEFINITIONS_MAX (2u << 20)

struct trace_writer {
    struct trace_writer_options options;
    struct trace_writer_stats stats;
    struct definition_table definitions, before; /* `before`: of the last epoch, while ids are carried over */
    struct definition_carry carry;
    struct event_hold hold;
    bool begins_part; /* the head of a part is being written */
    uint32_t epoch, epoch_chunks;
    uint32_t written_epoch; /* of the last chunk */
    uint64_t sequence;
    uint64_t watermark, written_watermark;
    struct event_log log;
    struct trace_section *sections;
    uint32_t section_count, section_capacity;
    uint16_t ring;
    bool new_section, failed;
    bool has_meta, meta_pending;
    struct event_codec *codec;
    struct chunk_packer *packer;
    size_t definitions_size; /* of self->raw, which is a chunk of events */
    struct buf block, raw, stored, meta, index;
    uint64_t index_entries;
};

/* ---- life ---- */

struct trace_writer *trace_writer_new(const struct trace_writer_options *options, struct error *err)
{
    struct trace_writer *self = calloc(1, sizeof *self);
    if (!self)
        goto no_memory;
    self->options = *options;
    if (self->options.zstd_level <= 0 || self->options.zstd_level > 19)
        self->options.zstd_level = 3;
    if (self->options.chunk_events == 0)
        self->options.chunk_events = CHUNK_EVENTS_DEFAULT;
    if (self->options.chunk_events > CHUNK_EVENTS_MAX)
        self->options.chunk_events = CHUNK_EVENTS_MAX;
    if (self->options.epoch_chunks == 0)
        self->options.epoch_chunks = EPOCH_CHUNKS_DEFAULT;
    self->epoch = self->written_epoch = 1;
    event_hold_init(&self->hold);
    self->new_section = true;
    self->codec = event_codec_new(err);
    self->packer = chunk_packer_new(self->options.zstd_level, err);
    if (definition_table_init(&self->definitions, err) == 0 &&
        definition_table_init(&self->before, err) == 0 && self->codec && self->packer)
        return self;
no_memory:
    error_set(err, ERR_NOMEM, "out of memory for the trace writer");
    trace_writer_free(self);
    return NULL;
}

void trace_writer_free(struct trace_writer *self)
{
    if (!self)
        return;
    definition_table_release(&self->definitions);
    definition_table_release(&self->before);
    event_hold_release(&self->hold);
    event_log_release(&self->log);
    event_codec_free(self->codec);
    chunk_packer_free(self->packer);
    struct buf *const bufs[] = {&self->block, &self->raw, &self->stored, &self->meta, &self->index};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_release(bufs[i]);
    free(self->sections);
    free(self);
}

uint32_t trace_writer_epoch(const struct trace_writer *self)
{
    return self->epoch;
}

const struct trace_writer_stats *trace_writer_stats(const struct trace_writer *self)
{
    return &self->stats;
}

/* ---- definitions ---- */

uint32_t trace_writer_string(struct trace_writer *self, const char *text, size_t length)
{
    definition_encode_string(definition_table_item(&self->definitions), text, length);
    return definition_table_put(&self->definitions, DEF_STRING);
}

uint32_t trace_writer_location(struct trace_writer *self, const struct def_location *location)
{
    definition_encode_location(definition_table_item(&self->definitions), location);
    return definition_table_put(&self->definitions, DEF_LOCATION);
}

uint32_t trace_writer_stack(struct trace_writer *self, const struct def_stack *stack)
{
    definition_encode_stack(definition_table_item(&self->definitions), stack);
    return definition_table_put(&self->definitions, DEF_STACK);
}

uint32_t trace_writer_object(struct trace_writer *self, const struct def_object *object)
{
    definition_encode_object(definition_table_item(&self->definitions), object);
    return definition_table_put(&self->definitions, DEF_OBJECT);
}

uint32_t trace_writer_set(struct trace_writer *self, const struct def_set *set)
{
    definition_encode_set(definition_table_item(&self->definitions), set);
    return definition_table_put(&self->definitions, DEF_SET);
}

/* ---- events ---- */

void trace_writer_section(struct trace_writer *self, uint16_t ring)
{
    if (self->section_count && ring == self->ring)
        return;
    self->ring = ring;
    self->new_section = true;
}

static bool begin_section(struct trace_writer *self)
{
    if (self->section_count == self->section_capacity) {
        uint32_t capacity = self->section_capacity ? 2 * self->section_capacity : 64;
        struct trace_section *sections = realloc(self->sections, capacity * sizeof *sections);
        if (!sections)
            return false;
        self->sections = sections;
        self->section_capacity = capacity;
    }
    self->sections[self->section_count++] =
        (struct trace_section){.ring = self->ring, .first = self->log.count};
    self->new_section = false;
    return true;
}

static void hold(struct trace_writer *self, const struct event *event)
{
    struct event held = *event;
    held.cpu = self->ring;
    if (!event_hold_add(&self->hold, &held))
        self->failed = true;
}

static void show(const struct trace_writer *self, const struct event *event)
{
    struct event seen = *event;
    seen.cpu = self->ring;
    self->options.observe(self->options.context, &seen);
}

void trace_writer_event(struct trace_writer *self, const struct event *event)
{
    const struct event_spec *spec = event_spec_get(event->type);
    if (!spec)
        return;
    if (event_hold_wants(&self->hold, event)) {
        hold(self, event);
        return;
    }
    if ((self->new_section && !begin_section(self)) || !event_log_add(&self->log, event, spec->field_count)) {
        self->failed = true;
        return;
    }
    self->sections[self->section_count - 1].count++;
    if (self->options.observe)
        show(self, event);
}

void trace_writer_watermark(struct trace_writer *self, uint64_t time_ns)
{
    if (time_ns > self->watermark)
        self->watermark = time_ns;
}

bool trace_writer_is_full(const struct trace_writer *self)
{
    return self->log.count >= self->options.chunk_events ||
           self->definitions.pending_bytes >= CHUNK_DEFINITIONS_MAX ||
           definition_table_is_large(&self->definitions) || self->failed;
}

/* ---- chunks ---- */

static void add_index_entry(struct trace_writer *self, const struct chunk_header *header)
{
    /* An index that would not fit into a chunk is left incomplete. */
    if (self->index.size > CHUNK_RAW_SIZE_MAX / 2)
        return;
    buf_put_varint(&self->index, self->stats.stored_bytes);
    buf_put_varint(&self->index, header->kind);
    buf_put_varint(&self->index, header->epoch);
    buf_put_varint(&self->index, header->first_time_ns);
    buf_put_varint(&self->index, header->last_time_ns);
    buf_put_varint(&self->index, header->event_count);
    self->index_entries++;
}

/* Packs self->raw and hands header and payload to the sink. Completes the header. */
static int emit(struct trace_writer *self, struct chunk_header *header, struct error *err)
{
    if (self->raw.failed || self->block.failed)
        return error_set(err, ERR_NOMEM, "out of memory for a chunk of the trace");
    if (self->raw.size > CHUNK_RAW_SIZE_MAX)
        return error_set(err, ERR_NOMEM, "a chunk of the trace grew to %zu bytes", self->raw.size);
    buf_reset(&self->stored);
    if (buf_reserve(&self->stored, CHUNK_HEADER_SIZE) != 0)
        return error_set(err, ERR_NOMEM, "out of memory for a chunk of the trace");
    self->stored.size = CHUNK_HEADER_SIZE;
    int rc =
        chunk_pack(self->packer, self->raw.data, self->raw.size, self->definitions_size, &self->stored, err);
    self->definitions_size = 0; /* also when the sink fails: the next chunk has others */
    if (rc != 0)
        return rc;
    header->major = CHUNK_VERSION_MAJOR;
    header->minor = CHUNK_VERSION_MINOR;
    /* INDEX and END define nothing: they do not begin an epoch. */
    if (header->kind != CHUNK_INDEX && header->kind != CHUNK_END)
        self->written_epoch = self->epoch;
    header->epoch = self->written_epoch;
    header->sequence = self->sequence;
    header->stored_size = self->stored.size - CHUNK_HEADER_SIZE;
    header->raw_size = self->raw.size;
    header->watermark_ns = self->written_watermark;
    self->options.clock(self->options.context, &header->clocks);
    memcpy(header->trace_id, self->options.trace_id, sizeof header->trace_id);
    chunk_header_encode(header, self->stored.data);
    rc = self->options.sink(self->options.context, self->stored.data, self->stored.size, err);
    if (rc != 0)
        return rc;
    add_index_entry(self, header);
    self->sequence++;
    self->stats.chunks++;
    self->stats.stored_bytes += self->stored.size;
    self->stats.raw_bytes += self->raw.size;
    return 0;
}

static int emit_meta(struct trace_writer *self, struct error *err)
{
    struct chunk_header header = {.kind = CHUNK_META};
    buf_reset(&self->raw);
    chunk_put_block(&self->raw, BLOCK_META, self->meta.data, self->meta.size);
    self->meta_pending = false;
    return emit(self, &header, err);
}

static void encode_meta(struct buf *out, const struct trace_meta *meta)
{
    for (size_t i = 0; meta && i < meta->count; i++) {
        buf_put_string(out, meta->pairs[i].key);
        buf_put_string(out, meta->pairs[i].value);
    }
}

int trace_writer_meta(struct trace_writer *self, const struct trace_meta *meta, struct error *err)
{
    buf_reset(&self->meta);
    encode_meta(&self->meta, meta);
    if (self->meta.failed)
        return error_set(err, ERR_NOMEM, "out of memory for the facts of the trace");
    self->has_meta = true;
    return emit_meta(self, err);
}

/* Without memory ids that were to be carried over become 0. */
static void carry_over(struct trace_writer *self)
{
    struct error ignored = {0};
    if (definition_carry_begin(&self->carry, &self->before, &self->definitions, &ignored) != 0)
        self->failed = true;
    for (uint32_t i = 0; i < self->hold.count; i++)
        definition_carry_event(&self->carry, &self->hold.events[i]);
    self->options.carry(self->options.context, self);
    definition_carry_end(&self->carry);
    definition_table_reset(&self->before);
}

static void begin_epoch(struct trace_writer *self)
{
    struct definition_table last = self->definitions;
    self->definitions = self->before;
    self->before = last;
    definition_table_reset(&self->definitions);
    self->epoch_chunks = 0;
    self->epoch++;
    self->meta_pending = self->has_meta;
    if (self->options.carry)
        carry_over(self);
    else
        definition_table_reset(&self->before);
}

/* Where the events that are in no chunk yet begin. */
struct rest {
    uint32_t first, section;
    size_t place; /* of the first one in the log */
};

/* Emits events from *rest on as one chunk, with the pending definitions, and moves *rest on. */
static int emit_events(struct trace_writer *self, struct rest *rest, struct error *err)
{
    struct chunk_header header = {.kind = CHUNK_EVENTS};
    struct rest next = *rest;
    uint32_t count = self->log.count - rest->first;
    if (count > CHUNK_EVENTS_MAX)
        count = CHUNK_EVENTS_MAX;
    buf_reset(&self->raw);
    int rc = definition_table_write(&self->definitions, CHUNK_DEFINITIONS_MAX, &self->raw, err);
    if (rc != 0)
        return rc;
    self->definitions_size = self->raw.size;
    if (self->definitions.pending_bytes > 0)
        return emit(self, &header, err);
    /* Cut the section that the chunk's end falls into; its rest begins the next chunk. */
    uint32_t end = rest->section, covered = 0, cut = 0;
    for (; end < self->section_count && covered < count; end++) {
        struct trace_section *s = &self->sections[end];
        s->first = covered;
        cut = s->count > count - covered ? s->count - (count - covered) : 0;
        s->count -= cut;
        covered += s->count;
    }
    rc = event_codec_encode(self->codec, &self->log, &next.place, count, self->sections + rest->section,
                            end - rest->section, &self->raw, err);
    if (rc != 0)
        return rc;
    const struct event_summary *summary = event_codec_summary(self->codec);
    header.event_count = count;
    header.first_time_ns = summary->first_time_ns;
    header.last_time_ns = summary->last_time_ns;
    header.lost_count = summary->lost;
    next.first += count;
    if (cut > 0)
        self->sections[--end].count = cut;
    next.section = end;
    if (next.first == self->log.count)
        self->written_watermark =
            self->watermark < self->hold.after_ns ? self->watermark : self->hold.after_ns;
    rc = emit(self, &header, err);
    if (rc != 0)
        return rc; /* these are in no file */
    *rest = next;
    self->stats.lost += header.lost_count;
    self->stats.events += count;
    for (unsigned i = 0; i < EVENT_TYPE_COUNT; i++)
        self->stats.events_by_type[i] += summary->by_type[i];
    return 0;
}

int trace_writer_flush(struct trace_writer *self, struct error *err)
{
    struct rest rest = {0, 0, 0};
    int rc = 0;
    if (self->failed)
        rc = error_set(err, ERR_NOMEM, "out of memory for the events of the trace");
    if (rc == 0 && self->log.count > 0 && self->meta_pending)
        rc = emit_meta(self, err);
    while (rc == 0 && rest.first < self->log.count)
        rc = emit_events(self, &rest, err);
    if (rest.first > 0)
        self->epoch_chunks++;
    event_log_reset(&self->log);
    self->section_count = 0;
    self->new_section = true;
    self->failed = false;
    if (!self->begins_part &&
        (self->epoch_chunks >= self->options.epoch_chunks || definition_table_is_large(&self->definitions)))
        begin_epoch(self);
    return rc;
}

int trace_writer_begin_epoch(struct trace_writer *self, struct error *err)
{
    uint32_t before = self->epoch;
    int rc = trace_writer_flush(self, err);
    if (rc == 0 && self->epoch == before)
        begin_epoch(self);
    return rc;
}

/* ---- parts ---- */

void trace_writer_cut(struct trace_writer *self, uint64_t time_ns)
{
    self->hold.after_ns = time_ns;
}

int trace_writer_begin_part(struct trace_writer *self, const uint8_t trace_id[16], struct error *err)
{
    int rc = trace_writer_flush(self, err);
    if (rc != 0)
        return rc;
    begin_epoch(self);
    self->begins_part = true;
    memcpy(self->options.trace_id, trace_id, sizeof self->options.trace_id);
    self->sequence = 0;
    self->stats = (struct trace_writer_stats){0};
    buf_reset(&self->index);
    self->index_entries = 0;
    self->has_meta = self->meta_pending = false;
    if (self->watermark > self->hold.after_ns)
        self->watermark = self->hold.after_ns;
    self->written_watermark = 0;
    return 0;
}

void trace_writer_release(struct trace_writer *self)
{
    self->begins_part = false;
    self->hold.after_ns = UINT64_MAX;
    for (uint32_t i = 0; i < self->hold.count; i++) {
        trace_writer_section(self, self->hold.events[i].cpu);
        trace_writer_event(self, &self->hold.events[i]);
    }
    self->hold.count = 0;
    self->new_section = true;
}

uint32_t trace_writer_carry(struct trace_writer *self, enum def_kind kind, uint32_t id)
{
    return definition_carry_id(&self->carry, kind, id);
}

const void *trace_writer_definition(const struct trace_writer *self, enum def_kind kind, uint32_t id,
                                    size_t *size_out)
{
    return intern_get(self->definitions.items[kind], id, size_out);
}

int trace_writer_append(struct trace_writer *self, const void *chunk, size_t size, struct error *err)
{
    struct chunk_header header;
    if (size < CHUNK_HEADER_SIZE || !chunk_header_decode(chunk, &header))
        return error_set(err, ERR_DAMAGED, "a chunk in memory is damaged");
    if (header.epoch != self->epoch) {
        self->epoch = header.epoch;
        self->meta_pending = self->has_meta;
    }
    int rc = self->meta_pending ? emit_meta(self, err) : 0;
    if (rc != 0)
        return rc;
    buf_reset(&self->stored);
    buf_put(&self->stored, chunk, size);
    if (self->stored.failed)
        return error_set(err, ERR_NOMEM, "out of memory for a chunk of the trace");
    self->written_epoch = header.epoch;
    header.sequence = self->sequence;
    memcpy(header.trace_id, self->options.trace_id, sizeof header.trace_id);
    chunk_header_encode(&header, self->stored.data);
    rc = self->options.sink(self->options.context, self->stored.data, self->stored.size, err);
    if (rc != 0)
        return rc;
    add_index_entry(self, &header);
    self->sequence++;
    self->stats.chunks++;
    self->stats.stored_bytes += size;
    self->stats.raw_bytes += header.raw_size;
    self->stats.events += header.event_count;
    self->stats.lost += header.lost_count;
    if (header.watermark_ns > self->watermark)
        self->watermark = self->written_watermark = header.watermark_ns;
    return 0;
}

void trace_writer_add_types(struct trace_writer *self, const uint64_t by_type[EVENT_TYPE_COUNT])
{
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++)
        self->stats.events_by_type[type] += by_type[type];
}

static int put_totals(struct trace_writer *self, struct trace_meta *out, uint64_t index_offset,
                      struct error *err)
{
    const struct trace_writer_stats *s = &self->stats;
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {
        {"end.events", s->events},       {"end.lost", s->lost},
        {"end.chunks", s->chunks},       {"end.stored_bytes", s->stored_bytes},
        {"end.raw_bytes", s->raw_bytes}, {"end.index_offset", index_offset},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof rows / sizeof *rows; i++)
        rc = trace_meta_setf(out, err, rows[i].key, "%" PRIu64, rows[i].value);
    for (unsigned type = 1; rc == 0 && type < EVENT_TYPE_COUNT; type++) {
        char key[64];
        if (!s->events_by_type[type])
            continue;
        snprintf(key, sizeof key, "end.event.%s", event_spec_get(type)->name);
        rc = trace_meta_setf(out, err, key, "%" PRIu64, s->events_by_type[type]);
    }
    return rc;
}

int trace_writer_end(struct trace_writer *self, const struct trace_meta *totals, struct error *err)
{
    int rc = trace_writer_flush(self, err);
    if (rc != 0)
        return rc;
    uint64_t index_offset = self->stats.stored_bytes;
    struct chunk_header header = {.kind = CHUNK_INDEX};
    self->written_watermark = self->watermark;
    buf_reset(&self->raw);
    buf_reset(&self->block);
    buf_put_varint(&self->block, self->index_entries);
    buf_put(&self->block, self->index.data, self->index.size);
    chunk_put_block(&self->raw, BLOCK_INDEX, self->block.data, self->block.size);
    rc = emit(self, &header, err);
    if (rc != 0)
        return rc;
    struct trace_meta own;
    trace_meta_init(&own);
    rc = put_totals(self, &own, index_offset, err);
    buf_reset(&self->raw);
    buf_reset(&self->block);
    encode_meta(&self->block, totals);
    encode_meta(&self->block, &own);
    chunk_put_block(&self->raw, BLOCK_META, self->block.data, self->block.size);
    header = (struct chunk_header){.kind = CHUNK_END};
    if (rc == 0)
        rc = emit(self, &header, err);
    trace_meta_release(&own);
    return rc;
}
