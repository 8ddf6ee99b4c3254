#include "format/trace_payload.h"

#include <stdlib.h>
#include <string.h>

#include "format/chunk.h"
#include "format/definition_codec.h"

/* What format 1 has for events. */
#define SEEN_ALL                                                                                             \
    (1u << BLOCK_SECTIONS | 1u << BLOCK_ORDER | 1u << BLOCK_TIMES | 1u << BLOCK_TIMES_LOW | 1u << BLOCK_TIDS)

void trace_payload_release(struct trace_payload *self)
{
    event_batch_release(&self->batch);
}

static size_t meta_bytes(const struct trace_meta *meta)
{
    size_t bytes = 0;
    for (size_t i = 0; i < meta->count; i++)
        bytes += strlen(meta->pairs[i].key) + strlen(meta->pairs[i].value);
    return bytes;
}

static char *take_text(struct bytes *b)
{
    size_t size;
    const uint8_t *data = bytes_run(b, &size);
    char *text = data ? malloc(size + 1) : NULL;
    if (text) {
        memcpy(text, data, size);
        text[size] = '\0';
    }
    return text;
}

static int take_meta(struct trace_meta *meta, struct bytes body, struct error *err)
{
    size_t bytes = meta_bytes(meta) + bytes_left(&body);
    if (bytes > META_BYTES_MAX)
        return error_set(err, ERR_DAMAGED, "more facts than a reader keeps");
    int rc = 0;
    while (rc == 0 && bytes_left(&body) > 0) {
        char *key = take_text(&body);
        char *value = take_text(&body);
        if (body.bad || !key || !value)
            rc = body.bad ? error_set(err, ERR_DAMAGED, "a fact makes no sense")
                          : error_set(err, ERR_NOMEM, "out of memory for the facts of the trace");
        else if (meta->count >= META_PAIRS_MAX && !trace_meta_get(meta, key))
            rc = error_set(err, ERR_DAMAGED, "more facts than a reader keeps");
        else
            rc = trace_meta_set(meta, key, value, err);
        free(key);
        free(value);
    }
    return rc;
}

static int check_index(struct bytes body, struct error *err)
{
    enum { ENTRY_FIELDS = 6 };
    uint64_t count = bytes_varint(&body);
    if (count > bytes_left(&body) / ENTRY_FIELDS)
        return error_set(err, ERR_DAMAGED, "an index of impossible size");
    /* Numbers beyond ours, behind the entries, would be of a later minor version. */
    for (uint64_t i = 0; i < count * ENTRY_FIELDS; i++)
        bytes_varint(&body);
    return body.bad ? error_set(err, ERR_DAMAGED, "an index that makes no sense") : 0;
}

static int take_definitions(struct trace_payload *self, enum def_kind kind, bool is_near, struct bytes body,
                            struct error *err)
{
    struct trace_new_ids ids;
    int rc = definition_decode_block(kind, is_near, body, self->store, &ids.first, &ids.count, err);
    if (rc != 0)
        return rc;
    struct trace_new_ids *all = &self->new_ids[kind];
    if (all->count == 0)
        *all = ids;
    else if (ids.count > 0)
        all->count = ids.first + ids.count - all->first;
    return 0;
}

static int take_block(struct trace_payload *self, struct event_blocks *events, uint64_t tag,
                      struct bytes body, struct error *err)
{
    if (tag >= BLOCK_STRINGS && tag <= BLOCK_SETS)
        return take_definitions(self, (enum def_kind)(tag - BLOCK_STRINGS), false, body, err);
    if (tag == BLOCK_NEAR_OBJECTS || tag == BLOCK_NEAR_SETS)
        return take_definitions(self, tag == BLOCK_NEAR_OBJECTS ? DEF_OBJECT : DEF_SET, true, body, err);
    if (tag == BLOCK_META)
        return take_meta(self->meta, body, err);
    if (tag == BLOCK_INDEX)
        return check_index(body, err);
    int rc = event_blocks_add(events, tag, body);
    if (rc < 0)
        return error_set(err, ERR_DAMAGED, "the event blocks make no sense");
    self->unknown += rc == 0;
    return 0;
}

int trace_payload_parse(struct trace_payload *self, const void *data, size_t size, struct error *err)
{
    struct event_blocks events = {.seen = 0};
    struct bytes b = bytes_of(data, size);
    memset(self->new_ids, 0, sizeof self->new_ids);
    self->unknown = 0;
    self->batch.count = self->batch.section_count = 0;
    while (bytes_left(&b) > 0) {
        uint64_t tag = bytes_varint(&b);
        struct bytes body = bytes_slice(&b, bytes_varint(&b));
        if (b.bad)
            return error_set(err, ERR_DAMAGED, "a block is longer than the payload");
        if (self->sizes)
            trace_sizes_block(self->sizes, tag, bytes_left(&body));
        int rc = take_block(self, &events, tag, body, err);
        if (rc != 0)
            return rc;
    }
    if (events.seen == 0)
        return 0;
    if (!(events.seen & 1u << BLOCK_CODED) && (events.seen & SEEN_ALL) != SEEN_ALL)
        return error_set(err, ERR_DAMAGED, "an event block is missing");
    int rc = event_codec_decode(self->codec, &events, &self->batch, err);
    if (rc != 0) {
        self->batch.count = self->batch.section_count = 0;
        return rc;
    }
    self->unknown += self->batch.unknown;
    return 0;
}
