#include "format/trace_reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/chunk_zstd.h"
#include "format/definition_store.h"
#include "format/trace_payload.h"

/* How many bytes of damaged chunks are searched for chunks inside, over the whole file: a file of nested
 * chunks must not cost much more than its length. */
#define RESCAN_MAX (64u << 20)
/* How far a trace with a damaged start is searched for. */
#define OPEN_SEARCH_MAX (64u << 20)
#define SEARCH_PIECE    (64u << 10)

struct trace_reader {
    struct source *source; /* owned */
    uint64_t size, position;
    struct chunk_unpacker *unpacker;
    struct event_codec *codec;
    struct definition_store *store;
    struct trace_meta meta, totals;
    struct trace_payload payload;
    struct buf raw, piece;
    struct damage damage;
    uint8_t trace_id[16];
    uint32_t epoch; /* 0: no chunk yet */
    uint64_t next_sequence;
    uint64_t last_time;
    uint64_t rescanned;
    bool has_end, end_reported;
};

/* ---- finding headers ---- */

/* 1: *out is the header at this offset. 0: there is none. Negative: cannot read. */
static int header_at(struct trace_reader *self, uint64_t offset, struct chunk_header *out, struct error *err)
{
    uint8_t data[CHUNK_HEADER_SIZE];
    size_t got;
    int rc = source_read(self->source, offset, data, sizeof data, &got, err);
    if (rc != 0)
        return rc;
    return got == sizeof data && chunk_header_decode(data, out);
}

/* The first header at or behind *offset and before `end`, of which *offset is set. Returns like header_at().
 */
static int find_header(struct trace_reader *self, uint64_t *offset, uint64_t end, struct chunk_header *out,
                       struct error *err)
{
    for (uint64_t at = *offset; at < end;) {
        size_t got;
        int rc = source_read(self->source, at, self->piece.data, SEARCH_PIECE, &got, err);
        if (rc != 0)
            return rc;
        if (got < CHUNK_HEADER_SIZE)
            return 0;
        size_t last = got - CHUNK_HEADER_SIZE;
        for (size_t i = 0; i <= last && at + i < end; i++) {
            const uint8_t *next = memchr(self->piece.data + i, CHUNK_SKIPPABLE_MAGIC & 0xff, last + 1 - i);
            if (!next)
                break;
            i = (size_t)(next - self->piece.data);
            if (at + i < end && chunk_header_decode(next, out)) {
                *offset = at + i;
                return 1;
            }
        }
        at += last + 1;
    }
    return 0;
}

/* ---- opening ---- */

static int check_start(struct trace_reader *self, struct error *err)
{
    uint8_t start[16];
    size_t got;
    struct chunk_header header;
    int rc = source_read(self->source, 0, start, sizeof start, &got, err);
    if (rc != 0)
        return rc;
    if (got == 0)
        return error_set(err, ERR_DAMAGED, "not a gotape trace: the file is empty");
    uint64_t offset = 0;
    rc =
        find_header(self, &offset, self->size < OPEN_SEARCH_MAX ? self->size : OPEN_SEARCH_MAX, &header, err);
    if (rc < 0)
        return rc;
    if (rc == 0 && (got < sizeof start || !chunk_header_is_start(start, got)))
        return error_set(err, ERR_DAMAGED, "not a gotape trace: it has no chunk header");
    if (rc == 0)
        return 0;
    if (!chunk_version_is_known(header.major))
        return error_set(
            err, ERR_UNSUPPORTED,
            "the trace has format version %u.%u, this program reads versions %d to %d: use a gotape that knows "
            "version %u",
            header.major, header.minor, CHUNK_VERSION_OLDEST, CHUNK_VERSION_MAJOR, header.major);
    memcpy(self->trace_id, header.trace_id, sizeof self->trace_id);
    return 0;
}

