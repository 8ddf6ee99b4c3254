/*
 * What a pause of the recording means for goroutines: from its beginning on nothing is known about any of them, until an
 * event or the snapshot behind the pause tells; who is in no complete snapshot then has ended in between.
 */
#ifndef GOTAPE_REPLAY_PAUSE_H
#define GOTAPE_REPLAY_PAUSE_H

#include "load/goroutine_step.h"

void pause_begin(struct goroutine_tracker *self, const struct event *event);
void pause_end(struct goroutine_tracker *self, const struct event *event);
/* The end of a snapshot. */
void pause_snapshot(struct goroutine_tracker *self, const struct event *end);
/* EV_BUDGET: a class of events is left out from the next resume on. */
void pause_drop(struct goroutine_tracker *self, const struct event *event);

#endif
