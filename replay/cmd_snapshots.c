/* gotape-replay snapshots: the looks at all goroutines, and the goroutines of one. */
#include "cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "query/sink_call.h"

static const struct table_column columns[] = {
    {"SNAPSHOT", true, 0, present_count_cell, .key = "snapshot"},
    {"KIND", false, 0, present_text_cell, .key = "kind"},
    {"AT", true, 0, present_time_cell, .key = "start_ns"},
    {"TOOK", true, 0, present_duration_cell, .key = "duration_ns"},
    {"GOROUTINES", true, 0, present_count_cell, .key = "goroutines"},
    {"WAITING", true, 0, present_count_cell, .key = "waiting"},
    {"RUNNING", true, 0, present_count_cell, .key = "running"},
    {"IN SYSCALLS", true, 0, present_count_cell, .key = "syscall"},
    {"RUNNABLE", true, 0, present_count_cell, .key = "runnable"},
    {"MOVED", true, 0, present_count_cell, .key = "unstable"},
};

static void print_state(struct buf *out, const struct row *row, const struct table_column *column,
                        void *context)
{
    (void)column;
    (void)context;
    buf_printf(out, "%s", row_text(row, "reason", row_text(row, "state", "")));
    if (row_find(row, "object_text"))
        buf_printf(out, ": %s", row_text(row, "object_text", ""));
    if (row_int(row, "objects", 1) > 1)
        buf_printf(out, " and %" PRId64 " more", row_int(row, "objects", 1) - 1);
}

static void print_longest(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    (void)column;
    (void)context;
    if (!row_find(row, "wait_ns"))
        return;
    buf_printf(out, ">= ");
    present_duration(out, row, "wait_ns");
}

static const struct table_column stack_columns[] = {
    {"COUNT", true, 0, present_count_cell, .key = "goroutines"},
    {"STATE", false, 16, print_state},
    {"WAITS", true, 0, print_longest, .is_optional = true},
    {"GOROUTINES", false, 12, present_text_cell, .key = "goid_text"},
    PRESENT_LABELS,
};

static const struct answer_way ways[] = {{NULL, "snapshots", "snapshots", TABLE_COLUMNS(columns)}};
static const struct answer_way stack_ways[] = {{NULL, "snapshot_stacks", "stacks",
                                                TABLE_COLUMNS(stack_columns), .detail = answer_print_stack,
                                                .is_always_detailed = true}};

static int check(void *context, const struct operands *operands, struct error *err)
{
    struct answer *answer = context;
    char *end;
    if (operands->count == 2) {
        errno = 0;
        answer->snapshot = strtoll(operands->at[1], &end, 10);
        if (errno || end == operands->at[1] || *end)
            return error_set(err, ERR_USAGE, "'%s' is not the number of a snapshot", operands->at[1]);
        answer->ways = stack_ways;
        answer->empty = "No goroutines match.";
    } else if (answer->label.text) {
        return error_set(err, ERR_USAGE, "--label needs the number of a snapshot");
    }
    return answer_check(answer, operands, err);
}

struct range {
    int64_t wanted, count;
    bool is_found;
};

static int on_snapshot(void *context, const struct row *row, struct error *err)
{
    struct range *range = context;
    (void)err;
    range->count++;
    range->is_found |= row_int(row, "snapshot", 0) == range->wanted;
    return 0;
}

static int run(void *context, const struct opened *opened, const struct operands *operands, struct error *err)
{
    struct answer *answer = context;
    struct range range = {.wanted = answer->snapshot};
    if (answer->snapshot != INT64_MIN) {
        int rc = query_each(opened->trace.store, "snapshots", NULL, 0, on_snapshot, &range, err);
        if (rc != 0)
            return rc;
        if (!range.is_found)
            return error_set(err, ERR_NOT_FOUND,
                             "no snapshot %" PRId64 ": this trace has %" PRId64
                             " (see: gotape-replay snapshots TRACE)",
                             answer->snapshot, range.count);
    }
    return answer_run(context, opened, operands, err);
}

int run_snapshots(const struct command *self, int argc, char **argv)
{
    struct answer answer;
    struct listing_command command = {&answer.listing, 1, 2, check, run, &answer};
    answer_init(&answer, ways, 1);
    answer.empty = "No snapshots were recorded.";
    const struct opt options[] = {
        LABEL_FILTER_OPTION(answer.label),
        LISTING_OPTIONS(answer.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
