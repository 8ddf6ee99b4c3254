/* gotape-replay who-blocked: waits, longest first, one by one or summed up by goroutine or place. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chan_filter.h"
#include "goroutine_filter.h"
#include "label_filter.h"
#include "listing.h"
#include "present.h"
#include "query/catalog.h"
#include "terminal.h"

struct view {
    struct present present;
    bool has_reuse;
};

static void print_object(struct buf *out, const struct row *row, const struct table_column *column,
                         void *context)
{
    (void)column;
    const char *text = row_text(row, "object_text", "");
    struct view *view = context;
    buf_printf(out, "%s", text);
    view->has_reuse |= strchr(text, '?') != NULL;
    if (row_find(row, "sleep_ns")) {
        buf_printf(out, "of ");
        present_duration(out, row, "sleep_ns");
    }
}

static void print_longest_place(struct buf *out, const struct row *row, const struct table_column *column,
                                void *context)
{
    (void)column;
    present_place(out, row, "longest_site", "longest_file", "longest_line",
                  ((const struct present *)context)->is_short);
}

static const struct table_column wait_columns[] = {
    {"WAIT", true, 0, present_marked_cell, .key = "wait_ns"},
    {"AT", true, 0, present_time_cell, .key = "start_ns"},
    {"GOROUTINE", false, 12, present_goroutine_cell, .key = "goroutine_function"},
    {"REASON", false, 8, present_text_cell, .key = "reason"},
    {"OBJECT", false, 14, print_object},
    {"WHERE", false, 16, present_place_cell, true},
    {"WOKEN BY", false, 14, present_waker_cell, true},
    {"READY>RUN", true, 0, present_duration_cell, .key = "runnable_ns"},
    PRESENT_LABELS,
};

static const struct table_column goroutine_columns[] = {
    {"TOTAL", true, 0, present_duration_cell, .key = "total_wait_ns", .is_total = true},
    {"LONGEST", true, 0, present_duration_cell, .key = "longest_wait_ns"},
    {"WAITS", true, 0, present_count_cell, .key = "waits", .is_total = true},
    {"OPEN", true, 0, present_count_cell, .key = "open_waits"},
    {"GOROUTINE", false, 16, present_goroutine_cell, .key = "goroutine_function"},
    {"LONGEST FOR", false, 10, present_text_cell, .key = "longest_reason"},
    {"LONGEST WHERE", false, 20, print_longest_place, true},
};

static const struct table_column site_columns[] = {
    {"TOTAL", true, 0, present_duration_cell, .key = "total_wait_ns", .is_total = true},
    {"LONGEST", true, 0, present_duration_cell, .key = "longest_wait_ns"},
    {"WAITS", true, 0, present_count_cell, .key = "waits", .is_total = true},
    {"OPEN", true, 0, present_count_cell, .key = "open_waits"},
    {"GOROUTINES", true, 0, present_count_cell, .key = "goroutines"},
    {"REASON", false, 10, present_text_cell, .key = "reason"},
    {"WHERE", false, 20, present_place_cell, true},
};

struct aggregation {
    const char *name, *query, *rows;
    const struct table_column *columns;
    int count;
};

static const struct aggregation aggregations[] = {
    {"wait", "who_blocked", "waits", TABLE_COLUMNS(wait_columns)},
    {"goroutine", "who_blocked_by_goroutine", "goroutines", TABLE_COLUMNS(goroutine_columns)},
    {"site", "who_blocked_by_site", "places", TABLE_COLUMNS(site_columns)},
};

struct request {
    struct listing listing;
    struct chan_filter chan;
    struct label_filter label;
    const struct aggregation *by;
    const char *chan_text, *by_name, *reason; /* as given */
    int64_t goid;                             /* INT64_MIN: absent */
    bool all;
};

static const struct aggregation *find_aggregation(const char *name)
{
    for (size_t i = 0; i < sizeof aggregations / sizeof *aggregations; i++) {
        if (strcmp(name, aggregations[i].name) == 0)
            return &aggregations[i];
    }
    return NULL;
}

static int check_filters(const struct request *request, struct store *store, struct error *err)
{
    int rc = chan_filter_check(&request->chan, store, err);
    if (rc == 0)
        rc = label_filter_check(&request->label, store, err);
    if (rc == 0 && request->reason)
        rc = reason_filter_check(request->reason, store, err);
    if (rc == 0 && request->goid != INT64_MIN)
        rc = goroutine_filter_check(request->goid, store, err);
    return rc;
}

