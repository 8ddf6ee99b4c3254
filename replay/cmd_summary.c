/* gotape-replay TRACE: what happened, on one screen. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "listing.h"
#include "present.h"
#include "query/catalog.h"
#include "query/sink_call.h"
#include "terminal.h"

#define SUMMARY_ROWS 5

static int on_state(void *context, const struct row *row, struct error *err)
{
    struct buf *text = context;
    char count[32];
    (void)err;
    int64_t own = row_int(row, "own", 0);
    if (own > 0)
        buf_printf(text, "%s%s %s", text->size > 0 ? ", " : "",
                   units_format_count((uint64_t)own, count, sizeof count),
                   strcmp(row_text(row, "state", ""), "dead") == 0 ? "ended" : row_text(row, "state", ""));
    return 0;
}

static int print_goroutines(struct store *store, struct error *err)
{
    struct buf text;
    buf_init(&text);
    int rc = query_each(store, "goroutine_states", NULL, 0, on_state, &text, err);
    buf_put_u8(&text, 0);
    if (rc == 0 && !buf_failed(&text))
        printf("Goroutines of the program: %s\n", text.size > 1 ? (const char *)text.data : "none");
    buf_release(&text);
    return rc;
}

static void print_wait(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    present_duration(out, row, "wait_ns");
    present_marks(out, row, context);
}

static void print_reason(struct buf *out, const struct row *row, const struct table_column *column,
                         void *context)
{
    (void)column;
    (void)context;
    buf_printf(out, "%s", row_text(row, "reason", ""));
    if (row_find(row, "object_text"))
        buf_printf(out, ": %s", row_text(row, "object_text", ""));
}

static void print_channel(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    (void)column;
    (void)context;
    buf_printf(out, "chan %s", row_text(row, "type", "?"));
    if (row_int(row, "cap", 0) > 0)
        buf_printf(out, " cap %" PRId64, row_int(row, "cap", 0));
    buf_printf(out, " %s", row_text(row, "addr", ""));
}

static const struct table_column wait_columns[] = {
    {"WAIT", true, 0, print_wait},
    {"GOROUTINE", false, 12, present_goroutine_cell, .key = "goroutine_function"},
    {"FOR", false, 16, print_reason},
    {"WHERE", false, 16, present_place_cell, true},
    {"WOKEN BY", false, 14, present_waker_cell, true},
};

static const struct table_column channel_columns[] = {
    {"TOTAL WAIT", true, 0, present_duration_cell, .key = "total_wait_ns"},
    {"WAITS", true, 0, present_count_cell, .key = "waits"},
    {"CHANNEL", false, 20, print_channel},
    {"WHERE", false, 20, present_text_cell, true, .key = "site_text"},
};

static int print_section(const char *title, const char *query, const struct table_options *table,
                         struct store *store, struct error *err)
{
    struct listing listing;
    struct query_result result;
    struct query_parameter parameters[LISTING_PARAMETERS];
    listing_init(&listing);
    listing.limit = SUMMARY_ROWS;
    listing_parameters(&listing, parameters);
    bool color = terminal_has_color(stdout);
    printf("\n%s%s%s\n", color ? "\033[1m" : "", title, color ? "\033[0m" : "");
    int rc = listing_run(&listing, store, catalog_find(query)->sql, true, parameters, LISTING_PARAMETERS,
                         table, &result, err);
    if (rc == 0 && result.rows == 0)
        printf("none\n");
    return rc;
}

static int answer(void *context, const struct opened *opened, const struct operands *operands,
                  struct error *err)
{
    struct store *store = opened->trace.store;
    struct present present = {.start_ns = opened->quality.start_ns, .is_short = terminal_width(stdout) > 0};
    struct table_options waits = {TABLE_COLUMNS(wait_columns), .context = &present};
    struct table_options channels = {TABLE_COLUMNS(channel_columns), .context = &present};
    listing_print_header(context, &opened->quality);
    int rc = print_goroutines(store, err);
    if (rc == 0)
        rc = print_section("Longest waits", "who_blocked", &waits, store, err);
    if (rc == 0)
        rc = print_section("Busiest channels", "busiest_chans", &channels, store, err);
    if (rc == 0)
        printf("\nNext: gotape-replay who-blocked %s, chans, goroutines, info; gotape-replay --help lists "
               "all.\n",
               operands->at[0]);
    return rc;
}

int run_summary(const struct command *self, int argc, char **argv)
{
    struct listing listing;
    struct listing_command command = {&listing, 1, 1, NULL, answer, &listing};
    listing_init(&listing);
    const struct opt options[] = {COMMAND_HELP_OPTION(command.help), {0}};
    return listing_command_run(&command, self, options, argc, argv);
}
