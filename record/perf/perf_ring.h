/*
 * The buffer that the kernel shares with us for one CPU: records are read in place, and the space is given
 * back by moving the tail. A record that wraps around the end is put together in a scratch buffer, so that
 * every record is contiguous and 8-aligned.
 */
#ifndef GOTAPE_RECORD_PERF_RING_H
#define GOTAPE_RECORD_PERF_RING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct perf_ring {
    void *map;        /* the control page; NULL while closed */
    size_t map_bytes; /* 0 when the memory is not ours */
    uint64_t data_bytes;
    uint8_t *data;
    uint64_t tail;      /* where we read; positions only grow */
    uint64_t committed; /* what the kernel knows of it */
    uint64_t *scratch;  /* owned */
};

/* Maps the ring of a perf event; data_bytes is a power of two of pages. */
int perf_ring_open(struct perf_ring *self, int fd, uint64_t data_bytes, struct error *err);
/* Takes given memory for a ring (tests, fuzzing), which stays the caller's; `data_bytes` is a power of two.
 */
int perf_ring_attach(struct perf_ring *self, void *control_page, void *data, uint64_t data_bytes,
                     struct error *err);
void perf_ring_close(struct perf_ring *self); /* idempotent */

/* The position up to which the kernel has finished writing. */
uint64_t perf_ring_head(const struct perf_ring *self);
/*
 * The next record before `head`: 1 and the record, which stays valid until the next call or commit; 0 at the
 * end; ERR_DAMAGED when the bytes make no sense (everything up to head is then skipped).
 */
int perf_ring_next(struct perf_ring *self, uint64_t head, const void **record_out, size_t *size_out);
/* Gives the space of all records read so far back to the kernel. */
void perf_ring_commit(struct perf_ring *self);

#endif
