/* gotape-replay syscalls: system calls and calls of foreign code in which a goroutine's thread slept. */
#include "cmd.h"

#include <stdio.h>

#include "answer.h"

static void print_name(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)context;
    buf_printf(out, "%s", row_text(row, column->key, "unknown"));
}

static void print_lost(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    (void)context;
    const struct cell *cell = row_find(row, "lost_p");
    buf_printf(out, "%s", !cell ? "" : cell->integer ? "yes" : "no");
}

static const struct table_column call_columns[] = {
    {"DURATION", true, 0, present_marked_cell, .key = "duration_ns"},
    {"AT", true, 0, present_time_cell, .key = "start_ns"},
    {"GOROUTINE", false, 12, present_goroutine_cell, .key = "goroutine_function"},
    {"CALL", false, 0, print_name, .key = "name"},
    {"WHERE", false, 16, present_place_cell, true},
    {"THREAD", true, 0, present_goid_cell, .key = "tid"},
    {"SLEEPS", true, 0, present_count_cell, .key = "sleeps"},
    {"LOST P", false, 0, print_lost, .is_optional = true},
    PRESENT_LABELS,
};

#define SUMS                                                                                                 \
    {"TOTAL", true, 0, present_duration_cell, .key = "total_ns", .is_total = true},                                            \
        {"LONGEST", true, 0, present_duration_cell, .key = "longest_ns"},                                    \
        {"CALLS", true, 0, present_count_cell, .key = "calls", .is_total = true},                                              \
        {"OPEN", true, 0, present_count_cell, .key = "open_calls"},                                          \
    {                                                                                                        \
        "LOST P", true, 0, present_count_cell, .key = "lost_p", .is_total = true, .is_optional = true                          \
    }

static const struct table_column name_columns[] = {
    SUMS,
    {"GOROUTINES", true, 0, present_count_cell, .key = "goroutines"},
    {"CALL", false, 0, print_name, .key = "name"},
};

static const struct table_column site_columns[] = {
    SUMS,
    {"GOROUTINES", true, 0, present_count_cell, .key = "goroutines"},
    {"CALL", false, 0, print_name, .key = "name"},
    {"WHERE", false, 20, present_place_cell, true},
};

static const struct table_column goroutine_columns[] = {
    SUMS,
    {"GOROUTINE", false, 16, present_goroutine_cell, .key = "goroutine_function"},
    {"LONGEST CALL", false, 0, print_name, .key = "longest_name"},
    PRESENT_LABELS,
};

static const struct answer_way ways[] = {
    {"call", "syscalls", "calls", TABLE_COLUMNS(call_columns)},
    {"name", "syscalls_by_name", "names", TABLE_COLUMNS(name_columns)},
    {"site", "syscalls_by_site", "places", TABLE_COLUMNS(site_columns)},
    {"goroutine", "syscalls_by_goroutine", "goroutines", TABLE_COLUMNS(goroutine_columns)},
};

int run_syscalls(const struct command *self, int argc, char **argv)
{
    struct answer answer;
    struct listing_command command = {&answer.listing, 1, 1, answer_check, answer_run, &answer};
    answer_init(&answer, ways, sizeof ways / sizeof *ways);
    answer.empty = "No system calls: none was seen to put its thread to sleep.";
    answer.note =
        "A call is seen when its thread leaves the CPU in it; the time before that is not in its duration.";
    const struct opt options[] = {
        {0, "name", OPT_STRING, &answer.name, "NAME", "Only this system call (read, futex …), or cgo."},
        ANSWER_GOROUTINE_OPTION(answer),
        LABEL_FILTER_OPTION(answer.label),
        {0, "min", OPT_DURATION, &answer.min_ns, "TIME", "Only calls of at least TIME."},
        {0, "by", OPT_STRING, &answer.by, "KIND",
         "List single calls (call, default), or sum them up by\nname, site or goroutine."},
        LISTING_OPTIONS(answer.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
