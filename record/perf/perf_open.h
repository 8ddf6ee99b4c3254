/*
 * perf_event_open(2): which attributes our events have, what this kernel can do, and what an error of it
 * means.
 */
#ifndef GOTAPE_RECORD_PERF_OPEN_H
#define GOTAPE_RECORD_PERF_OPEN_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct perf_features {
    bool inherit_thread; /* 5.13: inherited by threads, not by child processes */
    bool format_lost;    /* 6.0: read() tells what an event lost */
    uint32_t max_stack;  /* kernel.perf_event_max_stack */
};

/* Opens throw-away events to see what is allowed and known; the error names the missing right or feature. */
int perf_features_probe(struct perf_features *out, struct error *err);

/* An event that never counts; it owns a CPU's ring, into which all the others write, and outlives every
 * thread. */
void perf_attr_ring(struct perf_event_attr *attr, uint32_t watermark_bytes);
void perf_attr_probe(struct perf_event_attr *attr, const struct perf_features *features, uint64_t event_id,
                     bool call_chain);
/* How much of the user stack is copied at each switch out (a multiple of 8). The runtime's own sleeps are told
 * apart with 256, main.f < os.(*File).Write < … < the system call needs 600. */
#define PERF_USER_STACK_BYTES 640

/* A thread's own records: forks, exits, names; with a sched_switch event id (not 0) also switches, out and
 * in. */
void perf_attr_thread(struct perf_event_attr *attr, const struct perf_features *features,
                      uint64_t switch_event_id);

/* The same for a whole CPU: forks, exits and names of all threads, and switches out. */
void perf_attr_cpu(struct perf_event_attr *attr, const struct perf_features *features, uint64_t switch_event_id);
/* Switches in, for a whole CPU: sched_switch, of which only the fields count. */
void perf_attr_cpu_switch_in(struct perf_event_attr *attr, const struct perf_features *features,
                             uint64_t switch_event_id);
/* A probe, for a whole CPU. */
void perf_attr_cpu_probe(struct perf_event_attr *attr, const struct perf_features *features, uint64_t event_id,
                         bool call_chain);

/* What keeps a probe that has a program in the target, opened for one thread: it samples nothing. */
void perf_attr_program_probe(struct perf_event_attr *attr, uint64_t event_id);

/* Opens an event; the error is complete. tid -1: the whole CPU. ERR_GONE when the thread has exited. */
int perf_open(const struct perf_event_attr *attr, pid_t tid, int cpu, int *fd_out, struct error *err);

/* What to do when descriptors are short: raises the limit as far as our rights go. True when it has grown. */
bool perf_raise_descriptor_limit(void);

#endif
