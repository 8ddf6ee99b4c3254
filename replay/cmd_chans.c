/* gotape-replay chans: every channel seen. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>

#include "listing.h"
#include "present.h"

static void print_channel(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    (void)column;
    (void)context;
    int64_t capacity = row_int(row, "cap", 0), generation = row_int(row, "generation", 1);
    buf_printf(out, "%schan %s", row_int(row, "timer", 0) ? "timer " : "", row_text(row, "type", "?"));
    if (capacity > 0)
        buf_printf(out, " cap %" PRId64, capacity);
    buf_printf(out, " %s", row_text(row, "addr", ""));
    if (generation > 1)
        buf_printf(out, "#%" PRId64, generation);
    if (row_int(row, "doubt", 0))
        buf_printf(out, "?");
}

static const struct table_column columns[] = {
    {"CHANNEL", false, 20, print_channel},
    {"TOTAL WAIT", true, 0, present_duration_cell, .key = "total_wait_ns", .is_total = true},
    {"LONGEST", true, 0, present_duration_cell, .key = "longest_wait_ns"},
    {"WAITS", true, 0, present_count_cell, .key = "waits", .is_total = true},
    {"OPEN", true, 0, present_count_cell, .key = "open_waits"},
    {"WAITERS", true, 0, present_count_cell, .key = "waiters"},
    {"WAKERS", true, 0, present_count_cell, .key = "wakers"},
    {"WHERE", false, 20, present_text_cell, true, .key = "site_text"},
};

static int answer(void *context, const struct opened *opened, const struct operands *operands,
                  struct error *err)
{
    struct listing *listing = context;
    struct query_result result;
    struct table_options table = {TABLE_COLUMNS(columns)};
    (void)operands;
    int rc = listing_answer(listing, opened, "chans", &table, &result, err);
    if (rc != 0)
        return rc;
    if (listing->format == LISTING_TABLE && result.rows == 0)
        printf("No channels were waited for.\n");
    listing_print_more(listing, &result, "channels");
    return 0;
}

int run_chans(const struct command *self, int argc, char **argv)
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
