/*
 * How much dearer, or cheaper, a hit is now than when hit_cost_measure() measured: the same host gives other figures once its
 * other threads, or its neighbours, are busy. A few hits of our own, in this thread, at the probe that hit_cost_measure() has
 * measured: with an event that is open for this thread alone and enabled only meanwhile, or with the program of such a probe, which
 * finds nowhere to write to. A look takes a fifth of a millisecond; what several of them say together is hit_level.h's.
 */
#ifndef GOTAPE_RECORD_HIT_GAUGE_H
#define GOTAPE_RECORD_HIT_GAUGE_H

#include <stdbool.h>

#include "base/error.h"
#include "perf/hit_cost.h"
#include "perf/hit_level.h"
#include "perf/perf_ring.h"
#include "perf/perf_session.h"

struct hit_gauge {
    bool is_open;
    int fd; /* of the event; not with programs */
    struct perf_ring ring;
    struct perf_session *session; /* with programs; never enabled */
    struct hit_level level;
};

/* Right behind hit_cost_measure(), and by the thread that will look. */
int hit_gauge_open(struct hit_gauge *self, const struct hit_cost_input *in, struct error *err);
/* Before the group's definitions are deleted; idempotent, and fine for one that is all zeroes. */
void hit_gauge_close(struct hit_gauge *self);
void hit_gauge_look(struct hit_gauge *self);
/* What to multiply the measured costs by; 1 while it is not open. */
double hit_gauge_factor(const struct hit_gauge *self);

#endif