int trace_reader_open(struct source *source, struct trace_reader **out, struct error *err)
{
    struct trace_reader *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, ERR_NOMEM, "out of memory for the trace reader");
    int rc = 0;
    self->size = source_size(source);
    trace_meta_init(&self->meta);
    trace_meta_init(&self->totals);
    self->unpacker = chunk_unpacker_new(err);
    self->codec = event_codec_new(err);
    self->store = definition_store_new();
    self->source = source;
    if (!self->unpacker || !self->codec || !self->store || buf_reserve(&self->piece, SEARCH_PIECE) != 0)
        rc = error_set(err, ERR_NOMEM, "out of memory for the trace reader");
    else
        rc = check_start(self, err);
    if (rc != 0) {
        self->source = NULL;
        trace_reader_close(self);
        return rc;
    }
    self->payload.codec = self->codec;
    self->payload.store = self->store;
    *out = self;
    return 0;
}

void trace_reader_close(struct trace_reader *self)
{
    if (!self)
        return;
    source_close(self->source);
    chunk_unpacker_free(self->unpacker);
    event_codec_free(self->codec);
    definition_store_free(self->store);
    trace_payload_release(&self->payload);
    trace_meta_release(&self->meta);
    trace_meta_release(&self->totals);
    buf_release(&self->raw);
    buf_release(&self->piece);
    free(self);
}

/* ---- damage ---- */

/* Fills the damage report; returns 1 for the caller to return. */
__attribute__((format(printf, 7, 8))) static int report(struct trace_reader *self, struct trace_chunk *out,
                                                        enum damage_kind kind, uint64_t offset, uint64_t size,
                                                        uint64_t count, const char *format, ...)
{
    self->damage = (struct damage){.kind = kind,
                                   .offset = offset,
                                   .size = size,
                                   .sequence = self->next_sequence,
                                   .count = count,
                                   .after_time_ns = self->last_time};
    va_list args;
    va_start(args, format);
    vsnprintf(self->damage.message, sizeof self->damage.message, format, args);
    va_end(args);
    out->damage = &self->damage;
    return 1;
}

/* There is no header at the position: reports how many bytes are skipped, and moves to the next header or the
 * end. */
static int skip_to_header(struct trace_reader *self, struct trace_chunk *out, struct error *err)
{
    struct chunk_header header;
    uint8_t start[16];
    size_t got;
    uint64_t from = self->position, found = from;
    int rc = source_read(self->source, from, start, sizeof start, &got, err);
    if (rc == 0)
        rc = find_header(self, &found, self->size, &header, err);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        self->position = found;
        uint64_t missing = header.sequence > self->next_sequence ? header.sequence - self->next_sequence : 0;
        report(self, out, DAMAGE_HEADER, from, found - from, missing,
               "%" PRIu64 " bytes are no chunk and were skipped; %" PRIu64 " chunks are missing",
               found - from, missing);
        if (missing)
            self->next_sequence = header.sequence;
        return 1;
    }
    self->position = self->size;
    if (self->size - from < CHUNK_HEADER_SIZE && chunk_header_is_start(start, got)) {
        self->end_reported = true;
        return report(self, out, DAMAGE_TRUNCATED, from, self->size - from, 1,
                      "the file ends inside a chunk header");
    }
    return report(self, out, DAMAGE_HEADER, from, self->size - from, 0,
                  "the last %" PRIu64 " bytes are no chunk", self->size - from);
}

/* A chunk with a good header cannot be used. Decides where to go on: behind it, when there is a header or the
 * end of the file; otherwise its length is wrong for this file, and the next header may be inside it. */
