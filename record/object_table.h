/*
 * What goroutines wait for: turns addresses into object ids of the trace. A channel's type and capacity are
 * read from the live target at first sight, and again in each cycle of the garbage collector; a change is the
 * evidence for a new generation. So are the descriptor of a pollDesc and what it is connected to. Other objects are named when they lie in
 * a package variable. Memory is bounded: entries that were not seen for a while are forgotten.
 */
#ifndef GOTAPE_RECORD_OBJECT_TABLE_H
#define GOTAPE_RECORD_OBJECT_TABLE_H

#include <stdint.h>

#include "base/error.h"
#include "format/definitions.h"
#include "format/trace_writer.h"
#include "gc_clock.h"
#include "keeper.h"
#include "go/go_process.h"

struct object_table;

/* Borrows all; without a keeper descriptors have no names. NULL when out of memory. */
struct object_table *object_table_new(struct go_binary *binary, struct go_process *process,
                                      const struct gc_clock *clock, struct keeper *keeper, struct trace_writer *writer);
void object_table_free(struct object_table *self);

/* The id of a channel at this address, seen in an event of this time; 0 when out of memory. */
uint32_t object_table_chan(struct object_table *self, uint64_t address, uint64_t time_ns);
/* The id of any other kind of object. */
uint32_t object_table_plain(struct object_table *self, enum object_kind kind, uint64_t address,
                            uint64_t time_ns);

/* To be told before and after each round of reading events. Within it, objects are looked at as they are at its first look or
 * later: after all of its events. */
void object_table_begin_round(struct object_table *self);
void object_table_end_round(struct object_table *self);

/* Channels that could not be read in time. */
uint64_t object_table_unread(const struct object_table *self);

#endif
