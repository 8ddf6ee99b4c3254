/*
 * What the runtime does beside running goroutines: stops of the world, cycles of the garbage collector, GOMAXPROCS, and events
 * that are kept as they are. Writes stw, gc_cycle, gomaxprocs, runtime_event.
 */
#ifndef GOTAPE_REPLAY_RUNTIME_LOG_H
#define GOTAPE_REPLAY_RUNTIME_LOG_H

#include "format/event.h"
#include "format/trace_meta.h"
#include "load/row_writer.h"

struct runtime_log;

/* Facts of the trace, which may still grow: those read so far, and those read beforehand. */
struct runtime_facts {
    const struct trace_meta *now, *early;
};

/* Borrows all. NULL when out of memory. */
struct runtime_log *runtime_log_new(struct row_writer *rows, const struct runtime_facts *facts);
void runtime_log_free(struct runtime_log *self);
/* Before the first event. */
void runtime_log_start(struct runtime_log *self, uint64_t start_ns);
/* A stop or a cycle that is under way has no row: nobody knows when it ends. */
void runtime_log_pause(struct runtime_log *self);
/* EV_STW, EV_GC, EV_GOMAXPROCS, EV_ASSIST, EV_P_LOST, EV_P_HANDOFF, EV_M_NEW; resolved. */
void runtime_log_event(struct runtime_log *self, const struct event *event);
/* A goroutine waited for assist credit, from `start` on, for so long. */
void runtime_log_assist(struct runtime_log *self, uint64_t start, uint64_t ns);
/* Writes what is still open. */
void runtime_log_finish(struct runtime_log *self);

#endif
