/* gotape-replay threads: where the time of the program's threads went. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>

#include "answer.h"

static void print_thread(struct buf *out, const struct row *row, const struct table_column *column,
                         void *context)
{
    (void)column;
    (void)context;
    buf_printf(out, "%" PRId64 " %s", row_int(row, "tid", 0), row_text(row, "name", ""));
}

static void print_life(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    const struct present *present = context;
    (void)column;
    if (row_find(row, "start_ns")) {
        buf_printf(out, "from ");
        present_time(out, row, "start_ns", present->start_ns);
    }
    if (row_find(row, "creator_tid"))
        buf_printf(out, " by %" PRId64, row_int(row, "creator_tid", 0));
    if (row_find(row, "exit_ns")) {
        buf_printf(out, "%sto ", row_find(row, "start_ns") ? " " : "");
        present_time(out, row, "exit_ns", present->start_ns);
    }
}

static const struct table_column columns[] = {
    {"THREAD", false, 12, print_thread},
    {"ON CPU", true, 0, present_duration_cell, .key = "on_cpu_ns", .is_total = true},
    {"PREEMPTED", true, 0, present_duration_cell, .key = "preempted_ns"},
    {"MOSTLY BY", false, 8, present_text_cell, .key = "preempted_text"},
    {"SYSCALLS", true, 0, present_duration_cell, .key = "syscall_ns"},
    {"FOREIGN", true, 0, present_duration_cell, .key = "foreign_ns"},
    {"IDLE", true, 0, present_duration_cell, .key = "idle_ns"},
    {"RUNTIME", true, 0, present_duration_cell, .key = "runtime_ns"},
    {"IN GO", true, 0, present_duration_cell, .key = "go_ns"},
    {"UNKNOWN", true, 0, present_duration_cell, .key = "unknown_ns"},
    {"SWITCHES", true, 0, present_count_cell, .key = "switches", .is_total = true},
    {"LIFE", false, 10, print_life, .is_optional = true},
};

static const struct answer_way ways[] = {{NULL, "threads", "threads", TABLE_COLUMNS(columns)}};

int run_threads(const struct command *self, int argc, char **argv)
{
    struct answer answer;
    struct listing_command command = {&answer.listing, 1, 1, answer_check, answer_run, &answer};
    answer_init(&answer, ways, 1);
    answer.empty = "No threads were recorded.";
    answer.note = "PREEMPTED: it wanted to run, but another thread had its CPU. IDLE: the scheduler had no "
                  "work for it.";
    const struct opt options[] = {LISTING_OPTIONS(answer.listing), COMMAND_HELP_OPTION(command.help), {0}};
    return listing_command_run(&command, self, options, argc, argv);
}
