/*
 * Where things happen: thread, CPU and P, which recur all the time. Each combination gets a small number at its first sight, and a
 * row of table place; rows of which there are many hold the number. Memory follows the number of combinations.
 */
#ifndef GOTAPE_REPLAY_PLACE_H
#define GOTAPE_REPLAY_PLACE_H

#include "base/map.h"
#include "load/row_writer.h"

struct place_table {
    struct row_writer *rows;
    struct map seats;  /* thread and CPU → 1, 2 … */
    struct map places; /* seat and P → row */
    bool failed;
};

/* Borrows the rows. */
void place_table_init(struct place_table *self, struct row_writer *rows);
void place_table_release(struct place_table *self);
/* The row, or ROW_NULL for none. tid 0: none; cpu RING_RECORDER: none; p below 0: none. Out of memory: sets failed. */
int64_t place_table_get(struct place_table *self, uint32_t tid, uint16_t cpu, int32_t p);

#endif
