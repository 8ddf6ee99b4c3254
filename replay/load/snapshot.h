/*
 * Snapshots: what the recorder read in the live process. Goroutines that no event has told about take over what a snapshot
 * says; where both speak, the events are believed. One that was carried over from the recording before this file knows since when:
 * waits have their true beginning. In a recording of snapshots alone (--detail snapshot) a state lasts until
 * the next snapshot finds another one, and everything is marked as inferred. A part of goroutine_tracker.
 */
#ifndef GOTAPE_REPLAY_SNAPSHOT_H
#define GOTAPE_REPLAY_SNAPSHOT_H

#include "load/goroutine_step.h"

/* EV_SNAPSHOT, EV_GOROUTINE_ORIGIN, EV_CARRIED, EV_GOROUTINE; and an EV_SELECT of the recorder's own ring. Nothing else belongs into a recording
 * of snapshots alone. */
bool snapshot_is_for(const struct event *event);
/* Such an event. The set of an EV_SELECT passes on. */
void snapshot_event(struct goroutine_tracker *self, const struct event *event);
void snapshot_release(struct goroutine_tracker *self);

#endif
