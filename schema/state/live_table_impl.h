/* The inside of a live table, shared by live_table.c (who is there) and live_event.c (what events do to them). Nobody else
 * includes it. */
#ifndef GOTAPE_STATE_LIVE_TABLE_IMPL_H
#define GOTAPE_STATE_LIVE_TABLE_IMPL_H

#include "state/live_table.h"

#define BLOCK_ENTRIES 4096u
#define BLOCKS_MAX    (LIVE_GOROUTINES_MAX / BLOCK_ENTRIES)
#define NONE          UINT32_MAX /* no place */

/* Places of entries plus 1, 0: free; capacity is a power of two, at most half full. */
struct live_index {
    uint32_t *slots;
    uint32_t capacity, count;
};

struct live_table {
    struct live_table_options o;
    struct live_goroutine *blocks[BLOCKS_MAX];
    uint32_t used; /* places given out so far */
    uint32_t free; /* list of places */
    uint32_t dead_first, dead_last;
    struct live_index by_goid, by_g;
    uint64_t alive, beyond; /* beyond: alive, but without an entry */
    uint64_t ring_ns[LIVE_RINGS_MAX];
    uint64_t gap_ns;        /* end of the last loss */
    uint64_t look_begin_ns; /* the snapshot began */
    struct event origin;
    uint32_t look_set;
    uint64_t look_set_goid;
    uint64_t coroutine; /* wait reason */
    uint8_t class_of[LIVE_REASONS_MAX];
};
/* The entry at a place that was given out. */
static inline struct live_goroutine *live_at(const struct live_table *self, uint32_t place)
{
    return &self->blocks[place / BLOCK_ENTRIES][place % BLOCK_ENTRIES];
}

/* Places, or NONE: unknown, or no memory for one more. */
uint32_t live_find_goid(const struct live_table *self, uint64_t goid);
uint32_t live_find_g(const struct live_table *self, uint64_t g);
uint32_t live_find_or_add(struct live_table *self, uint64_t goid, uint64_t time_ns);

/* The goroutine has this g. Another one that had it before has ended, unseen. */
void live_map_g(struct live_table *self, uint32_t place, uint64_t g, uint64_t time_ns);

/* It is dead; the place is free once live_table_settle() has passed its end. */
void live_bury(struct live_table *self, uint32_t place);

#endif
