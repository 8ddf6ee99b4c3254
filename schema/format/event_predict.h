/*
 * The predictions of the event codec (enum field_coding), the same on both sides: small direct-mapped tables,
 * emptied at the start of a chunk. A collision costs bytes, never correctness.
 */
#ifndef GOTAPE_FORMAT_EVENT_PREDICT_H
#define GOTAPE_FORMAT_EVENT_PREDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "format/event_spec.h"

#define PREDICT_SLOTS 4096u

struct event_predict {
    uint64_t running[PREDICT_SLOTS]; /* by tid */
    uint64_t readied[PREDICT_SLOTS]; /* by tid */
    uint64_t previous[EVENT_TYPE_COUNT][EVENT_FIELDS_MAX];
    uint64_t (*by_key[EVENT_TYPE_COUNT])[PREDICT_SLOTS]; /* a table for each field; NULL: not yet needed */
    bool used[EVENT_TYPE_COUNT];                         /* by_key of this type is to be emptied */
};

void event_predict_release(struct event_predict *self);
void event_predict_reset(struct event_predict *self);
/* To be called once after a reset for each type that will come. Returns 0, or -1 when out of memory. */
int event_predict_prepare(struct event_predict *self, unsigned type);

static inline size_t event_predict_hash(uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15u) >> 52);
}

/* Where the prediction of a field stands; write the true value there afterwards. */
static inline uint64_t *event_predict_slot(struct event_predict *self, const struct event *e, unsigned field,
                                           const struct field_spec *spec)
{
    uint64_t key = spec->coding == CODE_BY_FIELD ? e->f[spec->context] : e->tid;
    size_t slot = event_predict_hash(key);
    switch (spec->coding) {
    case CODE_RUNNING:
        return &self->running[slot];
    case CODE_READIED:
        return &self->readied[slot];
    case CODE_BY_TID:
    case CODE_BY_FIELD:
        return &self->by_key[e->type][field][slot];
    case CODE_NEXT:
    case CODE_TIME:
        break;
    }
    return &self->previous[e->type][field];
}

/* To be told each event when all its fields are known. */
static inline void event_predict_learn(struct event_predict *self, const struct event *e)
{
    size_t slot = event_predict_hash(e->tid);
    if (e->type == EV_EXEC)
        self->running[slot] = e->f[EXEC_GOID];
    else if (e->type == EV_CREATE)
        self->readied[slot] = e->f[CREATE_GOID];
    else if (e->type == EV_READY)
        self->readied[slot] = e->f[READY_GOID];
}

#endif