static int skip_payload(struct trace_reader *self, struct trace_chunk *out, const struct chunk_header *header,
                        const char *why, struct error *err)
{
    struct chunk_header next;
    uint64_t from = self->position;
    uint64_t behind = from + CHUNK_HEADER_SIZE, end = behind + header->stored_size;
    int rc = end == self->size ? 1 : end < self->size ? header_at(self, end, &next, err) : 0;
    if (rc == 0 && self->rescanned < RESCAN_MAX) {
        uint64_t limit = end < self->size ? end : self->size;
        rc = find_header(self, &behind, limit, &next, err);
        self->rescanned += limit - from;
        if (rc == 1)
            end = behind;
    }
    if (rc < 0)
        return rc;
    self->position = end < self->size ? end : self->size;
    if (end > self->size) {
        self->end_reported = true;
        report(self, out, DAMAGE_TRUNCATED, from, self->size - from, header->event_count,
               "the file ends inside a chunk");
    } else {
        report(self, out, DAMAGE_PAYLOAD, from, end - from, header->event_count, "%s", why);
    }
    self->next_sequence = header->sequence + 1;
    return 1;
}

/* ---- chunks ---- */

void trace_reader_measure(struct trace_reader *self, struct trace_sizes *sizes)
{
    self->payload.sizes = sizes;
    event_codec_measure(self->codec, sizes ? &sizes->events : NULL);
}

static int unpack(struct trace_reader *self, const struct chunk_header *header, struct error *err)
{
    if (header->stored_size > self->size - self->position - CHUNK_HEADER_SIZE)
        return error_set(err, ERR_DAMAGED, "the file ends inside the payload");
    int rc = chunk_unpack(self->unpacker, self->source, self->position + CHUNK_HEADER_SIZE,
                          (size_t)header->stored_size, (size_t)header->raw_size, &self->raw, err);
    if (rc != 0)
        return rc;
    self->payload.meta = header->kind == CHUNK_END ? &self->totals : &self->meta;
    struct trace_sizes *sizes = self->payload.sizes;
    if (sizes)
        trace_sizes_begin_chunk(sizes);
    rc = trace_payload_parse(&self->payload, self->raw.data, self->raw.size, err);
    if (rc != 0)
        return rc;
    if (sizes)
        trace_sizes_end_chunk(sizes, header);
    const struct event_batch *batch = &self->payload.batch;
    bool fits = batch->count + batch->unknown == header->event_count;
    for (uint32_t i = 0; fits && i < batch->count; i++) {
        uint64_t time = batch->events[i].time_ns;
        fits = time >= header->first_time_ns && time <= header->last_time_ns;
    }
    return fits ? 0 : error_set(err, ERR_DAMAGED, "the events are not those that the header tells of");
}

static void fill(struct trace_reader *self, struct trace_chunk *out, const struct chunk_header *header)
{
    const struct event_batch *batch = &self->payload.batch;
    out->header = *header;
    out->events = batch->events;
    out->event_count = batch->count;
    out->sections = batch->sections;
    out->section_count = batch->section_count;
    memcpy(out->new_ids, self->payload.new_ids, sizeof out->new_ids);
    if (header->kind == CHUNK_META)
        out->meta = &self->meta;
    if (header->kind == CHUNK_END)
        out->meta = &self->totals;
    if (header->event_count && header->last_time_ns > self->last_time)
        self->last_time = header->last_time_ns;
    self->has_end |= header->kind == CHUNK_END;
}

/* A known version, this trace, in sequence. */
static int take_chunk(struct trace_reader *self, struct trace_chunk *out, const struct chunk_header *header,
                      struct error *err)
{
    struct error why;
    uint64_t next = self->position + CHUNK_HEADER_SIZE + header->stored_size;
    if (header->kind < CHUNK_META || header->kind > CHUNK_END) {
        if (next > self->size)
            return skip_payload(self, out, header, "", err);
        out->header = *header;
        report(self, out, DAMAGE_UNKNOWN, self->position, next - self->position, 1,
               "a chunk of kind %u, which this version does not know, was skipped", header->kind);
        self->position = next;
        self->next_sequence++;
        return 1;
    }
    if (header->epoch != self->epoch && header->kind != CHUNK_INDEX && header->kind != CHUNK_END) {
        definition_store_reset(self->store);
        self->epoch = header->epoch;
        out->new_epoch = true;
    }
    int rc = unpack(self, header, &why);
    if (rc == ERR_DAMAGED)
        return skip_payload(self, out, header, why.message, err);
    if (rc != 0) {
        if (err)
            *err = why;
        return rc;
    }
    fill(self, out, header);
    if (self->payload.unknown)
        report(self, out, DAMAGE_UNKNOWN, self->position, next - self->position, self->payload.unknown,
               "%" PRIu64 " blocks or events of a later version were skipped", self->payload.unknown);
    self->position = next;
    self->next_sequence++;
    return 1;
}

