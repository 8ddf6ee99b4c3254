/* Databases and captured output for the tests of queries. */
#ifndef GOTAPE_TESTS_QUERY_FIXTURE_H
#define GOTAPE_TESTS_QUERY_FIXTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "query/query_run.h"

/* Set-up and its end: *state is a store of recording.sql, opened for reading, whose file is gone already. */
int fixture_open(void **state);
int fixture_close(void **state);

/* A stream into memory. */
struct capture {
    FILE *stream;
    char *text;
    size_t size;
};

void capture_begin(struct capture *self);
/* What was written; free with capture_end(). */
const char *capture_text(struct capture *self);
void capture_end(struct capture *self);

/* Runs a named query as CSV and returns the text (to be freed). */
char *fixture_query(struct store *store, const char *name, const struct query_parameter *parameters,
                    size_t count);

#endif
