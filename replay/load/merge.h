/*
 * Puts the rings' streams together by time. The order within a ring is never changed: a time that goes back
 * is held until the clock catches up. What lies before the watermark (the recorder's promise that nothing
 * earlier follows) may leave.
 */
#ifndef GOTAPE_REPLAY_MERGE_H
#define GOTAPE_REPLAY_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "format/event.h"

struct merge;

/* NULL when out of memory. */
struct merge *merge_new(void);
void merge_free(struct merge *self);

/* Appends an event to its ring. *step_back_out: by how many ns its time was behind the ring's last one.
 * Returns 0 or ERR_NOMEM. */
int merge_add(struct merge *self, uint16_t ring, const struct event *event, uint64_t *step_back_out,
              struct error *err);

/* The next event in time order that is before the watermark; UINT64_MAX: all. False when there is none. Of
 * rings at the same time, the one that came first goes first. */
bool merge_next(struct merge *self, uint64_t watermark, struct event *out);

/* Events inside. */
uint64_t merge_count(const struct merge *self);

#endif
