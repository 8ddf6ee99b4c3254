/* Calls of functions with a user's probe: from entries and returns, a stack of them for each goroutine, to rows of `span`; and the
 * probes themselves (META user_probe.N) to rows of `span_probe`. */
#ifndef GOTAPE_REPLAY_SPAN_LOG_H
#define GOTAPE_REPLAY_SPAN_LOG_H

#include "base/error.h"
#include "format/event.h"
#include "format/trace_meta.h"
#include "load/anomaly.h"
#include "load/row_writer.h"

struct span_log;

/* Borrows all. NULL when out of memory. */
struct span_log *span_log_new(struct row_writer *rows, struct anomaly_log *anomalies);
void span_log_free(struct span_log *self);
/* Takes the probes from the facts; may be called again. */
void span_log_read(struct span_log *self, const struct trace_meta *meta);
/* EV_SPAN_BEGIN, EV_SPAN_END. */
void span_log_event(struct span_log *self, const struct event *event);
/* The goroutine has ended, with whatever calls it was in. */
void span_log_goroutine_ended(struct span_log *self, uint64_t goid);
/* Writes the calls that have not returned. */
/* Calls that are under way have no row: nobody knows when they end. */
void span_log_pause(struct span_log *self);
void span_log_finish(struct span_log *self);
/* 0, or ERR_NOMEM since the beginning. */
int span_log_check(const struct span_log *self, struct error *err);

#endif
