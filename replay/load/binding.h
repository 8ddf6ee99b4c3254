/*
 * The threads: which goroutine each one runs, when it is on a CPU, and what took the CPU from it. Writes
 * thread, thread_switch and thread_interval.
 */
#ifndef GOTAPE_REPLAY_BINDING_H
#define GOTAPE_REPLAY_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "format/event.h"
#include "load/anomaly.h"
#include "load/gaps.h"
#include "load/row_writer.h"
#include "load/sorted_index.h"
#include "load/symbolize.h"

struct binding;

/* Borrows all; by_tid: packed_switch_tid. NULL when out of memory. */
struct binding *binding_new(struct row_writer *rows, struct anomaly_log *anomalies,
                            const struct symbolizer *symbols, struct gaps *gaps, struct sorted_index *by_tid);
void binding_free(struct binding *self);

/* The thread runs this goroutine from now on. Returns the goid that it ran and had not left, or 0. Thread 0
 * is none. */
uint64_t binding_enter(struct binding *self, uint32_t tid, uint64_t goid, int64_t p);
/* The goroutine has left the thread; is_park: by a park. */
void binding_leave(struct binding *self, uint32_t tid, uint64_t goid, bool is_park);
/* A sure sign that the thread runs this goroutine, although its exec was not seen. */
void binding_see(struct binding *self, uint32_t tid, uint64_t goid);
/* The goroutine that the thread runs; 0: none known. */
uint64_t binding_goid(const struct binding *self, uint32_t tid);
/* As far as its switches tell, which both may be false: the thread is on a CPU, or off, since *since_out. */
bool binding_is_on(const struct binding *self, uint32_t tid, uint64_t *since_out);
bool binding_is_off(const struct binding *self, uint32_t tid, uint64_t *since_out);
/* True when the thread has done nothing about goroutines since this one parked on it. */
bool binding_parked_last(const struct binding *self, uint32_t tid, uint64_t goid);
/* The P with which the thread's goroutine runs; ROW_NULL: unknown. */
int64_t binding_p(const struct binding *self, uint32_t tid);

/* EV_THREAD_*; fields are resolved (next_name and name: numbers of texts; ip: function). */
void binding_event(struct binding *self, const struct event *event);
/* Writes what is still open. */
/* Nothing is known about any thread from now on. */
void binding_pause(struct binding *self, uint64_t time_ns);
void binding_finish(struct binding *self);
/* 0, or ERR_NOMEM since the beginning. */
int binding_check(const struct binding *self, struct error *err);

#endif
