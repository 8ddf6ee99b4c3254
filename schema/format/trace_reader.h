/*
 * Reads a trace chunk by chunk, in file order. A damaged chunk is reported, counted and skipped (the next
 * good header is searched for); the iteration goes on. Memory is bounded by the largest chunk and one epoch's
 * definitions.
 */
#ifndef GOTAPE_FORMAT_TRACE_READER_H
#define GOTAPE_FORMAT_TRACE_READER_H

#include "format/chunk.h"
#include "format/definitions.h"
#include "format/event.h"
#include "format/source.h"
#include "format/trace_meta.h"
#include "format/trace_sizes.h"

struct trace_reader;

enum damage_kind {
    DAMAGE_NONE = 0,
    DAMAGE_HEADER,    /* bytes where a chunk header should be are not one: skipped to the next good header */
    DAMAGE_PAYLOAD,   /* a payload does not unpack, or its content makes no sense */
    DAMAGE_MISSING,   /* a hole in the sequence numbers */
    DAMAGE_TRUNCATED, /* the file ends inside a chunk */
    DAMAGE_NO_END,    /* the file ends without an END chunk: the recorder was killed */
    DAMAGE_UNKNOWN,   /* chunk kinds, blocks or event types of a later version, skipped */
    DAMAGE_KIND_COUNT
};

struct damage {
    enum damage_kind kind;
    uint64_t offset, size;  /* bytes of the file concerned */
    uint64_t sequence;      /* chunk, where known */
    uint64_t count;         /* chunks missing, items skipped */
    uint64_t after_time_ns; /* last event time before the damage; 0 unknown */
    char message[160];
};

/* Definitions that a chunk brought, by kind (enum def_kind): ids first … first + count - 1. */
struct trace_new_ids {
    uint32_t first, count;
};

/* What one call of trace_reader_next() found. All pointers are valid until the next call. */
struct trace_chunk {
    struct chunk_header header; /* kind 0 when this is only a damage report */
    uint64_t offset;            /* in the file */
    bool new_epoch;             /* definitions of before are gone */
    const struct event *events; /* EVENTS chunks only */
    uint32_t event_count;
    const struct trace_section *sections;
    uint32_t section_count;
    struct trace_new_ids new_ids[DEF_KIND_COUNT];
    const struct trace_meta *meta; /* META: the table so far (reader's own); END: the totals */
    const struct damage *damage;   /* NULL when this chunk is good */
};

/* Fails only when nothing can be read at all: not a gotape file, an unknown major version, no access. Owns
 * the source on success. */
int trace_reader_open(struct source *source, struct trace_reader **out, struct error *err);
void trace_reader_close(struct trace_reader *self);

/* From here on adds up what the bytes of good chunks are for. Borrowed; NULL: no more. */
void trace_reader_measure(struct trace_reader *self, struct trace_sizes *sizes);

/* 1: *out is filled (a chunk, or a damage report, or both). 0: the end. Negative: cannot go on (I/O, memory).
 */
int trace_reader_next(struct trace_reader *self, struct trace_chunk *out, struct error *err);

/* Definitions of the current epoch: NULL when the id is unknown (its chunk was lost). Valid until the next
 * trace_reader_next(). */
const char *trace_reader_string(const struct trace_reader *self, uint32_t id, size_t *length_out);
const struct def_location *trace_reader_location(const struct trace_reader *self, uint32_t id);
const struct def_stack *trace_reader_stack(const struct trace_reader *self, uint32_t id);
const struct def_object *trace_reader_object(const struct trace_reader *self, uint32_t id);
const struct def_set *trace_reader_set(const struct trace_reader *self, uint32_t id);

/* Facts of the META chunks read so far. */
const struct trace_meta *trace_reader_meta(const struct trace_reader *self);
/* True once an END chunk was read. */
bool trace_reader_has_end(const struct trace_reader *self);
/* Bytes of the file handled so far, and its size: for progress. */
uint64_t trace_reader_position(const struct trace_reader *self);
uint64_t trace_reader_size(const struct trace_reader *self);

#endif
