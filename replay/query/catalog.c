#include "query/catalog.h"

#include <stdio.h>
#include <string.h>

/* Made by embed_queries.cmake; ends with a row of NULLs. */
extern const struct catalog_query catalog_queries[];

const struct catalog_query *catalog_at(size_t index)
{
    for (size_t i = 0; catalog_queries[i].name; i++) {
        if (i == index)
            return &catalog_queries[i];
    }
    return NULL;
}

const struct catalog_query *catalog_find(const char *name)
{
    for (size_t i = 0; catalog_queries[i].name; i++) {
        if (strcmp(catalog_queries[i].name, name) == 0)
            return &catalog_queries[i];
    }
    return NULL;
}

char *catalog_summary(const struct catalog_query *self, char *out, size_t size)
{
    const char *line = self->sql;
    line += strspn(line, "- ");
    snprintf(out, size, "%.*s", (int)strcspn(line, "\n"), line);
    return out;
}
