/*
 * Events of one chunk ↔ the blocks of a payload: order, times, tids, and columns of fields for each event
 * type. Works on memory alone and trusts nothing that it decodes.
 */
#ifndef GOTAPE_FORMAT_EVENT_CODEC_H
#define GOTAPE_FORMAT_EVENT_CODEC_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/event.h"

/* The event blocks found in a payload. Zero-initialise, then event_blocks_add() for each block. */
struct event_blocks {
    struct bytes sections, order, times, times_low, tids;
    unsigned seen; /* mask of the tags seen */
    struct bytes columns[EVENT_TYPE_COUNT][EVENT_FIELDS_MAX];
    unsigned column_count[EVENT_TYPE_COUNT];
};

/* Takes a block when it is one of ours: 1 taken, 0 another tag, ERR_DAMAGED. */
int event_blocks_add(struct event_blocks *self, uint64_t tag, struct bytes body);

/* Decoded events; zero-initialise, reuse, release. */
struct event_batch {
    struct event *events;
    uint32_t count, capacity;
    struct trace_section *sections;
    uint32_t section_count, section_capacity;
    uint64_t unknown; /* events of types that this version does not know, left out */
};

void event_batch_release(struct event_batch *self);

struct event_codec;

struct event_codec *event_codec_new(struct error *err);
void event_codec_free(struct event_codec *self);

/* Appends the blocks of these events, of known types all, and sections, which cover all events. */
int event_codec_encode(struct event_codec *self, const struct event *events, uint32_t count,
                       const struct trace_section *sections, uint32_t section_count, struct buf *out,
                       struct error *err);

/* Replaces *out. ERR_DAMAGED when the blocks do not fit together or there are more than CHUNK_EVENTS_MAX
 * events. */
int event_codec_decode(struct event_codec *self, const struct event_blocks *blocks, struct event_batch *out,
                       struct error *err);

#endif
