/*
 * Reading a perf session's rings: round by round, ring after ring, each up to its head as the round found it.
 * Records are decoded in place. Invariant: within one ring, records leave in the order in which the kernel
 * wrote them; those of the probes' programs on the same CPU are merged with them by time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "perf/perf_session_impl.h"

enum { COMMIT_BYTES = 64 << 10, TIDS_MAX = 1 << 16, AWAIT_MS = 500 };

static uint64_t owner_key(uint32_t tid, unsigned probe)
{
    return (uint64_t)tid << 8 | probe;
}

/* 1: this record counts; 0: the thread's other event has told it already. */
static int is_owner(struct session_ring *ring, const struct record *record)
{
    uint64_t key = owner_key(record->by_tid, record->probe);
    const uint64_t *owner = map_find(&ring->owners, key);
    if (owner)
        return *owner == record->root_id;
    return map_put(&ring->owners, key, record->root_id) == 0 ? 1 : ERR_NOMEM;
}

static int note_exit(struct session_exits *exits, uint32_t tid)
{
    if (exits->count == exits->capacity) {
        size_t capacity = exits->capacity ? 2 * exits->capacity : 64;
        uint32_t *more = realloc(exits->tids, capacity * sizeof *more);
        if (!more)
            return ERR_NOMEM;
        exits->tids = more;
        exits->capacity = capacity;
    }
    exits->tids[exits->count++] = tid;
    return 0;
}

static void forget_old_exits(struct perf_session *self)
{
    for (size_t i = 0; i < self->old_exits.count; i++) {
        for (unsigned r = 0; r < self->ring_count; r++) {
            for (unsigned probe = 0; probe < self->decoder.probe_count; probe++)
                map_delete(&self->rings[r].owners, owner_key(self->old_exits.tids[i], probe));
            map_delete(&self->rings[r].owners, owner_key(self->old_exits.tids[i], SAMPLE_THREAD_EVENT));
        }
        cpu_scope_remove(&self->scope, self->old_exits.tids[i]);
    }
    struct session_exits empty = self->old_exits;
    empty.count = 0;
    self->old_exits = self->exits;
    self->exits = empty;
}

/* The number of the next thread is known when it is one of the target that has left a CPU before. */
static int translate_next(struct perf_session *self, struct record *record)
{
    uint64_t ours;
    if (self->tid_by_first.count >= TIDS_MAX)
        map_reset(&self->tid_by_first);
    if (map_put(&self->tid_by_first, record->prev_first_tid, record->tid) != 0)
        return ERR_NOMEM;
    if (record->next_tid)
        record->next_tid =
            map_get(&self->tid_by_first, record->next_tid, &ours) ? (uint32_t)ours : RECORD_TID_ELSEWHERE;
    return 0;
}

/* CPU-wide: is it one of the target's? Also turns the sample of a thread that comes into that thread's. */
static int is_ours(struct perf_session *self, struct record *record)
{
    struct cpu_scope *scope = &self->scope;
    if (record->kind == RECORD_SWITCH_IN) {
        uint64_t ours = record->next_tid;
        if (self->is_nested && !map_get(&self->tid_by_first, record->next_tid, &ours))
            return 0;
        record->tid = record->by_tid = (uint32_t)ours;
        record->probe = SAMPLE_THREAD_EVENT;
        return cpu_scope_has(scope, record->tid);
    }
    /* A thread that has exited has no number any more when it leaves its CPU. */
    if (record->pid != (uint32_t)self->pid || record->tid == UINT32_MAX)
        return 0;
    if (record->kind == RECORD_FORK && record->new_pid == record->pid)
        return cpu_scope_add(scope, record->new_tid) ? 1 : ERR_NOMEM;
    /* Its switches are kept out from now on. */
    if (record->kind == RECORD_NAME && !scope->any_name && cpu_scope_name(scope, record->name))
        self->stats.renamed++;
    return cpu_scope_add(scope, record->tid) ? 1 : ERR_NOMEM;
}

