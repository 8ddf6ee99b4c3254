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
};

struct slot {
    uint32_t id; /* 0: free */
    uint32_t hash;
};

struct intern {
    struct entry *entries; /* entry of id i is entries[i - 1] */
    uint32_t count, entry_capacity;
    struct slot *slots; /* the capacity is a power of two */
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

static uint64_t word_at(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* Like FNV-1a, but by 8 bytes at a time, and two such rows beside each other, which a processor works on at once: call chains
 * are the long keys, and they differ in few bits. */
static uint32_t hash_of(const uint8_t *data, size_t size)
{
    uint64_t h = 0xcbf29ce484222325u ^ size, beside = 0x84222325cbf29ce4u;
    for (; size >= 16; data += 16, size -= 16) {
        h = mix(h, word_at(data));
        beside = mix(beside, word_at(data + 8));
    }
    if (size >= 8) {
        h = mix(h, word_at(data));
        data += 8;
        size -= 8;
    }
    while (size--)
        h = (h ^ *data++) * 0x100000001b3u;
    h = mix(h, beside);
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return (uint32_t)(h >> 32);
}

static uint32_t locate(const struct intern *self, const void *data, size_t size, uint32_t hash)
{
    uint32_t mask = self->slot_capacity - 1;
    uint32_t i = hash & mask;
    for (; self->slots[i].id; i = (i + 1) & mask) {
        if (self->slots[i].hash != hash)
            continue;
        const struct entry *e = &self->entries[self->slots[i].id - 1];
        if (e->size == size && (size == 0 || memcmp(e->data, data, size) == 0))
            break;
    }
    return i;
}

static int grow_slots(struct intern *self)
{
    uint32_t capacity = self->slot_capacity ? 2 * self->slot_capacity : 256;
    struct slot *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return -1;
    for (uint32_t k = 0; k < self->slot_capacity; k++) {
        uint32_t i = self->slots[k].hash & (capacity - 1);
        if (!self->slots[k].id)
            continue;
        while (slots[i].id)
            i = (i + 1) & (capacity - 1);
        slots[i] = self->slots[k];
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
    if (self->slots[slot].id)
        return self->slots[slot].id;
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
    self->entries[self->count] = (struct entry){.data = copy, .size = (uint32_t)size};
    self->slots[slot] = (struct slot){.id = ++self->count, .hash = hash};
    if (is_new_out)
        *is_new_out = true;
    return self->count;
}

uint32_t intern_find(const struct intern *self, const void *data, size_t size)
{
    if (!self->slot_capacity)
        return 0;
    return self->slots[locate(self, data, size, hash_of(data, size))].id;
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
