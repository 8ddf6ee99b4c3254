#include "format/event_batch.h"

#include <stdlib.h>

void event_batch_release(struct event_batch *self)
{
    free(self->events);
    free(self->sections);
    *self = (struct event_batch){0};
}

int event_batch_add_section(struct event_batch *self, uint16_t ring, uint32_t first)
{
    if (self->section_count == self->section_capacity) {
        uint32_t capacity = self->section_capacity ? 2 * self->section_capacity : 64;
        struct trace_section *sections = realloc(self->sections, capacity * sizeof *sections);
        if (!sections)
            return -1;
        self->sections = sections;
        self->section_capacity = capacity;
    }
    self->sections[self->section_count++] =
        (struct trace_section){.ring = ring, .first = first, .count = self->count - first};
    return 0;
}

int event_batch_reserve(struct event_batch *self, size_t count)
{
    if (count <= self->capacity)
        return 0;
    free(self->events);
    self->capacity = 0;
    self->events = malloc(count * sizeof *self->events);
    if (!self->events)
        return -1;
    self->capacity = (uint32_t)count;
    return 0;
}
