/* A whole trace file from memory: read to its end, and everything looked up and printed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "format/trace_text.h"

/* Printing is not what takes time in a fuzzer of the reader. */
#define PRINTED_EVENTS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source *source;
    struct trace_reader *reader;
    struct trace_chunk chunk;
    struct error err;
    struct buf text;
    if (source_of_memory(data, size, &source, &err) != 0)
        return 0;
    if (trace_reader_open(source, &reader, &err) != 0) {
        source_close(source);
        return 0;
    }
    buf_init(&text);
    while (trace_reader_next(reader, &chunk, &err) == 1) {
        buf_reset(&text);
        if (chunk.new_ids[DEF_STACK].count < 1000 && chunk.new_ids[DEF_STRING].count < 1000)
            trace_text_chunk_begin(&text, reader, &chunk);
        for (uint32_t i = 0; i < chunk.event_count && i < PRINTED_EVENTS; i++)
            trace_text_event(&text, &chunk.events[i], reader);
        uint32_t covered = 0;
        for (uint32_t i = 0; i < chunk.section_count; i++) {
            if (chunk.sections[i].first != covered)
                abort();
            covered += chunk.sections[i].count;
        }
        if (covered != chunk.event_count || trace_reader_position(reader) > size)
            abort();
    }
    buf_release(&text);
    trace_reader_close(reader);
    return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Makes the header checksums right after most mutations, or nothing behind them would ever be reached. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, max_size);
    for (size_t i = 0; seed % 8 != 0 && i + CHUNK_HEADER_SIZE <= size; i++) {
        if (!chunk_header_is_start(data + i, 16))
            continue;
        uint32_t crc = crc32c(data + i, CHUNK_HEADER_SIZE - 4);
        memcpy(data + i + CHUNK_HEADER_SIZE - 4, &crc, 4);
    }
    return size;
}
#endif
