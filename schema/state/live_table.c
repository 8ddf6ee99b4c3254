#include <stdlib.h>
#include <string.h>

#include "state/live_table_impl.h"

/* ---- memory ---- */

struct live_table *live_table_new(const struct live_table_options *options)
{
    struct live_table *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->o = *options;
    self->free = self->dead_first = self->dead_last = NONE;
    for (size_t i = 0; i < LIVE_REASONS_MAX; i++) {
        self->class_of[i] = WAIT_OTHER;
        if (i >= options->reason_count)
            continue;
        self->class_of[i] = (uint8_t)wait_reason_find(options->reasons[i])->class;
        if (strcmp(options->reasons[i], "coroutine") == 0)
            self->coroutine = i;
    }
    self->o.reasons = NULL;
    return self;
}

void live_table_free(struct live_table *self)
{
    if (!self)
        return;
    for (uint32_t i = 0; i < BLOCKS_MAX; i++)
        free(self->blocks[i]);
    free(self->by_goid.slots);
    free(self->by_g.slots);
    free(self);
}

size_t live_table_memory(const struct live_table *self)
{
    size_t blocks = (self->used + BLOCK_ENTRIES - 1) / BLOCK_ENTRIES;
    return sizeof *self + blocks * BLOCK_ENTRIES * sizeof(struct live_goroutine) +
           (self->by_goid.capacity + (size_t)self->by_g.capacity) * sizeof(uint32_t);
}

static uint32_t take_place(struct live_table *self)
{
    uint32_t place = self->free;
    if (place != NONE) {
        self->free = live_at(self, place)->next;
        return place;
    }
    if (self->used == LIVE_GOROUTINES_MAX)
        return NONE;
    struct live_goroutine **block = &self->blocks[self->used / BLOCK_ENTRIES];
    if (!*block && !(*block = malloc(BLOCK_ENTRIES * sizeof **block)))
        return NONE;
    return self->used++;
}

/* ---- indexes ---- */

static uint64_t key_of(const struct live_table *self, const struct live_index *index, uint32_t place)
{
    return index == &self->by_goid ? live_at(self, place)->goid : live_at(self, place)->g;
}

