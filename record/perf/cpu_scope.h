/*
 * What a CPU-wide session (perf_session_options.cpu_wide) needs to tell the target's threads from all others: their
 * numbers and names. Thread switches of others are kept out of the rings by the kernel, which compares names: threads
 * of one process mostly share one.
 */
#ifndef GOTAPE_RECORD_CPU_SCOPE_H
#define GOTAPE_RECORD_CPU_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

#define CPU_SCOPE_NAMES_MAX 8 /* beyond that, switches of all threads are read */

struct cpu_scope {
    struct map tids; /* of the target's threads */
    char names[CPU_SCOPE_NAMES_MAX][16];
    unsigned name_count;
    bool any_name; /* too many, or one that a filter cannot hold */
};

void cpu_scope_init(struct cpu_scope *self);
void cpu_scope_release(struct cpu_scope *self);

/* False when out of memory. */
bool cpu_scope_add(struct cpu_scope *self, uint32_t tid);
void cpu_scope_remove(struct cpu_scope *self, uint32_t tid);
bool cpu_scope_has(const struct cpu_scope *self, uint32_t tid);

/* A thread of the target has this name; true when no thread had it before. */
bool cpu_scope_name(struct cpu_scope *self, const char *name);

/* `prev_comm == "api" || prev_comm == "worker"` for the field of a sched_switch event; false: no filter. */
bool cpu_scope_filter(const struct cpu_scope *self, const char *field, char *out, size_t size);

#endif
