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
    for (unsigned i = 0; i < NEAR_COLUMNS; i++)
        buf_release(&self->columns[i]);
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

static void put_objects(struct definition_table *self, uint32_t first, uint32_t end)
{
    uint64_t last_address[NEAR_TYPES] = {0};
    size_t size;
    for (unsigned i = 0; i < NEAR_COLUMNS; i++)
        buf_reset(&self->columns[i]);
    for (uint32_t id = first; id < end; id++) {
        const void *data = intern_get(self->items[DEF_OBJECT], id, &size);
        definition_encode_near_object(self->columns, data, size, last_address);
    }
    for (unsigned i = 0; i < NEAR_COLUMNS; i++) {
        self->block.failed |= self->columns[i].failed;
        buf_put_bytes(&self->block, self->columns[i].data, self->columns[i].size);
    }
}

static void put_sets(struct definition_table *self, uint32_t first, uint32_t end)
{
    uint32_t last_object = 0;
    size_t size;
    for (uint32_t id = first; id < end; id++) {
        const void *data = intern_get(self->items[DEF_SET], id, &size);
        definition_encode_near_set(&self->block, data, size, &last_object);
    }
}

static enum block_tag tag_of(enum def_kind kind)
{
    return kind == DEF_OBJECT ? BLOCK_NEAR_OBJECTS
           : kind == DEF_SET  ? BLOCK_NEAR_SETS
                              : (enum block_tag)(BLOCK_STRINGS + kind);
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
    if (kind == DEF_OBJECT)
        put_objects(self, first, end);
    else if (kind == DEF_SET)
        put_sets(self, first, end);
    for (uint32_t id = first; id < end && kind != DEF_OBJECT && kind != DEF_SET; id++) {
        const void *data = intern_get(items, id, &size);
        buf_put(&self->block, data, size);
    }
    chunk_put_block(payload, tag_of(kind), self->block.data, self->block.size);
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
