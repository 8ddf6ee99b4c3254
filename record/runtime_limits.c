/* A program that is started has none until its runtime has set itself up: they are looked for again and again. */
#include "runtime_limits.h"

#include <inttypes.h>

void runtime_limits_look(struct runtime_limits *self, struct go_process *process)
{
    int32_t gogc;
    int64_t memory;
    if (go_process_gogc(process, &gogc)) {
        self->has_gogc = true;
        self->gogc = gogc;
    }
    if (go_process_memory_limit(process, &memory)) {
        self->has_memory = true;
        self->memory = memory;
    }
}

static const struct {
    const char *gogc, *memory;
} keys[] = {
    [LIMITS_AT_START] = {"go.gogc", "go.memory_limit"},
    [LIMITS_AT_END] = {"end.gogc", "end.memory_limit"},
};

static int put(const char *key, int64_t value, const struct trace_meta *except, struct trace_meta *out,
               struct error *err)
{
    return except && trace_meta_get(except, key) ? 0 : trace_meta_setf(out, err, key, "%" PRId64, value);
}

int runtime_limits_put(const struct runtime_limits *self, enum limits_when when,
                       const struct trace_meta *except, struct trace_meta *out, struct error *err)
{
    int rc = self->has_gogc ? put(keys[when].gogc, self->gogc, except, out, err) : 0;
    return rc == 0 && self->has_memory ? put(keys[when].memory, self->memory, except, out, err) : rc;
}
