#include "query/sink_call.h"

#include "query/catalog.h"

static int call_begin(struct row_sink *base, const struct column *columns, int count, struct error *err)
{
    (void)base;
    (void)columns;
    (void)count;
    (void)err;
    return 0;
}

static int call_row(struct row_sink *base, const struct row *row, struct error *err)
{
    struct sink_call *self = (struct sink_call *)base;
    return self->call(self->context, row, err);
}

static int call_end(struct row_sink *base, struct error *err)
{
    (void)base;
    (void)err;
    return 0;
}

static void call_free(struct row_sink *base)
{
    (void)base;
}

struct sink_call sink_call_to(sink_call_fn call, void *context)
{
    static const struct row_sink_type type = {call_begin, call_row, call_end, call_free};
    struct sink_call self = {{&type}, call, context};
    return self;
}

int query_each(struct store *store, const char *name, const struct query_parameter *parameters,
               size_t parameter_count, sink_call_fn call, void *context, struct error *err)
{
    const struct catalog_query *query = catalog_find(name);
    if (!query)
        return error_set(err, ERR_NOT_FOUND, "no query is named %s", name);
    struct sink_call sink = sink_call_to(call, context);
    struct query_options options = {
        .parameters = parameters, .parameter_count = parameter_count, .has_marks = true};
    return query_run(store, query->sql, &options, &sink.base, NULL, err);
}
