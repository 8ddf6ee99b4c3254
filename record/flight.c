#include "flight.h"

#include <stdlib.h>
#include <string.h>

struct unit {
    uint64_t begin_ns, bytes;
    struct flight_chunk **chunks;
    uint32_t count, capacity;
    uint64_t by_type[EVENT_TYPE_COUNT];
    unsigned users; /* the flight, dumps */
};

struct flight {
    uint64_t window_ns, max_bytes, bytes;
    struct unit **units; /* in the order of time; the last one is being filled */
    uint32_t count, capacity;
};

struct flight_dump {
    struct unit **units;
    uint32_t count, unit, chunk;
};

static void let_go(struct unit *unit)
{
    if (--unit->users > 0)
        return;
    for (uint32_t i = 0; i < unit->count; i++)
        free(unit->chunks[i]);
    free(unit->chunks);
    free(unit);
}

static void let_all_go(struct unit **units, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        let_go(units[i]);
    free(units);
}

static bool add_unit(struct flight *self, uint64_t begin_ns)
{
    if (self->count == self->capacity) {
        uint32_t capacity = self->capacity ? 2 * self->capacity : 32;
        struct unit **units = realloc(self->units, capacity * sizeof *units);
        if (!units)
            return false;
        self->units = units;
        self->capacity = capacity;
    }
    struct unit *unit = calloc(1, sizeof *unit);
    if (!unit)
        return false;
    unit->begin_ns = begin_ns;
    unit->users = 1;
    self->units[self->count++] = unit;
    return true;
}

struct flight *flight_new(uint64_t window_ns, uint64_t max_bytes)
{
    struct flight *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->window_ns = window_ns;
    self->max_bytes = max_bytes;
    if (!add_unit(self, 0)) {
        flight_free(self);
        return NULL;
    }
    return self;
}

void flight_start(struct flight *self, uint64_t begin_ns)
{
    self->units[0]->begin_ns = begin_ns;
}

void flight_free(struct flight *self)
{
    if (!self)
        return;
    let_all_go(self->units, self->count);
    free(self);
}

bool flight_add(struct flight *self, const void *chunk, size_t size)
{
    struct unit *unit = self->units[self->count - 1];
    if (unit->count == unit->capacity) {
        uint32_t capacity = unit->capacity ? 2 * unit->capacity : 16;
        struct flight_chunk **chunks = realloc(unit->chunks, capacity * sizeof *chunks);
        if (!chunks)
            return false;
        unit->chunks = chunks;
        unit->capacity = capacity;
    }
    struct flight_chunk *copy = malloc(sizeof *copy + size);
    if (!copy)
        return false;
    copy->size = size;
    memcpy(copy->data, chunk, size);
    unit->chunks[unit->count++] = copy;
    unit->bytes += size;
    self->bytes += size;
    return true;
}

static void drop_oldest(struct flight *self)
{
    self->bytes -= self->units[0]->bytes;
    let_go(self->units[0]);
    memmove(self->units, self->units + 1, --self->count * sizeof *self->units);
}

bool flight_begin_unit(struct flight *self, uint64_t begin_ns, const uint64_t by_type[EVENT_TYPE_COUNT])
{
    memcpy(self->units[self->count - 1]->by_type, by_type, sizeof self->units[0]->by_type);
    if (!add_unit(self, begin_ns))
        return false;
    /* The second one reaches back far enough. Of one unit's worth of room is still to be filled. */
    while (self->count > 2 && (self->units[1]->begin_ns + self->window_ns <= begin_ns ||
                               self->bytes > self->max_bytes / FLIGHT_UNITS * (FLIGHT_UNITS - 1)))
        drop_oldest(self);
    return true;
}

bool flight_is_due(const struct flight *self, uint64_t now)
{
    const struct unit *unit = self->units[self->count - 1];
    return now - unit->begin_ns >= self->window_ns / FLIGHT_UNITS || unit->bytes >= self->max_bytes / FLIGHT_UNITS;
}

uint64_t flight_bytes(const struct flight *self)
{
    return self->bytes;
}

struct flight_dump *flight_dump_new(struct flight *self)
{
    struct flight_dump *dump = self->count > 1 ? calloc(1, sizeof *dump) : NULL;
    if (!dump || !(dump->units = calloc(self->count, sizeof *dump->units))) {
        free(dump);
        return NULL;
    }
    dump->count = self->count - 1;
    for (uint32_t i = 0; i < dump->count; i++) {
        dump->units[i] = self->units[i];
        dump->units[i]->users++;
    }
    return dump;
}

void flight_dump_free(struct flight_dump *self)
{
    if (!self)
        return;
    let_all_go(self->units, self->count);
    free(self);
}

uint64_t flight_dump_begin_ns(const struct flight_dump *self)
{
    return self->units[0]->begin_ns;
}

const struct flight_chunk *flight_dump_next(struct flight_dump *self)
{
    while (self->unit < self->count && self->chunk == self->units[self->unit]->count) {
        self->unit++;
        self->chunk = 0;
    }
    return self->unit < self->count ? self->units[self->unit]->chunks[self->chunk++] : NULL;
}

void flight_dump_types(const struct flight_dump *self, uint64_t by_type[EVENT_TYPE_COUNT])
{
    memset(by_type, 0, EVENT_TYPE_COUNT * sizeof *by_type);
    for (uint32_t i = 0; i < self->count; i++) {
        for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++)
            by_type[type] += self->units[i]->by_type[type];
    }
}
