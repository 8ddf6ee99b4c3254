/* gotape-replay why: the chain of causes behind one wait. */
#include "cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "base/units.h"
#include "goroutine_filter.h"
#include "query/catalog.h"
#include "query/sink_call.h"
#include "terminal.h"

static const struct {
    const char *cause, *words;
} causes[] = {
    {"lock", "the holder of the lock"},
    {"goroutine", "another goroutine"},
    {"timer", "a timer"},
    {"network", "the network"},
    {"garbage_collector", "the garbage collector"},
    {"scheduler", "the scheduler"},
    {"nobody", "nobody: it waits still"},
    {"unknown", "unknown: the wake was not seen"},
};

static const char *cause_words(const char *cause)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        if (strcmp(cause, causes[i].cause) == 0)
            return causes[i].words;
    }
    return cause;
}

static void put_duration(struct buf *out, int64_t ns)
{
    char text[24];
    buf_printf(out, "%s", units_format_duration(ns > 0 ? (uint64_t)ns : 0, text, sizeof text));
}

/* Two columns for each step, so that the causes stand below what they explain. */
static void begin_line(struct buf *out, int64_t step, bool is_first)
{
    for (int64_t i = 0; i < step; i++)
        buf_printf(out, "   ");
    buf_printf(out, "%s", is_first ? "" : "   ");
}

static void put_wait(struct buf *out, const struct row *row, struct present *present)
{
    int64_t step = row_int(row, "step", 0), wait = row_int(row, "wait_ns", -1);
    begin_line(out, step, true);
    if (step > 0) {
        put_duration(out, row_int(row, "blamed_ns", 0));
        buf_printf(out, " of that, ");
    }
    buf_printf(out, "goroutine ");
    present_goroutine(out, row, "goid", "goroutine_function", present->is_short);
    if (row_find(row, "label_text"))
        buf_printf(out, " [%s]", row_text(row, "label_text", ""));
    buf_printf(out, " waited ");
    present_lower(out, row, present);
    if (wait >= 0)
        put_duration(out, wait);
    else
        buf_printf(out, "for an unknown time");
    present_marks(out, row, present);
    buf_printf(out, " from ");
    present_time(out, row, "start_ns", present->start_ns);
    buf_printf(out, ": %s", row_text(row, "reason", ""));
    if (row_find(row, "object_text"))
        buf_printf(out, ": %s", row_text(row, "object_text", ""));
    if (row_find(row, "site")) {
        buf_printf(out, ", in ");
        present_place(out, row, "site", "file", "line", present->is_short);
    }
    buf_printf(out, "\n");
}

static void put_end(struct buf *out, const struct row *row, const struct present *present)
{
    begin_line(out, row_int(row, "step", 0), false);
    buf_printf(out, "ended by %s", cause_words(row_text(row, "cause", "")));
    if (strcmp(row_text(row, "waker_kind", ""), "goroutine") == 0) {
        buf_printf(out, ": goroutine ");
        present_goroutine(out, row, "waker_goid", "waker_function", present->is_short);
        if (row_find(row, "waker_site")) {
            buf_printf(out, " in ");
            present_place(out, row, "waker_site", "waker_file", "waker_line", present->is_short);
        }
    }
    if (row_find(row, "last_use_ns")) {
        buf_printf(out, "; somebody was last woken by it ");
        present_time(out, row, "last_use_ns", present->start_ns);
        buf_printf(out, ": goroutine %" PRId64, row_int(row, "last_use_goid", 0));
        if (row_find(row, "last_use_waker_goid"))
            buf_printf(out, " by goroutine %" PRId64, row_int(row, "last_use_waker_goid", 0));
    }
    if (row_int(row, "runnable_ns", 0) > 0) {
        buf_printf(out, "; then the scheduler: runnable for ");
        present_duration(out, row, "runnable_ns");
    }
    if (row_int(row, "stopped_ns", 0) > 0) {
        buf_printf(out, "; the world was stopped for ");
        present_duration(out, row, "stopped_ns");
        buf_printf(out, " of it");
    }
    buf_printf(out, "\n");
}

