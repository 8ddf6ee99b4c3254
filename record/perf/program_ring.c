/* See program_ring.h. */
#include "perf/program_ring.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "perf/probe_program.h"

enum { COMMIT_BYTES = 64 << 10, FENCE_BYTES = 8 };

_Static_assert(sizeof(struct program_control) == 128, "programs find the control of their CPU by a shift");

struct program_geometry program_geometry_of(uint64_t bytes)
{
    return (struct program_geometry){.bytes = bytes, .slice_bytes = bytes < PROGRAM_SLICE_MAX ? bytes : PROGRAM_SLICE_MAX};
}

uint64_t program_geometry_stride(const struct program_geometry *self)
{
    return program_geometry_slices(self) * (self->slice_bytes + PROGRAM_SLICE_ROOM);
}

void program_ring_attach(struct program_ring *self, struct program_control *control, void *data,
                         const struct program_geometry *geometry)
{
    *self = (struct program_ring){.control = control, .data = data, .geometry = *geometry};
    self->tail = self->limit = control->tail;
}

void program_ring_open(struct program_ring *self)
{
    self->is_open = true;
    if (!self->is_broken)
        __atomic_store_n(&self->control->open, 1, __ATOMIC_SEQ_CST);
}

static uint8_t *place(const struct program_ring *self, uint64_t position)
{
    const struct program_geometry *g = &self->geometry;
    uint64_t at = position & (g->bytes - 1), slice = at / g->slice_bytes;
    return self->data + slice * (g->slice_bytes + PROGRAM_SLICE_ROOM) + at % g->slice_bytes;
}

static uint64_t *word_at(const struct program_ring *self, uint64_t position)
{
    return (uint64_t *)(void *)place(self, position);
}

/*
 * Takes eight bytes itself, so that whoever has read the head before finds it changed. In a full ring nobody who has read this
 * head can go on: there is no room behind it until we have given some back, and the time is taken after that is seen.
 */
static uint64_t fence(struct program_ring *self)
{
    struct program_control *control = self->control;
    uint64_t head = __atomic_load_n(&control->head, __ATOMIC_SEQ_CST);
    do {
        if (head + FENCE_BYTES - control->tail > self->geometry.bytes)
            return head;
    } while (!__atomic_compare_exchange_n(&control->head, &head, head + FENCE_BYTES, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    __atomic_store_n(word_at(self, head), (uint64_t)FENCE_BYTES << 32, __ATOMIC_RELEASE);
    return head + FENCE_BYTES;
}

void program_ring_close(struct program_ring *self)
{
    self->is_open = false;
    __atomic_store_n(&self->control->open, 0, __ATOMIC_SEQ_CST);
    fence(self);
}

void program_ring_look(struct program_ring *self)
{
    self->lost_seen = __atomic_load_n(&self->control->lost, __ATOMIC_SEQ_CST);
}

void program_ring_fence(struct program_ring *self, uint64_t now_ns)
{
    self->limit = fence(self);
    self->fence_ns = now_ns;
}

/* What has been read is zeroed: the next record there is none before its first word comes. */
static void skip(struct program_ring *self, size_t size)
{
    memset(place(self, self->tail), 0, size);
    self->tail += size;
}

/* Somebody may still write there: nothing is believed any more. */
static void give_up(struct program_ring *self)
{
    self->is_broken = true;
    __atomic_store_n(&self->control->open, 0, __ATOMIC_SEQ_CST);
    while (self->tail < self->limit) {
        uint64_t slice = self->geometry.slice_bytes, left = self->limit - self->tail, in_slice = slice - self->tail % slice;
        /* Behind the slice lies the end of a record that began before it; one that begins at the limit or later is not ours. */
        if (left >= in_slice)
            memset(place(self, self->tail) + in_slice, 0, PROGRAM_SLICE_ROOM);
        skip(self, (size_t)(left < in_slice ? left : in_slice));
    }
    self->size = 0;
}

int program_ring_peek(struct program_ring *self, struct program_record *out)
{
    while (self->tail < self->limit) {
        const uint8_t *bytes = place(self, self->tail);
        uint64_t word = __atomic_load_n(word_at(self, self->tail), __ATOMIC_ACQUIRE);
        uint32_t size = (uint32_t)(word >> 32), lost;
        if (word == 0)
            return 0;
        if (size == FENCE_BYTES) {
            skip(self, FENCE_BYTES);
            continue;
        }
        if (size < PROGRAM_RECORD_BYTES || size % 8 || size > PROGRAM_RECORD_MAX || size > self->limit - self->tail) {
            give_up(self);
            return ERR_DAMAGED;
        }
        memcpy(&out->time_ns, bytes + 8, sizeof out->time_ns);
        memcpy(&lost, bytes + 20, sizeof lost);
        out->lost_before = lost - (uint32_t)self->lost_told;
        out->bytes = bytes;
        out->size = self->size = size;
        return 1;
    }
    self->whole_ns = self->fence_ns;
    return 0;
}

void program_ring_take(struct program_ring *self)
{
    const uint8_t *bytes = place(self, self->tail);
    uint32_t lost;
    memcpy(&self->last_ns, bytes + 8, sizeof self->last_ns);
    memcpy(&lost, bytes + 20, sizeof lost);
    self->lost_told += lost - (uint32_t)self->lost_told;
    skip(self, self->size);
    self->size = 0;
    if (self->tail - self->control->tail >= COMMIT_BYTES)
        program_ring_commit(self);
}

void program_ring_commit(struct program_ring *self)
{
    __atomic_store_n(&self->control->tail, self->tail, __ATOMIC_RELEASE);
}

uint64_t program_ring_bound(const struct program_ring *self)
{
    return self->last_ns > self->whole_ns ? self->last_ns : self->whole_ns;
}

bool program_ring_is_stuck(const struct program_ring *self)
{
    return self->tail < self->limit && __atomic_load_n(word_at(self, self->tail), __ATOMIC_ACQUIRE) == 0;
}

void program_ring_abandon(struct program_ring *self)
{
    if (self->tail < self->limit)
        give_up(self);
}

uint64_t program_ring_untold(struct program_ring *self)
{
    int64_t untold = (int64_t)(self->lost_seen - self->lost_told);
    if (untold > 0)
        self->lost_told = self->lost_seen;
    else
        untold = 0;
    /* How many it were is not known. */
    bool is_blind = self->is_broken && (self->is_open || !self->is_break_told);
    self->is_break_told = self->is_broken;
    return (uint64_t)untold + is_blind;
}
