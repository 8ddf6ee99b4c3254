/*
 * What a hit of a probe costs on this host, and a thread switch: measured on two child processes of our own (hit_child.h). The one
 * calls a function of our own, first bare, then with a probe like those of the recording (a program, behind a link where the kernel
 * has them, with a ring of its own; or a sample of perf) that takes some values, then with call chains of two depths; and once with
 * cold caches. Then the two hand a byte to and fro, without events, with those that record thread switches, and with some that only
 * have to be switched along. Takes about a fifth of a second, with perf's samples most of it the kernel's waiting when an event is
 * closed. Touches no other process: the probes are opened for the child alone.
 */
#ifndef GOTAPE_RECORD_HIT_COST_H
#define GOTAPE_RECORD_HIT_COST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "perf/hit_price.h"
#include "perf/uprobe.h"

struct hit_cost_input {
    struct uprobe_group *group; /* the probe is defined in it, and deleted with it; not with has_link */
    const char *tracefs;
    uint64_t
        switch_id; /* of sched:sched_switch; 0: switches are not recorded, and their cost is not measured */
    bool programs; /* the probes have BPF programs (perf_session.h) */
    bool has_link; /* which are attached by a link */
};
/* ERR_UNSUPPORTED on other architectures, and where the probe is not hit. */
int hit_cost_measure(const struct hit_cost_input *in, struct hit_price *out, struct error *err);

/* A session with programs for that probe alone, in a process with our code: `pid`. Its events are open. */
struct perf_session;
int hit_cost_session(const struct hit_cost_input *in, pid_t pid, bool call_chain, uint64_t ring_bytes,
                     struct perf_session **out, struct error *err);
/* The event of that probe; when it is defined. */
int hit_cost_event(const struct uprobe_group *group, uint64_t *event_id_out, struct error *err);

#endif
