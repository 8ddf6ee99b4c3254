/*
 * What a hit of a probe costs, by what was measured of it (hit_cost.h), how deep its call chain is, and how far apart the hits
 * of its CPU are: pure arithmetic.
 *
 * Where hits come thick and fast, they find the kernel's code and data for them in the caches. In a service that mostly sleeps they
 * do not, and there each costs several times as much. Two points are measured, hits one behind the other and hits behind a walk
 * through some MB; between them the price follows the mean time between the hits of a CPU.
 */
#ifndef GOTAPE_RECORD_HIT_PRICE_H
#define GOTAPE_RECORD_HIT_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Of a typical call chain; chain_ns is its price. */
#define HIT_PRICE_FRAMES 8
/* With so much between the hits of a CPU on the average, a hit costs the mean of hot and cold. Fitted, as is the factor of `cold`, to
 * an HTTP service at rates from 50 requests a second to all that it can. */
#define HIT_PRICE_HALF_COLD_NS 700000.0

/* All times in ns. */
struct hit_price {
    bool is_measured;  /* false: hit_price_known() */
    double lean_ns;    /* a hit at an emulated instruction with a sample of some values */
    double floor_ns;   /* a hit that meets nothing but events that are disabled */
    double chain_ns;   /* what a call chain of HIT_PRICE_FRAMES adds */
    double frame_ns;   /* what each further frame adds */
    double stepped_ns; /* a hit at an instruction that is single-stepped: by a known factor */
    double switch_ns;  /* what the records of a pair of thread switches cost, out and in again */
    double scope_ns;   /* what each further event that is open for the thread adds to that */
    double cold;       /* a hit with cold caches costs so many times as much; at least 1 */
};

/* Of one call, as measured: bare, with a lean probe, with one that is disabled, with call chains of two depths; and with cold
 * caches, bare and with the lesser depth. */
struct hit_times {
    double bare, lean, floor, near, deep, cold_bare, cold_near;
    unsigned near_frames, deep_frames;
};

/* Where nothing could be measured. */
struct hit_price hit_price_known(void);
/* All but switch_ns and scope_ns. ERR_UNSUPPORTED: the times are not those of a probe that was hit. */
int hit_price_set(struct hit_price *self, const struct hit_times *times, struct error *err);
/* After that: one hand-over between two threads and back, as measured: without events, with those of thread switches, and with some
 * further ones open besides. */
struct hit_switch_times {
    double bare, recorded, scoped;
    unsigned further;
};
void hit_price_set_switches(struct hit_price *self, const struct hit_switch_times *times);
/* What a call chain adds. */
double hit_price_of_chain(const struct hit_price *self, unsigned frames);
/* What to multiply by, with so much time between hits. */
double hit_price_factor(const struct hit_price *self, double gap_ns);

/* The hits of a CPU; all zeroes: none yet, and they count as hot. */
struct hit_gap {
    uint64_t last_ns;
    double mean_ns; /* between hits, as of the last HIT_GAP_HITS or so */
};
#define HIT_GAP_HITS 64
/* One more, at this time. */
void hit_gap_add(struct hit_gap *self, uint64_t now_ns);

#endif
