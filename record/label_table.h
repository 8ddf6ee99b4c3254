/*
 * Which pprof labels goroutines have. The text behind a label set is read from the live target, again in each
 * cycle of the garbage collector, and believed only while it cannot be another set at the same address. Records of one goroutine come from several CPUs and out of order, so that "it has not
 * changed" is never known for sure: the labels of a goroutine that has some are told each time.
 */
#ifndef GOTAPE_RECORD_LABEL_TABLE_H
#define GOTAPE_RECORD_LABEL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "format/trace_writer.h"
#include "gc_clock.h"
#include "go/go_process.h"

struct label_table;

/* Borrows all. NULL when out of memory. */
struct label_table *label_table_new(struct go_process *process, const struct gc_clock *clock,
                                    struct trace_writer *writer);
void label_table_free(struct label_table *self);

/* What a probe fetched: at this time the goroutine's g.labels was this. */
struct label_sight {
    uint64_t time_ns, goid, g, labels;
};

/* True when this is to be told: *string_out is the id of the text, a JSON object; 0: none or not known, of a goroutine
 * that had some. */
bool label_table_tell(struct label_table *self, const struct label_sight *sight, uint32_t *string_out);

/* The goroutine has ended. */
void label_table_forget(struct label_table *self, uint64_t goid);

/* Label sets that could not be read in time. */
uint64_t label_table_unread(const struct label_table *self);

#endif
