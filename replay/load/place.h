/*
 * Where things happen: thread, CPU and P, which recur all the time. Each combination gets a small number at its first sight, and a
 * row of table place; rows of which there are many hold the number. Memory follows the number of combinations.
 */
#ifndef GOTAPE_REPLAY_PLACE_H
#define GOTAPE_REPLAY_PLACE_H

#include "base/map.h"
#include "load/row_writer.h"

/* A row that was asked for lately. */
struct known_place {
    int64_t row; /* 0: nothing yet */
    uint32_t tid;
    int32_t p;
    uint16_t cpu;
};

#define PLACES_AT_HAND 256u

struct place_table {
    struct row_writer *rows;
    struct known_place at_hand[PLACES_AT_HAND];
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
