#include "load/sum_table.h"

#include <stdlib.h>
#include <string.h>

#include "load/row_writer.h"

/* Keys in memory; some 14 MB. */
#define SUMS_MAX     100000u
#define CAPACITY_MAX 131072u

void sum_table_init(struct sum_table *self, sum_write *write, void *context)
{
    *self = (struct sum_table){.write = write, .context = context};
}

void sum_table_release(struct sum_table *self)
{
    free(self->sums);
    free(self->slots);
    self->sums = NULL;
    self->slots = NULL;
    self->count = self->capacity = self->slot_count = 0;
}

static int by_key(const void *a, const void *b)
{
    const struct sum *x = a, *y = b;
    for (int i = 0; i < SUM_KEYS; i++) {
        if (x->key[i] != y->key[i])
            return x->key[i] < y->key[i] ? -1 : 1;
    }
    return 0;
}

void sum_table_flush(struct sum_table *self)
{
    if (self->count == 0)
        return;
    qsort(self->sums, self->count, sizeof *self->sums, by_key);
    for (uint32_t i = 0; i < self->count; i++)
        self->write(self->context, &self->sums[i]);
    self->count = 0;
    memset(self->slots, 0, self->slot_count * sizeof *self->slots);
}

static uint64_t hash_of(const int64_t key[SUM_KEYS])
{
    uint64_t hash = 0;
    for (int i = 0; i < SUM_KEYS; i++)
        hash = (hash ^ (uint64_t)key[i]) * 0x9e3779b97f4a7c15u ^ hash >> 29;
    return hash ^ hash >> 32;
}

/* Slots tell by half of the hash whose they are, so that only the right sum is looked at. */
#define HASH_HALF 0xffffffff00000000u

static void link_sum(struct sum_table *self, uint32_t place, uint64_t hash)
{
    uint32_t slot = (uint32_t)hash & (self->slot_count - 1);
    while (self->slots[slot])
        slot = (slot + 1) & (self->slot_count - 1);
    self->slots[slot] = (hash & HASH_HALF) | (place + 1);
}

static bool grow(struct sum_table *self)
{
    uint32_t capacity = self->capacity ? 4 * self->capacity : 1024;
    if (capacity > CAPACITY_MAX)
        capacity = CAPACITY_MAX;
    struct sum *sums = realloc(self->sums, capacity * sizeof *sums);
    if (sums)
        self->sums = sums;
    uint64_t *slots = sums ? calloc(2 * (size_t)capacity, sizeof *slots) : NULL;
    if (!slots)
        return false;
    free(self->slots);
    self->slots = slots;
    self->capacity = capacity;
    self->slot_count = 2 * capacity;
    for (uint32_t i = 0; i < self->count; i++)
        link_sum(self, i, hash_of(self->sums[i].key));
    return true;
}

struct sum *sum_table_find(struct sum_table *self, const int64_t key[SUM_KEYS])
{
    uint64_t hash = hash_of(key);
    if (self->slots) {
        uint32_t slot = (uint32_t)hash & (self->slot_count - 1);
        for (uint64_t found; (found = self->slots[slot]);) {
            struct sum *sum = &self->sums[(uint32_t)found - 1];
            if ((found & HASH_HALF) == (hash & HASH_HALF) && memcmp(sum->key, key, sizeof sum->key) == 0)
                return sum;
            slot = (slot + 1) & (self->slot_count - 1);
        }
    }
    if (self->count >= SUMS_MAX)
        sum_table_flush(self);
    if (self->count == self->capacity && !grow(self)) {
        self->failed = true;
        return NULL;
    }
    struct sum *sum = &self->sums[self->count];
    *sum = (struct sum){.longest_ns = ROW_NULL,
                        .longest_id = ROW_NULL,
                        .longest_wake_ns = ROW_NULL,
                        .last_wake_id = ROW_NULL,
                        .lost_p = ROW_NULL};
    memcpy(sum->key, key, sizeof sum->key);
    link_sum(self, self->count++, hash);
    return sum;
}

void sum_add(struct sum *self, int64_t id, int64_t ns)
{
    self->count++;
    if (ns == ROW_NULL)
        return;
    self->ns += ns;
    if (ns > self->longest_ns) {
        self->longest_ns = ns;
        self->longest_id = id;
    }
}