/* Switches that the filter lets through are not worth a word: names are not always different. */
static bool is_worth_counting(const struct record *record)
{
    return record->kind == RECORD_PROBE;
}

/* 1: hand it out; 0: dropped, counted. */
static int judge(struct perf_session *self, struct session_ring *ring, struct record *record)
{
    if (record->kind == RECORD_SKIP)
        return 0;
    if (record->kind == RECORD_LOST) {
        /* What a program could not tell is not among what the kernel counts. */
        if (record->root_id) {
            uint64_t again = record->lost < ring->told_ahead ? record->lost : ring->told_ahead;
            record->lost -= again;
            ring->told_ahead -= again;
            if (record->lost == 0)
                return 0;
            ring->lost_told += record->lost;
        }
        self->stats.lost += record->lost;
        return 1;
    }
    if (self->cpu_wide) {
        int ours = is_ours(self, record);
        self->stats.foreign += ours == 0 && is_worth_counting(record);
        if (ours != 1)
            return ours;
    } else if (record->pid != (uint32_t)self->pid) {
        self->stats.foreign++;
        return 0;
    }
    if (self->is_nested && record->kind == RECORD_SWITCH_OUT && translate_next(self, record) != 0)
        return ERR_NOMEM;
    int rc = self->cpu_wide || !record->root_id ? 1 : is_owner(ring, record);
    if (rc == 0)
        self->stats.duplicates++;
    if (self->programs.is_open)
        perf_program_watch(self, record);
    if (rc == 1 && record->kind == RECORD_EXIT && note_exit(&self->exits, record->tid) != 0)
        rc = ERR_NOMEM;
    return rc;
}

/*
 * CPU-wide: a thread may have run on one CPU before the ring of another, where it was made, is read. New threads are
 * looked for in all rings first. The limits of the round are older than this look: no thread runs before them whose
 * making is not found.
 */
static int find_new_threads(struct perf_session *self, struct session_ring *ring)
{
    struct perf_ring ahead = ring->ring;
    uint64_t head = perf_ring_head(&ring->ring);
    const void *bytes;
    size_t size;
    if (ring->scanned > ahead.tail)
        ahead.tail = ring->scanned;
    while (perf_ring_next(&ahead, head, &bytes, &size) == 1) {
        struct record record;
        const struct perf_event_header *header = bytes;
        if (header->type == PERF_RECORD_FORK && sample_decode(&self->decoder, bytes, size, &record) == 0 &&
            record.pid == (uint32_t)self->pid && record.new_pid == record.pid &&
            !cpu_scope_add(&self->scope, record.new_tid))
            return ERR_NOMEM;
    }
    ring->scanned = head;
    return 0;
}

static int deliver(struct perf_session *self, unsigned index, struct record *record, perf_record_fn fn, void *context,
                   struct error *err)
{
    self->stats.records++;
    int rc = judge(self, &self->rings[index], record);
    if (rc == ERR_NOMEM)
        return error_set(err, ERR_NOMEM, "out of memory while reading a ring");
    return rc == 1 ? fn(context, index, record, err) : rc;
}

static int tell_lost(struct perf_session *self, unsigned ring, uint64_t count, uint64_t time_ns, perf_record_fn fn,
                     void *context, struct error *err)
{
    struct record record;
    memset(&record, 0, sizeof record);
    record.kind = RECORD_LOST;
    record.probe = SAMPLE_THREAD_EVENT;
    record.lost = count;
    record.time_ns = time_ns;
    self->stats.lost += count;
    return fn(context, ring, &record, err);
}

/* What stands next in the two rings of a CPU. */
struct heads {
    struct record of_perf, of_program;
    bool has_perf, has_program;
    uint32_t lost_before; /* of the program's */
};

