/* Decoded events of one chunk, and the sections that they stand in. */
#ifndef GOTAPE_FORMAT_EVENT_BATCH_H
#define GOTAPE_FORMAT_EVENT_BATCH_H

#include "format/event.h"
#include <stddef.h>

/* Zero-initialise, reuse, release. */
struct event_batch {
    struct event *events;
    uint32_t count, capacity;
    struct trace_section *sections;
    uint32_t section_count, section_capacity;
    uint64_t unknown; /* events of types that this version does not know, left out */
};

void event_batch_release(struct event_batch *self);
/* Makes room for this many events, at most CHUNK_EVENTS_MAX; what was there is gone. Returns 0, or -1 when out of memory. */
int event_batch_reserve(struct event_batch *self, size_t count);
/* The events from `first` on are a section of this ring. Returns 0, or -1 when out of memory. */
int event_batch_add_section(struct event_batch *self, uint16_t ring, uint32_t first);

#endif
