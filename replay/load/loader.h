/*
 * From a trace file to a database: read, merge the rings by time, drive the goroutine state machine, write
 * facts and derived rows. The database is built under a temporary name beside its place and renamed when it
 * is whole.
 */
#ifndef GOTAPE_REPLAY_LOADER_H
#define GOTAPE_REPLAY_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct load_progress {
    uint64_t bytes_done, bytes_total; /* of the trace */
    uint64_t events;
    uint64_t elapsed_ns;
    const char *stage; /* "events", "indexes" */
};

typedef void (*load_progress_fn)(void *context, const struct load_progress *progress);

struct load_options {
    load_progress_fn progress; /* called about ten times a second; may be NULL */
    void *context;
    const volatile int
        *stop; /* becomes non-zero: give up with ERR_STOPPED, leaving nothing behind; may be NULL */
};

struct load_result {
    uint64_t events, transitions, waits, goroutines;
    uint64_t lost, damage, illegal;
    uint64_t elapsed_ns;
};

/* Loads trace_path into db_path (replacing it). Fails only when nothing can be read or written: damage inside
 * the trace is data (tables damage, anomaly). */
int loader_run(const char *trace_path, const char *db_path, const struct load_options *options,
               struct load_result *out, struct error *err);

#endif
