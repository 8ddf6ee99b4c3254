#include "listing.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "interrupt.h"
#include "query/catalog.h"
#include "query/moment.h"
#include "query/sink_call.h"
#include "quality.h"
#include "terminal.h"

void listing_init(struct listing *self)
{
    memset(self, 0, sizeof *self);
    self->limit = -1;
}

static int wrong(const struct command *command, int *status_out, const char *option, const char *value,
                 const char *expected)
{
    struct error err = {0};
    error_set(&err, ERR_USAGE, "--%s: '%s' is not %s", option, value, expected);
    *status_out = command_fail(command, &err);
    return false;
}

bool listing_check(const struct command *command, struct listing *self, int *status_out)
{
    static const char *const names[] = {"table", "json", "jsonl", "csv"};
    static const char moment[] = "a time (examples: 1.5s, -2s, 2026-11-22T17:00:00Z)";
    struct moment ignored;
    size_t i = 0;
    while (self->format_name && i < 4 && strcmp(self->format_name, names[i]) != 0)
        i++;
    if (i == 4)
        return wrong(command, status_out, "format", self->format_name, "a format: table, json, jsonl or csv");
    self->format = (enum listing_format)i;
    if (self->limit < -1)
        return wrong(command, status_out, "limit", "a negative number", "allowed: 0 means all");
    if (self->since_text && !moment_parse(self->since_text, &ignored))
        return wrong(command, status_out, "since", self->since_text, moment);
    if (self->until_text && !moment_parse(self->until_text, &ignored))
        return wrong(command, status_out, "until", self->until_text, moment);
    return true;
}

static int resolve(const char *text, const char *option, const struct quality *q, int64_t *out,
                   struct error *err)
{
    struct moment moment;
    if (!moment_parse(text, &moment))
        return error_set(err, ERR_USAGE, "--%s: '%s' is not a time", option, text);
    if (!moment_resolve(&moment, q->start_ns, q->end_ns, q->start_realtime_ns, out))
        return error_set(err, ERR_UNSUPPORTED,
                         "--%s: this recording does not say when it was made in UTC; give a time relative to "
                         "its start (1.5s)",
                         option);
    return 0;
}

int listing_resolve(struct listing *self, const struct quality *quality, struct error *err)
{
    int rc = self->since_text ? resolve(self->since_text, "since", quality, &self->since_ns, err) : 0;
    if (rc == 0 && self->until_text)
        rc = resolve(self->until_text, "until", quality, &self->until_ns, err);
    if (rc == 0 && self->since_text && self->until_text && self->until_ns < self->since_ns)
        rc = error_set(err, ERR_NOT_FOUND, "--until %.50s is before --since %.50s: nothing lies between them", self->until_text,
                       self->since_text);
    return rc;
}

static uint64_t row_limit(const struct listing *self)
{
    if (self->limit >= 0)
        return (uint64_t)self->limit;
    return self->format == LISTING_TABLE ? LISTING_TABLE_ROWS : 0;
}

void listing_parameters(const struct listing *self, struct query_parameter out[LISTING_PARAMETERS])
{
    uint64_t limit = row_limit(self);
    /* One more row than is shown tells whether there are more. */
    out[0] = (struct query_parameter){.name = ":limit",
                                      .integer = limit < INT64_MAX ? (int64_t)limit + 1 : INT64_MAX,
                                      .is_null = limit == 0};
    out[1] =
        (struct query_parameter){.name = ":since", .integer = self->since_ns, .is_null = !self->since_text};
    out[2] =
        (struct query_parameter){.name = ":until", .integer = self->until_ns, .is_null = !self->until_text};
}

static int on_coverage(void *context, const struct row *row, struct error *err)
{
    struct quality *quality = context;
    (void)err;
    quality->start_ns = row_int(row, "start_ns", 0);
    quality->end_ns = row_int(row, "end_ns", 0);
    quality->recorded_ns = row_int(row, "recorded_ns", 0);
    quality->pauses = row_int(row, "pauses", 0);
    return 0;
}

