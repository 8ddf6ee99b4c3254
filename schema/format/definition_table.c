#include "format/definition_table.h"

#include "format/chunk.h"
#include "format/definition_codec.h"

/* What a reader needs for an epoch: a new one is due above the first, more is refused above the second. */
#define COST_SOFT (12u << 20)
#define COST_HARD (DEFINITIONS_MEMORY_MAX / 8 * 7)

int definition_table_init(struct definition_table *self, struct error *err)
{
    *self = (struct definition_table){0};
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++) {
        self->items[kind] = intern_new();
        if (!self->items[kind]) {
            definition_table_release(self);
            return error_set(err, ERR_NOMEM, "out of memory for definitions");
        }
    }
    return 0;
}

void definition_table_release(struct definition_table *self)
{
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++)
        intern_free(self->items[kind]);
    buf_release(&self->item);
    buf_release(&self->block);
    *self = (struct definition_table){0};
}

void definition_table_reset(struct definition_table *self)
{
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++) {
        intern_reset(self->items[kind]);
        self->written[kind] = 0;
    }
    self->pending_bytes = 0;
    self->cost = 0;
}

struct buf *definition_table_item(struct definition_table *self)
{
    buf_reset(&self->item);
    return &self->item;
}

uint32_t definition_table_put(struct definition_table *self, enum def_kind kind)
{
    struct buf *item = &self->item;
    bool is_new = false;
    if (item->failed)
        return 0;
    if (self->cost + definition_cost(item->size) > COST_HARD)
        return intern_find(self->items[kind], item->data, item->size);
    uint32_t id = intern_put(self->items[kind], item->data, item->size, &is_new);
    if (is_new) {
        self->pending_bytes += item->size;
        self->cost += definition_cost(item->size);
    }
    return id;
}

bool definition_table_is_large(const struct definition_table *self)
{
    return self->cost >= COST_SOFT;
}

/* Appends one block of pending definitions of a kind. Returns their bytes. */
static size_t write_kind(struct definition_table *self, enum def_kind kind, size_t room, struct buf *payload)
{
    const struct intern *items = self->items[kind];
    uint32_t first = self->written[kind] + 1;
    uint32_t end = first, last = intern_count(items);
    size_t bytes = 0, size;
    while (end <= last && bytes < room && intern_get(items, end, &size)) {
        bytes += size;
        end++;
    }
    if (end == first)
        return 0;
    buf_reset(&self->block);
    buf_put_varint(&self->block, first);
    buf_put_varint(&self->block, end - first);
    for (uint32_t id = first; id < end; id++) {
        const void *data = intern_get(items, id, &size);
        buf_put(&self->block, data, size);
    }
    chunk_put_block(payload, (enum block_tag)(BLOCK_STRINGS + kind), self->block.data, self->block.size);
    self->written[kind] = end - 1;
    self->pending_bytes -= bytes;
    return bytes;
}

int definition_table_write(struct definition_table *self, size_t room, struct buf *payload, struct error *err)
{
    for (unsigned kind = 0; kind < DEF_KIND_COUNT && room > 0; kind++) {
        size_t bytes = write_kind(self, (enum def_kind)kind, room, payload);
        room = bytes < room ? room - bytes : 0;
    }
    if (self->block.failed || payload->failed)
        return error_set(err, ERR_NOMEM, "out of memory for definitions");
    return 0;
}
