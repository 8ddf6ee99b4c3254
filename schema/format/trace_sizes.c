#include "format/trace_sizes.h"

#include <string.h>

void trace_sizes_begin_chunk(struct trace_sizes *self)
{
    memset(self->raw_of_chunk, 0, sizeof self->raw_of_chunk);
}

void trace_sizes_block(struct trace_sizes *self, uint64_t tag, size_t size)
{
    self->raw_of_chunk[tag < TRACE_BLOCKS ? tag : 0] += size;
}

void trace_sizes_end_chunk(struct trace_sizes *self, const struct chunk_header *header)
{
    uint64_t coded = self->raw_of_chunk[BLOCK_CODED], others = 0;
    uint64_t rest = header->stored_size > coded ? header->stored_size - coded : 0;
    self->chunks[header->kind <= CHUNK_END ? header->kind : 0]++;
    for (unsigned tag = 0; tag < TRACE_BLOCKS; tag++)
        others += tag == BLOCK_CODED ? 0 : self->raw_of_chunk[tag];
    for (unsigned tag = 0; tag < TRACE_BLOCKS; tag++) {
        uint64_t raw = self->raw_of_chunk[tag];
        self->raw[tag] += raw;
        if (tag == BLOCK_CODED)
            /* Alone in a chunk it has the frame's own bytes, too. */
            self->blocks[tag] += (double)(others ? header->stored_size - rest : raw ? header->stored_size : 0);
        else if (others)
            self->blocks[tag] += (double)rest * (double)raw / (double)others;
    }
}
