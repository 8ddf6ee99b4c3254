#include "query/row_sink.h"

#include <inttypes.h>
#include <string.h>

int row_sink_begin(struct row_sink *self, const struct column *columns, int count, struct error *err)
{
    return self->type->begin(self, columns, count, err);
}

int row_sink_row(struct row_sink *self, const struct row *row, struct error *err)
{
    return self->type->row(self, row, err);
}

int row_sink_end(struct row_sink *self, struct error *err)
{
    return self->type->end(self, err);
}

void row_sink_free(struct row_sink *self)
{
    if (self)
        self->type->free(self);
}

const struct cell *row_find(const struct row *row, const char *name)
{
    for (int i = 0; i < row->count; i++) {
        if (strcmp(row->columns[i].name, name) == 0)
            return row->cells[i].type == STORE_NULL ? NULL : &row->cells[i];
    }
    return NULL;
}

int64_t row_int(const struct row *row, const char *name, int64_t otherwise)
{
    const struct cell *cell = row_find(row, name);
    return cell && cell->type == STORE_INTEGER ? cell->integer : otherwise;
}

double row_real(const struct row *row, const char *name, double otherwise)
{
    const struct cell *cell = row_find(row, name);
    if (cell && cell->type == STORE_REAL)
        return cell->real;
    return cell && cell->type == STORE_INTEGER ? (double)cell->integer : otherwise;
}

const char *row_text(const struct row *row, const char *name, const char *otherwise)
{
    const struct cell *cell = row_find(row, name);
    return cell && cell->type == STORE_TEXT ? cell->text : otherwise;
}

void cell_print(struct buf *out, const struct column *column, const struct cell *cell)
{
    switch (cell->type) {
    case STORE_NULL:
        break;
    case STORE_INTEGER:
        if (column->mark == COLUMN_BOOL)
            buf_printf(out, "%s", cell->integer ? "true" : "false");
        else
            buf_printf(out, "%" PRId64, cell->integer);
        break;
    case STORE_REAL:
        buf_printf(out, "%.15g", cell->real);
        break;
    case STORE_TEXT:
        buf_put(out, cell->text, cell->size);
        break;
    case STORE_BLOB:
        for (size_t i = 0; i < cell->size; i++)
            buf_printf(out, "%02x", (unsigned char)cell->text[i]);
        break;
    }
}

int sink_write(FILE *out, struct buf *text, struct error *err)
{
    if (buf_failed(text))
        return error_set(err, ERR_NOMEM, "out of memory for a line of output");
    if (text->size > 0 && fwrite(text->data, 1, text->size, out) != text->size)
        return error_sys(err, "cannot write the output");
    buf_reset(text);
    return 0;
}
