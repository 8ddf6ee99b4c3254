#include "goroutine_filter.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "query/sink_call.h"
#include "query/sink_table.h"
#include "state/wait_reason.h"

struct range {
    int64_t count, lowest, highest;
    bool is_known;
};

static int on_range(void *context, const struct row *row, struct error *err)
{
    struct range *range = context;
    (void)err;
    range->count = row_int(row, "goroutines", 0);
    range->lowest = row_int(row, "lowest", 0);
    range->highest = row_int(row, "highest", 0);
    range->is_known = row_int(row, "is_known", 0) != 0;
    return 0;
}

int goroutine_filter_check(int64_t goid, struct store *store, struct error *err)
{
    struct query_parameter parameter = {.name = ":goid", .integer = goid};
    struct range range = {0};
    int rc = query_each(store, "goroutine_range", &parameter, 1, on_range, &range, err);
    if (rc != 0 || range.is_known)
        return rc;
    return error_set(err, ERR_NOT_FOUND,
                     "no goroutine %" PRId64 " in this trace, which has %" PRId64 " from %" PRId64
                     " to %" PRId64 " (see: gotape-replay goroutines TRACE)",
                     goid, range.count, range.lowest, range.highest);
}

static int on_matches(void *context, const struct row *row, struct error *err)
{
    (void)err;
    *(int64_t *)context = row_int(row, "reasons", 0);
    return 0;
}

static int on_reason(void *context, const struct row *row, struct error *err)
{
    struct buf *list = context;
    const char *name = row_text(row, "reason", "");
    (void)err;
    if (list->size > 600)
        return 0;
    buf_printf(list, "%s'", list->size > 0 ? ", " : "");
    table_print_safe(list, name, strlen(name), false);
    buf_printf(list, "' (%s)", row_text(row, "reason_class", ""));
    return 0;
}

int reason_filter_check(const char *reason, struct store *store, struct error *err)
{
    struct query_parameter parameter = {.name = ":reason", .text = reason};
    int64_t matches = 0;
    /* A class may well have no waits in this trace. */
    for (unsigned class = 0; class < WAIT_CLASS_COUNT; class ++) {
        if (strcasecmp(reason, wait_class_name((enum wait_class) class)) == 0)
            return 0;
    }
    struct buf list;
    int rc = query_each(store, "reason_matches", &parameter, 1, on_matches, &matches, err);
    if (rc != 0 || matches > 0)
        return rc;
    buf_init(&list);
    rc = query_each(store, "reasons_seen", NULL, 0, on_reason, &list, err);
    buf_put_u8(&list, 0);
    if (rc == 0)
        rc = error_set(err, ERR_NOT_FOUND, "no wait reason is named '%.100s'; this trace has: %s", reason,
                       buf_failed(&list) || list.size < 2 ? "no waits" : (const char *)list.data);
    buf_release(&list);
    return rc;
}
