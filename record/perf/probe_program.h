/*
 * The BPF program that stands for a probe's fetch arguments: reads the same values and walks the same frame pointers, for
 * a fraction of the price, and writes one record into our ring of the CPU (program_ring.h). Pure: makes instructions from text, knows
 * nothing of the kernel but the instruction set (Documentation/bpf/standardization/instruction-set.rst), the helpers'
 * numbers and the layout of struct pt_regs (x86-64).
 *
 * A record: what is said in program_ring.h, then  u64 value × as many as the probe has  u64 frame × as many as the header says.
 * Everything is read before there is a record, so that a thread that loses the CPU meanwhile holds up nobody.
 *
 * Unlike the kernel's own fetch arguments it never reads through a pointer that is NULL: what hangs on one is 0. What
 * cannot be read is 0, too (never what an earlier hit left behind); when that is the first value, the record ends before the values, with
 * PROGRAM_FAILED in its header.
 */
#ifndef GOTAPE_RECORD_PROBE_PROGRAM_H
#define GOTAPE_RECORD_PROBE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "perf/program_ring.h"

#define PROGRAM_PROBE(header)  ((header) & 0xffffu) /* number of the probe */
#define PROGRAM_FRAMES(header) ((header) >> 16 & 0xffu)
#define PROGRAM_CUT            (1u << 24) /* there are outer frames */
#define PROGRAM_FAILED         (1u << 25) /* a hit of which nothing is known */

#define PROGRAM_FRAMES_MAX 127

/* One element of the scratch map: slots that a hit takes for itself, because a thread may lose the CPU amid a program. */
#define PROGRAM_SLOTS        4
#define PROGRAM_SLOT_BYTES   1536
#define PROGRAM_SCRATCH_SIZE (PROGRAM_SLOTS * PROGRAM_SLOT_BYTES)

struct program_input {
    const char *fetch;           /* "goid=+152(%r14):u64 …", as for tracefs */
    const char *const *values;   /* the names that are expected, in this order; NULL ends the list */
    const unsigned *elements;    /* array lengths, 0 or 1 for scalars */
    unsigned probe;              /* number for the header */
    uint64_t file_offset;        /* of the probed instruction: what @+N is relative to */
    unsigned frames;             /* 0: no call chain; at most PROGRAM_FRAMES_MAX */
    uint32_t pid;                /* hits of other processes, with which it shares memory, are not told */
    uint64_t namespace_device, namespace_inode; /* pid and threads are numbered as there; 0: as in the first namespace */
    struct program_geometry geometry;
    unsigned cpus;               /* so many rings, by number of CPU */
    int control, data, scratch;  /* maps: the controls of all rings in its one element; slices; scratch (with frames only) */
    int empty;                   /* a table of programs with nothing in it: see emit_no_shared_stack() */
};

/*
 * Appends the instructions (8 bytes each) to `out`, and says how many u64 the values take. ERR_UNSUPPORTED for an
 * expression that it does not know; then perf's own way is left.
 */
int probe_program_make(const struct program_input *input, struct buf *out, unsigned *value_count_out,
                       struct error *err);

#endif
