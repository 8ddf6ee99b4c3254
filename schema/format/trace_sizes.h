/*
 * What the bytes of a trace are for: chunk by chunk, by block and, of coded events, by type and field. Filled by a reader that is
 * asked to (trace_reader_measure).
 */
#ifndef GOTAPE_FORMAT_TRACE_SIZES_H
#define GOTAPE_FORMAT_TRACE_SIZES_H

#include "format/chunk.h"
#include "format/event_costs.h"

/* Tags of blocks are below; 0: of a later version. */
#define TRACE_BLOCKS 32

struct trace_sizes {
    uint64_t chunks[CHUNK_END + 1];  /* by kind; 0: of a later version */
    double blocks[TRACE_BLOCKS];     /* bytes in the file, by tag */
    uint64_t raw[TRACE_BLOCKS];      /* unpacked */
    struct event_costs events;       /* of BLOCK_CODED */
    uint64_t raw_of_chunk[TRACE_BLOCKS]; /* of the present chunk */
};

void trace_sizes_begin_chunk(struct trace_sizes *self);
void trace_sizes_block(struct trace_sizes *self, uint64_t tag, size_t size);
/* The blocks of a chunk share its stored bytes: coded events take what they take, as nothing more can be packed out of them;
 * the others share the rest by their unpacked sizes, which is about how it is. */
void trace_sizes_end_chunk(struct trace_sizes *self, const struct chunk_header *header);

#endif
