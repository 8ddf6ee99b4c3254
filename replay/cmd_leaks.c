/* gotape-replay leaks: goroutines that never resumed, and what could still wake them. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>

#include "answer.h"

static void print_what_for(struct buf *out, const struct row *row, const struct table_column *column,
                           void *context)
{
    (void)column;
    (void)context;
    buf_printf(out, "%s", row_text(row, "reason", "waiting"));
    if (row_find(row, "object_text"))
        buf_printf(out, ": %s", row_text(row, "object_text", ""));
    if (row_int(row, "object_count", 1) > 1)
        buf_printf(out, " (%" PRId64 " different)", row_int(row, "object_count", 1));
}

static void print_started(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    (void)column;
    present_place(out, row, "function", "", "", ((const struct present *)context)->is_short);
}

static void print_creator(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    (void)column;
    present_place(out, row, "create_site", "create_file", "create_line",
                  ((const struct present *)context)->is_short);
}

static void print_last_use(struct buf *out, const struct row *row, const struct table_column *column,
                           void *context)
{
    const struct present *present = context;
    (void)column;
    if (!row_find(row, "last_use_ns"))
        return;
    present_time(out, row, "last_use_ns", present->start_ns);
    if (row_find(row, "last_use_waker_goid"))
        buf_printf(out, ", %" PRId64 " woke %" PRId64, row_int(row, "last_use_waker_goid", 0),
                   row_int(row, "last_use_goid", 0));
    else
        buf_printf(out, ", %s woke %" PRId64, row_text(row, "last_use_waker_kind", "?"),
                   row_int(row, "last_use_goid", 0));
    if (row_find(row, "last_use_site")) {
        buf_printf(out, " in ");
        present_place(out, row, "last_use_site", "last_use_file", "last_use_line", present->is_short);
    }
}

static const struct table_column site_columns[] = {
    {"VERDICT", false, 0, present_text_cell, .key = "verdict"},
    {"COUNT", true, 0, present_count_cell, .key = "goroutines"},
    {"LONGEST", true, 0, present_marked_cell, .key = "wait_ns"},
    {"GOROUTINE", false, 12, print_started},
    {"WAITS FOR", false, 16, print_what_for},
    {"WHERE", false, 16, present_place_cell, true},
    {"CREATED IN", false, 14, print_creator, true},
    PRESENT_LABELS,
    {"WHY THIS VERDICT", false, 20, present_text_cell, .key = "why"},
    {"OBJECT LAST USED", false, 16, print_last_use, .is_optional = true},
};

static const struct table_column goroutine_columns[] = {
    {"VERDICT", false, 0, present_text_cell, .key = "verdict"},
    {"WAIT", true, 0, present_marked_cell, .key = "wait_ns"},
    {"GOROUTINE", false, 12, present_goroutine_cell, .key = "function"},
    {"WAITS FOR", false, 16, print_what_for},
    {"WHERE", false, 16, present_place_cell, true},
    {"CREATED IN", false, 14, print_creator, true},
    PRESENT_LABELS,
    {"WHY THIS VERDICT", false, 20, present_text_cell, .key = "why"},
    {"OBJECT LAST USED", false, 16, print_last_use, .is_optional = true},
};

static const struct answer_way ways[] = {
    {"site", "leaks", "places", TABLE_COLUMNS(site_columns), .detail = answer_print_stack},
    {"goroutine", "leaks_by_goroutine", "goroutines", TABLE_COLUMNS(goroutine_columns),
     .detail = answer_print_stack},
};

int run_leaks(const struct command *self, int argc, char **argv)
{
    struct answer answer;
    struct listing_command command = {&answer.listing, 1, 1, answer_check, answer_run, &answer};
    answer_init(&answer, ways, sizeof ways / sizeof *ways);
    answer.empty = "No goroutine was waiting when the recording ended.";
    answer.note =
        "stuck: nothing that was recorded can wake it. A channel operation that does not wait leaves no "
        "trace.";
    const struct opt options[] = {
        {0, "min-wait", OPT_DURATION, &answer.min_ns, "TIME", "Only waits of at least TIME (10s, 500ms)."},
        {0, "by", OPT_STRING, &answer.by, "KIND",
         "Sum up by site (default: goroutines that were started\nand wait alike), or list each goroutine."},
        LABEL_FILTER_OPTION(answer.label),
        {'a', "all", OPT_FLAG, &answer.all, NULL, "Also the runtime's own goroutines."},
        ANSWER_STACKS_OPTION(answer),
        LISTING_FORMAT_OPTION(answer.listing),
        LISTING_LIMIT_OPTION(answer.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
