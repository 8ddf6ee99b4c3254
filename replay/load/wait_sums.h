/*
 * Sums over waits, for questions that would have to visit all of them: by place and object, by goroutine, by object, by who
 * ended them; and how many different goroutines there were. Writes wait_sum, goroutine_sum, object_sum, wake_sum, object_people,
 * site_people; gc_wait, and what lock_sums.h says, too. Memory is bounded: when a table is full, its sums are written
 * and begin again, so that a key may have several rows.
 */
#ifndef GOTAPE_REPLAY_WAIT_SUMS_H
#define GOTAPE_REPLAY_WAIT_SUMS_H

#include "load/round.h"
#include "load/row_writer.h"
#include "load/symbolize.h"
#include "load/sync_object.h"

struct wait_sums;

/* Borrows all. NULL when out of memory. */
struct wait_sums *wait_sums_new(struct store *store, struct row_writer *rows,
                                const struct symbolizer *symbols);
void wait_sums_free(struct wait_sums *self);
/* A wait that was given the row `id`; set: the cases of a select, or NULL. */
void wait_sums_add(struct wait_sums *self, int64_t id, uint64_t goid, const struct round_wait *wait,
                   const struct select_set *set);
/* Writes all; negative on failure. */
int wait_sums_finish(struct wait_sums *self, struct error *err);
/* Then, when all rows are in the database and nobody writes any more: the indexes of packed_wait. */
int wait_sums_finish_indexes(struct wait_sums *self, struct error *err);

#endif
