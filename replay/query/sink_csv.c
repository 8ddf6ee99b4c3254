/* CSV as RFC 4180 has it: fields with a quote, comma or line break are quoted, quotes inside are doubled. */
#include "query/row_sink.h"

#include <stdlib.h>
#include <string.h>

struct sink_csv {
    struct row_sink base;
    FILE *out;
    struct buf line, field;
};

static void put_field(struct buf *line, const char *text, size_t size)
{
    bool plain = size > 0;
    for (size_t i = 0; i < size && plain; i++)
        plain = !strchr("\",\r\n", text[i]) || text[i] == '\0';
    if (plain) {
        buf_put(line, text, size);
        return;
    }
    buf_put_u8(line, '"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"')
            buf_put_u8(line, '"');
        buf_put_u8(line, (uint8_t)text[i]);
    }
    buf_put_u8(line, '"');
}

static int csv_begin(struct row_sink *base, const struct column *columns, int count, struct error *err)
{
    struct sink_csv *self = (struct sink_csv *)base;
    for (int i = 0, fields = 0; i < count; i++) {
        if (columns[i].mark == COLUMN_TABLE)
            continue;
        if (fields++ > 0)
            buf_put_u8(&self->line, ',');
        put_field(&self->line, columns[i].name, strlen(columns[i].name));
    }
    buf_put(&self->line, "\r\n", 2);
    return sink_write(self->out, &self->line, err);
}

static int csv_row(struct row_sink *base, const struct row *row, struct error *err)
{
    struct sink_csv *self = (struct sink_csv *)base;
    for (int i = 0, fields = 0; i < row->count; i++) {
        if (row->columns[i].mark == COLUMN_TABLE)
            continue;
        if (fields++ > 0)
            buf_put_u8(&self->line, ',');
        if (row->cells[i].type == STORE_NULL)
            continue;
        buf_reset(&self->field);
        cell_print(&self->field, &row->columns[i], &row->cells[i]);
        if (buf_failed(&self->field))
            self->line.failed = true;
        else
            put_field(&self->line, (const char *)self->field.data, self->field.size);
    }
    buf_put(&self->line, "\r\n", 2);
    return sink_write(self->out, &self->line, err);
}

static int csv_end(struct row_sink *base, struct error *err)
{
    (void)base;
    (void)err;
    return 0;
}

static void csv_free(struct row_sink *base)
{
    struct sink_csv *self = (struct sink_csv *)base;
    buf_release(&self->line);
    buf_release(&self->field);
    free(self);
}

struct row_sink *sink_csv_new(FILE *out)
{
    static const struct row_sink_type type = {csv_begin, csv_row, csv_end, csv_free};
    struct sink_csv *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->base.type = &type;
    self->out = out;
    buf_init(&self->line);
    buf_init(&self->field);
    return &self->base;
}
