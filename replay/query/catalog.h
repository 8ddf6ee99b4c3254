/*
 * The named queries: every file of replay/queries, embedded at build time. A file begins with a comment of
 * this form, which is its documentation:
 *
 *   -- One line that says what the query answers.
 *   --
 *   -- Parameters (NULL: no restriction unless said otherwise):
 *   --   :name   meaning
 *   -- Columns:
 *   --   name    meaning
 *
 * What several queries have in common stands in replay/queries/fragment/NAME.sql: the build puts it in the
 * place of a line
 *
 *   -- include: NAME
 *
 * indented like that line, and without its own first line, a comment that says what the fragment is. A
 * fragment cannot include another. The queries in the catalog are whole: they run in any SQLite client.
 */
#ifndef GOTAPE_QUERY_CATALOG_H
#define GOTAPE_QUERY_CATALOG_H

#include <stddef.h>

struct catalog_query {
    const char *name; /* file name without .sql */
    const char *sql;  /* with the comment */
};

/* Sorted by name; NULL past the end. */
const struct catalog_query *catalog_at(size_t index);
/* NULL when there is none of this name. */
const struct catalog_query *catalog_find(const char *name);
/* The first line of the comment; out needs 120 bytes. Returns out. */
char *catalog_summary(const struct catalog_query *self, char *out, size_t size);

#endif
