#include "format/event_log.h"

#include <stdlib.h>

_Static_assert(offsetof(struct event, f) % sizeof(uint64_t) == 0 && sizeof(struct event) % sizeof(uint64_t) == 0,
               "an event is made of words");

void event_log_release(struct event_log *self)
{
    free(self->words);
    *self = (struct event_log){0};
}

bool event_log_grow(struct event_log *self)
{
    size_t capacity = self->capacity ? 2 * self->capacity : 1024 * EVENT_LOG_WORDS;
    uint64_t *words = capacity > self->capacity ? realloc(self->words, capacity * sizeof *words) : NULL;
    if (!words)
        return false;
    self->words = words;
    self->capacity = capacity;
    return true;
}
