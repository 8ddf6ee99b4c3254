/*
 * Where the rows of a query go: one interface, one implementation for each output format. A sink is told the
 * columns, then each row, then the end; it writes to the stream that it was made with.
 *
 * Column marks. A named query may end a column's name with a mark that says how JSON writes the value; the
 * mark is not part of the printed name: "objects:json"   text that is JSON already (made by json_group_array,
 * json_object) "open:bool"      0 or 1: false or true "what:table"     made for the human table; CSV and JSON
 * leave it out Queries typed by the user have no marks.
 */
#ifndef GOTAPE_QUERY_ROW_SINK_H
#define GOTAPE_QUERY_ROW_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/store.h"

enum column_mark { COLUMN_PLAIN, COLUMN_JSON, COLUMN_BOOL, COLUMN_TABLE };

struct column {
    const char *name; /* without the mark */
    enum column_mark mark;
};

struct cell {
    enum store_type type;
    int64_t integer;  /* STORE_INTEGER */
    double real;      /* STORE_REAL */
    const char *text; /* STORE_TEXT, STORE_BLOB; not always UTF-8 */
    size_t size;
};

/* Valid during one call of row_sink_row(). */
struct row {
    const struct column *columns;
    const struct cell *cells;
    int count;
};

struct row_sink;

struct row_sink_type {
    int (*begin)(struct row_sink *self, const struct column *columns, int count, struct error *err);
    int (*row)(struct row_sink *self, const struct row *row, struct error *err);
    int (*end)(struct row_sink *self, struct error *err);
    void (*free)(struct row_sink *self);
};

/* The first member of every implementation. */
struct row_sink {
    const struct row_sink_type *type;
};

/* Columns stay valid until row_sink_end(). Each returns 0 or a negative code. */
int row_sink_begin(struct row_sink *self, const struct column *columns, int count, struct error *err);
int row_sink_row(struct row_sink *self, const struct row *row, struct error *err);
int row_sink_end(struct row_sink *self, struct error *err);
void row_sink_free(struct row_sink *self);

/* RFC 4180: CRLF, a line of names first; NULL is empty, and an empty string is "". */
struct row_sink *sink_csv_new(FILE *out);
/* An array with one object a row, or (is_lines) one object a line. Bytes that are not UTF-8 become U+FFFD;
 * blobs are hexadecimal. */
struct row_sink *sink_json_new(FILE *out, bool is_lines);

/* The cell of a named column; NULL when there is no such column or the value is NULL. */
const struct cell *row_find(const struct row *row, const char *name);
/* The same with a default. Text is valid as long as the row. */
int64_t row_int(const struct row *row, const char *name, int64_t otherwise);
double row_real(const struct row *row, const char *name, double otherwise); /* an integer, too */
const char *row_text(const struct row *row, const char *name, const char *otherwise);
/* The value as plain text: what CSV and the table show. NULL appends nothing. */
void cell_print(struct buf *out, const struct column *column, const struct cell *cell);
/* Flushes what was collected in `text` to `out` and empties it. */
int sink_write(FILE *out, struct buf *text, struct error *err);

#endif
