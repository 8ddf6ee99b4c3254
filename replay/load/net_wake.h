/*
 * Wakes by the network: which goroutine a net event means. Its address says so, as far as that g is known;
 * what cannot be told at once is kept until the goroutine shows itself. A part of goroutine_tracker.
 */
#ifndef GOTAPE_REPLAY_NET_WAKE_H
#define GOTAPE_REPLAY_NET_WAKE_H

#include "load/goroutine_step.h"

/* What one goroutine at a time may wait for: a descriptor, to read or to write (NET_MODE_…); 0: nothing. */
uint64_t net_wake_key(uint64_t polldesc, uint64_t mode);
/* An EV_NET. */
void net_wake_event(struct goroutine_tracker *self, const struct event *event);
/* Gives the goroutine, whose g has become known, the net event that was kept for it, unless it is older than its
 * state. */
void net_wake_pending(struct goroutine_tracker *self, struct goroutine *goroutine);
/* This goroutine is about to run, and its g is known: what was kept for it comes first. */
void net_wake_before_exec(struct goroutine_tracker *self, struct goroutine *goroutine,
                          const struct event *exec);

#endif
