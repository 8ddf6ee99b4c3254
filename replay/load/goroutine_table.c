#include "load/goroutine_table.h"

#include <stdlib.h>
#include <string.h>

#include "load/row_writer.h"
#include "load/squeeze.h"

void goroutine_table_init(struct goroutine_table *self)
{
    *self = (struct goroutine_table){0};
    map_init(&self->by_goid);
    map_init(&self->by_g);
}

/* ---- awake, or squeezed ---- */

#define WORDS       (sizeof(struct goroutine) / sizeof(uint64_t))
#define IS_SQUEEZED 1u

_Static_assert(sizeof(struct goroutine) % sizeof(uint64_t) == 0 && WORDS <= SQUEEZE_WORDS_MAX, "a goroutine consists of words");

static void free_goroutine(struct goroutine *goroutine)
{
    select_set_release(goroutine->select);
    select_set_release(goroutine->wait.set);
    free(goroutine);
}

static void leave_awake(struct goroutine_table *self, const struct goroutine *goroutine)
{
    struct goroutine *last = self->awake[--self->awake_count];
    self->awake[goroutine->place] = last;
    last->place = goroutine->place;
}

static void squeeze_one(struct goroutine_table *self, struct goroutine *goroutine)
{
    uint64_t words[WORDS];
    uint8_t bytes[SQUEEZE_SIZE(WORDS)];
    leave_awake(self, goroutine);
    goroutine->place = 0;
    goroutine->touched = 0;
    memcpy(words, goroutine, sizeof words);
    size_t size = squeeze(words, WORDS, bytes);
    /* What malloc gives is aligned: the lowest bit is free. */
    uint8_t *squeezed = malloc(size);
    if (!squeezed) {
        self->failed = true;
        return;
    }
    memcpy(squeezed, bytes, size);
    *map_find(&self->by_goid, goroutine->goid) = (uintptr_t)squeezed | IS_SQUEEZED;
    free(goroutine);
}

/* Squeezes one that nobody asked for since long; if there is none, more stay awake. */
static void make_room(struct goroutine_table *self)
{
    for (uint32_t i = 0; i < self->awake_count; i++) {
        struct goroutine *goroutine = self->awake[self->hand++ % self->awake_count];
        if (self->questions - goroutine->touched < GOROUTINES_AWAKE_MAX / 2 || goroutine->is_buried ||
            goroutine->state == GOROUTINE_DEAD)
            continue;
        squeeze_one(self, goroutine);
        return;
    }
}

/* Returns 0, or -1 when out of memory. */
static int join_awake(struct goroutine_table *self, struct goroutine *goroutine)
{
    if (self->awake_count >= GOROUTINES_AWAKE_MAX)
        make_room(self);
    if (self->awake_count == self->awake_capacity) {
        uint32_t capacity = self->awake_capacity ? 2 * self->awake_capacity : 256;
        struct goroutine **awake = realloc(self->awake, capacity * sizeof(struct goroutine *));
        if (!awake)
            return -1;
        self->awake = awake;
        self->awake_capacity = capacity;
    }
    goroutine->place = self->awake_count;
    goroutine->touched = self->questions;
    self->awake[self->awake_count++] = goroutine;
    return 0;
}

static uint8_t *squeezed_of(uint64_t pointer)
{
    return (uint8_t *)(uintptr_t)(pointer & ~(uint64_t)IS_SQUEEZED);
}

static void unsqueeze_to(struct goroutine *goroutine, const uint8_t *squeezed)
{
    uint64_t words[WORDS];
    unsqueeze(squeezed, words, WORDS);
    memcpy(goroutine, words, sizeof words);
}

/* NULL when out of memory. */
static struct goroutine *wake_up(struct goroutine_table *self, uint64_t *pointer)
{
    uint8_t *squeezed = squeezed_of(*pointer);
    struct goroutine *goroutine = malloc(sizeof *goroutine);
    if (goroutine)
        unsqueeze_to(goroutine, squeezed);
    if (!goroutine || join_awake(self, goroutine) < 0) {
        free(goroutine);
        self->failed = true;
        return NULL;
    }
    *pointer = (uintptr_t)goroutine;
    free(squeezed);
    return goroutine;
}

