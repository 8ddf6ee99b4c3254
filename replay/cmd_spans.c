/* gotape-replay spans: calls of the functions that the user probed. */
#include "cmd.h"

#include <stdio.h>

#include "answer.h"

static void print_call(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    present_place(out, row, "function", "", "", ((const struct present *)context)->is_short);
    if (row_find(row, "value_text"))
        buf_printf(out, " %s", row_text(row, "value_text", ""));
}

static void print_most(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    (void)context;
    if (!row_find(row, "most_class"))
        return;
    buf_printf(out, "%s ", row_text(row, "most_class", ""));
    present_duration(out, row, "most_ns");
}

static const struct table_column span_columns[] = {
    {"DURATION", true, 0, present_marked_cell, .key = "duration_ns"},
    {"AT", true, 0, present_time_cell, .key = "start_ns"},
    {"CALL", false, 16, print_call},
    {"GOROUTINE", false, 12, present_goroutine_cell, .key = "goroutine_function"},
    {"RUNNING", true, 0, present_duration_cell, .key = "running_ns"},
    {"SYSCALLS", true, 0, present_duration_cell, .key = "syscall_ns"},
    {"RUNNABLE", true, 0, present_duration_cell, .key = "runnable_ns"},
    {"WAITING", true, 0, present_duration_cell, .key = "waiting_ns"},
    {"MOSTLY FOR", false, 0, print_most},
    PRESENT_LABELS,
};

static const struct table_column probe_columns[] = {
    {"TOTAL", true, 0, present_duration_cell, .key = "total_ns", .is_total = true},
    {"MEAN", true, 0, present_duration_cell, .key = "mean_ns"},
    {"LONGEST", true, 0, present_duration_cell, .key = "longest_ns"},
    {"CALLS", true, 0, present_count_cell, .key = "calls", .is_total = true},
    {"OPEN", true, 0, present_count_cell, .key = "open_calls"},
    {"CALL", false, 16, print_call},
    {"RUNNING", true, 0, present_duration_cell, .key = "running_ns"},
    {"RUNNABLE", true, 0, present_duration_cell, .key = "runnable_ns"},
    {"WAITING", true, 0, present_duration_cell, .key = "waiting_ns"},
    {"MOSTLY FOR", false, 0, print_most},
};

static const struct answer_way ways[] = {
    {"span", "spans", "spans", TABLE_COLUMNS(span_columns)},
    {"probe", "spans_by_probe", "probes", TABLE_COLUMNS(probe_columns)},
};

int run_spans(const struct command *self, int argc, char **argv)
{
    struct answer answer;
    struct listing_command command = {&answer.listing, 1, 1, answer_check, answer_run, &answer};
    answer_init(&answer, ways, 2);
    answer.empty = "No spans: gotape-record --probe records them.";
    const struct opt options[] = {
        {0, "name", OPT_STRING, &answer.name, "FUNCTION", "Only calls of this function (main.handleOrder)."},
        ANSWER_GOROUTINE_OPTION(answer),
        {0, "min", OPT_DURATION, &answer.min_ns, "TIME", "Only calls of at least TIME."},
        {0, "by", OPT_STRING, &answer.by, "KIND",
         "List single calls (span, default), or sum them up by\nprobe."},
        LISTING_OPTIONS(answer.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
