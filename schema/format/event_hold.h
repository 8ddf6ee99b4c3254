/*
 * Events that came too early: between the decision to cut a recording at a time and the moment when all events from before
 * that time have come. In the order of their coming. Ids in them are kept valid by the owner.
 */
#ifndef GOTAPE_FORMAT_EVENT_HOLD_H
#define GOTAPE_FORMAT_EVENT_HOLD_H

#include <stdbool.h>

#include "format/event.h"

struct event_hold {
    uint64_t after_ns; /* events later than this are held; UINT64_MAX: none */
    struct event *events;
    uint32_t count, capacity;
};

void event_hold_init(struct event_hold *self);
void event_hold_release(struct event_hold *self);
static inline bool event_hold_wants(const struct event_hold *self, const struct event *event)
{
    return event->time_ns > self->after_ns;
}
/* Keeps a copy. False when out of memory. */
bool event_hold_add(struct event_hold *self, const struct event *event);

#endif
