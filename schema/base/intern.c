#include "base/intern.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (64 * 1024)

struct block {
    struct block *next;
    size_t used, size;
    uint8_t data[];
};

struct entry {
    const uint8_t *data;
    uint32_t size;
    uint32_t hash;
};

struct intern {
    struct entry *entries; /* entry of id i is entries[i - 1] */
    uint32_t count, entry_capacity;
    uint32_t *slots; /* ids; 0 = free; capacity is a power of two */
    uint32_t slot_capacity;
    struct block *blocks; /* newest first */
    size_t memory;
};

struct intern *intern_new(void)
{
    return calloc(1, sizeof(struct intern));
}

static void free_blocks(struct intern *self)
{
    while (self->blocks) {
        struct block *next = self->blocks->next;
        free(self->blocks);
        self->blocks = next;
    }
}

void intern_free(struct intern *self)
{
    if (!self)
        return;
    free_blocks(self);
    free(self->entries);
    free(self->slots);
    free(self);
}

void intern_reset(struct intern *self)
{
    free_blocks(self);
    self->memory = 0;
    self->count = 0;
    if (self->slots)
        memset(self->slots, 0, self->slot_capacity * sizeof *self->slots);
}

/* FNV-1a by 8 bytes at a time, with a final mix: call chains are the long keys, and they differ in few bits.
 */
static uint32_t hash_of(const uint8_t *data, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u ^ size;
    while (size >= 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
        data += 8;
        size -= 8;
    }
    while (size--)
        h = (h ^ *data++) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return (uint32_t)(h >> 32);
}

static uint32_t locate(const struct intern *self, const void *data, size_t size, uint32_t hash)
{
    uint32_t mask = self->slot_capacity - 1;
    uint32_t i = hash & mask;
    for (; self->slots[i]; i = (i + 1) & mask) {
        const struct entry *e = &self->entries[self->slots[i] - 1];
        if (e->hash == hash && e->size == size && (size == 0 || memcmp(e->data, data, size) == 0))
            break;
    }
    return i;
}

static int grow_slots(struct intern *self)
{
    uint32_t capacity = self->slot_capacity ? 2 * self->slot_capacity : 256;
    uint32_t *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return -1;
    for (uint32_t id = 1; id <= self->count; id++) {
        uint32_t i = self->entries[id - 1].hash & (capacity - 1);
        while (slots[i])
            i = (i + 1) & (capacity - 1);
        slots[i] = id;
    }
    free(self->slots);
    self->slots = slots;
    self->slot_capacity = capacity;
    return 0;
}

static const uint8_t *copy_bytes(struct intern *self, const void *data, size_t size)
{
    struct block *block = self->blocks;
    if (!block || block->size - block->used < size + 1) {
        size_t want = size + 1 > BLOCK_SIZE ? size + 1 : BLOCK_SIZE;
        block = malloc(sizeof *block + want);
        if (!block)
            return NULL;
        *block = (struct block){.next = self->blocks, .size = want};
        self->blocks = block;
        self->memory += sizeof *block + want;
    }
    uint8_t *copy = block->data + block->used;
    if (size)
        memcpy(copy, data, size);
    copy[size] = 0;
    block->used += (size + 1 + 7) & ~(size_t)7;
    if (block->used > block->size)
        block->used = block->size;
    return copy;
}

uint32_t intern_put(struct intern *self, const void *data, size_t size, bool *is_new_out)
{
    if (is_new_out)
        *is_new_out = false;
    if (size > UINT32_MAX / 2 || self->count == UINT32_MAX / 2)
        return 0;
    if (self->count + 1 > self->slot_capacity / 4 * 3 && grow_slots(self) != 0)
        return 0;
    uint32_t hash = hash_of(data, size);
    uint32_t slot = locate(self, data, size, hash);
    if (self->slots[slot])
        return self->slots[slot];
    if (self->count == self->entry_capacity) {
        uint32_t capacity = self->entry_capacity ? 2 * self->entry_capacity : 128;
        struct entry *entries = realloc(self->entries, capacity * sizeof *entries);
        if (!entries)
            return 0;
        self->entries = entries;
        self->entry_capacity = capacity;
    }
    const uint8_t *copy = copy_bytes(self, data, size);
    if (!copy)
        return 0;
    self->entries[self->count] = (struct entry){.data = copy, .size = (uint32_t)size, .hash = hash};
    self->slots[slot] = ++self->count;
    if (is_new_out)
        *is_new_out = true;
    return self->count;
}

uint32_t intern_find(const struct intern *self, const void *data, size_t size)
{
    if (!self->slot_capacity)
        return 0;
    return self->slots[locate(self, data, size, hash_of(data, size))];
}

const void *intern_get(const struct intern *self, uint32_t id, size_t *size_out)
{
    if (id == 0 || id > self->count)
        return NULL;
    if (size_out)
        *size_out = self->entries[id - 1].size;
    return self->entries[id - 1].data;
}

uint32_t intern_count(const struct intern *self)
{
    return self->count;
}

size_t intern_memory(const struct intern *self)
{
    return self->memory + self->entry_capacity * sizeof *self->entries +
           self->slot_capacity * sizeof *self->slots;
}
