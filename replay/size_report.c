#include "size_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/event_spec.h"
#include "format/trace_reader.h"
#include "interrupt.h"
#include "trace_file.h"

/* Blocks that are not coded events; the second tag, where it is not 0, is another way to tell the same. */
static const struct {
    const char *what, *part;
    unsigned tag, too;
    enum def_kind kind;
    bool is_definition;
} blocks[] = {
    {"definitions", "texts", BLOCK_STRINGS, 0, DEF_STRING, true},
    {"definitions", "code locations", BLOCK_LOCATIONS, 0, DEF_LOCATION, true},
    {"definitions", "stacks", BLOCK_STACKS, 0, DEF_STACK, true},
    {"definitions", "objects", BLOCK_OBJECTS, BLOCK_NEAR_OBJECTS, DEF_OBJECT, true},
    {"definitions", "sets of objects", BLOCK_SETS, BLOCK_NEAR_SETS, DEF_SET, true},
    {"facts", NULL, BLOCK_META, 0, 0, false},
    {"index", NULL, BLOCK_INDEX, 0, 0, false},
    /* format 1 */
    {"events", "sections", BLOCK_SECTIONS, 0, 0, false},
    {"events", "types", BLOCK_ORDER, 0, 0, false},
    {"events", "times", BLOCK_TIMES, BLOCK_TIMES_LOW, 0, false},
    {"events", "threads", BLOCK_TIDS, 0, 0, false},
    {"events", "fields", BLOCK_COLUMNS, 0, 0, false},
    {"of a later version", NULL, 0, 0, 0, false},
};
#define BLOCK_ROWS (sizeof blocks / sizeof *blocks)

struct report {
    struct trace_sizes sizes;
    uint64_t definitions[DEF_KIND_COUNT];
    uint64_t events;
};

/* count 0: not told. */
static void put(struct buf *out, const char *what, const char *part, double bytes, uint64_t count)
{
    if (bytes <= 0)
        return;
    buf_printf(out, "%s{\"what\":\"%s\"", out->size > 1 ? "," : "", what);
    if (part)
        buf_printf(out, ",\"part\":\"%s\"", part);
    buf_printf(out, ",\"bytes\":%.1f", bytes);
    if (count)
        buf_printf(out, ",\"count\":%" PRIu64, count);
    buf_printf(out, "}");
}

static double bytes_of_block(const struct report *self, size_t row)
{
    return self->sizes.blocks[blocks[row].tag] + (blocks[row].too ? self->sizes.blocks[blocks[row].too] : 0);
}

/* Blocks of one name follow each other. */
static void put_blocks(const struct report *self, struct buf *out)
{
    for (size_t first = 0, end; first < BLOCK_ROWS; first = end) {
        double bytes = 0;
        uint64_t count = 0;
        for (end = first; end < BLOCK_ROWS && blocks[end].what == blocks[first].what; end++) {
            bytes += bytes_of_block(self, end);
            count += blocks[end].is_definition ? self->definitions[blocks[end].kind] : 0;
        }
        bool is_of_events = blocks[first].tag == BLOCK_SECTIONS;
        put(out, blocks[first].what, NULL, bytes, is_of_events ? self->events : count);
        for (size_t row = first; blocks[first].part && row < end; row++)
            put(out, blocks[row].what, blocks[row].part, bytes_of_block(self, row),
                blocks[row].is_definition ? self->definitions[blocks[row].kind] : 0);
    }
}

static const char *part_name(const struct event_spec *spec, unsigned part, char *text, size_t size)
{
    if (part == COST_HEAD)
        return "type and thread";
    if (part == COST_TIME)
        return "time";
    if (spec && part - COST_FIELDS < spec->field_count)
        return spec->fields[part - COST_FIELDS].name;
    snprintf(text, size, "field %u", part - COST_FIELDS);
    return text;
}

/* Tables of codings and what the frames of zstd add are shared by all. */
static void put_events(const struct report *self, struct buf *out)
{
    const struct event_costs *costs = &self->sizes.events;
    double bits = 0;
    for (unsigned type = 0; type < CODING_TYPES_MAX; type++) {
        const struct event_spec *spec = event_spec_get(type);
        char name[32], text[32];
        double own = 0;
        snprintf(name, sizeof name, "event %u", type);
        if (spec)
            snprintf(name, sizeof name, "event %s", spec->name);
        for (unsigned part = 0; part < COST_PARTS; part++)
            own += costs->bits[type][part];
        put(out, name, NULL, own / 8, costs->counts[type]);
        for (unsigned part = 0; part < COST_PARTS; part++)
            put(out, name, part_name(spec, part, text, sizeof text), costs->bits[type][part] / 8, 0);
        bits += own;
    }
    put(out, "around the events", NULL, self->sizes.blocks[BLOCK_CODED] - bits / 8, 0);
}

static int read_all(struct trace_reader *reader, struct report *self, struct error *err)
{
    struct trace_chunk chunk;
    int rc;
    trace_reader_measure(reader, &self->sizes);
    while ((rc = trace_reader_next(reader, &chunk, err)) == 1) {
        if (*interrupt_flag())
            return error_set(err, ERR_STOPPED, "stopped");
        self->events += chunk.event_count;
        for (int kind = 0; kind < DEF_KIND_COUNT && chunk.header.kind != 0; kind++)
            self->definitions[kind] += chunk.new_ids[kind].count;
    }
    return rc;
}

int size_report_of_trace(const char *path, struct buf *out, struct error *err)
{
    struct trace_reader *reader = NULL;
    struct report *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, ERR_NOMEM, "out of memory");
    int rc = trace_file_open(path, &reader, err);
    if (rc == 0)
        rc = read_all(reader, self, err);
    if (rc == 0) {
        uint64_t chunks = 0;
        double told = 0;
        for (unsigned kind = 0; kind <= CHUNK_END; kind++)
            chunks += self->sizes.chunks[kind];
        for (unsigned tag = 0; tag < TRACE_BLOCKS; tag++)
            told += self->sizes.blocks[tag];
        told += (double)chunks * CHUNK_HEADER_SIZE;
        buf_printf(out, "[");
        put_events(self, out);
        put_blocks(self, out);
        put(out, "chunk headers", NULL, (double)chunks * CHUNK_HEADER_SIZE, chunks);
        put(out, "not readable", NULL, (double)trace_reader_size(reader) - told, 0);
        buf_printf(out, "]");
        buf_put_u8(out, 0);
        if (buf_failed(out))
            rc = error_set(err, ERR_NOMEM, "out of memory");
    }
    if (reader)
        trace_reader_close(reader);
    free(self);
    return rc;
}
