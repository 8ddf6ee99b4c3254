/*
 * The stages of one load, in their order: read a chunk, resolve its ids, merge, and hand the events that are
 * due to the trackers; at the end, close what is open. loader.c does the rest: holes, files, names.
 */
#ifndef GOTAPE_REPLAY_LOAD_STAGES_H
#define GOTAPE_REPLAY_LOAD_STAGES_H

#include "format/trace_meta.h"
#include "load/gaps.h"
#include "load/loader.h"
#include "store/store.h"

struct load_run {
    const struct load_options *options; /* may be NULL */
    struct gaps *gaps;
    const struct trace_meta *meta; /* facts known beforehand */
    bool knows_gaps;               /* the trace was searched for holes */
    bool needs_gaps;               /* set with a failure: it was not, and it has some */
    uint64_t start_clock_ns;
    struct load_result result;
};

/* Fills the new store from the trace, and finishes it. */
int load_stages_run(struct load_run *run, struct store *store, const char *trace_path, struct error *err);

#endif