/* Of totals over all of the recording; a part of it may have been recorded more or less than the rest. */
static double scale_of(const struct listing *self, struct store *store)
{
    struct quality quality = {0};
    struct error ignored = {0};
    if (self->since_text || self->until_text || query_each(store, "quality", NULL, 0, on_coverage, &quality, &ignored) != 0)
        return 1;
    return quality_scale(&quality);
}

static struct row_sink *make_sink(const struct listing *self, struct store *store, const struct table_options *table)
{
    struct table_options options = {0};
    switch (self->format) {
    case LISTING_JSON:
        return sink_json_new(stdout, false);
    case LISTING_JSONL:
        return sink_json_new(stdout, true);
    case LISTING_CSV:
        return sink_csv_new(stdout);
    case LISTING_TABLE:
        break;
    }
    if (table)
        options = *table;
    options.scale = table ? scale_of(self, store) : 1;
    options.width = terminal_width(stdout);
    options.color = terminal_has_color(stdout);
    return sink_table_new(stdout, &options);
}

int listing_run(const struct listing *self, struct store *store, const char *sql, bool has_marks,
                const struct query_parameter *parameters, size_t count, const struct table_options *table,
                struct query_result *out, struct error *err)
{
    struct row_sink *sink = make_sink(self, store, table);
    if (!sink)
        return error_set(err, ERR_NOMEM, "out of memory");
    struct query_options options = {
        .parameters = parameters,
        .parameter_count = count,
        .has_marks = has_marks,
        .limit = row_limit(self),
        .stop = interrupt_flag(),
    };
    int rc = query_run(store, sql, &options, sink, out, err);
    row_sink_free(sink);
    return rc;
}

int listing_answer(struct listing *self, const struct opened *opened, const char *query,
                   const struct table_options *table, struct query_result *out, struct error *err)
{
    struct query_parameter parameters[LISTING_PARAMETERS];
    int rc = listing_resolve(self, &opened->quality, err);
    if (rc != 0)
        return rc;
    listing_parameters(self, parameters);
    listing_print_header(self, &opened->quality);
    return listing_run(self, opened->trace.store, catalog_find(query)->sql, true, parameters,
                       LISTING_PARAMETERS, table, out, err);
}

void listing_print_header(const struct listing *self, const struct quality *quality)
{
    if (self->format != LISTING_TABLE)
        return;
    struct buf line;
    buf_init(&line);
    quality_print_line(&line, quality);
    if (quality->pauses || *quality->dropped) {
        buf_put_u8(&line, '\n');
        quality_print_coverage(&line, quality);
        line.size--; /* its last newline */
    }
    buf_put_u8(&line, 0);
    bool color = terminal_has_color(stdout);
    if (!buf_failed(&line))
        printf("%s%s%s\n\n", color ? "\033[2m" : "", (const char *)line.data, color ? "\033[0m" : "");
    buf_release(&line);
}

void listing_print_more(const struct listing *self, const struct query_result *result, const char *what)
{
    if (self->format == LISTING_TABLE && result->has_more)
        printf("\nThere are more %s: --limit 0 shows all.\n", what);
}

int listing_command_run(struct listing_command *self, const struct command *command,
                        const struct opt *options, int argc, char **argv)
{
    int status;
    struct operands operands;
    struct error err = {0};
    struct opened opened;
    if (!command_begin(command, options, &self->help, argc, argv, self->least, self->most, &operands,
                       &status) ||
        !listing_check(command, self->listing, &status))
        return status;
    if (self->check && self->check(self->context, &operands, &err) != 0)
        return command_fail(command, &err);
    status = command_open(operands.at[0], &opened);
    if (status != STATUS_OK)
        return status;
    int rc = self->answer(self->context, &opened, &operands, &err);
    return command_close(&opened, rc < 0 ? command_fail(NULL, &err) : rc);
}
