/*
 * Takes definitions from one epoch over into the next: the id that the same content has there. For what lives longer than
 * an epoch (the table of live goroutines, events that are held back). Each definition is translated once, with all that it
 * refers to.
 */
#ifndef GOTAPE_FORMAT_DEFINITION_CARRY_H
#define GOTAPE_FORMAT_DEFINITION_CARRY_H

#include "format/definition_table.h"
#include "format/event.h"

struct definition_carry {
    const struct definition_table *from; /* borrowed; both stay as they are until the end */
    struct definition_table *to;
    uint32_t *ids[DEF_KIND_COUNT]; /* by id in `from`: id in `to` plus 1; 0: not yet translated */
    uint32_t count[DEF_KIND_COUNT];
    uint64_t dropped; /* ids that are 0 now: no memory, or more definitions than an epoch should begin with */
};

/* Returns 0 or ERR_NOMEM. */
int definition_carry_begin(struct definition_carry *self, const struct definition_table *from,
                           struct definition_table *to, struct error *err);
void definition_carry_end(struct definition_carry *self);
/* 0 for 0, for an id that is not known, and for what has no room. */
uint32_t definition_carry_id(struct definition_carry *self, enum def_kind kind, uint32_t id);
/* All ids among the fields of an event. */
void definition_carry_event(struct definition_carry *self, struct event *event);

#endif
