/*
 * A table for people: aligned columns under headings, cells shortened to fit a terminal (and only there).
 * Either the columns of the query as they are, or columns that a command composes from a row. Widths follow
 * the first rows; memory stays bounded.
 */
#ifndef GOTAPE_QUERY_SINK_TABLE_H
#define GOTAPE_QUERY_SINK_TABLE_H

#include "query/row_sink.h"

struct table_column {
    const char *heading;
    bool is_right;       /* numbers */
    unsigned shrink_min; /* may be shortened down to this many characters; 0: never */
    /* Appends the cell. Control characters are replaced afterwards. */
    void (*print)(struct buf *out, const struct row *row, const struct table_column *column, void *context);
    bool keeps_end;   /* shortened in the middle: the end tells more (a file and line) */
    const char *key;  /* the row's column that it shows, for a print that serves several; else NULL */
    bool is_total;    /* a count or sum over the recording (with a key): times the scale, with a ~ */
    bool is_optional; /* left out when it is empty in all of the first 1000 rows; never the first column */
};

struct table_options {
    const struct table_column *columns; /* NULL: the query's own */
    int count;
    unsigned width; /* of the terminal; 0: not a terminal, nothing is shortened */
    bool color;
    void *context; /* given to print and detail */
    /* Lines below a row, each ending with a newline; may be NULL. */
    void (*detail)(struct buf *out, const struct row *row, void *context);
    double scale; /* of totals; 1 or 0: they are whole */
};

/* The first two of an array. */
#define TABLE_COLUMNS(array) .columns = (array), .count = (int)(sizeof(array) / sizeof *(array))

/* Borrows columns and context. */
struct row_sink *sink_table_new(FILE *out, const struct table_options *options);

/* Appends text with control characters and broken UTF-8 replaced, so that no name can command a terminal. */
void table_print_safe(struct buf *out, const char *text, size_t size, bool keep_newlines);

#endif
