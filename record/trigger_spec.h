/*
 * What makes a flight recorder write: a condition on the program, as given to --trigger. Pure; trigger.c watches for it.
 */
#ifndef GOTAPE_RECORD_TRIGGER_SPEC_H
#define GOTAPE_RECORD_TRIGGER_SPEC_H

#include <stdint.h>

#include "base/error.h"

#define TRIGGERS_MAX 16

enum trigger_kind {
    TRIGGER_BLOCKED,      /* "blocked>5s": a goroutine of the program waits for longer; limit in ns */
    TRIGGER_RUNNABLE_P99, /* "runnable-p99>10ms": the 99th percentile of the time from being able to run to running; ns */
    TRIGGER_GOROUTINES,   /* "goroutines>10000": so many are alive */
    TRIGGER_GROWTH,       /* "goroutines+200/s": so many more each second */
};

struct trigger_spec {
    enum trigger_kind kind;
    uint64_t limit;
    const char *text; /* as given; borrowed */
};

/* ERR_USAGE with what is wrong, and which forms there are. */
int trigger_spec_parse(const char *text, struct trigger_spec *out, struct error *err);

#endif
