/*
 * Writes the table of live goroutines into a trace, as a snapshot that was carried over: what a file that goes on where
 * another one ended has at its head.
 */
#ifndef GOTAPE_STATE_LIVE_WRITE_H
#define GOTAPE_STATE_LIVE_WRITE_H

#include "format/trace_writer.h"
#include "state/live_table.h"

/* As of this time; `number` of the snapshot. Flushes full chunks. */
int live_write(struct live_table *table, struct trace_writer *writer, uint64_t number, uint64_t time_ns,
               struct error *err);

#endif
