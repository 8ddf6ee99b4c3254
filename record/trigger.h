/*
 * Watches the live goroutines for what --trigger asks. Each condition fires when it becomes true, and again only when it has
 * been false in between; a wait fires once. What becomes true during a cool-down fires at its end if it is still true.
 */
#ifndef GOTAPE_RECORD_TRIGGER_H
#define GOTAPE_RECORD_TRIGGER_H

#include <stdbool.h>

#include "latency_window.h"
#include "state/live_table.h"
#include "trigger_spec.h"

#define TRIGGER_COUNTS 32

/* Whose wait does not count: the runtime's goroutines, and who waits for a timer's channel. */
typedef bool (*trigger_spares_fn)(void *context, struct live_goroutine *goroutine);
/* In words: who waits where. */
typedef void (*trigger_name_fn)(void *context, const struct live_goroutine *goroutine, char *out, size_t size);

struct trigger_watch {
    const struct trigger_spec *specs; /* borrowed */
    unsigned count;
    struct live_table *live; /* borrowed */
    trigger_spares_fn spares;
    trigger_name_fn name;
    void *context;
    uint64_t begin_ns; /* waits from before are nobody's news */
    bool is_true[TRIGGERS_MAX];
    struct latency_window latencies;
    struct {
        uint64_t time_ns, goroutines;
    } history[TRIGGER_COUNTS]; /* a ring, four a second */
    unsigned history_next;
    uint64_t checked_ns;
};

/* For live_table_options.latency; the context is the watch. */
void trigger_latency(void *context, uint64_t since_ns, uint64_t run_ns);
/* `now`: all events before it are in the table. True when one fires: `reason` says which and why. While `holds`, none does. */
bool trigger_check(struct trigger_watch *self, uint64_t now, bool holds, char *reason, size_t size);

#endif
