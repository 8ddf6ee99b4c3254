#include "query/query_run.h"

#include <stdlib.h>
#include <string.h>

struct running {
    struct store_statement *statement;
    int count;
    struct column *columns;
    char **names; /* owned */
    struct cell *cells;
};

static char *copy_name(const char *name, bool has_marks, enum column_mark *mark_out)
{
    static const struct {
        const char *suffix;
        enum column_mark mark;
    } marks[] = {{":json", COLUMN_JSON}, {":bool", COLUMN_BOOL}, {":table", COLUMN_TABLE}};
    size_t length = strlen(name);
    *mark_out = COLUMN_PLAIN;
    for (size_t i = 0; has_marks && i < sizeof marks / sizeof *marks; i++) {
        size_t suffix = strlen(marks[i].suffix);
        if (length > suffix && strcmp(name + length - suffix, marks[i].suffix) == 0) {
            *mark_out = marks[i].mark;
            length -= suffix;
            break;
        }
    }
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, name, length);
        copy[length] = '\0';
    }
    return copy;
}

static int describe_columns(struct running *self, bool has_marks, struct error *err)
{
    size_t count = (size_t)store_column_count(self->statement);
    self->columns = calloc(count + 1, sizeof *self->columns);
    self->cells = calloc(count + 1, sizeof *self->cells);
    self->names = calloc(count + 1, sizeof *self->names);
    if (!self->columns || !self->cells || !self->names)
        return error_set(err, ERR_NOMEM, "out of memory for a query");
    self->count = (int)count;
    for (int i = 0; i < self->count; i++) {
        self->names[i] = copy_name(store_column_name(self->statement, i), has_marks, &self->columns[i].mark);
        if (!self->names[i])
            return error_set(err, ERR_NOMEM, "out of memory for a query");
        self->columns[i].name = self->names[i];
    }
    return 0;
}

static void bind_parameters(struct store_statement *statement, const struct query_options *options)
{
    for (size_t i = 0; i < options->parameter_count; i++) {
        const struct query_parameter *p = &options->parameters[i];
        int number = store_parameter(statement, p->name);
        if (number == 0 || p->is_null)
            continue;
        if (p->text)
            store_bind_text(statement, number, p->text);
        else
            store_bind_int(statement, number, p->integer);
    }
}

static void read_row(struct running *self)
{
    for (int i = 0; i < self->count; i++) {
        struct cell *cell = &self->cells[i];
        memset(cell, 0, sizeof *cell);
        cell->type = store_column_type(self->statement, i);
        switch (cell->type) {
        case STORE_NULL:
            break;
        case STORE_INTEGER:
            cell->integer = store_column_int(self->statement, i);
            break;
        case STORE_REAL:
            cell->real = store_column_real(self->statement, i);
            break;
        case STORE_TEXT:
            cell->text = store_column_text(self->statement, i);
            cell->size = strlen(cell->text);
            break;
        case STORE_BLOB:
            cell->text = store_column_blob(self->statement, i, &cell->size);
            break;
        }
    }
}

static int stream_rows(struct running *self, const struct query_options *options, struct row_sink *sink,
                       struct query_result *result, struct error *err)
{
    int rc;
    while ((rc = store_step(self->statement, err)) == 1) {
        if (options->stop && *options->stop)
            return error_set(err, ERR_STOPPED, "stopped");
        if (options->limit > 0 && result->rows == options->limit) {
            result->has_more = true;
            return 0;
        }
        read_row(self);
        struct row row = {self->columns, self->cells, self->count};
        rc = row_sink_row(sink, &row, err);
        if (rc != 0)
            return rc;
        result->rows++;
    }
    if (rc < 0 && options->stop && *options->stop)
        return error_set(err, ERR_STOPPED, "stopped");
    return rc;
}

static int check_tail(struct store *store, const char *tail, struct error *err)
{
    struct store_statement *more = NULL;
    int rc = tail && *tail ? store_prepare(store, tail, NULL, &more, err) : 0;
    if (more) {
        store_finalize(more);
        return error_set(err, ERR_USAGE, "one statement at a time: more text follows the first ';'");
    }
    return rc;
}

int query_run(struct store *store, const char *sql, const struct query_options *options,
              struct row_sink *sink, struct query_result *out, struct error *err)
{
    struct running self = {0};
    struct query_result result = {0};
    const char *tail = NULL;
    int rc = store_prepare(store, sql, &tail, &self.statement, err);
    if (rc != 0)
        goto out;
    if (!self.statement) {
        rc = error_set(err, ERR_USAGE, "the query is empty");
        goto out;
    }
    rc = check_tail(store, tail, err);
    if (rc != 0)
        goto out;
    rc = describe_columns(&self, options->has_marks, err);
    if (rc != 0)
        goto out;
    bind_parameters(self.statement, options);
    rc = row_sink_begin(sink, self.columns, self.count, err);
    if (rc == 0)
        rc = stream_rows(&self, options, sink, &result, err);
    if (rc == 0)
        rc = row_sink_end(sink, err);
    if (rc == 0 && out)
        *out = result;
out:
    if (self.statement)
        store_finalize(self.statement);
    for (int i = 0; i < self.count; i++)
        free(self.names[i]);
    free(self.names);
    free(self.columns);
    free(self.cells);
    return rc;
}
