/* gotape-replay goroutines: one row for each goroutine. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "listing.h"
#include "present.h"
#include "terminal.h"

struct view {
    struct present present;
    bool has_unknown;
};

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

static void print_waiting(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    (void)column;
    struct view *view = context;
    present_duration(out, row, "waiting_ns");
    if (row_int(row, "unknown_ns", 0) > 0) {
        buf_printf(out, "*");
        view->has_unknown = true;
    }
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
    {"WAITING", true, 0, print_waiting},
    {"MOSTLY", false, 0, print_most},
    {"WAITS", true, 0, present_count_cell, .key = "waits"},
    {"AT THE END", false, 0, print_end},
};

static int answer(void *context, const struct opened *opened, const struct operands *operands,
                  struct error *err)
{
    struct listing *listing = context;
    struct view view = {
        .present = {.start_ns = opened->quality.start_ns, .is_short = terminal_width(stdout) > 0}};
    struct query_result result;
    struct table_options table = {TABLE_COLUMNS(columns), .context = &view};
    (void)operands;
    int rc = listing_answer(listing, opened, "goroutines", &table, &result, err);
    if (rc != 0)
        return rc;
    if (listing->format == LISTING_TABLE && view.has_unknown)
        printf("\n* and some time in a state that was not observed (unknown_ns).\n");
    listing_print_more(listing, &result, "goroutines");
    return 0;
}

int run_goroutines(const struct command *self, int argc, char **argv)
{
    struct listing listing;
    struct listing_command command = {&listing, 1, 1, NULL, answer, &listing};
    listing_init(&listing);
    const struct opt options[] = {
        LISTING_OPTIONS(listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
