/* See hit_level.h. */
#include "perf/hit_level.h"

#include <stdlib.h>
#include <string.h>

#define LEAST 0.5
#define MOST  3.0

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double hit_level_in_order(double *times, unsigned count, unsigned index)
{
    qsort(times, count, sizeof *times, by_value);
    return times[index];
}

static double in_order(const double looks[HIT_LEVEL_LOOKS], unsigned index)
{
    double sorted[HIT_LEVEL_LOOKS];
    memcpy(sorted, looks, sizeof sorted);
    return hit_level_in_order(sorted, HIT_LEVEL_LOOKS, index);
}

void hit_level_init(struct hit_level *self, const double first[HIT_LEVEL_LOOKS])
{
    memset(self, 0, sizeof *self);
    memcpy(self->last, first, sizeof self->last);
    self->base_ns = in_order(first, HIT_LEVEL_LOOKS / 4);
}

void hit_level_add(struct hit_level *self, double hit_ns)
{
    if (!(hit_ns > 0))
        return;
    self->last[self->next] = hit_ns;
    self->next = (self->next + 1) % HIT_LEVEL_LOOKS;
}

double hit_level_factor(const struct hit_level *self)
{
    if (!(self->base_ns > 0))
        return 1;
    double factor = in_order(self->last, HIT_LEVEL_LOOKS / 2) / self->base_ns;
    return factor < LEAST ? LEAST : factor > MOST ? MOST : factor;
}
