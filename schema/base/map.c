#include "base/map.h"

#include <stdlib.h>
#include <string.h>

void map_init(struct map *self)
{
    memset(self, 0, sizeof *self);
}

void map_release(struct map *self)
{
    free(self->slots);
    map_init(self);
}

void map_reset(struct map *self)
{
    if (self->count)
        memset(self->slots, 0, self->capacity * sizeof *self->slots);
    self->count = 0;
}

/* The slot that holds the key, or the free slot where it belongs. */
static size_t locate(const struct map *self, uint64_t key)
{
    size_t mask = self->capacity - 1;
    size_t i = (size_t)map_hash(key) & mask;
    while (self->slots[i].used && self->slots[i].key != key)
        i = (i + 1) & mask;
    return i;
}

uint64_t *map_find(struct map *self, uint64_t key)
{
    if (!self->count)
        return NULL;
    struct map_slot *slot = &self->slots[locate(self, key)];
    return slot->used ? &slot->value : NULL;
}

bool map_get(const struct map *self, uint64_t key, uint64_t *value_out)
{
    if (!self->count)
        return false;
    const struct map_slot *slot = &self->slots[locate(self, key)];
    if (slot->used)
        *value_out = slot->value;
    return slot->used;
}

static int grow(struct map *self)
{
    struct map bigger = {.capacity = self->capacity ? 2 * self->capacity : 64, .count = self->count};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots)
        return -1;
    for (size_t i = 0; i < self->capacity; i++) {
        if (self->slots[i].used)
            bigger.slots[locate(&bigger, self->slots[i].key)] = self->slots[i];
    }
    free(self->slots);
    *self = bigger;
    return 0;
}

int map_put(struct map *self, uint64_t key, uint64_t value)
{
    if (self->count + 1 > self->capacity / 4 * 3 && grow(self) != 0)
        return -1;
    struct map_slot *slot = &self->slots[locate(self, key)];
    if (!slot->used)
        self->count++;
    *slot = (struct map_slot){.key = key, .value = value, .used = true};
    return 0;
}

bool map_delete(struct map *self, uint64_t key)
{
    if (!self->count)
        return false;
    size_t mask = self->capacity - 1;
    size_t hole = locate(self, key);
    if (!self->slots[hole].used)
        return false;
    /* Close the gap: move back every later entry of the run that may stand in the hole. */
    for (size_t i = (hole + 1) & mask; self->slots[i].used; i = (i + 1) & mask) {
        size_t home = (size_t)map_hash(self->slots[i].key) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            self->slots[hole] = self->slots[i];
            hole = i;
        }
    }
    self->slots[hole].used = false;
    self->count--;
    return true;
}

const struct map_slot *map_next(const struct map *self, size_t *position)
{
    while (*position < self->capacity) {
        const struct map_slot *slot = &self->slots[(*position)++];
        if (slot->used)
            return slot;
    }
    return NULL;
}
