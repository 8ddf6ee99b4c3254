/* The wait that begins with a park, or that a snapshot found: from the fields of the event to an open wait. A part of
 * goroutine_tracker. */
#ifndef GOTAPE_REPLAY_PARK_H
#define GOTAPE_REPLAY_PARK_H

#include "load/goroutine_step.h"

/* Resolved fields of an EV_PARK or EV_GOROUTINE. */
struct park_facts {
    uint64_t time, reason, object, value, polldesc;
    uint32_t stack;
};

/* Takes the start function from the stack when the goroutine has none. The wait has no select set. */
struct open_wait park_make_wait(struct goroutine_tracker *self, struct goroutine *goroutine,
                                const struct park_facts *facts);

#endif