static void peek_perf(struct perf_session *self, struct session_ring *ring, struct record *out, bool *has_out)
{
    const void *bytes;
    size_t size;
    int more;
    while (!*has_out && (more = perf_ring_next(&ring->ring, ring->limit, &bytes, &size)) != 0) {
        if (more < 0 || sample_decode(&self->decoder, bytes, size, out) < 0)
            self->stats.undecodable++;
        else
            *has_out = true;
    }
}

static void peek_program(struct perf_session *self, struct session_ring *ring, struct heads *heads)
{
    struct program_record record;
    int more;
    while (!heads->has_program && (more = program_ring_peek(&ring->program, &record)) != 0) {
        if (more > 0 && sample_decode_program(&self->decoder, record.bytes, record.size, &heads->of_program) == 0) {
            heads->of_program.pid = (uint32_t)self->pid;
            heads->lost_before = record.lost_before;
            heads->has_program = true;
            return;
        }
        self->stats.undecodable++;
        if (more > 0)
            program_ring_take(&ring->program);
    }
}

static int take_perf(struct perf_session *self, unsigned index, struct heads *heads, perf_record_fn fn, void *context,
                     struct error *err)
{
    struct perf_ring *ring = &self->rings[index].ring;
    int rc = deliver(self, index, &heads->of_perf, fn, context, err);
    heads->has_perf = false;
    if (ring->tail - ring->committed >= COMMIT_BYTES)
        perf_ring_commit(ring);
    return rc;
}

static int take_program(struct perf_session *self, unsigned index, struct heads *heads, perf_record_fn fn, void *context,
                        struct error *err)
{
    struct record *record = &heads->of_program;
    int rc = 0;
    if (heads->lost_before)
        rc = tell_lost(self, index, heads->lost_before, record->time_ns, fn, context, err);
    if (rc == 0)
        rc = deliver(self, index, record, fn, context, err);
    heads->has_program = false;
    program_ring_take(&self->rings[index].program);
    return rc;
}

/*
 * A program's record goes first when it is older than perf's next one: perf's head was read after the fence, and what the same CPU
 * wrote earlier was there. A record of perf's goes when it is older than the next one of a program, or than all that may
 * still come from there; else it stays for the next round.
 */
static int drain_ring(struct perf_session *self, unsigned index, perf_record_fn fn, void *context, struct error *err)
{
    struct session_ring *ring = &self->rings[index];
    bool has_programs = ring->program.control != NULL;
    uint64_t start = ring->ring.tail, program_start = ring->program.tail, before = start;
    struct heads heads = {.has_perf = false};
    int rc = 0;
    while (rc == 0) {
        if (!heads.has_perf) {
            before = ring->ring.tail;
            peek_perf(self, ring, &heads.of_perf, &heads.has_perf);
        }
        if (has_programs && !heads.has_program)
            peek_program(self, ring, &heads);
        if (heads.has_program && (!heads.has_perf || heads.of_program.time_ns <= heads.of_perf.time_ns))
            rc = take_program(self, index, &heads, fn, context, err);
        else if (heads.has_perf &&
                 (!has_programs || heads.has_program || heads.of_perf.time_ns <= program_ring_bound(&ring->program)))
            rc = take_perf(self, index, &heads, fn, context, err);
        else
            break;
    }
    if (heads.has_perf)
        ring->ring.tail = before;
    perf_ring_commit(&ring->ring);
    if (has_programs)
        program_ring_commit(&ring->program);
    self->stats.bytes += ring->ring.tail - start + (ring->program.tail - program_start);
    return rc;
}

/* Losses that no record in the ring told: what the events of this ring counted, less what was told. */
static uint64_t untold_losses(const struct perf_session *self, unsigned ring)
{
    uint64_t counted = 0;
    if (!self->features.format_lost)
        return 0;
    for (size_t i = 0; i < self->descriptor_count; i++) {
        uint64_t values[2]; /* value, lost */
        if (self->descriptors[i].ring == ring &&
            read(self->descriptors[i].fd, values, sizeof values) == sizeof values)
            counted += values[1];
    }
    uint64_t told = self->rings[ring].lost_told;
    return counted > told ? counted - told : 0;
}

