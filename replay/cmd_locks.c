/* gotape-replay locks: the mutexes that were waited for, and who held them. */
#include "cmd.h"

#include <stdio.h>

#include "answer.h"

#define SUMS                                                                                                 \
    {"TOTAL WAIT", true, 0, present_duration_cell, .key = "total_wait_ns", .is_total = true},                                  \
        {"LONGEST", true, 0, present_duration_cell, .key = "longest_wait_ns"},                               \
        {"WAITS", true, 0, present_count_cell, .key = "waits", .is_total = true},                                              \
    {                                                                                                        \
        "WAITERS", true, 0, present_count_cell, .key = "waiters"                                             \
    }

static const struct table_column lock_columns[] = {
    SUMS,
    {"OPEN", true, 0, present_count_cell, .key = "open_waits"},
    {"LOCK", false, 16, present_text_cell, .key = "lock"},
    {"WAITED FOR IN", false, 16, present_text_cell, true, .key = "site_text"},
    {"MOSTLY HELD BY", false, 16, present_text_cell, true, .key = "holder_text"},
};

static const struct table_column site_columns[] = {
    SUMS,
    {"OPEN", true, 0, present_count_cell, .key = "open_waits"},
    {"LOCKS", true, 0, present_count_cell, .key = "locks"},
    {"REASON", false, 10, present_text_cell, .key = "reason"},
    {"WHERE", false, 20, present_place_cell, true},
};

static void print_holder(struct buf *out, const struct row *row, const struct table_column *column,
                         void *context)
{
    if (row_find(row, "goid"))
        present_goroutine_cell(out, row, column, context);
    else
        buf_printf(out, "(unknown)");
}

static const struct table_column holder_columns[] = {
    SUMS,
    {"LOCKS", true, 0, present_count_cell, .key = "locks"},
    {"HOLDER", false, 12, print_holder, .key = "goroutine_function"},
    {"UNLOCKED IN", false, 20, present_place_cell, true},
};

static const struct answer_way ways[] = {
    {"lock", "locks", "locks", TABLE_COLUMNS(lock_columns)},
    {"site", "locks_by_site", "places", TABLE_COLUMNS(site_columns)},
    {"holder", "locks_by_holder", "holders", TABLE_COLUMNS(holder_columns)},
};

int run_locks(const struct command *self, int argc, char **argv)
{
    struct answer answer;
    struct listing_command command = {&answer.listing, 1, 1, answer_check, answer_run, &answer};
    answer_init(&answer, ways, sizeof ways / sizeof *ways);
    answer.empty = "No goroutine waited for a lock.";
    const struct opt options[] = {
        {0, "by", OPT_STRING, &answer.by, "KIND",
         "Sum up by lock (default), by the site that waited, or by\nthe holder: the goroutine that ended the "
         "wait."},
        LABEL_FILTER_OPTION(answer.label),
        LISTING_OPTIONS(answer.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