static void print_footer(const struct request *request, const struct view *view,
                         const struct query_result *result)
{
    if (request->listing.format != LISTING_TABLE)
        return;
    if (result->rows == 0)
        printf("No waits%s.%s\n",
               request->chan.text || request->label.text || request->reason || request->goid != INT64_MIN
                   ? " match"
                   : "",
               request->all ? "" : " --all adds network, sleep and the runtime's own goroutines.");
    present_print_notes(&view->present);
    if (view->has_reuse)
        printf("%sAn object with ? may be several that had the same address one after the other, or its type "
               "is unknown.\n",
               present_has_notes(&view->present) ? "" : "\n");
    listing_print_more(&request->listing, result, request->by->rows);
}

static int check(void *context, const struct operands *operands, struct error *err)
{
    struct request *request = context;
    (void)operands;
    request->by = find_aggregation(request->by_name);
    if (!request->by)
        return error_set(err, ERR_USAGE, "--by: '%s' is not wait, goroutine or site", request->by_name);
    int rc = chan_filter_parse(request->chan_text, &request->chan, err);
    return rc == 0 ? label_filter_parse(&request->label, err) : rc;
}

static int answer(void *context, const struct opened *opened, const struct operands *operands,
                  struct error *err)
{
    struct request *request = context;
    struct query_parameter
        parameters[LISTING_PARAMETERS + CHAN_FILTER_PARAMETERS + 3 + LABEL_FILTER_PARAMETERS];
    struct view view = {
        .present = {.start_ns = opened->quality.start_ns, .is_short = terminal_width(stdout) > 0}};
    struct query_result result;
    struct store *store = opened->trace.store;
    (void)operands;
    int rc = listing_resolve(&request->listing, &opened->quality, err);
    if (rc == 0)
        rc = check_filters(request, store, err);
    if (rc != 0)
        return rc;
    listing_parameters(&request->listing, parameters);
    chan_filter_parameters(&request->chan, parameters + LISTING_PARAMETERS);
    struct query_parameter *rest = parameters + LISTING_PARAMETERS + CHAN_FILTER_PARAMETERS;
    rest[0] = (struct query_parameter){.name = ":all", .integer = 1, .is_null = !request->all};
    rest[1] =
        (struct query_parameter){.name = ":reason", .text = request->reason, .is_null = !request->reason};
    rest[2] = (struct query_parameter){
        .name = ":goid", .integer = request->goid, .is_null = request->goid == INT64_MIN};
    label_filter_parameters(&request->label, rest + 3);
    struct table_options table = {
        .columns = request->by->columns, .count = request->by->count, .context = &view};
    listing_print_header(&request->listing, &opened->quality);
    rc = listing_run(&request->listing, store, catalog_find(request->by->query)->sql, true, parameters,
                     sizeof parameters / sizeof *parameters, &table, &result, err);
    if (rc == 0)
        print_footer(request, &view, &result);
    return rc;
}

int run_who_blocked(const struct command *self, int argc, char **argv)
{
    struct request request = {.by_name = "wait", .goid = INT64_MIN};
    struct listing_command command = {&request.listing, 1, 1, check, answer, &request};
    listing_init(&request.listing);
    const struct opt options[] = {
        {0, "chan", OPT_STRING, &request.chan_text, "X",
         "Only waits on channels that X describes: an address\n(0xc000102060), an element type ('chan "
         "main.Job' or\n"
         "main.Job), a function that waits (main.worker), or a\nplace by suffix (worker.go:31)."},
        {0, "goroutine", OPT_INT, &request.goid, "N", "Only waits of goroutine N."},
        {0, "reason", OPT_STRING, &request.reason, "R",
         "Only waits for this reason: the runtime's words ('chan\nreceive') or a class (chan_recv, "
         "chan_send, select,\n"
         "mutex, rwmutex, cond, waitgroup, sleep, net, gc,\nsyscall, coroutine, runtime, other)."},
        LABEL_FILTER_OPTION(request.label),
        {0, "by", OPT_STRING, &request.by_name, "KIND",
         "List single waits (wait, default), or sum them up by\ngoroutine or by site."},
        {'a', "all", OPT_FLAG, &request.all, NULL, "Also network, sleep, and the runtime's own goroutines."},
        LISTING_OPTIONS(request.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