/* Headers that do not belong here: of another trace, another version, or out of sequence. 1: reported; 0: all
 * is well. */
static int check_header(struct trace_reader *self, struct trace_chunk *out, const struct chunk_header *header)
{
    uint64_t end = self->position + CHUNK_HEADER_SIZE + header->stored_size;
    uint64_t from = self->position;
    /* The length may be that of a version which allows more. */
    uint64_t skip = end > from && end <= self->size ? end : from + CHUNK_HEADER_SIZE;
    if (!chunk_version_is_known(header->major)) {
        self->position = skip;
        return report(self, out, DAMAGE_UNKNOWN, from, skip - from, 1,
                      "a chunk of format version %u.%u was skipped", header->major, header->minor);
    }
    if (memcmp(header->trace_id, self->trace_id, sizeof self->trace_id) != 0) {
        self->position = skip;
        return report(self, out, DAMAGE_HEADER, from, skip - from, 0, "a chunk of another trace was skipped");
    }
    if (header->sequence < self->next_sequence) {
        self->position = skip;
        return report(self, out, DAMAGE_HEADER, from, skip - from, 0,
                      "chunk %" PRIu64 " comes again and was skipped", header->sequence);
    }
    if (header->sequence > self->next_sequence) {
        uint64_t missing = header->sequence - self->next_sequence;
        report(self, out, DAMAGE_MISSING, from, 0, missing, "%" PRIu64 " chunks are missing", missing);
        self->next_sequence = header->sequence;
        return 1;
    }
    return 0;
}

int trace_reader_next(struct trace_reader *self, struct trace_chunk *out, struct error *err)
{
    struct chunk_header header;
    memset(out, 0, sizeof *out);
    out->offset = self->position;
    if (self->position >= self->size) {
        if (self->has_end || self->end_reported)
            return 0;
        self->end_reported = true;
        return report(self, out, DAMAGE_NO_END, self->size, 0, 0,
                      "the recording has no end: the recorder was killed, or still runs");
    }
    int rc = header_at(self, self->position, &header, err);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return skip_to_header(self, out, err);
    if (check_header(self, out, &header))
        return 1;
    return take_chunk(self, out, &header, err);
}

/* ---- looking things up ---- */

const char *trace_reader_string(const struct trace_reader *self, uint32_t id, size_t *length_out)
{
    const struct def_string *string = definition_store_get(self->store, DEF_STRING, id);
    if (string && length_out)
        *length_out = string->length;
    return string ? string->text : NULL;
}

const struct def_location *trace_reader_location(const struct trace_reader *self, uint32_t id)
{
    return definition_store_get(self->store, DEF_LOCATION, id);
}

const struct def_stack *trace_reader_stack(const struct trace_reader *self, uint32_t id)
{
    return definition_store_get(self->store, DEF_STACK, id);
}

const struct def_object *trace_reader_object(const struct trace_reader *self, uint32_t id)
{
    return definition_store_get(self->store, DEF_OBJECT, id);
}

const struct def_set *trace_reader_set(const struct trace_reader *self, uint32_t id)
{
    return definition_store_get(self->store, DEF_SET, id);
}

const struct trace_meta *trace_reader_meta(const struct trace_reader *self)
{
    return &self->meta;
}

bool trace_reader_has_end(const struct trace_reader *self)
{
    return self->has_end;
}

uint64_t trace_reader_position(const struct trace_reader *self)
{
    return self->position;
}

uint64_t trace_reader_size(const struct trace_reader *self)
{
    return self->size;
}
