#include "format/event_costs.h"

#include <math.h>

/* Bytes that were read count whole, but for what is still open in the range and in the row of raw bits. */
static double position(const struct range_coder *coder)
{
    double unread = 8.0 * (double)(bytes_left(coder->in) + bytes_left(coder->raw_in)) + (double)coder->raw_count;
    return -unread - log2((double)coder->range);
}

void event_costs_begin(struct event_costs *self, const struct range_coder *coder)
{
    self->position = position(coder);
}

void event_costs_take(struct event_costs *self, const struct range_coder *coder, unsigned type, unsigned part)
{
    double now = position(coder);
    self->bits[type][part] += now - self->position;
    self->counts[type] += part == COST_HEAD;
    self->position = now;
}
