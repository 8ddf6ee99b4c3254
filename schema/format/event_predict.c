#include "format/event_predict.h"

#include <stdlib.h>
#include <string.h>

static size_t table_size(unsigned type)
{
    return event_spec_get(type)->field_count * PREDICT_SLOTS * sizeof(uint64_t);
}

void event_predict_release(struct event_predict *self)
{
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++)
        free(self->by_key[type]);
    memset(self->by_key, 0, sizeof self->by_key);
}

void event_predict_reset(struct event_predict *self)
{
    memset(self->running, 0, sizeof self->running);
    memset(self->readied, 0, sizeof self->readied);
    memset(self->previous, 0, sizeof self->previous);
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        /* Most types are rare, and the tables are large. */
        if (self->used[type])
            memset(self->by_key[type], 0, table_size(type));
        self->used[type] = false;
    }
}

int event_predict_prepare(struct event_predict *self, unsigned type)
{
    size_t size = table_size(type);
    if (!self->by_key[type] && size > 0) {
        self->by_key[type] = calloc(1, size);
        if (!self->by_key[type])
            return -1;
    }
    self->used[type] = size > 0;
    return 0;
}
