/* Contexts that can be cancelled, from their addresses, which may be used again, to rows of `context`. */
#ifndef GOTAPE_REPLAY_CONTEXT_LOG_H
#define GOTAPE_REPLAY_CONTEXT_LOG_H

#include "base/error.h"
#include "format/event.h"
#include "load/row_writer.h"
#include "load/symbolize.h"

struct context_log;

/* Borrows all. NULL when out of memory. */
struct context_log *context_log_new(struct row_writer *rows, const struct symbolizer *symbols);
void context_log_free(struct context_log *self);
/* A resolved EV_CONTEXT or EV_CONTEXT_END. */
void context_log_event(struct context_log *self, const struct event *event);
/* Writes those that have not ended. */
void context_log_finish(struct context_log *self);
/* 0, or ERR_NOMEM since the beginning. */
int context_log_check(const struct context_log *self, struct error *err);

#endif
