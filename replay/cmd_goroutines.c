/* gotape-replay goroutines: one row for each goroutine. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"

static void print_goroutine(struct buf *out, const struct row *row, const struct table_column *column,
                            void *context)
{
    (void)column;
    present_goroutine(out, row, "goid", "function", ((const struct present *)context)->is_short);
    if (row_int(row, "is_system", 0))
        buf_printf(out, " (runtime)");
}

static void print_created(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    (void)column;
    const struct present *present = context;
    if (row_find(row, "created_ns"))
        present_time(out, row, "created_ns", present->start_ns);
    else
        buf_printf(out, "before");
}

static void print_creator(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    (void)column;
    int64_t creator = row_int(row, "creator_goid", 0);
    if (creator > 0)
        buf_printf(out, "%" PRId64 "%s", creator, row_find(row, "create_site") ? " in " : "");
    present_place(out, row, "create_site", "create_file", "create_line",
                  ((const struct present *)context)->is_short);
}

/* Nothing for no time at all, so that the column is only there when it tells something. */
static void print_some(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)context;
    if (row_int(row, column->key, 0) > 0)
        present_duration(out, row, column->key);
}

static void print_most(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    (void)context;
    buf_printf(out, "%s", row_text(row, "most_class", ""));
    int64_t most = row_int(row, "most_ns", 0), all = row_int(row, "waiting_ns", 0);
    if (row_find(row, "most_class") && all > 0 && most >= 0 && most <= all)
        buf_printf(out, " %.0f %%", 100.0 * (double)most / (double)all);
}

static void print_end(struct buf *out, const struct row *row, const struct table_column *column,
                      void *context)
{
    (void)column;
    const struct present *present = context;
    if (row_find(row, "ended_ns")) {
        buf_printf(out, "ended ");
        present_time(out, row, "ended_ns", present->start_ns);
    } else {
        buf_printf(out, "%s", row_text(row, "state", ""));
    }
}

static const struct table_column columns[] = {
    {"GOROUTINE", false, 14, print_goroutine},
    {"CREATED", true, 0, print_created},
    {"BY", false, 16, print_creator, true},
    {"LIFE", true, 0, present_duration_cell, .key = "life_ns"},
    {"RUNNING", true, 0, present_duration_cell, .key = "running_ns"},
    {"RUNNABLE", true, 0, present_duration_cell, .key = "runnable_ns"},
    {"IN SYSCALLS", true, 0, print_some, .key = "syscall_ns", .is_optional = true},
    {"WAITING", true, 0, present_duration_cell, .key = "waiting_ns"},
    {"NOT OBSERVED", true, 0, print_some, .key = "unknown_ns", .is_optional = true},
    {"MOSTLY", false, 0, print_most},
    {"WAITS", true, 0, present_count_cell, .key = "waits"},
    {"AT THE END", false, 0, print_end},
    PRESENT_LABELS,
};

static const struct answer_way ways[] = {{NULL, "goroutines", "goroutines", TABLE_COLUMNS(columns)}};

static const char *const orders[] = {"life", "running", "runnable", "waiting", "unknown", "syscalls", "waits"};

static int check(void *context, const struct operands *operands, struct error *err)
{
    struct answer *answer = context;
    bool is_known = !answer->sort;
    if (answer->sort && strcmp(answer->sort, "number") == 0) {
        answer->sort = NULL;
        is_known = true;
    }
    for (size_t i = 0; !is_known && i < sizeof orders / sizeof *orders; i++)
        is_known = strcmp(answer->sort, orders[i]) == 0;
    return is_known ? answer_check(context, operands, err)
                    : error_set(err, ERR_USAGE,
                                "--sort: '%.100s' is not number, life, running, runnable, waiting, unknown, syscalls or waits",
                                answer->sort);
}

int run_goroutines(const struct command *self, int argc, char **argv)
{
    struct answer answer;
    struct listing_command command = {&answer.listing, 1, 1, check, answer_run, &answer};
    answer_init(&answer, ways, 1);
    answer.empty = "No goroutines match.";
    const struct opt options[] = {
        {0, "sort", OPT_STRING, &answer.sort, "KEY",
         "What comes first: the lowest number (default), or the\nmost life, running, runnable, waiting, unknown (time not\n"
         "observed), syscalls or waits."},
        LABEL_FILTER_OPTION(answer.label),
        LISTING_OPTIONS(answer.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
