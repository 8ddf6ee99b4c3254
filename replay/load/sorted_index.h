/*
 * The rows of an index over one column of a large table, collected while loading, sorted by ourselves and written in order: a fifth of what CREATE
 * INDEX takes, which reads the table once more and compares records where we sort numbers.
 */
#ifndef GOTAPE_REPLAY_SORTED_INDEX_H
#define GOTAPE_REPLAY_SORTED_INDEX_H

#include "store/store.h"

struct sorted_index;

/* name: of an index of schema/sql/indexes.sql over one column; borrowed, as is the store. NULL when out of memory. */
struct sorted_index *sorted_index_new(struct store *store, const char *name);
void sorted_index_free(struct sorted_index *self);
/* Ids ascend. A failure is told at the end. */
void sorted_index_add(struct sorted_index *self, int64_t key, int64_t id);
/* Writes all; negative on failure. */
int sorted_index_finish(struct sorted_index *self, struct error *err);

#endif
