/* A trace written into memory, and shorthand for building and reading one in tests. */
#ifndef GOTAPE_TESTS_TRACE_MEMORY_H
#define GOTAPE_TESTS_TRACE_MEMORY_H

#include "format/trace_reader.h"
#include "format/trace_writer.h"

/* Writers made by this append to *out, with a clock that ticks. */
struct trace_writer_options memory_options(struct buf *out);
struct trace_reader *memory_reader(const void *data, size_t size);

/* What a whole trace holds. */
struct trace_sum {
    uint64_t events, chunks, damage[DAMAGE_KIND_COUNT], missing;
    uint64_t hash; /* of the events in order */
    bool has_end;
};

/* Reads everything; asserts that reading does not fail. Damage offsets must lie in the file. */
struct trace_sum memory_read_all(const void *data, size_t size);

/* A random event of a known type, with fields of all magnitudes; ids within 1 … id_limit, or unlimited when
 * 0. */
struct event random_event(unsigned type, uint64_t id_limit);
uint64_t random_number(void);

/* A small trace of three chunks in two epochs, with every kind of definition and event. */
void write_sample(struct buf *out);
/* The same chunks with ten events each, of three types. */
void write_small_sample(struct buf *out);

#endif
