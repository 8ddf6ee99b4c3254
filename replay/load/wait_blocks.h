/*
 * When waits lie in time, block by block of their ids, so that a question about a short time need not visit all of them: writes
 * wait_block, and long_limit, from which length on waits stand in long_wait. Takes a quarter of a byte of memory a wait.
 */
#ifndef GOTAPE_REPLAY_WAIT_BLOCKS_H
#define GOTAPE_REPLAY_WAIT_BLOCKS_H

#include "load/row_writer.h"

/* Waits of a block; as derived.sql and the queries have it. */
#define WAIT_BLOCK_SIZE 1024

struct wait_blocks;

struct wait_blocks *wait_blocks_new(void); /* NULL when out of memory */
void wait_blocks_free(struct wait_blocks *self);
/* The wait of row `id` > 0; wait_ns ROW_NULL: not known. */
void wait_blocks_add(struct wait_blocks *self, int64_t id, uint64_t start, uint64_t end, int64_t wait_ns);
/* Writes the rows; negative on failure. */
int wait_blocks_finish(struct wait_blocks *self, struct row_writer *rows, struct error *err);

#endif
