/*
 * Sums over waits for locks, by lock, by who held it and by who waited: writes lock_sum, lock_holder and holder_sum. The two
 * latter keep the greatest of their kind, and are exact however many there are: see runs.h.
 */
#ifndef GOTAPE_REPLAY_LOCK_SUMS_H
#define GOTAPE_REPLAY_LOCK_SUMS_H

#include "load/round.h"
#include "load/row_writer.h"
#include "load/symbolize.h"

struct lock_sums;

/* Borrows all. NULL when out of memory. */
struct lock_sums *lock_sums_new(struct store *store, struct row_writer *rows, const struct symbolizer *symbols);
void lock_sums_free(struct lock_sums *self);
/* A wait for a lock that was given the row `id`. */
void lock_sums_add(struct lock_sums *self, int64_t id, uint64_t goid, const struct round_wait *wait);
/* Writes all; negative on failure. */
int lock_sums_finish(struct lock_sums *self, struct error *err);

#endif
