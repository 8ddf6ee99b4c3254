/* gotape-replay info: facts about the recording. */
#include "cmd.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "listing.h"
#include "present.h"
#include "query/catalog.h"
#include "query/moment.h"
#include "size_report.h"
#include "terminal.h"

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

/* Numbers that people cannot read at a glance are followed by what they mean. */
static void print_value(struct buf *out, const struct row *row, const struct table_column *column,
                        void *context)
{
    (void)column;
    const char *key = row_text(row, "key", ""), *value = row_text(row, "value", "");
    char text[40] = "", *end;
    (void)context;
    buf_printf(out, "%s", value);
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (ends_with(key, ".gogc") && number < 0)
        snprintf(text, sizeof text, "off");
    if (ends_with(key, ".memory_limit") && number == INT64_MAX)
        snprintf(text, sizeof text, "none");
    if (errno || end == value || *end || (number < 0 && !*text))
        return;
    if (ends_with(key, "realtime_ns"))
        moment_format_utc(number, text, sizeof text);
    else if (ends_with(key, "duration_ns"))
        units_format_duration((uint64_t)number, text, sizeof text);
    else if (ends_with(key, "_bytes") || strcmp(key, "cgroup.memory_max") == 0 ||
             (ends_with(key, ".memory_limit") && !*text))
        units_format_size((uint64_t)number, text, sizeof text);
    if (*text)
        buf_printf(out, " (%s)", text);
}

static void print_section(struct buf *out, const struct row *row, const struct table_column *column,
                          void *context)
{
    char *last = context;
    const char *section = row_text(row, column->key, "");
    if (strncmp(last, section, 31) == 0)
        return;
    snprintf(last, 32, "%s", section);
    buf_printf(out, "%s", section);
}

static const struct table_column columns[] = {
    {"ABOUT", false, 0, print_section, .key = "section"},
    {"FACT", false, 12, present_text_cell, .key = "key"},
    {"VALUE", false, 20, print_value},
};

/* ---- sizes ---- */

static void print_part(struct buf *out, const struct row *row, const struct table_column *column, void *context)
{
    (void)column;
    (void)context;
    if (row_find(row, "part"))
        buf_printf(out, "  %s", row_text(row, "part", ""));
    else
        buf_printf(out, "%s", row_text(row, "what", ""));
}

static void print_size(struct buf *out, const struct row *row, const struct table_column *column, void *context)
{
    char text[24];
    (void)context;
    buf_printf(out, "%s", units_format_size((uint64_t)row_int(row, column->key, 0), text, sizeof text));
}

static void print_share(struct buf *out, const struct row *row, const struct table_column *column, void *context)
{
    (void)context;
    buf_printf(out, "%.1f %%", 100 * row_real(row, column->key, 0));
}

static void print_each(struct buf *out, const struct row *row, const struct table_column *column, void *context)
{
    (void)context;
    buf_printf(out, "%.3f", row_real(row, column->key, 0));
}

static const struct table_column size_columns[] = {
    {"OF", false, 0, print_section, .key = "of"},
    {"WHAT", false, 20, print_part},
    {"BYTES", true, 0, print_size, .key = "bytes"},
    {"SHARE", true, 0, print_share, .key = "share"},
    {"COUNT", true, 0, present_count_cell, .key = "count"},
    {"BYTES/EVENT", true, 0, print_each, .key = "bytes_per_event"},
};

struct info {
    struct listing listing;
    bool sizes;
};

static int answer_sizes(struct info *self, const struct opened *opened, struct error *err)
{
    char last_section[32] = "";
    struct buf file;
    struct query_result result;
    struct table_options table = {TABLE_COLUMNS(size_columns), .context = last_section};
    struct store *store = opened->trace.store;
    bool has_database = store_tells_sizes(store), is_table = self->listing.format == LISTING_TABLE;
    buf_init(&file);
    int rc = opened->trace.trace_path ? size_report_of_trace(opened->trace.trace_path, &file, err) : 0;
    const struct query_parameter parameters[] = {
        {.name = ":file", .text = (const char *)file.data, .is_null = !opened->trace.trace_path},
        {.name = ":least", .text = "0.01", .is_null = !is_table},
    };
    listing_print_header(&self->listing, &opened->quality);
    if (rc == 0)
        rc = listing_run(&self->listing, store, catalog_find(has_database ? "sizes" : "sizes_of_file")->sql, true, parameters,
                         sizeof parameters / sizeof *parameters, &table, &result, err);
    if (rc == 0 && is_table)
        printf("\nWhat is less than 1 %% is left out (--format json tells all).%s%s\n",
               opened->trace.trace_path ? "" : " Name the trace to see what its bytes are for.",
               has_database ? "" : " This SQLite cannot tell the sizes of tables (dbstat).");
    buf_release(&file);
    return rc;
}

/* ---- facts ---- */

static int answer(void *context, const struct opened *opened, const struct operands *operands,
                  struct error *err)
{
    struct info *self = context;
    char last_section[32] = "";
    struct query_result result;
    struct table_options table = {TABLE_COLUMNS(columns), .context = last_section};
    (void)operands;
    if (self->sizes)
        return answer_sizes(self, opened, err);
    return listing_answer(&self->listing, opened, "info", &table, &result, err);
}

int run_info(const struct command *self, int argc, char **argv)
{
    struct info info = {.sizes = false};
    struct listing_command command = {&info.listing, 1, 1, NULL, answer, &info};
    listing_init(&info.listing);
    info.listing.limit = 0;
    const struct opt options[] = {
        {0, "sizes", OPT_FLAG, &info.sizes, NULL,
         "Instead: what the bytes of the file (event types and\ntheir fields, definitions) and of the database (tables\nand "
         "indexes) are for."},
        LISTING_FORMAT_OPTION(info.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
