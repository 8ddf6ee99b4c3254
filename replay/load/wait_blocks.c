#include "load/wait_blocks.h"

#include <stdlib.h>

/* Classes of length: steps of a power of two from a microsecond on, of which each has steps of its own. */
#define OCTAVES     32
#define FINE_STEPS  64
#define FIRST_SHIFT 10

/* About so many waits are long ones: few enough to visit, and most questions find their answer among them. */
#define LONG_LEAST 400
#define LONG_SHARE 50

struct block {
    uint64_t end;            /* the last of its waits */
    uint64_t start[OCTAVES]; /* the first of those of a length; UINT64_MAX: none */
};

/* A wait that may be among the long ones. */
struct candidate {
    int64_t wait_ns, id;
    uint64_t start;
};

#define CANDIDATES_FIRST 1024
#define CANDIDATES_MAX   65536 /* 1.5 MB */

struct wait_blocks {
    struct candidate *candidates; /* owned */
    size_t candidate_count, candidate_capacity;
    int64_t shortest; /* of the candidates: shorter ones are not kept */
    struct block *blocks; /* owned */
    size_t count, capacity;
    uint64_t lengths[OCTAVES * FINE_STEPS]; /* how many waits are so long */
    uint64_t total;
    bool failed;
};

struct wait_blocks *wait_blocks_new(void)
{
    return calloc(1, sizeof(struct wait_blocks));
}

void wait_blocks_free(struct wait_blocks *self)
{
    if (!self)
        return;
    free(self->blocks);
    free(self->candidates);
    free(self);
}

static unsigned octave_of(uint64_t ns)
{
    unsigned octave = 0;
    for (ns >>= FIRST_SHIFT; ns > 1 && octave < OCTAVES - 1; ns >>= 1)
        octave++;
    return octave;
}

/* Octave 0 begins at 0, and has one step. */
static unsigned step_of(uint64_t ns)
{
    unsigned octave = octave_of(ns);
    uint64_t low = 1ull << (octave + FIRST_SHIFT);
    uint64_t step = octave && ns >= low ? (ns - low) / (low / FINE_STEPS) : 0;
    return octave * FINE_STEPS + (unsigned)(step < FINE_STEPS ? step : FINE_STEPS - 1);
}

static uint64_t lowest_of_step(unsigned step)
{
    unsigned octave = step / FINE_STEPS;
    uint64_t low = 1ull << (octave + FIRST_SHIFT);
    return octave ? low + step % FINE_STEPS * (low / FINE_STEPS) : 0;
}

static struct block *find(struct wait_blocks *self, size_t index)
{
    if (index >= self->capacity) {
        size_t capacity = 2 * index + 64;
        struct block *blocks = realloc(self->blocks, capacity * sizeof *blocks);
        if (!blocks) {
            self->failed = true;
            return NULL;
        }
        self->blocks = blocks;
        self->capacity = capacity;
    }
    for (; self->count <= index; self->count++) {
        struct block *block = &self->blocks[self->count];
        block->end = 0;
        for (int i = 0; i < OCTAVES; i++)
            block->start[i] = UINT64_MAX;
    }
    return &self->blocks[index];
}

/* The length that about one in LONG_SHARE waits has. */
static uint64_t long_from(const struct wait_blocks *self)
{
    uint64_t enough = self->total / LONG_SHARE > LONG_LEAST ? self->total / LONG_SHARE : LONG_LEAST,
             count = 0;
    for (unsigned step = OCTAVES * FINE_STEPS; step-- > 0;) {
        count += self->lengths[step];
        if (count >= enough || step == 0)
            return lowest_of_step(step);
    }
    return 0;
}

