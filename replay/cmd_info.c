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
#include "query/moment.h"
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
    (void)column;
    char *last = context;
    const char *section = row_text(row, "section", "");
    if (strncmp(last, section, 31) == 0)
        return;
    snprintf(last, 32, "%s", section);
    buf_printf(out, "%s", section);
}

static const struct table_column columns[] = {
    {"ABOUT", false, 0, print_section},
    {"FACT", false, 12, present_text_cell, .key = "key"},
    {"VALUE", false, 20, print_value},
};

static int answer(void *context, const struct opened *opened, const struct operands *operands,
                  struct error *err)
{
    char last_section[32] = "";
    struct query_result result;
    struct table_options table = {TABLE_COLUMNS(columns), .context = last_section};
    (void)operands;
    return listing_answer(context, opened, "info", &table, &result, err);
}

int run_info(const struct command *self, int argc, char **argv)
{
    struct listing listing;
    struct listing_command command = {&listing, 1, 1, NULL, answer, &listing};
    listing_init(&listing);
    listing.limit = 0;
    const struct opt options[] = {LISTING_FORMAT_OPTION(listing), COMMAND_HELP_OPTION(command.help), {0}};
    return listing_command_run(&command, self, options, argc, argv);
}
