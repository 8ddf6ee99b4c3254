/*
 * Events one behind the other, each with only as many fields as its type has: what waits to be coded. A chunk of them is half as
 * large as the same events in an array, and is written and read once, past the caches.
 */
#ifndef GOTAPE_FORMAT_EVENT_LOG_H
#define GOTAPE_FORMAT_EVENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "format/event.h"
#include "format/event_spec.h"

#define EVENT_LOG_HEAD  (offsetof(struct event, f) / sizeof(uint64_t)) /* words in front of the fields */
#define EVENT_LOG_WORDS (sizeof(struct event) / sizeof(uint64_t))      /* of the longest event */

struct event_log {
    uint64_t *words; /* owned */
    size_t size, capacity; /* words */
    uint32_t count;        /* events */
};

void event_log_release(struct event_log *self);
/* Makes room for one event. False when out of memory. */
bool event_log_grow(struct event_log *self);

static inline void event_log_reset(struct event_log *self)
{
    self->size = 0;
    self->count = 0;
}

/* Adds a copy of an event of a known type. False when out of memory. */
static inline bool event_log_add(struct event_log *self, const struct event *event, unsigned field_count)
{
    if (self->capacity - self->size < EVENT_LOG_WORDS && !event_log_grow(self))
        return false;
    /* All fields, whose number is known here; the next event comes over those that the type has not. */
    memcpy(self->words + self->size, event, sizeof *event);
    self->size += EVENT_LOG_HEAD + field_count;
    self->count++;
    return true;
}

/* The event at a place, the first one being at 0. Its fields are those of its type: none of the others may be looked at. */
static inline const struct event *event_log_at(const struct event_log *self, size_t place)
{
    return (const struct event *)(const void *)(self->words + place);
}

/* The place of the event behind it. */
static inline size_t event_log_after(size_t place, const struct event *event)
{
    return place + EVENT_LOG_HEAD + event_spec_get(event->type)->field_count;
}

#endif
