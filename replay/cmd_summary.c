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

static void put_share(struct buf *out, const struct row *row, const char *column)
{
    int64_t part = row_int(row, column, 0), whole = row_int(row, "duration_ns", 0);
    present_duration(out, row, column);
    if (whole > 0 && part >= 0)
        buf_printf(out, " (%.*f %%)", part * 100 < whole ? 2 : 1, 100.0 * (double)part / (double)whole);
}

static void put_runtime(struct buf *out, const struct row *row)
{
    if (row_int(row, "cycles", 0) > 0) {
        buf_printf(out, "Garbage collector: ");
        present_count(out, row, "cycles");
        buf_printf(out, " cycle%s, at work for ", row_int(row, "cycles", 0) == 1 ? "" : "s");
        put_share(out, row, "cycle_ns");
        buf_printf(out, "\n");
    }
    if (row_int(row, "stops", 0) > 0) {
        buf_printf(out, "World stopped: ");
        present_count(out, row, "stops");
        buf_printf(out, " time%s, ", row_int(row, "stops", 0) == 1 ? "" : "s");
        put_share(out, row, "stopped_ns");
        buf_printf(out, ", longest ");
        present_duration(out, row, "longest_stop_ns");
        buf_printf(out, " for %s\n", row_text(row, "longest_stop", "unknown"));
    }
}

static void put_threads(struct buf *out, const struct row *row)
{
    if (row_int(row, "on_cpu_ns", 0) > 0) {
        buf_printf(out, "Threads: ");
        present_count(out, row, "threads");
        buf_printf(out, ", on CPUs for ");
        put_share(out, row, "on_cpu_ns");
        if (row_int(row, "preempted_ns", 0) > 0) {
            buf_printf(out, ", preempted for ");
            put_share(out, row, "preempted_ns");
        }
        buf_printf(out, "\n");
    }
    if (row_int(row, "syscalls", 0) > 0) {
        buf_printf(out, "System calls in which a thread left its CPU: ");
        present_count(out, row, "syscalls");
        buf_printf(out, ", ");
        present_duration(out, row, "syscall_ns");
        buf_printf(out, " in all, most in %s: ", row_text(row, "top_syscall", ""));
        present_duration(out, row, "top_syscall_ns");
        buf_printf(out, "\n");
    }
}

static void put_program(struct buf *out, const struct row *row)
{
    if (row_int(row, "snapshots", 0) > 0) {
        buf_printf(out, "Snapshots: ");
        present_count(out, row, "snapshots");
        buf_printf(out, "; the last found ");
        if (row_find(row, "last_goroutines"))
            present_count(out, row, "last_goroutines");
        else
            buf_printf(out, "an unknown number of");
        buf_printf(out, " goroutines, ");
        present_count(out, row, "last_waiting");
        buf_printf(out, " of them waiting\n");
    }
    if (row_int(row, "labels", 0) > 0)
        buf_printf(out, "Labels: %s%s\n", row_text(row, "label_text", ""),
                   row_int(row, "labels", 0) > 3 ? ", …" : "");
    if (row_int(row, "contexts", 0) > 0) {
        buf_printf(out, "Contexts: ");
        present_count(out, row, "contexts");
        buf_printf(out, ", ");
        present_count(out, row, "contexts_ended");
        buf_printf(out, " of them ended\n");
    }
    if (row_int(row, "spans", 0) > 0) {
        buf_printf(out, "Spans: ");
        present_count(out, row, "spans");
        if (row_find(row, "longest_span_ns")) {
            buf_printf(out, ", longest ");
            present_duration(out, row, "longest_span_ns");
            buf_printf(out, " in %s", row_text(row, "longest_span", ""));
        }
        buf_printf(out, "\n");
    }
}

static int on_facts(void *context, const struct row *row, struct error *err)
{
    struct buf text, safe;
    (void)context;
    buf_init(&text);
    buf_init(&safe);
    put_program(&text, row);
    put_runtime(&text, row);
    put_threads(&text, row);
    if (!buf_failed(&text) && text.size > 0)
        table_print_safe(&safe, (const char *)text.data, text.size, true);
    int rc =
        buf_failed(&text) || buf_failed(&safe) ? error_set(err, ERR_NOMEM, "out of memory for a summary") : 0;
    if (rc == 0 && safe.size > 0)
        fwrite(safe.data, 1, safe.size, stdout);
    buf_release(&text);
    buf_release(&safe);
    return rc;
}

static void print_wait(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    present_lower(out, row, context);
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
    {"TOTAL WAIT", true, 0, present_duration_cell, .key = "total_wait_ns", .is_total = true},
    {"WAITS", true, 0, present_count_cell, .key = "waits", .is_total = true},
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
        rc = query_each(store, "summary_facts", NULL, 0, on_facts, NULL, err);
    if (rc == 0)
        rc = print_section("Longest waits", "who_blocked", &waits, store, err);
    if (rc == 0)
        rc = print_section("Busiest channels", "busiest_chans", &channels, store, err);
    if (rc == 0)
        printf("\nNext: gotape-replay who-blocked %s, leaks, why, chans, goroutines, info; gotape-replay "
               "--help lists all.\n",
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
