#include "format/definition_store.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (64u << 10)

/* Consecutive ids. There is one span unless a chunk was lost. */
struct span {
    uint32_t first, count;
    uint32_t at; /* place of `first` in items */
};

struct table {
    struct span *spans;
    uint32_t span_count, span_capacity;
    uint8_t *items;
    uint32_t count, capacity;
};

struct block {
    struct block *next;
    size_t used, size;
    max_align_t data[];
};

struct definition_store {
    struct table tables[DEF_KIND_COUNT];
    struct block *blocks; /* newest first */
    size_t memory;
    bool is_full;
};

static const size_t item_sizes[DEF_KIND_COUNT] = {
    [DEF_STRING] = sizeof(struct def_string), [DEF_LOCATION] = sizeof(struct def_location),
    [DEF_STACK] = sizeof(struct def_stack),   [DEF_OBJECT] = sizeof(struct def_object),
    [DEF_SET] = sizeof(struct def_set),
};

struct definition_store *definition_store_new(void)
{
    return calloc(1, sizeof(struct definition_store));
}

void definition_store_reset(struct definition_store *self)
{
    while (self->blocks) {
        struct block *next = self->blocks->next;
        free(self->blocks);
        self->blocks = next;
    }
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++) {
        free(self->tables[kind].items);
        free(self->tables[kind].spans);
        self->tables[kind] = (struct table){0};
    }
    self->memory = 0;
    self->is_full = false;
}

void definition_store_free(struct definition_store *self)
{
    if (!self)
        return;
    definition_store_reset(self);
    free(self);
}

static bool take_memory(struct definition_store *self, size_t size)
{
    if (size > DEFINITIONS_MEMORY_MAX - self->memory) {
        self->is_full = true;
        return false;
    }
    self->memory += size;
    return true;
}

/* Makes room for one more element of an array. Returns the array, moved perhaps, or NULL. */
static void *grow(struct definition_store *self, void *array, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    uint32_t more = *capacity ? *capacity : 64;
    if (!take_memory(self, more * size))
        return NULL;
    void *moved = realloc(array, (*capacity + more) * size);
    if (!moved) {
        self->is_full = true;
        return NULL;
    }
    *capacity += more;
    return moved;
}

void *definition_store_add(struct definition_store *self, enum def_kind kind, uint32_t id)
{
    struct table *t = &self->tables[kind];
    uint32_t last = definition_store_last_id(self, kind);
    self->is_full = false;
    if (id <= last || id > DEFINITION_ID_MAX)
        return NULL;
    void *items = grow(self, t->items, t->count, &t->capacity, item_sizes[kind]);
    if (!items)
        return NULL;
    t->items = items;
    if (last == 0 || id != last + 1) {
        struct span *spans = grow(self, t->spans, t->span_count, &t->span_capacity, sizeof *spans);
        if (!spans)
            return NULL;
        t->spans = spans;
        t->spans[t->span_count++] = (struct span){.first = id, .count = 0, .at = t->count};
    }
    t->spans[t->span_count - 1].count++;
    void *item = t->items + t->count++ * item_sizes[kind];
    memset(item, 0, item_sizes[kind]);
    return item;
}

void *definition_store_alloc(struct definition_store *self, size_t size)
{
    struct block *block = self->blocks;
    size = (size + 7) & ~(size_t)7;
    self->is_full = false;
    if (!block || block->size - block->used < size) {
        size_t want = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        if (!take_memory(self, sizeof *block + want))
            return NULL;
        block = malloc(sizeof *block + want);
        if (!block) {
            self->is_full = true;
            return NULL;
        }
        block->next = self->blocks;
        block->used = 0;
        block->size = want;
        self->blocks = block;
    }
    uint8_t *data = (uint8_t *)block->data + block->used;
    block->used += size;
    return data;
}

const void *definition_store_get(const struct definition_store *self, enum def_kind kind, uint32_t id)
{
    const struct table *t = &self->tables[kind];
    uint32_t low = 0, high = t->span_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct span *span = &t->spans[middle];
        if (id < span->first)
            high = middle;
        else if (id - span->first >= span->count)
            low = middle + 1;
        else
            return t->items + (size_t)(span->at + (id - span->first)) * item_sizes[kind];
    }
    return NULL;
}

uint32_t definition_store_last_id(const struct definition_store *self, enum def_kind kind)
{
    const struct table *t = &self->tables[kind];
    if (t->span_count == 0)
        return 0;
    return t->spans[t->span_count - 1].first + t->spans[t->span_count - 1].count - 1;
}

bool definition_store_is_full(const struct definition_store *self)
{
    return self->is_full;
}
