/* gotape-replay goroutine: the life of one goroutine as a time line. */
#include "cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "goroutine_filter.h"
#include "listing.h"
#include "present.h"
#include "query/catalog.h"
#include "query/sink_call.h"
#include "terminal.h"

struct view {
    struct present present;
    bool has_inferred;
};

static void print_for(struct buf *out, const struct row *row, const struct table_column *column,
                      void *context)
{
    (void)column;
    if (!row_find(row, "duration_ns"))
        return;
    present_lower(out, row, context);
    present_duration(out, row, "duration_ns");
    present_marks(out, row, context);
}

static void print_state(struct buf *out, const struct row *row, const struct table_column *column,
                        void *context)
{
    (void)column;
    struct view *view = context;
    const char *kind = row_text(row, "kind", "state");
    if (strcmp(kind, "state") != 0)
        buf_printf(out, "  %s%s", strcmp(kind, "context_end") == 0 ? "context" : kind,
                   row_find(row, "state") ? ": " : "");
    buf_printf(out, "%s", row_text(row, "state", ""));
    if (row_int(row, "inferred", 0)) {
        buf_printf(out, "*");
        view->has_inferred = true;
    }
}

static void print_what(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)column;
    (void)context;
    const struct cell *tid = row_find(row, "tid"), *p = row_find(row, "p");
    if (row_find(row, "what")) {
        buf_printf(out, "%s", row_text(row, "what", ""));
        return;
    }
    if (tid)
        buf_printf(out, "thread %" PRId64, tid->integer);
    if (p && p->integer >= 0)
        buf_printf(out, "%sP %" PRId64, tid ? ", " : "", p->integer);
    buf_printf(out, "%s", row_text(row, "reason", ""));
    if (row_find(row, "object_text"))
        buf_printf(out, ": %s", row_text(row, "object_text", ""));
}

static void print_waker(struct buf *out, const struct row *row, const struct table_column *column,
                        void *context)
{
    (void)column;
    if (row_find(row, "reason"))
        present_waker(out, row, ((const struct present *)context)->is_short);
}

static void print_stack(struct buf *out, const struct row *row, void *context)
{
    (void)context;
    buf_printf(out, "%s", row_text(row, "stack_text", ""));
}

static const struct table_column columns[] = {
    {"AT", true, 0, present_time_cell, .key = "start_ns"},
    {"FOR", true, 0, print_for},
    {"STATE", false, 0, print_state},
    {"WHAT", false, 20, print_what},
    {"WHERE", false, 16, present_place_cell, true},
    {"WOKEN BY", false, 16, print_waker, true},
    PRESENT_LABELS,
};

static int print_heading(void *context, const struct row *row, struct error *err)
{
    const struct present *present = context;
    struct buf text;
    (void)err;
    buf_init(&text);
    buf_printf(&text, "goroutine ");
    present_goroutine(&text, row, "goid", "function", present->is_short);
    if (row_find(row, "create_site")) {
        int64_t creator = row_int(row, "creator_goid", 0);
        buf_printf(&text, ", created ");
        if (creator > 0)
            buf_printf(&text, "by goroutine %" PRId64 " ", creator);
        buf_printf(&text, "in ");
        present_place(&text, row, "create_site", "create_file", "create_line", present->is_short);
    }
    buf_printf(&text, row_find(row, "created_ns") ? "\ncreated " : "\ncreated before the recording");
    present_time(&text, row, "created_ns", present->start_ns);
    if (row_find(row, "ended_ns")) {
        buf_printf(&text, ", ended ");
        present_time(&text, row, "ended_ns", present->start_ns);
    } else {
        buf_printf(&text, ", %s at the end of the recording", row_text(row, "state", "still there"));
    }
    buf_printf(&text, "; running ");
    present_duration(&text, row, "running_ns");
    if (row_int(row, "syscall_ns", 0) > 0) {
        buf_printf(&text, " (");
        present_duration(&text, row, "syscall_ns");
        buf_printf(&text, " in system calls)");
    }
    buf_printf(&text, ", runnable ");
    present_duration(&text, row, "runnable_ns");
    buf_printf(&text, ", waiting ");
    present_duration(&text, row, "waiting_ns");
    buf_printf(&text, " in ");
    present_count(&text, row, "waits");
    buf_printf(&text, " waits\n");
    if (row_find(row, "label_text"))
        buf_printf(&text, "labels %s\n", row_text(row, "label_text", ""));
    buf_printf(&text, "\n");
    struct buf safe;
    buf_init(&safe);
    if (!buf_failed(&text))
        table_print_safe(&safe, (const char *)text.data, text.size, true);
    fwrite(safe.data, 1, safe.size, stdout);
    buf_release(&text);
    buf_release(&safe);
    return 0;
}

struct request {
    struct listing listing;
    int64_t goid;
    bool stacks;
};

static int check(void *context, const struct operands *operands, struct error *err)
{
    struct request *request = context;
    char *end;
    errno = 0;
    request->goid = strtoll(operands->at[1], &end, 10);
    if (errno || end == operands->at[1] || *end)
        return error_set(err, ERR_USAGE, "'%s' is not the number of a goroutine", operands->at[1]);
    return 0;
}

static int answer(void *context, const struct opened *opened, const struct operands *operands,
                  struct error *err)
{
    struct request *request = context;
    struct listing *listing = &request->listing;
    struct query_parameter parameters[LISTING_PARAMETERS + 1];
    struct view view = {
        .present = {.start_ns = opened->quality.start_ns, .is_short = terminal_width(stdout) > 0}};
    struct query_result result;
    struct store *store = opened->trace.store;
    (void)operands;
    int rc = listing_resolve(listing, &opened->quality, err);
    if (rc == 0)
        rc = goroutine_filter_check(request->goid, store, err);
    if (rc != 0)
        return rc;
    struct query_parameter goid_parameter = {.name = ":goid", .integer = request->goid};
    if (listing->format == LISTING_TABLE) {
        listing_print_header(listing, &opened->quality);
        rc = query_each(store, "goroutines", &goid_parameter, 1, print_heading, &view.present, err);
        if (rc != 0)
            return rc;
    }
    listing_parameters(listing, parameters);
    parameters[LISTING_PARAMETERS] = goid_parameter;
    struct table_options table = {TABLE_COLUMNS(columns), .context = &view,
                                  .detail = request->stacks ? print_stack : NULL};
    rc = listing_run(listing, store, catalog_find("goroutine_timeline")->sql, true, parameters,
                     LISTING_PARAMETERS + 1, &table, &result, err);
    if (rc != 0 || listing->format != LISTING_TABLE)
        return rc;
    present_print_notes(&view.present);
    if (view.has_inferred)
        printf("%s* inferred from what came before and after, not seen.\n",
               present_has_notes(&view.present) ? "" : "\n");
    listing_print_more(listing, &result, "states");
    return 0;
}

int run_goroutine(const struct command *self, int argc, char **argv)
{
    struct request request = {0};
    struct listing_command command = {&request.listing, 2, 2, check, answer, &request};
    listing_init(&request.listing);
    const struct opt options[] = {
        {0, "stacks", OPT_FLAG, &request.stacks, NULL, "Print the whole call chain below each wait."},
        LISTING_OPTIONS(request.listing),
        COMMAND_HELP_OPTION(command.help),
        {0},
    };
    return listing_command_run(&command, self, options, argc, argv);
}
