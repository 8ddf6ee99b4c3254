/*
 * Events of one chunk ↔ a block of a payload: what is expected of each event (event_model.h) by the range coder. Reads the
 * blocks of files of format 1 too. Works on memory alone and trusts nothing that it decodes.
 */
#ifndef GOTAPE_FORMAT_EVENT_CODEC_H
#define GOTAPE_FORMAT_EVENT_CODEC_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/event.h"
#include "format/event_batch.h"
#include "format/event_costs.h"
#include "format/event_log.h"

/* The event blocks found in a payload. Zero-initialise, then event_blocks_add() for each block. */
struct event_blocks {
    struct bytes coded;
    unsigned seen; /* mask of the tags seen */
    /* format 1 */
    struct bytes sections, order, times, times_low, tids;
    struct bytes columns[EVENT_TYPE_COUNT][EVENT_FIELDS_MAX];
    unsigned column_count[EVENT_TYPE_COUNT];
};

/* Takes a block when it is one of ours: 1 taken, 0 another tag, ERR_DAMAGED. */
int event_blocks_add(struct event_blocks *self, uint64_t tag, struct bytes body);

struct event_codec;

struct event_codec *event_codec_new(struct error *err);
void event_codec_free(struct event_codec *self);

/* Appends the block of `count` events of the log from *place on, which goes on behind them, and of sections, which cover all of
 * these events. */
int event_codec_encode(struct event_codec *self, const struct event_log *log, size_t *place, uint32_t count,
                       const struct trace_section *sections, uint32_t section_count, struct buf *out,
                       struct error *err);

/* What the events were that were encoded last: the least and the greatest time, losses, and how many of each type. */
struct event_summary {
    uint64_t first_time_ns, last_time_ns; /* UINT64_MAX and 0 when there was no event */
    uint64_t lost;                        /* by EV_LOST */
    uint32_t by_type[EVENT_TYPE_COUNT];
};
const struct event_summary *event_codec_summary(const struct event_codec *self);

/* From here on decoding adds up costs. Borrowed; NULL: no more. */
void event_codec_measure(struct event_codec *self, struct event_costs *costs);
/* Replaces *out. ERR_DAMAGED when the blocks do not fit together or there are more than CHUNK_EVENTS_MAX
 * events. */
int event_codec_decode(struct event_codec *self, const struct event_blocks *blocks, struct event_batch *out,
                       struct error *err);

#endif
