/*
 * What the payload of a chunk says: definitions, facts, events. Knows nothing of files and chunk order, so
 * that it can be fuzzed alone.
 */
#ifndef GOTAPE_FORMAT_TRACE_PAYLOAD_H
#define GOTAPE_FORMAT_TRACE_PAYLOAD_H

#include "base/bytes.h"
#include "base/error.h"
#include "format/definition_store.h"
#include "format/event_codec.h"
#include "format/trace_meta.h"
#include "format/trace_reader.h"
#include "format/trace_sizes.h"

/* Facts that a reader keeps. */
#define META_PAIRS_MAX 8192u
#define META_BYTES_MAX (4u << 20)

struct trace_payload {
    struct event_codec *codec;      /* borrowed */
    struct definition_store *store; /* borrowed; definitions are added */
    struct trace_meta *meta;        /* borrowed; pairs are set */
    struct event_batch batch;       /* owned; replaced by each call */
    struct trace_new_ids new_ids[DEF_KIND_COUNT];
    struct trace_sizes *sizes; /* borrowed; NULL: not measured */
    uint64_t unknown; /* blocks and events that this version does not know */
};

void trace_payload_release(struct trace_payload *self);

/* Reads one payload. ERR_DAMAGED: no events are delivered; definitions and facts before the damage were
 * taken. */
int trace_payload_parse(struct trace_payload *self, const void *data, size_t size, struct error *err);

#endif
