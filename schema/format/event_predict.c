#include "format/event_predict.h"

#include <string.h>

void event_predict_reset(struct event_predict *self)
{
    memset(self->running, 0, sizeof self->running);
    memset(self->readied, 0, sizeof self->readied);
    memset(self->previous, 0, sizeof self->previous);
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
        /* Most types are rare, and the tables are large. */
        if (self->used[type])
            memset(self->by_key[type], 0, sizeof self->by_key[type]);
        self->used[type] = false;
    }
}