static void put_waker_time(struct buf *out, const struct row *row)
{
    static const struct {
        const char *key, *words;
    } parts[] = {{"waker_waiting_ns", "waiting"},
                 {"waker_running_ns", "running"},
                 {"waker_runnable_ns", "runnable (the scheduler)"},
                 {"waker_unknown_ns", "in a state that was not observed"}};
    bool is_first = true;
    if (!row_find(row, "waker_mostly"))
        return;
    begin_line(out, row_int(row, "step", 0), false);
    buf_printf(out, "meanwhile goroutine %" PRId64 " was ", row_int(row, "waker_goid", 0));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int64_t ns = row_int(row, parts[i].key, 0);
        if (ns <= 0)
            continue;
        buf_printf(out, "%s%s ", is_first ? "" : ", ", parts[i].words);
        put_duration(out, ns);
        is_first = false;
        if (strcmp(parts[i].words, "running") == 0 && row_int(row, "waker_syscall_ns", 0) > 0) {
            buf_printf(out, " (");
            present_duration(out, row, "waker_syscall_ns");
            buf_printf(out, " in system calls: %s)", row_text(row, "waker_syscall", "unknown"));
        }
    }
    buf_printf(out, "%s\n", is_first ? "not observed" : "");
}

struct tree {
    struct present present;
    int64_t steps;
    bool goes_on; /* the last step was ended by a goroutine that was mostly waiting */
};

static int on_step(void *context, const struct row *row, struct error *err)
{
    struct tree *tree = context;
    struct buf text, safe;
    buf_init(&text);
    buf_init(&safe);
    put_wait(&text, row, &tree->present);
    put_end(&text, row, &tree->present);
    put_waker_time(&text, row);
    tree->steps++;
    tree->goes_on = strcmp(row_text(row, "waker_mostly", ""), "waiting") == 0;
    if (!buf_failed(&text))
        table_print_safe(&safe, (const char *)text.data, text.size, true);
    int rc =
        buf_failed(&text) || buf_failed(&safe) ? error_set(err, ERR_NOMEM, "out of memory for an answer") : 0;
    if (rc == 0)
        fwrite(safe.data, 1, safe.size, stdout);
    buf_release(&text);
    buf_release(&safe);
    return rc;
}

static const struct answer_way ways[] = {{NULL, "why", "steps", NULL, 0}};

static int check(void *context, const struct operands *operands, struct error *err)
{
    struct answer *answer = context;
    char *end;
    errno = 0;
    answer->goid = strtoll(operands->at[1], &end, 10);
    if (errno || end == operands->at[1] || *end)
        return error_set(err, ERR_USAGE, "'%s' is not the number of a goroutine", operands->at[1]);
    if (answer->depth != INT64_MIN && (answer->depth < 0 || answer->depth > 100))
        return error_set(err, ERR_USAGE, "--depth: a number from 0 to 100");
    return answer_check(answer, operands, err);
}

static int run(void *context, const struct opened *opened, const struct operands *operands, struct error *err)
{
    struct answer *answer = context;
    struct query_parameter parameters[ANSWER_PARAMETERS];
    if (answer->listing.format != LISTING_TABLE)
        return answer_run(context, opened, operands, err);
    struct tree tree = {
        .present = {.start_ns = opened->quality.start_ns, .is_short = terminal_width(stdout) > 0}};
    int rc = answer_parameters(answer, opened, parameters, err);
    if (rc == 0)
        rc = goroutine_filter_check(answer->goid, opened->trace.store, err);
    if (rc != 0)
        return rc;
    listing_print_header(&answer->listing, &opened->quality);
    rc = query_each(opened->trace.store, "why", parameters, ANSWER_PARAMETERS, on_step, &tree, err);
    if (rc != 0)
        return rc;
    if (tree.steps == 0)
        printf("Goroutine %" PRId64 " was not seen waiting%s.\n", answer->goid,
               answer->at ? " then, or before" : "");
    int64_t depth = answer->depth == INT64_MIN ? 5 : answer->depth;
    if (tree.goes_on && tree.steps == depth + 1)
        printf("\nThe chain goes on: --depth %" PRId64 " shows more.\n", depth * 2 + 1);
    present_print_notes(&tree.present);
    return 0;
}

int run_why(const struct command *self, int argc, char **argv)
{
    struct answer answer;
    struct listing_command command = {&answer.listing, 2, 2, check, run, &answer};
    answer_init(&answer, ways, 1);
    answer.listing.limit = 0;
    const struct opt options[] = {
        {0, "at", OPT_STRING, &answer.at, "TIME",
         "The wait at TIME, or the last one before; without this\nthe longest. TIME as for --since "
         "elsewhere: 1.5s, -2s,\nUTC."},
        {0, "depth", OPT_INT, &answer.depth, "N", "Follow at most N causes (5)."},
        LISTING_FORMAT_OPTION(answer.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
