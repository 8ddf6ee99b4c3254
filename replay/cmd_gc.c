/* gotape-replay gc and stw: what the garbage collector and stops of the world took. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>

#include "answer.h"

static void print_longest(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    (void)column;
    if (!row_find(row, "longest_goid"))
        return;
    present_duration(out, row, "longest_wait_ns");
    buf_printf(out, ": ");
    present_goroutine(out, row, "longest_goid", "longest_function",
                      ((const struct present *)context)->is_short);
}

static const struct table_column gc_columns[] = {
    {"CYCLE", true, 0, present_count_cell, .key = "cycle"},
    {"AT", true, 0, present_time_cell, .key = "start_ns"},
    {"DURATION", true, 0, present_marked_cell, .key = "duration_ns"},
    {"MARKING", true, 0, present_duration_cell, .key = "mark_ns"},
    {"STOPPED", true, 0, present_duration_cell, .key = "stw_ns"},
    {"STOPS", false, 0, present_text_cell, .key = "stop_text", .is_optional = true},
    {"ASSISTS", true, 0, present_count_cell, .key = "assists"},
    {"ASSIST WAIT", true, 0, present_duration_cell, .key = "assist_wait_ns"},
    {"WAITERS", true, 0, present_count_cell, .key = "waiters"},
    {"THEIR WAIT", true, 0, present_duration_cell, .key = "wait_ns"},
    {"LONGEST", false, 16, print_longest, .is_optional = true},
};

static const struct answer_way gc_ways[] = {{NULL, "gc", "cycles", TABLE_COLUMNS(gc_columns)}};

int run_gc(const struct command *self, int argc, char **argv)
{
    struct answer answer;
    struct listing_command command = {&answer.listing, 1, 1, answer_check, answer_run, &answer};
    answer_init(&answer, gc_ways, 1);
    answer.empty = "No cycle of the garbage collector was recorded.";
    const struct opt options[] = {LISTING_OPTIONS(answer.listing), COMMAND_HELP_OPTION(command.help), {0}};
    return listing_command_run(&command, self, options, argc, argv);
}

static void print_by(struct buf *out, const struct row *row, const struct table_column *column, void *context)
{
    if (row_find(row, "goid"))
        present_goroutine_cell(out, row, column, context);
    else
        buf_printf(out, "the runtime, or not known");
}

static const struct table_column stop_columns[] = {
    {"TOTAL", true, 0, present_marked_cell, .key = "total_ns", .is_total = true},
    {"STOPPING", true, 0, present_duration_cell, .key = "stopping_ns"},
    {"STOPPED", true, 0, present_duration_cell, .key = "stopped_ns"},
    {"AT", true, 0, present_time_cell, .key = "start_ns"},
    {"REASON", false, 12, present_text_cell, .key = "reason"},
    {"BY", false, 16, print_by, .key = "goroutine_function"},
};

static const struct table_column reason_columns[] = {
    {"TOTAL", true, 0, present_duration_cell, .key = "total_ns", .is_total = true},
    {"LONGEST", true, 0, present_duration_cell, .key = "longest_ns"},
    {"STOPS", true, 0, present_count_cell, .key = "stops", .is_total = true},
    {"STOPPING", true, 0, present_duration_cell, .key = "stopping_ns"},
    {"REASON", false, 12, present_text_cell, .key = "reason"},
};

static const struct answer_way stw_ways[] = {
    {"stop", "stw", "stops", TABLE_COLUMNS(stop_columns)},
    {"reason", "stw_by_reason", "reasons", TABLE_COLUMNS(reason_columns)},
};

int run_stw(const struct command *self, int argc, char **argv)
{
    struct answer answer;
    struct listing_command command = {&answer.listing, 1, 1, answer_check, answer_run, &answer};
    answer_init(&answer, stw_ways, 2);
    answer.empty = "No stop of the world was recorded.";
    answer.note = "STOPPING: until all threads had stopped; STOPPED: from then until the program ran again.";
    const struct opt options[] = {
        {0, "by", OPT_STRING, &answer.by, "KIND",
         "List single stops (stop, default), or sum them up by\nreason."},
        LISTING_OPTIONS(answer.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