/* Drops those that are far too short as far as is known, and makes room where that does not help. */
static void make_room(struct wait_blocks *self)
{
    int64_t shortest = (int64_t)(long_from(self) / 2);
    size_t count = 0;
    if (shortest > self->shortest)
        self->shortest = shortest;
    for (size_t i = 0; i < self->candidate_count; i++) {
        if (self->candidates[i].wait_ns >= self->shortest)
            self->candidates[count++] = self->candidates[i];
    }
    self->candidate_count = count;
    if (count < self->candidate_capacity / 2)
        return;
    if (self->candidate_capacity == CANDIDATES_MAX) {
        /* Too many are of one length: indexes.sql will look for them. */
        self->shortest = INT64_MAX;
        self->candidate_count = 0;
        return;
    }
    size_t capacity = self->candidate_capacity ? 2 * self->candidate_capacity : CANDIDATES_FIRST;
    struct candidate *grown = realloc(self->candidates, capacity * sizeof *grown);
    if (!grown) {
        self->failed = true;
        return;
    }
    self->candidates = grown;
    self->candidate_capacity = capacity;
}

static void keep_long(struct wait_blocks *self, int64_t id, uint64_t start, int64_t wait_ns)
{
    if (wait_ns < self->shortest)
        return;
    if (self->candidate_count == self->candidate_capacity)
        make_room(self);
    if (wait_ns >= self->shortest && self->candidate_count < self->candidate_capacity)
        self->candidates[self->candidate_count++] = (struct candidate){wait_ns, id, start};
}

void wait_blocks_add(struct wait_blocks *self, int64_t id, uint64_t start, uint64_t end, int64_t wait_ns)
{
    bool has_length = wait_ns != ROW_NULL && wait_ns >= 0;
    struct block *block = find(self, (size_t)id / WAIT_BLOCK_SIZE);
    if (!block)
        return;
    unsigned octave = has_length ? octave_of((uint64_t)wait_ns) : 0;
    if (start < block->start[octave])
        block->start[octave] = start;
    if (end > block->end)
        block->end = end;
    if (has_length) {
        self->lengths[step_of((uint64_t)wait_ns)]++;
        self->total++;
        keep_long(self, id, start, wait_ns);
    }
}

static int by_length(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->wait_ns != y->wait_ns)
        return x->wait_ns < y->wait_ns ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Where some are missing here, since lengths have become so much shorter or there were too many, indexes.sql finds them in the table. */
static void put_long(struct wait_blocks *self, struct row_writer *rows, int64_t limit)
{
    if (limit < self->shortest || self->candidate_count == 0)
        return;
    qsort(self->candidates, self->candidate_count, sizeof *self->candidates, by_length);
    for (size_t i = 0; i < self->candidate_count; i++) {
        const struct candidate *c = &self->candidates[i];
        if (c->wait_ns >= limit)
            row_writer_put(rows, ROW_LONG_WAIT, (const int64_t[]){c->wait_ns, c->id, (int64_t)c->start});
    }
}

int wait_blocks_finish(struct wait_blocks *self, struct row_writer *rows, struct error *err)
{
    uint64_t limit = long_from(self);
    /* Octaves that hold waits below the limit. */
    unsigned octaves = limit ? octave_of(limit - 1) + 1 : 1;
    if (self->failed)
        return error_set(err, ERR_NOMEM, "out of memory");
    row_writer_put(rows, ROW_LONG_LIMIT, (const int64_t[]){(int64_t)limit});
    put_long(self, rows, (int64_t)limit);
    for (size_t i = 0; i < self->count; i++) {
        uint64_t start = UINT64_MAX;
        for (unsigned octave = 0; octave < octaves; octave++) {
            if (self->blocks[i].start[octave] < start)
                start = self->blocks[i].start[octave];
        }
        if (self->blocks[i].end)
            row_writer_put(rows, ROW_WAIT_BLOCK,
                           (const int64_t[]){(int64_t)i, start == UINT64_MAX ? ROW_NULL : (int64_t)start,
                                             (int64_t)self->blocks[i].end});
    }
    return row_writer_check(rows, err);
}