static uint32_t hash(uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

/* The slot of the key, or the free one where it belongs. The index has slots. */
static uint32_t slot_of(const struct live_table *self, const struct live_index *index, uint64_t key)
{
    uint32_t mask = index->capacity - 1, i = hash(key) & mask;
    while (index->slots[i] && key_of(self, index, index->slots[i] - 1) != key)
        i = (i + 1) & mask;
    return i;
}

static uint32_t index_find(const struct live_table *self, const struct live_index *index, uint64_t key)
{
    if (!index->capacity)
        return NONE;
    uint32_t slot = index->slots[slot_of(self, index, key)];
    return slot ? slot - 1 : NONE;
}

static bool index_grow(const struct live_table *self, struct live_index *index)
{
    struct live_index larger = {.capacity = index->capacity ? 2 * index->capacity : 1024,
                                .count = index->count};
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (uint32_t i = 0; i < index->capacity; i++) {
        if (!index->slots[i])
            continue;
        uint32_t slot = hash(key_of(self, index, index->slots[i] - 1)) & (larger.capacity - 1);
        while (larger.slots[slot])
            slot = (slot + 1) & (larger.capacity - 1);
        larger.slots[slot] = index->slots[i];
    }
    free(index->slots);
    *index = larger;
    return true;
}

/* The entry at the place has its key already. */
static bool index_put(const struct live_table *self, struct live_index *index, uint32_t place)
{
    if (2 * (index->count + 1) > index->capacity && !index_grow(self, index))
        return false;
    uint32_t slot = slot_of(self, index, key_of(self, index, place));
    index->count += index->slots[slot] == 0;
    index->slots[slot] = place + 1;
    return true;
}

/* Only where this place stands there. What follows moves up, so that no tombstones are needed. */
static void index_drop(const struct live_table *self, struct live_index *index, uint32_t place)
{
    if (!index->capacity)
        return;
    uint32_t mask = index->capacity - 1, hole = slot_of(self, index, key_of(self, index, place));
    if (index->slots[hole] != place + 1)
        return;
    for (uint32_t i = (hole + 1) & mask; index->slots[i]; i = (i + 1) & mask) {
        uint32_t home = hash(key_of(self, index, index->slots[i] - 1)) & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        index->slots[hole] = index->slots[i];
        hole = i;
    }
    index->slots[hole] = 0;
    index->count--;
}

/* ---- entries ---- */

static uint32_t add(struct live_table *self, uint64_t goid, uint64_t time)
{
    uint32_t place = take_place(self);
    if (place == NONE)
        return NONE;
    *live_at(self, place) = (struct live_goroutine){.goid = goid, .since = time, .next = NONE};
    if (!index_put(self, &self->by_goid, place)) {
        *live_at(self, place) = (struct live_goroutine){.next = self->free};
        self->free = place;
        return NONE;
    }
    self->alive++;
    return place;
}

uint32_t live_find_goid(const struct live_table *self, uint64_t goid)
{
    return index_find(self, &self->by_goid, goid);
}

uint32_t live_find_g(const struct live_table *self, uint64_t g)
{
    return index_find(self, &self->by_g, g);
}

uint32_t live_find_or_add(struct live_table *self, uint64_t goid, uint64_t time)
{
    uint32_t place = goid ? index_find(self, &self->by_goid, goid) : NONE;
    return place == NONE && goid ? add(self, goid, time) : place;
}

void live_bury(struct live_table *self, uint32_t place)
{
    struct live_goroutine *goroutine = live_at(self, place);
    goroutine->state = GOROUTINE_DEAD;
    goroutine->next = NONE;
    self->alive--;
    if (self->dead_last == NONE)
        self->dead_first = place;
    else
        live_at(self, self->dead_last)->next = place;
    self->dead_last = place;
}

/* The dead stay until events from before their end can come no more. */
void live_table_settle(struct live_table *self, uint64_t time_ns)
{
    while (self->dead_first != NONE && live_at(self, self->dead_first)->last_ns < time_ns) {
        uint32_t place = self->dead_first;
        self->dead_first = live_at(self, place)->next;
        if (self->dead_first == NONE)
            self->dead_last = NONE;
        index_drop(self, &self->by_goid, place);
        index_drop(self, &self->by_g, place);
        *live_at(self, place) = (struct live_goroutine){.next = self->free};
        self->free = place;
    }
}

void live_map_g(struct live_table *self, uint32_t place, uint64_t g, uint64_t time)
{
    struct live_goroutine *goroutine = live_at(self, place);
    if (!g || goroutine->g == g)
        return;
    uint32_t before = index_find(self, &self->by_g, g);
    if (before != NONE) {
        struct live_goroutine *other = live_at(self, before);
        if (other->state != GOROUTINE_DEAD && other->last_ns > time)
            return;
        index_drop(self, &self->by_g, before);
        other->g = 0;
        if (other->state != GOROUTINE_DEAD) {
            other->last_ns = time;
            live_bury(self, before);
        }
    }
    index_drop(self, &self->by_g, place);
    goroutine->g = g;
    if (!index_put(self, &self->by_g, place))
        goroutine->g = 0;
}
/* ---- all of them ---- */

void live_table_lose(struct live_table *self, uint64_t time_ns)
{
    if (time_ns > self->gap_ns)
        self->gap_ns = time_ns;
}
static void carry(uint32_t *id, enum def_kind kind, live_carry_fn fn, void *context)
{
    if (*id)
        *id = fn(context, kind, *id);
}

void live_table_carry(struct live_table *self, live_carry_fn fn, void *context)
{
    for (uint32_t place = 0; place < self->used; place++) {
        struct live_goroutine *g = live_at(self, place);
        carry(&g->stack, DEF_STACK, fn, context);
        carry(&g->create_stack, DEF_STACK, fn, context);
        carry(&g->object, DEF_OBJECT, fn, context);
        carry(&g->set, DEF_SET, fn, context);
        carry(&g->next_set, DEF_SET, fn, context);
        carry(&g->start, DEF_LOCATION, fn, context);
        carry(&g->created_at, DEF_LOCATION, fn, context);
        carry(&g->labels, DEF_STRING, fn, context);
    }
    self->origin.type = EV_NONE;
    self->look_set_goid = 0;
}

/* ---- questions ---- */

uint64_t live_table_count(const struct live_table *self)
{
    return self->alive + self->beyond;
}

uint64_t live_table_missing(const struct live_table *self)
{
    return self->beyond;
}

struct live_goroutine *live_table_next(struct live_table *self, uint32_t *position)
{
    while (*position < self->used) {
        struct live_goroutine *goroutine = live_at(self, (*position)++);
        if (goroutine->goid && goroutine->state != GOROUTINE_DEAD)
            return goroutine;
    }
    return NULL;
}

struct live_goroutine *live_table_find(struct live_table *self, uint64_t goid)
{
    uint32_t place = goid ? index_find(self, &self->by_goid, goid) : NONE;
    return place == NONE || live_at(self, place)->state == GOROUTINE_DEAD ? NULL : live_at(self, place);
}

bool live_table_is_doubtful(const struct live_table *self, const struct live_goroutine *goroutine)
{
    return goroutine->last_ns < self->gap_ns;
}

enum wait_class live_table_class(const struct live_table *self, const struct live_goroutine *goroutine)
{
    return (enum wait_class)self->class_of[goroutine->reason < LIVE_REASONS_MAX ? goroutine->reason : 0];
}
