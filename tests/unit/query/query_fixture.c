#include "query_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "query/catalog.h"

static void run_file(struct store *store, const char *path)
{
    char sql[65536];
    struct error err = {0};
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t got = fread(sql, 1, sizeof sql - 1, file);
    assert_true(got > 0 && got < sizeof sql - 1);
    sql[got] = '\0';
    fclose(file);
    if (store_exec(store, sql, &err) != 0)
        fail_msg("%s", err.message);
}

int fixture_open(void **state)
{
    char path[] = "/tmp/gotape-query-XXXXXX";
    struct store *store = NULL;
    struct error err = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    if (store_create(path, &store, &err) != 0)
        fail_msg("%s", err.message);
    run_file(store, "recording.sql");
    run_file(store, "../../../schema/sql/sums.sql");
    if (store_finish(store, &err) != 0)
        fail_msg("%s", err.message);
    store_close(store);
    if (store_open(path, &store, &err) != 0)
        fail_msg("%s", err.message);
    unlink(path);
    *state = store;
    return 0;
}

int fixture_close(void **state)
{
    store_close(*state);
    return 0;
}

void capture_begin(struct capture *self)
{
    memset(self, 0, sizeof *self);
    self->stream = open_memstream(&self->text, &self->size);
    assert_non_null(self->stream);
}

const char *capture_text(struct capture *self)
{
    fflush(self->stream);
    return self->text;
}

void capture_end(struct capture *self)
{
    fclose(self->stream);
    free(self->text);
}

char *fixture_query(struct store *store, const char *name, const struct query_parameter *parameters,
                    size_t count)
{
    struct capture capture;
    struct error err = {0};
    const struct catalog_query *query = catalog_find(name);
    assert_non_null(query);
    capture_begin(&capture);
    struct row_sink *sink = sink_csv_new(capture.stream);
    struct query_options options = {.parameters = parameters, .parameter_count = count, .has_marks = true};
    if (query_run(store, query->sql, &options, sink, NULL, &err) != 0)
        fail_msg("%s: %s", name, err.message);
    row_sink_free(sink);
    char *text = strdup(capture_text(&capture));
    capture_end(&capture);
    return text;
}
