#include "query/sink_table.h"

#include <stdlib.h>
#include <string.h>

#include "query/utf8.h"

/* Rows that are collected before the widths are fixed. */
#define WINDOW_ROWS 1000
#define GAP         2
#define SCALED_MAX  128 /* columns of a named query */
#define COLUMNS_MAX 2000

struct table_cell {
    char *text; /* owned, no terminator */
    size_t size;
    size_t width;
    bool is_right;
};

struct sink_table {
    struct row_sink base;
    FILE *out;
    struct table_options options;
    const struct column *query_columns;
    int count;
    size_t *widths;
    bool *hidden;             /* of optional columns, once the widths are fixed */
    int last;                 /* the last one that is not hidden */
    struct table_cell *cells; /* WINDOW_ROWS x count */
    char **details;           /* one a row of the window; NULL: none */
    size_t rows;
    bool has_widths;
    struct buf line, scratch;
};

void table_print_safe(struct buf *out, const char *text, size_t size, bool keep_newlines)
{
    uint32_t code;
    for (size_t at = 0; at < size;) {
        at += utf8_next(text + at, size - at, &code);
        if (keep_newlines && code == '\n')
            buf_put_u8(out, '\n');
        else
            utf8_put(out,
                     utf8_is_control(code) ? (code == '\n' || code == '\t' ? ' ' : UTF8_REPLACEMENT) : code);
    }
}

static const char *heading(const struct sink_table *self, int column)
{
    return self->options.columns ? self->options.columns[column].heading : self->query_columns[column].name;
}

static bool is_right(const struct sink_table *self, int column)
{
    return self->options.columns && self->options.columns[column].is_right;
}

static int table_begin(struct row_sink *base, const struct column *columns, int count, struct error *err)
{
    struct sink_table *self = (struct sink_table *)base;
    self->query_columns = columns;
    self->count = self->options.columns ? self->options.count : count;
    if (self->count > COLUMNS_MAX)
        return error_set(err, ERR_UNSUPPORTED, "a table of %d columns is too wide: use --format csv",
                         self->count);
    self->widths = calloc((size_t)self->count + 1, sizeof *self->widths);
    self->hidden = calloc((size_t)self->count + 1, sizeof *self->hidden);
    self->cells = calloc((size_t)self->count * WINDOW_ROWS + 1, sizeof *self->cells);
    self->details = calloc(WINDOW_ROWS, sizeof *self->details);
    if (!self->widths || !self->hidden || !self->cells || !self->details)
        return error_set(err, ERR_NOMEM, "out of memory for a table");
    return 0;
}

/* Takes columns from the widest shrinkable one until the line fits, or nothing can shrink any more. */
static void fit_to_terminal(struct sink_table *self)
{
    size_t total = 0;
    for (int i = 0; i < self->count; i++)
        total += self->hidden[i] ? 0 : self->widths[i] + (i > 0 ? GAP : 0);
    while (self->options.width > 0 && total > self->options.width) {
        int widest = -1;
        for (int i = 0; i < self->count; i++) {
            size_t least = self->options.columns ? self->options.columns[i].shrink_min : 8;
            if (least > 0 && !self->hidden[i] && self->widths[i] > least &&
                (widest < 0 || self->widths[i] > self->widths[widest]))
                widest = i;
        }
        if (widest < 0)
            return;
        self->widths[widest]--;
        total--;
    }
}

static void fix_widths(struct sink_table *self)
{
    for (int i = 0; i < self->count; i++) {
        size_t widest = 0, least = utf8_width(heading(self, i), strlen(heading(self, i)));
        for (size_t r = 0; r < self->rows; r++) {
            size_t width = self->cells[r * (size_t)self->count + (size_t)i].width;
            if (width > widest)
                widest = width;
        }
        self->hidden[i] = widest == 0 && self->options.columns && self->options.columns[i].is_optional;
        self->widths[i] = widest > least ? widest : least;
        if (!self->hidden[i])
            self->last = i;
    }
    fit_to_terminal(self);
    self->has_widths = true;
}

/* The first `columns` characters of a text of `width`, one of them an ellipsis. */
static void put_cut(struct buf *line, const struct table_cell *cell, size_t columns, bool keeps_end)
{
    if (columns < 4) {
        buf_put(line, cell->text, utf8_prefix(cell->text, cell->size, columns));
        return;
    }
    size_t tail = keeps_end ? columns * 2 / 3 : 0;
    buf_put(line, cell->text, utf8_prefix(cell->text, cell->size, columns - 1 - tail));
    utf8_put(line, 0x2026);
    size_t start = utf8_prefix(cell->text, cell->size, cell->width - tail);
    buf_put(line, cell->text + start, cell->size - start);
}

static void put_padded(struct sink_table *self, int column, const struct table_cell *cell)
{
    if (self->hidden[column])
        return;
    size_t limit = self->widths[column];
    bool cut = self->options.width > 0 && cell->width > limit;
    size_t padding = cell->width < limit ? limit - cell->width : 0;
    if (column > 0)
        buf_printf(&self->line, "%*s", GAP, "");
    if (cell->is_right)
        buf_printf(&self->line, "%*s", (int)padding, "");
    if (cut)
        put_cut(&self->line, cell, limit, self->options.columns && self->options.columns[column].keeps_end);
    else
        buf_put(&self->line, cell->text, cell->size);
    if (!cell->is_right && column != self->last)
        buf_printf(&self->line, "%*s", (int)padding, "");
}

