/*
 * The memory of a flight recorder: finished chunks of the last seconds, in units that each stand alone (a unit begins with a
 * definition epoch and the table of live goroutines). The oldest units are dropped when the others are enough, or need the
 * room. A dump is a list of units that stay while they are written.
 */
#ifndef GOTAPE_RECORD_FLIGHT_H
#define GOTAPE_RECORD_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/event.h"

#define FLIGHT_UNITS 8 /* of this many a full memory consists */

struct flight;

struct flight_chunk {
    size_t size;
    uint8_t data[];
};

/* NULL when out of memory. */
struct flight *flight_new(uint64_t window_ns, uint64_t max_bytes);
void flight_free(struct flight *self);
/* The first unit begins at this time. */
void flight_start(struct flight *self, uint64_t begin_ns);

/* Keeps a copy of a finished chunk, in the unit that was begun last. False when out of memory. */
bool flight_add(struct flight *self, const void *chunk, size_t size);
/* The unit is complete: so many events it has of each type. The next one begins at this time. */
bool flight_begin_unit(struct flight *self, uint64_t begin_ns, const uint64_t by_type[EVENT_TYPE_COUNT]);
/* True when the unit should end, for its age or its size. */
bool flight_is_due(const struct flight *self, uint64_t now);
uint64_t flight_bytes(const struct flight *self);

/* A dump of all complete units. */
struct flight_dump;
struct flight_dump *flight_dump_new(struct flight *self); /* NULL when out of memory, or when there are none */
void flight_dump_free(struct flight_dump *self);          /* also when not all was taken; before the flight */
uint64_t flight_dump_begin_ns(const struct flight_dump *self);
/* One chunk after the other, NULL: no more. */
const struct flight_chunk *flight_dump_next(struct flight_dump *self);
void flight_dump_types(const struct flight_dump *self, uint64_t by_type[EVENT_TYPE_COUNT]);

#endif
