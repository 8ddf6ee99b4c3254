/* A sink that hands every row to a function: for answers of one row, and for lists that a command works
 * through itself. */
#ifndef GOTAPE_QUERY_SINK_CALL_H
#define GOTAPE_QUERY_SINK_CALL_H

#include "query/query_run.h"

/* Returns 0, or a negative code that ends the query. */
typedef int (*sink_call_fn)(void *context, const struct row *row, struct error *err);

struct sink_call {
    struct row_sink base;
    sink_call_fn call;
    void *context;
};

/* Made on the stack; needs no release. */
struct sink_call sink_call_to(sink_call_fn call, void *context);

/* Runs a named query and gives its rows to the function. */
int query_each(struct store *store, const char *name, const struct query_parameter *parameters,
               size_t parameter_count, sink_call_fn call, void *context, struct error *err);

#endif
