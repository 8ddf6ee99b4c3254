/*
 * Memory that the probes' programs share with us, for one CPU: they reserve room in it and write records, we read and zero
 * them. Nothing of the kernel stands between, so that a record costs no more than its bytes. Only programs that run on this CPU
 * write; but they may lose it at any moment, so that a reservation is an atomic exchange, and a record counts when its
 * first word is there: written last, after it was 0. Relies on stores being seen in their order (x86-64).
 *
 *   control   head   how far room is reserved. Positions only grow, in steps of 8
 *             lost   records for which there was no room
 *             tail   how far we have read, and zeroed
 *             open   0: nothing may be reserved
 *   data      slices, one behind the other, each with room behind it for a record that begins near its end
 *   record    u32 header  u32 size in bytes, both the commit word  u64 time (CLOCK_MONOTONIC)  u32 thread  u32 lost, as of then
 *             then as in probe_program.h
 *
 * A program takes the time of a record between reading the head and moving it: one that loses the CPU meanwhile finds
 * another head, ours at least (program_ring_fence), and takes a new time. So times grow with positions, and what is reserved
 * after the fence is younger than the fence.
 */
#ifndef GOTAPE_RECORD_PROGRAM_RING_H
#define GOTAPE_RECORD_PROGRAM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct program_control {
    uint64_t head, lost;
    uint64_t unused[6]; /* what we write has a cache line of its own */
    uint64_t tail, open;
    uint64_t unused_too[6];
};

#define PROGRAM_RECORD_BYTES 24   /* before the values */
#define PROGRAM_RECORD_MAX   1536 /* bytes of a record */
#define PROGRAM_SLICE_MAX    (2u << 20) /* Linux 6.1 takes no element of more than 4 MB */
#define PROGRAM_SLICE_ROOM   4096       /* behind each */

/* How the data of a ring is laid out; `bytes` is a power of two, at least 4096. */
struct program_geometry {
    uint64_t bytes, slice_bytes; /* powers of two */
};
struct program_geometry program_geometry_of(uint64_t bytes);
static inline uint64_t program_geometry_slices(const struct program_geometry *self)
{
    return self->bytes / self->slice_bytes;
}
/* What the slices of a ring take, with the room behind them. */
uint64_t program_geometry_stride(const struct program_geometry *self);

struct program_ring {
    struct program_control *control; /* NULL: there is none */
    uint8_t *data;
    struct program_geometry geometry;
    uint64_t tail;      /* where we read */
    uint64_t limit;     /* of this round */
    uint64_t fence_ns;  /* when the round began */
    uint64_t whole_ns;  /* all records that are older have been read */
    uint64_t last_ns;   /* time of the last one */
    uint64_t lost_seen; /* counted before the round began */
    uint64_t lost_told;
    size_t size; /* of the record at hand; 0: none */
    bool is_open;   /* as wished */
    bool is_broken; /* given up */
    bool is_break_told;
};

/* Takes memory, at first zeroed, that stays the caller's. */
void program_ring_attach(struct program_ring *self, struct program_control *control, void *data,
                         const struct program_geometry *geometry);

/* Opened, programs write; after closing (and once the call has returned) none reserves any more. */
void program_ring_open(struct program_ring *self);
void program_ring_close(struct program_ring *self);

/*
 * A round: look at each ring, read the clock, set each ring's fence with that time, then read. The round ends at the fence:
 * everything that was reserved earlier than `now_ns` lies before it.
 */
void program_ring_look(struct program_ring *self);
void program_ring_fence(struct program_ring *self, uint64_t now_ns);

struct program_record {
    const uint8_t *bytes; /* a multiple of 8; valid until taken */
    size_t size;
    uint64_t time_ns;
    uint32_t lost_before; /* since the record before, if that was taken */
};

/* The next record: 1; 0 at the end of the round, or before a record that is not written yet; ERR_DAMAGED when the bytes make
 * no sense: the ring is then given up. */
int program_ring_peek(struct program_ring *self, struct program_record *out);
/* Done with the record that was peeked. */
void program_ring_take(struct program_ring *self);
/* Gives all that was taken back to the programs. */
void program_ring_commit(struct program_ring *self);

/* With nothing to peek: no record to come is older than this. */
uint64_t program_ring_bound(const struct program_ring *self);
/* Somebody has reserved room and has not written yet. */
bool program_ring_is_stuck(const struct program_ring *self);
/* Gives up on who has not written, and with that on the ring. */
void program_ring_abandon(struct program_ring *self);
/* At the end of a round: losses that no record has told, each of them older than the round. Of a ring that was given up it is
 * one a round, as long as it should be open. */
uint64_t program_ring_untold(struct program_ring *self);

#endif
