/*
 * How complete a recording is: what every answer rests on, and whether it has to come with a warning (exit
 * status 3).
 */
#ifndef GOTAPE_REPLAY_QUALITY_H
#define GOTAPE_REPLAY_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/store.h"

struct quality {
    int64_t start_ns, end_ns;
    int64_t start_realtime_ns; /* 0: unknown */
    bool is_attach, is_clean_end;
    int64_t events, lost, damage, errors, warnings;
    int64_t recorded_ns, pauses; /* as view coverage has it */
    char dropped[64];            /* classes of events; "": none */
    char process[64], pid[24], go[64]; /* "" when unknown */
};

int quality_read(struct store *store, struct quality *out, struct error *err);
/* Records were lost, the file is damaged or has no end, or the events contradict each other. */
bool quality_is_incomplete(const struct quality *self);
/* "12 records lost, no clean end" */
void quality_print_problems(struct buf *out, const struct quality *self);
/* "orders (pid 7, go1.26.8), recorded 10.0 s from 2026-11-22 17:00:00 UTC: 123,456 events, 0 lost" */
void quality_print_line(struct buf *out, const struct quality *self);
/* What a recording that was thinned out means for the figures: a line or two; nothing for all others. */
void quality_print_coverage(struct buf *out, const struct quality *self);
/* Counts and totals times this estimate the whole recording; at least 1. */
double quality_scale(const struct quality *self);

#endif
