/*
 * What the words fetched by the probes of package context mean: which context is meant by an interface, when a
 * deadline is, and why a context has ended. Reads the live target for what was not fetched; a wrong guess is
 * excluded by the types of the interfaces on the way.
 */
#ifndef GOTAPE_RECORD_CONTEXT_TABLE_H
#define GOTAPE_RECORD_CONTEXT_TABLE_H

#include <stdint.h>

#include "format/trace_writer.h"
#include "go/go_process.h"

struct context_table;

/* An interface value as it lies in memory. */
struct go_interface {
    uint64_t itab, data;
};

/* Borrows both. NULL when out of memory. */
struct context_table *context_table_new(struct go_process *process, struct trace_writer *writer);
void context_table_free(struct context_table *self);

/* The address by which (*cancelCtx).cancel will know a new context. `first_word` is what lies there. */
uint64_t context_table_address(struct context_table *self, struct go_interface context, uint64_t first_word);

/*
 * The nearest context that can be cancelled among a parent and what it wraps (context.WithValue and the like);
 * 0: there is none, or there is a type on the way that is not of package context. `inner` is what was fetched
 * from the begin of what the parent aims at.
 */
uint64_t context_table_parent(struct context_table *self, struct go_interface parent,
                              struct go_interface inner);

/* The two words of a timerCtx's deadline, a time.Time, as CLOCK_MONOTONIC (at least 1); 0 for contexts of
 * other types. */
uint64_t context_table_deadline(struct context_table *self, struct go_interface context, uint64_t wall,
                                uint64_t ext);

/* The cause (CONTEXT_CANCELED …) and, in *error_out, the string id of the type of a cause of the program's own or of
 * another error; 0: none. */
unsigned context_table_cause(struct context_table *self, struct go_interface error, struct go_interface cause,
                             uint32_t *error_out);

/* The same moment as a time.Time with these words, without a reading of the monotonic clock, in nanoseconds since
 * 1970; INT64_MIN or INT64_MAX when that is too far away. Pure. */
int64_t context_wall_ns(uint64_t wall, uint64_t ext);

#endif
