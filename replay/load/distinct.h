/*
 * How many different members each of many groups has, in bounded memory: pairs of (group, member) are kept in a hash set;
 * when it is full they go to a temporary table, and are counted there at the end.
 */
#ifndef GOTAPE_REPLAY_DISTINCT_H
#define GOTAPE_REPLAY_DISTINCT_H

#include <stdint.h>

#include "store/store.h"

struct distinct;

/* Borrows the store. NULL when out of memory. */
struct distinct *distinct_new(struct store *store, const char *name);
void distinct_free(struct distinct *self);
/* Failures are sticky: distinct_each() tells. group and member: not both 0. */
void distinct_put(struct distinct *self, uint64_t group, uint64_t member);

typedef void distinct_visit(void *context, uint64_t group, uint64_t count);
/* Calls visit for each group, in no order; afterwards nothing is kept. */
int distinct_each(struct distinct *self, distinct_visit *visit, void *context, struct error *err);

#endif
