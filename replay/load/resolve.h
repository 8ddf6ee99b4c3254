/*
 * Makes events independent of their epoch: ids of the trace in their fields become ids of the database,
 * before the next chunk takes the definitions away.
 */
#ifndef GOTAPE_REPLAY_RESOLVE_H
#define GOTAPE_REPLAY_RESOLVE_H

#include "format/event.h"
#include "load/symbolize.h"
#include "load/sync_object.h"

/*
 * Replaces, as event_spec has it: stacks and strings by the symbolizer's numbers, locations by functions, an
 * object by its packed facts, a select set by a pointer with a reference of its own.
 */
void resolve_event(struct event *event, const struct trace_reader *reader, struct symbolizer *symbols,
                   struct sync_objects *objects);
/* One field more of a resolved EV_PARK: the address of the pollDesc that it waits for; 0: none. */
enum { PARK_POLLDESC = PARK_STACK + 1 };
/* And of a resolved EV_GOROUTINE. Its EV_GOROUTINE_ORIGIN has a stack of one frame in place of the location where it was
 * created. */
enum { GOROUTINE_POLLDESC = GOROUTINE_THREAD + 1 };
/* For events that go nowhere: gives back what resolve_event() took. */
void resolve_drop(const struct event *event);

#endif
