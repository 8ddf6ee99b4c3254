/*
 * Which object a parked goroutine waits for, from the wait reason and the values fetched at gopark. Pure. A
 * value that hangs on a pointer that was NULL is not believed; when the values contradict each other there is
 * no object.
 */
#ifndef GOTAPE_RECORD_WAIT_OBJECT_H
#define GOTAPE_RECORD_WAIT_OBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "format/definitions.h"
#include "go/go_binary.h"

#define WAIT_REASONS_MAX 256

enum { NOTIFY_LIST_LOCK = 8 }; /* offset of lock in sync.notifyList (runtime/sema.go) */

/* How to find the object of each wait reason of the traced Go version. */
struct wait_rules {
    uint8_t rule_of[WAIT_REASONS_MAX];
    bool loses_semaphores; /* as in probe_plan.h; false from wait_rules_init */
};

struct wait_object {
    enum object_kind kind;
    uint64_t address; /* of the object that the program knows; 0: none, or not known */
    uint64_t value;   /* sleep: duration in ns; network: 'r' or 'w' */
};

/* `reasons` are the runtime's strings (runtime/runtime2.go, waitReasonStrings). */
void wait_rules_init(struct wait_rules *self, const char *const *reasons, size_t count);

/* `values` are those of PROBE_PARK (probe_table.h), `hints` the CHAIN_HAS_… mask of the goroutine's stack. */
struct wait_object wait_object_find(const struct wait_rules *rules, const struct go_layout *layout,
                                    const uint64_t *values, uint32_t hints);

#endif
