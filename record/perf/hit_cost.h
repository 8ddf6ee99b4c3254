/*
 * What a hit of a probe costs on this host, and a thread switch: measured on two child processes of our own. The one calls a
 * function of our own, first bare, then with a probe at its `push %rbp` (an instruction that the kernel emulates) and a
 * typical sample, then with call chains of two depths; between the calls it walks through memory, so that the kernel's code
 * and data are as cold as behind a piece of a program's own work. Then the two hand a byte to and fro, without events, with
 * those that record thread switches, and with some that only have to be switched along. Takes about a fifth of a second, most
 * of it the kernel's waiting when an event is closed. Touches no other process: the events are opened for the child alone.
 */
#ifndef GOTAPE_RECORD_HIT_COST_H
#define GOTAPE_RECORD_HIT_COST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "perf/uprobe.h"

/* Of a typical call chain; HIT_COST.chain_ns is its price. */
#define HIT_COST_FRAMES 8

/* All in ns. */
struct hit_cost {
    bool is_measured;  /* false: the values of the host in kernel.md's terms, see hit_cost_known() */
    double lean_ns;    /* a hit at an emulated instruction with a sample of some values */
    double floor_ns;   /* a hit that meets nothing but events that are disabled */
    double chain_ns;   /* what a call chain of HIT_COST_FRAMES adds */
    double frame_ns;   /* what each further frame adds */
    double stepped_ns; /* a hit at an instruction that is single-stepped: by a known factor */
    double switch_ns;  /* what the records of a pair of thread switches cost, out and in again */
    double scope_ns;   /* what each further event that is open for the thread adds to that */
};

/* Where nothing could be measured. */
struct hit_cost hit_cost_known(void);

/* What a call chain adds. */
double hit_cost_of_chain(const struct hit_cost *self, unsigned frames);

struct hit_cost_input {
    struct uprobe_group *group; /* the probe is defined in it, and deleted with it; not with has_link */
    const char *tracefs;
    uint64_t switch_id; /* of sched:sched_switch; 0: switches are not recorded, and their cost is not measured */
    bool programs;      /* the probes have BPF programs (perf_session.h) */
    bool has_link;      /* which are attached by a link */
};
int hit_cost_measure(const struct hit_cost_input *in, struct hit_cost *out, struct error *err);

/* A session with programs for that probe alone, in a process with our code: `pid`. Its events are open. */
struct perf_session;
int hit_cost_session(const struct hit_cost_input *in, pid_t pid, bool call_chain, uint64_t ring_bytes,
                     struct perf_session **out, struct error *err);
/* The event of that probe; when it is defined. */
int hit_cost_event(const struct uprobe_group *group, uint64_t *event_id_out, struct error *err);
/* In this process: so many calls of the function with the probe, or of its like without, with the same walks between them. */
void hit_cost_calls(unsigned count, bool probed);

#endif
