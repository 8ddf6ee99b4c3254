/* gotape-replay schema: the documented schema, or the named queries. */
#include "cmd.h"

#include <stdio.h>

#include "query/catalog.h"

static void print_queries(void)
{
    const struct catalog_query *query;
    for (size_t i = 0; (query = catalog_at(i)) != NULL; i++)
        printf("%s-- %s\n%s", i > 0 ? "\n\n" : "", query->name, query->sql);
}

int run_schema(const struct command *self, int argc, char **argv)
{
    bool help = false, queries = false;
    int status;
    struct operands operands;
    const struct opt options[] = {
        {0, "queries", OPT_FLAG, &queries, NULL, "Print the SQL behind the commands instead."},
        COMMAND_HELP_OPTION(help),
        {0},
    };
    if (!command_begin(self, options, &help, argc, argv, 0, 0, &operands, &status))
        return status;
    if (queries)
        print_queries();
    else
        fputs(store_schema_text(), stdout);
    return command_flush();
}
