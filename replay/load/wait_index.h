/*
 * The rows of an index over packed_wait, collected while loading, sorted by ourselves and written in order: a fifth of what CREATE
 * INDEX takes, which reads the table once more and compares records where we sort numbers.
 */
#ifndef GOTAPE_REPLAY_WAIT_INDEX_H
#define GOTAPE_REPLAY_WAIT_INDEX_H

#include "store/store.h"

struct wait_index;

/* name: of an index of schema/sql/indexes.sql over one column; borrowed, as is the store. NULL when out of memory. */
struct wait_index *wait_index_new(struct store *store, const char *name);
void wait_index_free(struct wait_index *self);
/* Ids ascend. A failure is told at the end. */
void wait_index_add(struct wait_index *self, int64_t key, int64_t id);
/* Writes all; negative on failure. */
int wait_index_finish(struct wait_index *self, struct error *err);

#endif
