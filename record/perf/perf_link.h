/*
 * All probes of a process by one link of bpf(2) instead of an event of tracefs and perf for each: nothing is defined, and so
 * nothing stays behind however the recorder ends; other processes get no breakpoint; and one close takes all of them out, with
 * one wait for the hits in progress where the last event of each probe would wait for its own (55 ms instead of 3.4 s for
 * 35 probes on Linux 6.18).
 *
 * The link runs a program that leads to the probe's own by the number that the kernel keeps with each breakpoint.
 *
 *   perf_link_open  →  add × probes  →  attach  →  detach  →  attach …  →  close
 */
#ifndef GOTAPE_RECORD_PERF_LINK_H
#define GOTAPE_RECORD_PERF_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "perf/sample_decode.h"

struct perf_link {
    pid_t pid;
    int file;       /* the program that the process runs; kept open, as it cannot be opened again without rights */
    int table;      /* programs by number */
    int dispatcher; /* the program that leads to them */
    int link;       /* -1: detached */
    bool has[SAMPLE_PROBES_MAX];
    uint64_t offset[SAMPLE_PROBES_MAX]; /* of the probed instruction in the file */
};

/* All descriptors -1. */
void perf_link_init(struct perf_link *self);
/* ERR_UNSUPPORTED where the kernel has no such links, or where they are for one thread instead of the process. */
int perf_link_open(struct perf_link *self, pid_t pid, struct error *err);
static inline bool perf_link_is_open(const struct perf_link *self)
{
    return self->table >= 0;
}
/* A program that was loaded for links, and the place of its probe. Numbers are below SAMPLE_PROBES_MAX. */
int perf_link_add(struct perf_link *self, unsigned number, int program, uint64_t file_offset, struct error *err);
/* All probes that were added but for those that are left out (by number; NULL: none is). ERR_GONE when the process has ended,
 * ERR_UNSUPPORTED when its main thread alone has: then the kernel does not find its memory. Does nothing when attached. */
int perf_link_attach(struct perf_link *self, const bool *is_left_out, struct error *err);
/* Takes the breakpoints out, which is done within some ms, and waits for the hits in progress. */
void perf_link_detach(struct perf_link *self);
void perf_link_close(struct perf_link *self); /* idempotent */
unsigned perf_link_descriptors(const struct perf_link *self);

#endif
