/*
 * Runs one query: binds parameters by name, streams the rows into a sink. Memory does not grow with the
 * number of rows.
 */
#ifndef GOTAPE_QUERY_QUERY_RUN_H
#define GOTAPE_QUERY_QUERY_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "query/row_sink.h"

/* A parameter of the query that is not listed is NULL; a listed one that the query does not have is ignored.
 */
struct query_parameter {
    const char *name; /* ":goid" */
    const char *text; /* NULL: `integer` counts */
    int64_t integer;
    bool is_null;
};

struct query_options {
    const struct query_parameter *parameters;
    size_t parameter_count;
    bool has_marks;           /* a named query: see row_sink.h */
    uint64_t limit;           /* rows given to the sink; 0: all */
    const volatile int *stop; /* non-zero: give up with ERR_STOPPED; may be NULL */
};

struct query_result {
    uint64_t rows;
    bool has_more; /* rows were left out because of the limit */
};

/* Runs the first statement of sql; ERR_USAGE when more follows. `out` may be NULL. */
int query_run(struct store *store, const char *sql, const struct query_options *options,
              struct row_sink *sink, struct query_result *out, struct error *err);

#endif
