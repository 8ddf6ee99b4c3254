/*
 * The payload of a chunk, as it comes out of zstd. What decodes without damage must survive encoding and
 * decoding again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/trace_payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_again(struct trace_payload *first)
{
    struct event_batch *batch = &first->batch;
    struct trace_payload second = {.codec = first->codec, .store = first->store, .meta = first->meta};
    struct event_log log = {0};
    struct buf raw;
    struct error err;
    size_t place = 0;
    buf_init(&raw);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct event *event = &batch->events[i];
        if (!event_log_add(&log, event, event_spec_get(event->type)->field_count))
            abort();
    }
    if (event_codec_encode(first->codec, &log, &place, batch->count, batch->sections, batch->section_count, &raw,
                           &err) != 0 ||
        trace_payload_parse(&second, raw.data, raw.size, &err) != 0 || second.batch.count != batch->count ||
        (batch->count &&
         memcmp(second.batch.events, batch->events, batch->count * sizeof *batch->events) != 0))
        abort();
    trace_payload_release(&second);
    event_log_release(&log);
    buf_release(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    struct trace_meta meta;
    struct trace_payload payload = {
        .codec = event_codec_new(&err), .store = definition_store_new(), .meta = &meta};
    trace_meta_init(&meta);
    if (trace_payload_parse(&payload, data, size, &err) == 0 && payload.batch.count > 0)
        encode_again(&payload);
    trace_payload_release(&payload);
    event_codec_free(payload.codec);
    definition_store_free(payload.store);
    trace_meta_release(&meta);
    return 0;
}
