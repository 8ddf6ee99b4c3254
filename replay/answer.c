#include "answer.h"

#include <stdio.h>
#include <string.h>

#include "goroutine_filter.h"
#include "query/catalog.h"
#include "query/moment.h"
#include "terminal.h"

void answer_init(struct answer *self, const struct answer_way *ways, size_t count)
{
    memset(self, 0, sizeof *self);
    listing_init(&self->listing);
    self->ways = ways;
    self->way_count = count;
    self->goid = self->snapshot = self->depth = INT64_MIN;
}

static int find_way(struct answer *self, struct error *err)
{
    struct buf names;
    self->way = &self->ways[0];
    if (!self->by)
        return 0;
    for (size_t i = 0; i < self->way_count; i++) {
        if (strcmp(self->by, self->ways[i].name) == 0) {
            self->way = &self->ways[i];
            return 0;
        }
    }
    buf_init(&names);
    for (size_t i = 0; i < self->way_count; i++)
        buf_printf(&names, "%s%s", i == 0 ? "" : i + 1 < self->way_count ? ", " : " or ", self->ways[i].name);
    buf_put_u8(&names, 0);
    int rc = error_set(err, ERR_USAGE, "--by: '%.100s' is not %s", self->by,
                       buf_failed(&names) ? "known" : (const char *)names.data);
    buf_release(&names);
    return rc;
}

int answer_check(void *context, const struct operands *operands, struct error *err)
{
    struct answer *self = context;
    struct moment moment;
    (void)operands;
    int rc = find_way(self, err);
    if (rc == 0 && self->at && !moment_parse(self->at, &moment))
        rc = error_set(err, ERR_USAGE,
                       "--at: '%.100s' is not a time (examples: 1.5s, -2s, 2026-11-22T17:00:00Z)", self->at);
    return rc == 0 ? label_filter_parse(&self->label, err) : rc;
}

static int resolve_at(const struct answer *self, const struct quality *q, int64_t *out, struct error *err)
{
    struct moment moment;
    if (moment_parse(self->at, &moment) &&
        moment_resolve(&moment, q->start_ns, q->end_ns, q->start_realtime_ns, out))
        return 0;
    return error_set(err, ERR_UNSUPPORTED,
                     "--at: this recording does not say when it was made in UTC; give a time relative to its "
                     "start (1.5s)");
}

int answer_parameters(struct answer *self, const struct opened *opened,
                      struct query_parameter out[ANSWER_PARAMETERS], struct error *err)
{
    int64_t at = 0;
    int rc = listing_resolve(&self->listing, &opened->quality, err);
    if (rc == 0 && self->at)
        rc = resolve_at(self, &opened->quality, &at, err);
    if (rc != 0)
        return rc;
    listing_parameters(&self->listing, out);
    label_filter_parameters(&self->label, out + LISTING_PARAMETERS);
    struct query_parameter *rest = out + LISTING_PARAMETERS + LABEL_FILTER_PARAMETERS;
    const struct query_parameter own[] = {
        {.name = ":all", .integer = 1, .is_null = !self->all},
        {.name = ":goid", .integer = self->goid, .is_null = self->goid == INT64_MIN},
        {.name = ":name", .text = self->name, .is_null = !self->name},
        {.name = ":sort", .text = self->sort, .is_null = !self->sort},
        {.name = ":reason", .text = self->reason, .is_null = !self->reason},
        {.name = ":min_ns", .integer = (int64_t)self->min_ns, .is_null = self->min_ns == 0},
        {.name = ":snapshot", .integer = self->snapshot, .is_null = self->snapshot == INT64_MIN},
        {.name = ":depth", .integer = self->depth, .is_null = self->depth == INT64_MIN},
        {.name = ":at", .integer = at, .is_null = !self->at},
    };
    memcpy(rest, own, sizeof own);
    return 0;
}

static bool is_restricted(const struct answer *self)
{
    const struct listing *listing = &self->listing;
    return self->goid != INT64_MIN || self->name || self->reason || self->min_ns || self->at || self->label.text ||
           listing->since_text || listing->until_text;
}

static void print_footer(const struct answer *self, const struct present *present,
                         const struct query_result *result)
{
    if (self->listing.format != LISTING_TABLE)
        return;
    if (result->rows == 0 && is_restricted(self))
        printf("No %s match what was asked for.\n", self->way->rows);
    else if (result->rows == 0)
        printf("%s\n", self->empty);
    present_print_notes(present);
    if (result->rows > 0 && self->note)
        printf("\n%s\n", self->note);
    listing_print_more(&self->listing, result, self->way->rows);
}

int answer_run(void *context, const struct opened *opened, const struct operands *operands, struct error *err)
{
    struct answer *self = context;
    struct query_parameter parameters[ANSWER_PARAMETERS];
    struct present present = {.start_ns = opened->quality.start_ns, .is_short = terminal_width(stdout) > 0};
    struct query_result result;
    struct store *store = opened->trace.store;
    (void)operands;
    int rc = answer_parameters(self, opened, parameters, err);
    if (rc == 0)
        rc = label_filter_check(&self->label, store, err);
    if (rc == 0 && self->goid != INT64_MIN)
        rc = goroutine_filter_check(self->goid, store, err);
    if (rc != 0)
        return rc;
    bool is_detailed = self->stacks || self->way->is_always_detailed;
    struct table_options table = {.columns = self->way->columns,
                                  .count = self->way->count,
                                  .context = &present,
                                  .detail = is_detailed ? self->way->detail : NULL};
    listing_print_header(&self->listing, &opened->quality);
    rc = listing_run(&self->listing, store, catalog_find(self->way->query)->sql, true, parameters,
                     ANSWER_PARAMETERS, &table, &result, err);
    if (rc == 0)
        print_footer(self, &present, &result);
    return rc;
}

void answer_print_stack(struct buf *out, const struct row *row, void *context)
{
    (void)context;
    buf_printf(out, "%s", row_text(row, "stack_text", ""));
}
