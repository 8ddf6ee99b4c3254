/* Text into a trace. What parses is printed, and that must parse again to the same text. */
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
    if (source_of_memory(trace->data, trace->size, &source, &err) != 0 || trace_reader_open(source, &reader, &err) != 0)
        abort();
    while (trace_reader_next(reader, &chunk, &err) == 1) {
        if (chunk.damage)
            abort();
        if (chunk.header.kind != CHUNK_END)
            trace_text_chunk(text, reader, &chunk);
    }
    trace_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf first, second, text, again;
    buf_init(&first);
    buf_init(&second);
    buf_init(&text);
    buf_init(&again);
    if (parse((const char *)data, size, &first) == 0) {
        print(&first, &text);
        if (parse((const char *)text.data, text.size, &second) != 0)
            abort();
        print(&second, &again);
        if (text.size != again.size || (text.size && memcmp(text.data, again.data, text.size) != 0))
            abort();
    }
    buf_release(&first);
    buf_release(&second);
    buf_release(&text);
    buf_release(&again);
    return 0;
}
