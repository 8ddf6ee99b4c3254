/*
 * A hash map from 64-bit keys to 64-bit values (open addressing, deletion without tombstones). Key 0 is
 * allowed. Memory follows the live entries: it doubles when three quarters full and never shrinks until
 * released.
 */
#ifndef GOTAPE_BASE_MAP_H
#define GOTAPE_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t key; /* 0: free */
    uint64_t value;
};

struct map {
    struct map_slot *slots; /* owned; capacity is a power of two */
    size_t capacity;
    size_t count;
    struct map_slot zero; /* the entry of key 0, which has no slot */
    bool has_zero;
};

void map_init(struct map *self);
void map_release(struct map *self);
void map_reset(struct map *self); /* removes all entries, keeps the memory */

bool map_get(const struct map *self, uint64_t key, uint64_t *value_out);
/* A pointer to the value, valid until the next put or delete; NULL when absent. */
uint64_t *map_find(struct map *self, uint64_t key);
/* Inserts or replaces. Returns 0, or -1 when out of memory. */
int map_put(struct map *self, uint64_t key, uint64_t value);
bool map_delete(struct map *self, uint64_t key);
/* Iterates in no order: start with *position = 0; returns the next used slot or NULL. */
const struct map_slot *map_next(const struct map *self, size_t *position);

static inline uint64_t map_hash(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return x ^ (x >> 32);
}

#endif
