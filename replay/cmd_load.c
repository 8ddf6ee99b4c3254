/* gotape-replay load: makes the database, at the usual or another place. */
#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/units.h"
#include "interrupt.h"
#include "terminal.h"

static bool is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

/* 1: the database is there already. */
static int check_place(const char *trace, const char *db, bool force, struct error *err)
{
    struct trace_identity identity;
    bool is_database;
    int rc = trace_is_database(trace, &is_database, err);
    if (rc == 0 && is_database)
        rc = error_set(err, ERR_USAGE, "%s is a database already", trace);
    if (rc == 0)
        rc = trace_identify(trace, &identity, err);
    if (rc != 0 || !is_there(db))
        return rc;
    struct stat a, b;
    if (stat(trace, &a) == 0 && stat(db, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return error_set(err, ERR_USAGE, "%s is the trace itself: choose another place for the database", db);
    if (force)
        return 0;
    if (trace_is_loaded(db, &identity))
        return 1;
    return trace_check_replaceable(db, err);
}

static void print_result(const char *db, const struct load_result *result)
{
    char events[32], waits[32], goroutines[32], elapsed[24];
    printf("%s: %s events, %s waits, %s goroutines in %s\n", db,
           units_format_count(result->events, events, sizeof events),
           units_format_count(result->waits, waits, sizeof waits),
           units_format_count(result->goroutines, goroutines, sizeof goroutines),
           units_format_duration(result->elapsed_ns, elapsed, sizeof elapsed));
}

static int load(const struct command *self, const char *trace, const char *db, bool force)
{
    struct error err = {0};
    struct load_result result = {0};
    struct opened opened;
    int rc = check_place(trace, db, force, &err);
    if (rc == 1) {
        printf("%s is up to date (--force loads it again)\n", db);
    } else if (rc == 0) {
        struct progress progress;
        struct load_options options = command_load_options(&progress, trace);
        rc = loader_run(trace, db, &options, &result, &err);
        command_end_progress(&progress);
        if (rc == 0)
            print_result(db, &result);
    }
    if (rc < 0)
        return command_fail(self, &err);
    int status = command_open(db, &opened);
    if (status != STATUS_OK)
        return status;
    return command_close(&opened, STATUS_OK);
}

int run_load(const struct command *self, int argc, char **argv)
{
    const char *output = NULL;
    bool help = false, force = false;
    int status;
    struct operands operands;
    const struct opt options[] = {
        {'o', "output", OPT_STRING, &output, "DB", "Where to write the database (default: TRACE.db)."},
        {'f', "force", OPT_FLAG, &force, NULL, "Load again, and replace whatever is at this place."},
        COMMAND_HELP_OPTION(help),
        {0},
    };
    if (!command_begin(self, options, &help, argc, argv, 1, 1, &operands, &status))
        return status;
    char *beside = trace_database_beside(operands.at[0]);
    const char *db = output ? output : beside;
    if (db) {
        status = load(self, operands.at[0], db, force);
    } else {
        struct error err = {0};
        error_set(&err, ERR_NOMEM, "out of memory");
        status = command_fail(self, &err);
    }
    free(beside);
    return status;
}
