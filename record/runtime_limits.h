/* GOGC and GOMEMLIMIT of the running target: at the start of a recording, and as they were last. */
#ifndef GOTAPE_RECORD_RUNTIME_LIMITS_H
#define GOTAPE_RECORD_RUNTIME_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "format/trace_meta.h"
#include "go/go_process.h"

struct runtime_limits {
    bool has_gogc,
        has_memory; /* not yet: the runtime has not set them, or they are not found in this program */
    int32_t gogc;   /* -1: off */
    int64_t memory; /* bytes; INT64_MAX: none */
};

/* What cannot be read, as when the target has gone, stays as it was. */
void runtime_limits_look(struct runtime_limits *self, struct go_process *process);
enum limits_when { LIMITS_AT_START, LIMITS_AT_END };
/* As facts, as far as they are known and not yet in `except` (may be NULL). */
int runtime_limits_put(const struct runtime_limits *self, enum limits_when when,
                       const struct trace_meta *except, struct trace_meta *out, struct error *err);

#endif
