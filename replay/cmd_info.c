/* gotape-replay info: facts about the recording. */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

#include "listing.h"
#include "query/catalog.h"
#include "terminal.h"

/* The value of a key that ends with _ns or _bytes is followed by what people read. */
static void print_value(struct buf *out, const struct row *row, void *context)
{
    (void)context;
    buf_printf(out, "%s", row_text(row, "value", ""));
}

static void print_key(struct buf *out, const struct row *row, void *context)
{
    (void)context;
    buf_printf(out, "%s", row_text(row, "key", ""));
}

static void print_section(struct buf *out, const struct row *row, void *context)
{
    char *last = context;
    const char *section = row_text(row, "section", "");
    if (strncmp(last, section, 31) == 0)
        return;
    snprintf(last, 32, "%s", section);
    buf_printf(out, "%s", section);
}

static const struct table_column columns[] = {
    {"ABOUT", false, 0, print_section},
    {"FACT", false, 12, print_key},
    {"VALUE", false, 20, print_value},
};

static int answer(struct listing *listing, const struct opened *opened, struct error *err)
{
    char last_section[32] = "";
    struct query_result result;
    struct table_options table = {
        .columns = columns, .count = (int)(sizeof columns / sizeof *columns), .context = last_section};
    listing_print_header(listing, &opened->quality);
    return listing_run(listing, opened->trace.store, catalog_find("info")->sql, true, NULL, 0, &table,
                       &result, err);
}

int run_info(const struct command *self, int argc, char **argv)
{
    struct listing listing;
    bool help = false;
    int status;
    struct operands operands;
    struct error err = {0};
    struct opened opened;
    listing_init(&listing);
    const struct opt options[] = {LISTING_FORMAT_OPTION(listing), COMMAND_HELP_OPTION(help), {0}};
    if (!command_begin(self, options, &help, argc, argv, 1, 1, &operands, &status) ||
        !listing_check(self, &listing, &status))
        return status;
    listing.limit = 0;
    status = command_open(operands.at[0], &opened);
    if (status != STATUS_OK)
        return status;
    if (answer(&listing, &opened, &err) != 0)
        status = command_fail(self, &err);
    return command_close(&opened, status);
}
