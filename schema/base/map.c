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
    if (self->count && self->slots)
        memset(self->slots, 0, self->capacity * sizeof *self->slots);
    self->has_zero = false;
    self->count = 0;
}

/* The slot that holds the key, which is not 0, or the free slot where it belongs. */
static size_t locate(const struct map *self, uint64_t key)
{
    size_t mask = self->capacity - 1;
    size_t i = (size_t)map_hash(key) & mask;
    while (self->slots[i].key && self->slots[i].key != key)
        i = (i + 1) & mask;
    return i;
}

/* NULL when absent. */
static struct map_slot *find(const struct map *self, uint64_t key)
{
    if (!self->slots || !key)
        return NULL;
    struct map_slot *slot = &self->slots[locate(self, key)];
    return slot->key ? slot : NULL;
}

uint64_t *map_find(struct map *self, uint64_t key)
{
    if (!key)
        return self->has_zero ? &self->zero.value : NULL;
    struct map_slot *slot = find(self, key);
    return slot ? &slot->value : NULL;
}

bool map_get(const struct map *self, uint64_t key, uint64_t *value_out)
{
    const struct map_slot *slot = key ? find(self, key) : self->has_zero ? &self->zero : NULL;
    if (slot)
        *value_out = slot->value;
    return slot != NULL;
}

static int grow(struct map *self)
{
    struct map bigger = *self;
    bigger.capacity = self->capacity ? 2 * self->capacity : 64;
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots)
        return -1;
    for (size_t i = 0; i < self->capacity; i++) {
        if (self->slots[i].key)
            bigger.slots[locate(&bigger, self->slots[i].key)] = self->slots[i];
    }
    free(self->slots);
    *self = bigger;
    return 0;
}

int map_put(struct map *self, uint64_t key, uint64_t value)
{
    if (!key) {
        self->count += !self->has_zero;
        self->has_zero = true;
        self->zero.value = value;
        return 0;
    }
    if (self->count + 1 > self->capacity / 4 * 3 && grow(self) != 0)
        return -1;
    struct map_slot *slot = &self->slots[locate(self, key)];
    if (!slot->key)
        self->count++;
    *slot = (struct map_slot){.key = key, .value = value};
    return 0;
}

bool map_delete(struct map *self, uint64_t key)
{
    if (!key && self->has_zero) {
        self->has_zero = false;
        self->count--;
        return true;
    }
    struct map_slot *found = find(self, key);
    if (!found)
        return false;
    size_t mask = self->capacity - 1, hole = (size_t)(found - self->slots);
    /* Close the gap: move back every later entry of the run that may stand in the hole. */
    for (size_t i = (hole + 1) & mask; self->slots[i].key; i = (i + 1) & mask) {
        size_t home = (size_t)map_hash(self->slots[i].key) & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            self->slots[hole] = self->slots[i];
            hole = i;
        }
    }
    self->slots[hole].key = 0;
    self->count--;
    return true;
}

/* Positions are those of the slots, and one behind them for key 0. */
const struct map_slot *map_next(const struct map *self, size_t *position)
{
    while (*position < self->capacity) {
        const struct map_slot *slot = &self->slots[(*position)++];
        if (slot->key)
            return slot;
    }
    if (*position == self->capacity) {
        (*position)++;
        return self->has_zero ? &self->zero : NULL;
    }
    return NULL;
}
