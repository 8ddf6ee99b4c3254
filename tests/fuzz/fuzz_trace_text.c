/* Text into a trace. What parses is printed, and that must parse and print again as the same text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/trace_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int sink(void *context, const void *data, size_t size, struct error *err)
{
    (void)err;
    buf_put(context, data, size);
    return 0;
}

static void no_clock(void *context, struct chunk_clocks *out)
{
    (void)context;
    *out = (struct chunk_clocks){0};
}

static int parse(const char *text, size_t size, struct buf *trace)
{
    const struct trace_writer_options options = {
        .zstd_level = 1, .epoch_chunks = UINT32_MAX, .sink = sink, .clock = no_clock, .context = trace};
    struct error err;
    struct trace_writer *writer = trace_writer_new(&options, &err);
    int rc = trace_text_parse(text, size, writer, &err);
    if (rc == 0)
        rc = trace_writer_end(writer, NULL, &err);
    trace_writer_free(writer);
    return rc;
}

/* Without the END chunk: its totals tell of compressed sizes. */
static void print(const struct buf *trace, struct buf *text)
{
    struct source *source;
    struct trace_reader *reader;
    struct trace_chunk chunk;
    struct error err;
    if (source_of_memory(trace->data, trace->size, &source, &err) != 0 ||
        trace_reader_open(source, &reader, &err) != 0)
        abort();
    while (trace_reader_next(reader, &chunk, &err) == 1) {
        if (chunk.damage)
            abort();
        if (chunk.header.kind != CHUNK_END)
            trace_text_chunk(text, reader, &chunk);
    }
    trace_reader_close(reader);
}

/* Parses *text and replaces it by what the trace prints as. */
static void round_trip(struct buf *text)
{
    struct buf trace;
    buf_init(&trace);
    if (parse((const char *)text->data, text->size, &trace) != 0)
        abort();
    buf_reset(text);
    print(&trace, text);
    buf_release(&trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf trace, text, again;
    buf_init(&trace);
    buf_init(&text);
    buf_init(&again);
    if (parse((const char *)data, size, &trace) == 0) {
        print(&trace, &text);
        buf_put(&again, text.data, text.size);
        round_trip(&again);
        if (text.size != again.size || (text.size && memcmp(text.data, again.data, text.size) != 0))
            abort();
    }
    buf_release(&trace);
    buf_release(&text);
    buf_release(&again);
    return 0;
}
