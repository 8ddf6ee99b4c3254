/*
 * Makes a trace file from its text form (trace_text.h): `trace_from_text IN.txt OUT.gotape`. The same text
 * always gives the same bytes. Golden tests are written this way.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "format/trace_text.h"
#include "format/trace_writer.h"

static int read_file(const char *path, struct buf *out)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file)
        return -1;
    size_t got;
    do {
        if (buf_reserve(out, 65536) != 0)
            break;
        got = fread(out->data + out->size, 1, 65536, file);
        out->size += got;
    } while (got > 0);
    int rc = ferror(file) || buf_failed(out) ? -1 : 0;
    if (file != stdin)
        fclose(file);
    return rc;
}

static int write_bytes(void *context, const void *data, size_t size, struct error *err)
{
    if (fwrite(data, 1, size, context) != size)
        return error_sys(err, "cannot write");
    return 0;
}

/* Fixed, for repeatable files. */
static void no_clock(void *context, struct chunk_clocks *out)
{
    (void)context;
    *out = (struct chunk_clocks){0};
}

static int convert(const struct buf *text, FILE *file, struct error *err)
{
    const struct trace_writer_options options = {
        .epoch_chunks = UINT32_MAX, /* epochs begin where the text says so */
        .trace_id = "gotape from text",
        .sink = write_bytes,
        .clock = no_clock,
        .context = file,
    };
    struct trace_writer *writer = trace_writer_new(&options, err);
    if (!writer)
        return err->code;
    int rc = trace_text_parse((const char *)text->data, text->size, writer, err);
    if (rc == 0)
        rc = trace_writer_end(writer, NULL, err);
    trace_writer_free(writer);
    return rc;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    struct buf text;
    if (argc != 3) {
        fprintf(stderr, "usage: trace_from_text IN.txt OUT.gotape\n");
        return 2;
    }
    buf_init(&text);
    if (read_file(argv[1], &text) != 0) {
        fprintf(stderr, "trace_from_text: cannot read %s: %s\n", argv[1], strerror(errno));
        buf_release(&text);
        return 1;
    }
    FILE *file = fopen(argv[2], "wb");
    int rc = file ? convert(&text, file, &err) : error_sys(&err, "cannot create %s", argv[2]);
    if (file && fclose(file) != 0 && rc == 0)
        rc = error_sys(&err, "cannot write %s", argv[2]);
    buf_release(&text);
    if (rc != 0)
        fprintf(stderr, "trace_from_text: %s: %s\n", argv[1], err.message);
    return rc == 0 ? 0 : 1;
}
