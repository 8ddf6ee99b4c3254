/*
 * JSON: an array of objects, one a line, or JSON lines. Whatever the database holds, the output is valid:
 * strings are escaped, broken UTF-8 is replaced, and infinities become null.
 */
#include "query/row_sink.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "query/utf8.h"

struct sink_json {
    struct row_sink base;
    FILE *out;
    bool is_lines;
    bool has_rows;
    struct buf line;
};

static void put_escaped(struct buf *out, uint32_t code)
{
    if (code == '"' || code == '\\')
        buf_printf(out, "\\%c", (int)code);
    else if (code == '\n')
        buf_printf(out, "\\n");
    else if (code == '\t')
        buf_printf(out, "\\t");
    else if (utf8_is_control(code))
        buf_printf(out, "\\u%04x", (unsigned)code);
    else
        utf8_put(out, code);
}

static void put_string(struct buf *out, const char *text, size_t size)
{
    buf_put_u8(out, '"');
    uint32_t code;
    for (size_t at = 0; at < size;) {
        at += utf8_next(text + at, size - at, &code);
        put_escaped(out, code);
    }
    buf_put_u8(out, '"');
}

/* JSON made by SQLite is well-formed but for the bytes of its strings, which it copies. */
static void put_made_json(struct buf *out, const char *text, size_t size)
{
    uint32_t code;
    for (size_t at = 0; at < size;) {
        at += utf8_next(text + at, size - at, &code);
        utf8_put(out, code);
    }
}

static void put_real(struct buf *out, double value)
{
    if (isfinite(value))
        buf_printf(out, "%.17g", value);
    else
        buf_printf(out, "null");
}

static void put_cell(struct buf *out, const struct column *column, const struct cell *cell)
{
    switch (cell->type) {
    case STORE_NULL:
        buf_printf(out, "null");
        break;
    case STORE_INTEGER:
        cell_print(out, column, cell);
        break;
    case STORE_REAL:
        put_real(out, cell->real);
        break;
    case STORE_TEXT:
        if (column->mark == COLUMN_JSON)
            put_made_json(out, cell->text, cell->size);
        else
            put_string(out, cell->text, cell->size);
        break;
    case STORE_BLOB:
        buf_put_u8(out, '"');
        cell_print(out, column, cell);
        buf_put_u8(out, '"');
        break;
    }
}

static int json_begin(struct row_sink *base, const struct column *columns, int count, struct error *err)
{
    struct sink_json *self = (struct sink_json *)base;
    (void)columns;
    (void)count;
    if (!self->is_lines)
        buf_put_u8(&self->line, '[');
    return sink_write(self->out, &self->line, err);
}

static int json_row(struct row_sink *base, const struct row *row, struct error *err)
{
    struct sink_json *self = (struct sink_json *)base;
    if (!self->is_lines)
        buf_printf(&self->line, self->has_rows ? ",\n" : "\n");
    self->has_rows = true;
    buf_put_u8(&self->line, '{');
    for (int i = 0, fields = 0; i < row->count; i++) {
        if (row->columns[i].mark == COLUMN_TABLE)
            continue;
        if (fields++ > 0)
            buf_put_u8(&self->line, ',');
        put_string(&self->line, row->columns[i].name, strlen(row->columns[i].name));
        buf_put_u8(&self->line, ':');
        put_cell(&self->line, &row->columns[i], &row->cells[i]);
    }
    buf_put_u8(&self->line, '}');
    if (self->is_lines)
        buf_put_u8(&self->line, '\n');
    return sink_write(self->out, &self->line, err);
}

static int json_end(struct row_sink *base, struct error *err)
{
    struct sink_json *self = (struct sink_json *)base;
    if (!self->is_lines)
        buf_printf(&self->line, self->has_rows ? "\n]\n" : "]\n");
    return sink_write(self->out, &self->line, err);
}

static void json_free(struct row_sink *base)
{
    struct sink_json *self = (struct sink_json *)base;
    buf_release(&self->line);
    free(self);
}

struct row_sink *sink_json_new(FILE *out, bool is_lines)
{
    static const struct row_sink_type type = {json_begin, json_row, json_end, json_free};
    struct sink_json *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->base.type = &type;
    self->out = out;
    self->is_lines = is_lines;
    buf_init(&self->line);
    return &self->base;
}
