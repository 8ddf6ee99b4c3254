/*
 * How dear hits are now against the beginning, from looks at a few of them: pure arithmetic. One look in ten meets an interrupt, or
 * a neighbour's burst, and shows several times the usual: the median of the last ones is what counts.
 */
#ifndef GOTAPE_RECORD_HIT_LEVEL_H
#define GOTAPE_RECORD_HIT_LEVEL_H

#define HIT_LEVEL_LOOKS 9

/* All zeroes: nothing is known. Times of a hit in ns; 0 where a look saw nothing. */
struct hit_level {
    double base_ns;               /* in the beginning: the lower quartile, as hit_cost_measure() takes it */
    double last[HIT_LEVEL_LOOKS]; /* in the order of their coming, from `next` on */
    unsigned next;
};

/* The one at that place, counted from 0, of `count` times in order. Sorts them. */
double hit_level_in_order(double *times, unsigned count, unsigned index);

void hit_level_init(struct hit_level *self, const double first[HIT_LEVEL_LOOKS]);
void hit_level_add(struct hit_level *self, double hit_ns);
/* 1 while nothing is known; between 0.5 and 3, as beyond these it is no measurement any more. */
double hit_level_factor(const struct hit_level *self);

#endif