void goroutine_table_release(struct goroutine_table *self)
{
    size_t position = 0;
    const struct map_slot *slot;
    while ((slot = map_next(&self->by_goid, &position))) {
        if (!(slot->value & IS_SQUEEZED)) {
            free_goroutine((struct goroutine *)(uintptr_t)slot->value);
            continue;
        }
        struct goroutine goroutine;
        unsqueeze_to(&goroutine, squeezed_of(slot->value));
        select_set_release(goroutine.select);
        select_set_release(goroutine.wait.set);
        free(squeezed_of(slot->value));
    }
    map_release(&self->by_goid);
    map_release(&self->by_g);
    free(self->awake);
    goroutine_table_init(self);
}

/* ---- questions ---- */

struct goroutine *goroutine_table_find(struct goroutine_table *self, uint64_t goid)
{
    uint64_t *pointer = map_find(&self->by_goid, goid);
    if (!pointer)
        return NULL;
    self->questions++;
    if (*pointer & IS_SQUEEZED)
        return wake_up(self, pointer);
    struct goroutine *goroutine = (struct goroutine *)(uintptr_t)*pointer;
    goroutine->touched = self->questions;
    return goroutine;
}

struct goroutine *goroutine_table_find_g(struct goroutine_table *self, uint64_t g)
{
    uint64_t goid;
    return map_get(&self->by_g, g, &goid) ? goroutine_table_find(self, goid) : NULL;
}

struct goroutine *goroutine_table_add(struct goroutine_table *self, uint64_t goid)
{
    struct goroutine *goroutine = calloc(1, sizeof *goroutine);
    if (!goroutine)
        return NULL;
    goroutine->goid = goid;
    goroutine->p = ROW_NULL;
    if (map_put(&self->by_goid, goid, (uintptr_t)goroutine) < 0) {
        free(goroutine);
        return NULL;
    }
    self->questions++;
    if (join_awake(self, goroutine) < 0) {
        map_delete(&self->by_goid, goid);
        free(goroutine);
        return NULL;
    }
    return goroutine;
}

int goroutine_table_map(struct goroutine_table *self, struct goroutine *goroutine, uint64_t g,
                        uint64_t *before_out)
{
    uint64_t before = 0;
    *before_out = 0;
    if (goroutine->g == g)
        return 0;
    if (map_get(&self->by_g, g, &before) && before != goroutine->goid)
        *before_out = before;
    goroutine_table_unmap(self, goroutine);
    goroutine->g = g;
    return map_put(&self->by_g, g, goroutine->goid);
}

void goroutine_table_unmap(struct goroutine_table *self, struct goroutine *goroutine)
{
    uint64_t owner;
    if (goroutine->g && map_get(&self->by_g, goroutine->g, &owner) && owner == goroutine->goid)
        map_delete(&self->by_g, goroutine->g);
    goroutine->g = 0;
}

struct goroutine *goroutine_table_bury(struct goroutine_table *self, struct goroutine *goroutine)
{
    if (goroutine->is_buried)
        return NULL;
    struct goroutine **grave = &self->graveyard[self->next_grave++ % GRAVEYARD_SIZE];
    struct goroutine *oldest = *grave;
    *grave = goroutine;
    goroutine->is_buried = true;
    if (oldest)
        oldest->is_buried = false;
    return oldest && oldest->state == GOROUTINE_DEAD ? oldest : NULL;
}

void goroutine_table_remove(struct goroutine_table *self, struct goroutine *goroutine)
{
    goroutine_table_unmap(self, goroutine);
    map_delete(&self->by_goid, goroutine->goid);
    leave_awake(self, goroutine);
    free_goroutine(goroutine);
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

uint64_t *goroutine_table_list(const struct goroutine_table *self)
{
    uint64_t *list = self->by_goid.count ? malloc(self->by_goid.count * sizeof *list) : NULL;
    size_t position = 0, n = 0;
    const struct map_slot *slot;
    if (!list)
        return NULL;
    while ((slot = map_next(&self->by_goid, &position)))
        list[n++] = slot->key;
    qsort(list, n, sizeof *list, ascending);
    return list;
}
