#include "format/event_hold.h"

#include <stdlib.h>

void event_hold_init(struct event_hold *self)
{
    *self = (struct event_hold){.after_ns = UINT64_MAX};
}

void event_hold_release(struct event_hold *self)
{
    free(self->events);
    event_hold_init(self);
}

bool event_hold_add(struct event_hold *self, const struct event *event)
{
    if (self->count == self->capacity) {
        uint32_t capacity = self->capacity ? 2 * self->capacity : 1024;
        struct event *events = capacity ? realloc(self->events, capacity * sizeof *events) : NULL;
        if (!events)
            return false;
        self->events = events;
        self->capacity = capacity;
    }
    self->events[self->count++] = *event;
    return true;
}
