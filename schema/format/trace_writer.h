/*
 * Writes a trace: collects events of many rings, defines what they refer to, and emits a chunk when it is
 * full or when told. Nothing is allocated per event once the buffers have grown to a chunk's size. One
 * thread.
 *
 * Order of calls: new → meta → (definitions, section/event …, watermark, flush)* → end → free. Events are
 * added section by section: a section is a run of consecutive records of one ring. A chunk may grow far
 * beyond "full" (flush then writes several), but memory grows with it.
 */
#ifndef GOTAPE_FORMAT_TRACE_WRITER_H
#define GOTAPE_FORMAT_TRACE_WRITER_H

#include "format/chunk.h"
#include "format/definitions.h"
#include "format/event.h"
#include "format/trace_meta.h"

/* Receives finished bytes. Returns 0 or a negative code with the message set. */
typedef int (*trace_sink_fn)(void *context, const void *data, size_t size, struct error *err);
struct trace_writer;
/* Sees each event as it is added to a chunk; its ids are those of the current epoch. */
typedef void (*trace_observe_fn)(void *context, const struct event *event);
/* A new epoch has begun: trace_writer_carry() tells the new ids of what was defined in the one before. */
typedef void (*trace_carry_fn)(void *context, struct trace_writer *writer);
/* The three clocks, read now. A function, so that tests are repeatable and Linux stays out of this folder. */
typedef void (*trace_clock_fn)(void *context, struct chunk_clocks *out);

struct trace_writer_options {
    int zstd_level;        /* 1 … 19; 0 = 3 */
    uint32_t chunk_events; /* close a chunk at this many events, at most CHUNK_EVENTS_MAX; 0 = 32768 */
    uint32_t epoch_chunks; /* a new definition epoch after this many event chunks; 0 = 64 */
    uint8_t trace_id[16];
    trace_sink_fn sink;
    trace_clock_fn clock;
    void *context; /* for all of these */
    /* May be NULL. With `carry`, ids can be taken over from epoch to epoch, and recordings cut. */
    trace_observe_fn observe;
    trace_carry_fn carry;
};

struct trace_writer_stats {
    uint64_t events, events_by_type[EVENT_TYPE_COUNT];
    uint64_t chunks, stored_bytes, raw_bytes, lost;
};

struct trace_writer *trace_writer_new(const struct trace_writer_options *options, struct error *err);
void trace_writer_free(struct trace_writer *self);

/* Writes a META chunk now, and again at the start of each later epoch. Copies the table. */
int trace_writer_meta(struct trace_writer *self, const struct trace_meta *meta, struct error *err);

/*
 * Definitions: each returns the id for equal content (new or old) in the current epoch, 0 when out of memory
 * or when the epoch holds as many definitions as a reader takes (flush begins a new epoch long before). What
 * is beyond the limits of definitions.h is cut. Objects are told apart by (kind, addr, generation, flags,
 * type, capacity). Ids are forgotten when the epoch changes, which happens only inside trace_writer_flush()
 * and trace_writer_begin_epoch(): callers that cache ids compare trace_writer_epoch().
 */
uint32_t trace_writer_epoch(const struct trace_writer *self);
/* Flushes, then begins a new epoch whatever the options say. */
int trace_writer_begin_epoch(struct trace_writer *self, struct error *err);
uint32_t trace_writer_string(struct trace_writer *self, const char *text, size_t length);
uint32_t trace_writer_location(struct trace_writer *self, const struct def_location *location);
uint32_t trace_writer_stack(struct trace_writer *self, const struct def_stack *stack);
uint32_t trace_writer_object(struct trace_writer *self, const struct def_object *object);
uint32_t trace_writer_set(struct trace_writer *self, const struct def_set *set);

/* The following events come from this ring. Several calls for one ring in one chunk are fine. */
void trace_writer_section(struct trace_writer *self, uint16_t ring);
/* Adds an event of a type that event_spec knows; its cpu is taken from the section. Running out of memory is
 * told by the next flush. */
void trace_writer_event(struct trace_writer *self, const struct event *event);

/*
 * Cutting a recording in two at a time, so that each event is in one of them (needs `carry`): trace_writer_cut(), then go on
 * until every event up to that time has been added; then trace_writer_end() or trace_writer_flush() ends the first part,
 * trace_writer_begin_part() begins the second, and after trace_writer_meta() and what else belongs at its head
 * trace_writer_release() adds the events that were held back.
 */
/* From now on events later than this are held back. */
void trace_writer_cut(struct trace_writer *self, uint64_t time_ns);
/* Begins an epoch, with the sequence of chunks, figures and index of a new trace. An automatic epoch does not begin until
 * trace_writer_release(). */
int trace_writer_begin_part(struct trace_writer *self, const uint8_t trace_id[16], struct error *err);
/* Nothing is held back any more. */
void trace_writer_release(struct trace_writer *self);
/* Within the callback `carry`: the id now of what had this id in the epoch before; 0: it is not defined any more. */
uint32_t trace_writer_carry(struct trace_writer *self, enum def_kind kind, uint32_t id);
/* The bytes of a definition of the current epoch (definition_codec.h), NULL when there is none. */
const void *trace_writer_definition(const struct trace_writer *self, enum def_kind kind, uint32_t id,
                                    size_t *size_out);
/* Takes over a finished chunk of events of another writer, renumbered: its definitions and its epoch are its own. */
int trace_writer_append(struct trace_writer *self, const void *chunk, size_t size, struct error *err);
/* Adds to the figures by type, for chunks that were taken over. */
void trace_writer_add_types(struct trace_writer *self, const uint64_t by_type[EVENT_TYPE_COUNT]);

/* Promises that every event added from now on has time_ns >= this. Never goes back. */
void trace_writer_watermark(struct trace_writer *self, uint64_t time_ns);
/* True when the chunk is full: call flush at the next convenient point (between sections). */
bool trace_writer_is_full(const struct trace_writer *self);
/* Emits the events collected so far as a chunk; nothing when there are none. May begin a new epoch. After a
 * failure the events collected are gone. */
int trace_writer_flush(struct trace_writer *self, struct error *err);
/* Flushes, then writes the INDEX and END chunks. `totals` are extra facts for END (same form as meta); may be
 * NULL. The writer adds end.events, end.event.NAME, end.lost, end.chunks, end.stored_bytes, end.raw_bytes,
 * end.index_offset. */
int trace_writer_end(struct trace_writer *self, const struct trace_meta *totals, struct error *err);

const struct trace_writer_stats *trace_writer_stats(const struct trace_writer *self);

#endif