static void put_headings(struct sink_table *self)
{
    if (self->options.color)
        buf_printf(&self->line, "\033[1m");
    for (int i = 0; i < self->count; i++) {
        buf_reset(&self->scratch);
        table_print_safe(&self->scratch, heading(self, i), strlen(heading(self, i)), false);
        const char *text = self->scratch.data ? (const char *)self->scratch.data : "";
        struct table_cell cell = {(char *)text, self->scratch.size, utf8_width(text, self->scratch.size),
                                  is_right(self, i) || (self->rows > 0 && self->cells[i].is_right)};
        put_padded(self, i, &cell);
    }
    buf_printf(&self->line, self->options.color ? "\033[0m\n" : "\n");
}

static void forget_rows(struct sink_table *self)
{
    for (size_t r = 0; r < self->rows; r++) {
        for (int i = 0; i < self->count; i++)
            free(self->cells[r * (size_t)self->count + (size_t)i].text);
        free(self->details[r]);
        self->details[r] = NULL;
    }
    self->rows = 0;
}

/* Padding in front of cells that turn out to be empty is not printed. */
static void end_line(struct buf *line)
{
    while (line->size > 0 && line->data[line->size - 1] == ' ')
        line->size--;
    buf_put_u8(line, '\n');
}

static int flush_rows(struct sink_table *self, struct error *err)
{
    if (!self->has_widths) {
        fix_widths(self);
        put_headings(self);
    }
    int rc = 0;
    for (size_t r = 0; r < self->rows && rc == 0; r++) {
        for (int i = 0; i < self->count; i++)
            put_padded(self, i, &self->cells[r * (size_t)self->count + (size_t)i]);
        end_line(&self->line);
        if (self->details[r])
            buf_put(&self->line, self->details[r], strlen(self->details[r]));
        rc = sink_write(self->out, &self->line, err);
    }
    if (rc == 0)
        rc = sink_write(self->out, &self->line, err);
    forget_rows(self);
    return rc;
}

/* Moves what is in the scratch buffer, made safe, into a string of its own. */
static char *take_scratch(struct sink_table *self, bool keep_newlines, size_t *size_out)
{
    struct buf safe;
    buf_init(&safe);
    if (!buf_failed(&self->scratch))
        table_print_safe(&safe, (const char *)self->scratch.data, self->scratch.size, keep_newlines);
    *size_out = safe.size;
    buf_put_u8(&safe, 0);
    if (buf_failed(&safe) || buf_failed(&self->scratch)) {
        buf_release(&safe);
        return NULL;
    }
    return (char *)safe.data;
}

/* A total over part of the recording stands for the whole: ~ and the scaled figure. */
static void print_composed(struct sink_table *self, const struct row *row, const struct table_column *column)
{
    const struct cell *total = column->is_total && self->options.scale > 1 ? row_find(row, column->key) : NULL;
    struct cell cells[SCALED_MAX];
    if (!total || (total->type != STORE_INTEGER && total->type != STORE_REAL) || row->count > SCALED_MAX) {
        column->print(&self->scratch, row, column, self->options.context);
        return;
    }
    memcpy(cells, row->cells, (size_t)row->count * sizeof *cells);
    struct cell *cell = &cells[total - row->cells];
    double value = self->options.scale * (cell->type == STORE_REAL ? cell->real : (double)cell->integer);
    cell->real = value;
    cell->integer = value < 9e18 ? (int64_t)(value + 0.5) : INT64_MAX;
    if (value > 0)
        buf_put_u8(&self->scratch, '~');
    struct row scaled = {.columns = row->columns, .cells = cells, .count = row->count};
    column->print(&self->scratch, &scaled, column, self->options.context);
}

static int fill_cell(struct sink_table *self, const struct row *row, int column, struct table_cell *cell)
{
    buf_reset(&self->scratch);
    cell->is_right = is_right(self, column);
    if (self->options.columns) {
        const struct table_column *composed = &self->options.columns[column];
        print_composed(self, row, composed);
    } else {
        enum store_type type = row->cells[column].type;
        cell->is_right = type == STORE_INTEGER || type == STORE_REAL;
        cell_print(&self->scratch, &row->columns[column], &row->cells[column]);
    }
    cell->text = take_scratch(self, false, &cell->size);
    if (!cell->text)
        return -1;
    cell->width = utf8_width(cell->text, cell->size);
    return 0;
}

static int table_row(struct row_sink *base, const struct row *row, struct error *err)
{
    struct sink_table *self = (struct sink_table *)base;
    struct table_cell *cells = self->cells + self->rows * (size_t)self->count;
    memset(cells, 0, (size_t)self->count * sizeof *cells);
    size_t at = self->rows++;
    for (int i = 0; i < self->count; i++) {
        if (fill_cell(self, row, i, &cells[i]) != 0)
            return error_set(err, ERR_NOMEM, "out of memory for a table");
    }
    if (self->options.detail) {
        size_t size;
        buf_reset(&self->scratch);
        self->options.detail(&self->scratch, row, self->options.context);
        if (self->scratch.size > 0)
            self->details[at] = take_scratch(self, true, &size);
    }
    if (self->rows == WINDOW_ROWS)
        return flush_rows(self, err);
    return 0;
}

static int table_end(struct row_sink *base, struct error *err)
{
    return flush_rows((struct sink_table *)base, err);
}

static void table_free(struct row_sink *base)
{
    struct sink_table *self = (struct sink_table *)base;
    if (self->cells)
        forget_rows(self);
    free(self->cells);
    free(self->details);
    free(self->widths);
    free(self->hidden);
    buf_release(&self->line);
    buf_release(&self->scratch);
    free(self);
}

struct row_sink *sink_table_new(FILE *out, const struct table_options *options)
{
    static const struct row_sink_type type = {table_begin, table_row, table_end, table_free};
    struct sink_table *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->base.type = &type;
    self->out = out;
    self->options = *options;
    buf_init(&self->line);
    buf_init(&self->scratch);
    return &self->base;
}
