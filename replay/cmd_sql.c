/* gotape-replay sql: one query, or a shell. */
#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "listing.h"
#include "sql_shell.h"

/* Does not return when sqlite3 could be started. */
static void exec_sqlite3(const struct opened *opened)
{
    char path[4096], program[] = "sqlite3", readonly[] = "-readonly", safe[] = "-safe", header[] = "-header",
                     box[] = "-column";
    /* A name that begins with '-' would be an option. */
    int length = snprintf(path, sizeof path, "%s%s", opened->trace.db_path[0] == '/' ? "" : "./",
                          opened->trace.db_path);
    if (length < 0 || (size_t)length >= sizeof path)
        return;
    char *argv[] = {program, readonly, safe, header, box, path, NULL};
    execvp(program, argv);
}

static int shell(const struct opened *opened, struct error *err)
{
    if (quality_is_incomplete(&opened->quality))
        fprintf(stderr, "gotape-replay: the data are incomplete: see 'gotape-replay info %s'\n",
                opened->trace.db_path);
    if (isatty(STDIN_FILENO))
        fprintf(stderr, "Read-only. The tables are explained by 'gotape-replay schema'.\n");
    fflush(NULL);
    exec_sqlite3(opened);
    if (errno != ENOENT && errno != EACCES)
        return error_sys(err, "cannot start sqlite3");
    return sql_shell_run(opened->trace.store) == 0 ? STATUS_OK : STATUS_ERROR;
}

static int answer(void *context, const struct opened *opened, const struct operands *operands,
                  struct error *err)
{
    struct listing *listing = context;
    struct query_result result;
    if (operands->count == 1)
        return shell(opened, err);
    if (listing->limit < 0)
        listing->limit = 0;
    int rc = listing_run(listing, opened->trace.store, operands->at[1], false, NULL, 0, NULL, &result, err);
    if (rc != 0) {
        fflush(stdout);
        return rc;
    }
    listing_print_more(listing, &result, "rows");
    return 0;
}

int run_sql(const struct command *self, int argc, char **argv)
{
    struct listing listing;
    struct listing_command command = {&listing, 1, 2, NULL, answer, &listing};
    listing_init(&listing);
    const struct opt options[] = {
        LISTING_FORMAT_OPTION(listing),
        {0, "limit", OPT_INT, &listing.limit, "N", "Print at most N rows; 0: all (default)."},
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
