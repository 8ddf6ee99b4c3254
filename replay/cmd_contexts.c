/* gotape-replay contexts: contexts that can be cancelled, and who went on after their end. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>

#include "answer.h"

static void print_context(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    (void)column;
    (void)context;
    buf_printf(out, "%" PRId64 " %s", row_int(row, "context", 0), row_text(row, "addr", ""));
}

static void print_life(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    struct present *present = context;
    if (!row_find(row, "life_ns")) {
        buf_printf(out, "unknown");
        return;
    }
    present_duration(out, row, "life_ns");
    present_marks(out, row, present);
}

static void print_made(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    if (row_find(row, "goid"))
        buf_printf(out, "%" PRId64 " ", row_int(row, "goid", 0));
    present_place(out, row, "site", "file", "line", ((const struct present *)context)->is_short);
}

static void print_end(struct buf *out, const struct row *row, const struct table_column *column,
                      void *context)
{
    const struct present *present = context;
    (void)column;
    if (!row_find(row, "ended_ns"))
        return;
    buf_printf(out, "%s ", row_text(row, "cause", "ended"));
    if (row_find(row, "error"))
        buf_printf(out, "(%s) ", row_text(row, "error", ""));
    present_time(out, row, "ended_ns", present->start_ns);
    if (row_find(row, "ended_by_goid"))
        buf_printf(out, " by %" PRId64, row_int(row, "ended_by_goid", 0));
    if (row_find(row, "end_site")) {
        buf_printf(out, " in ");
        present_place(out, row, "end_site", "end_file", "end_line", present->is_short);
    }
}

static const struct table_column columns[] = {
    {"CONTEXT", false, 12, print_context},
    {"MADE", true, 0, present_time_cell, .key = "created_ns"},
    {"BY", false, 16, print_made, true},
    {"PARENT", true, 0, present_goid_cell, .key = "parent"},
    {"TIMEOUT", true, 0, present_duration_cell, .key = "timeout_ns"},
    {"LIVED", true, 0, print_life},
    {"ENDED", false, 16, print_end, true},
};

static void print_made_at(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    print_context(out, row, column, context);
    buf_printf(out, " ");
    present_place(out, row, "made_site", "made_file", "made_line",
                  ((const struct present *)context)->is_short);
}

static void print_past(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    present_duration(out, row, "past_ns");
    present_marks(out, row, context);
}

static void print_wait(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    (void)context;
    buf_printf(out, "%s%s", row_int(row, "was_waiting", 0) ? "" : "later: ", row_text(row, "reason", ""));
    if (row_find(row, "object_text"))
        buf_printf(out, ": %s", row_text(row, "object_text", ""));
}

static const struct table_column ignored_columns[] = {
    {"WAITED ON", true, 0, print_past},
    {"GOROUTINE", false, 12, present_goroutine_cell, .key = "goroutine_function"},
    {"FOR", false, 16, print_wait},
    {"WHERE", false, 16, present_place_cell, true},
    {"CONTEXT", false, 16, print_made_at, true},
    {"ENDED", true, 0, present_time_cell, .key = "ended_ns"},
    {"CAUSE", false, 0, present_text_cell, .key = "cause"},
    {"WENT ON", true, 0, present_duration_cell, .key = "went_on_ns"},
    PRESENT_LABELS,
};

static const struct answer_way ways[] = {{NULL, "contexts", "contexts", TABLE_COLUMNS(columns)}};
static const struct answer_way ignored_ways[] = {
    {NULL, "contexts_ignored", "goroutines", TABLE_COLUMNS(ignored_columns)}};

struct request {
    struct answer answer;
    bool is_ignored;
};

static int check(void *context, const struct operands *operands, struct error *err)
{
    struct request *request = context;
    struct answer *answer = &request->answer;
    if (request->is_ignored) {
        answer->ways = ignored_ways;
        answer->empty =
            "No goroutine was seen to go on in a wait without the Done channel after its context had ended.";
        answer->note =
            "WAITED ON: how much of the wait lies after the context's end. later: the wait began after it. "
            "A goroutine that looked\nat Done or Err without waiting leaves no trace of it.";
    }
    return answer_check(answer, operands, err);
}

static int answer_it(void *context, const struct opened *opened, const struct operands *operands,
                     struct error *err)
{
    return answer_run(&((struct request *)context)->answer, opened, operands, err);
}

int run_contexts(const struct command *self, int argc, char **argv)
{
    struct request request = {.is_ignored = false};
    struct answer *answer = &request.answer;
    struct listing_command command = {&answer->listing, 1, 1, check, answer_it, &request};
    answer_init(answer, ways, 1);
    answer->empty = "No contexts were recorded (gotape-record --detail all does).";
    const struct opt options[] = {
        {0, "ignored", OPT_FLAG, &request.is_ignored, NULL,
         "Instead: goroutines that went on after their context had\nended, in waits without its Done "
         "channel."},
        {0, "goroutine", OPT_INT, &answer->goid, "N",
         "Only contexts that goroutine N made or ended; with\n--ignored, only goroutine N."},
        LISTING_OPTIONS(answer->listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