static int tell_untold(struct perf_session *self, perf_record_fn fn, void *context, struct error *err)
{
    for (unsigned i = 0; i < self->ring_count; i++) {
        uint64_t lost = untold_losses(self, i);
        if (!lost)
            continue;
        self->rings[i].lost_told += lost;
        self->rings[i].told_ahead += lost;
        int rc = tell_lost(self, i, lost, clock_ns(CLOCK_MONOTONIC), fn, context, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Disabled: nobody reserves room any more, but who lost the CPU after that is still to write. */
static int await_writers(struct perf_session *self, unsigned index, perf_record_fn fn, void *context, struct error *err)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    struct program_ring *ring = &self->rings[index].program;
    int rc = 0;
    for (unsigned ms = 0; rc == 0 && program_ring_is_stuck(ring); ms++) {
        nanosleep(&pause, NULL);
        if (ms >= AWAIT_MS)
            program_ring_abandon(ring);
        rc = drain_ring(self, index, fn, context, err);
    }
    return rc;
}

/* The order is that of program_ring.h, and perf's heads come last, see drain_ring(). */
static uint64_t begin_round(struct perf_session *self)
{
    for (unsigned i = 0; i < self->ring_count; i++) {
        if (self->rings[i].program.control)
            program_ring_look(&self->rings[i].program);
    }
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < self->ring_count; i++) {
        struct session_ring *ring = &self->rings[i];
        if (ring->program.control)
            program_ring_fence(&ring->program, start);
        ring->limit = perf_ring_head(&ring->ring);
    }
    return start;
}

static int tell_unwritten(struct perf_session *self, unsigned index, uint64_t start, perf_record_fn fn, void *context,
                          struct error *err)
{
    struct program_ring *ring = &self->rings[index].program;
    uint64_t lost = ring->control ? program_ring_untold(ring) : 0;
    uint64_t time_ns = ring->last_ns > start ? ring->last_ns : start;
    return lost ? tell_lost(self, index, lost, time_ns, fn, context, err) : 0;
}

/* Of perf's rings it is known one round later; a program that lost the CPU amid its record may be behind that. */
static uint64_t complete_ns(const struct perf_session *self)
{
    uint64_t complete = self->last_round_ns;
    for (unsigned i = 0; i < self->ring_count; i++) {
        const struct program_ring *ring = &self->rings[i].program;
        if (ring->control && program_ring_bound(ring) < complete)
            complete = program_ring_bound(ring);
    }
    return complete;
}

int perf_session_drain(struct perf_session *self, perf_record_fn fn, void *context, uint64_t *complete_ns_out,
                       struct error *err)
{
    uint64_t start = begin_round(self);
    for (unsigned i = 0; i < self->ring_count && self->cpu_wide; i++) {
        if (find_new_threads(self, &self->rings[i]) != 0)
            return error_set(err, ERR_NOMEM, "out of memory while reading a ring");
    }
    for (unsigned i = 0; i < self->ring_count; i++) {
        int rc = drain_ring(self, i, fn, context, err);
        if (rc == 0 && !self->enabled && self->rings[i].program.control)
            rc = await_writers(self, i, fn, context, err);
        if (rc == 0)
            rc = tell_unwritten(self, i, start, fn, context, err);
        if (rc != 0)
            return rc;
    }
    forget_old_exits(self);
    if (self->programs.is_blind) {
        self->programs.is_blind = false;
        int rc = tell_lost(self, 0, 1, start, fn, context, err);
        if (rc != 0)
            return rc;
    }
    if (self->was_disabled && !self->enabled) {
        /* Once: nothing is lost any more after this. */
        self->was_disabled = false;
        int rc = tell_untold(self, fn, context, err);
        if (rc != 0)
            return rc;
    }
    *complete_ns_out = complete_ns(self);
    self->last_round_ns = start;
    return 0;
}
