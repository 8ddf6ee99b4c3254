/*
 * What coded events cost in the file, by type and part: measured while they are decoded, in fractions of a bit. For people who
 * wonder what makes a file large; costs time, so a reader measures only when it is asked to.
 */
#ifndef GOTAPE_FORMAT_EVENT_COSTS_H
#define GOTAPE_FORMAT_EVENT_COSTS_H

#include "format/event_coding.h"
#include "format/range_coder.h"

/* Parts of an event: its type and thread, its time, then its fields by number. */
enum { COST_HEAD, COST_TIME, COST_FIELDS, COST_PARTS = COST_FIELDS + CODING_FIELDS_MAX };

struct event_costs {
    uint64_t counts[CODING_TYPES_MAX];
    double bits[CODING_TYPES_MAX][COST_PARTS];
    double position; /* bits of the present chunk used so far */
};

/* The decoder stands at the first event of a chunk. */
void event_costs_begin(struct event_costs *self, const struct range_coder *coder);
/* What was decoded since the call before was this part. */
void event_costs_take(struct event_costs *self, const struct range_coder *coder, unsigned type, unsigned part);

#endif
