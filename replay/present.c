#include "present.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

void present_duration(struct buf *out, const struct row *row, const char *column)
{
    char text[24];
    const struct cell *cell = row_find(row, column);
    if (cell && cell->type == STORE_INTEGER && cell->integer >= 0)
        buf_printf(out, "%s", units_format_duration((uint64_t)cell->integer, text, sizeof text));
}

void present_time(struct buf *out, const struct row *row, const char *column, int64_t origin_ns)
{
    const struct cell *cell = row_find(row, column);
    int64_t after;
    if (cell && cell->type == STORE_INTEGER && !__builtin_sub_overflow(cell->integer, origin_ns, &after))
        buf_printf(out, "%+.6f s", (double)after / 1e9);
}

void present_count(struct buf *out, const struct row *row, const char *column)
{
    char text[32];
    const struct cell *cell = row_find(row, column);
    if (cell && cell->type == STORE_INTEGER && cell->integer >= 0)
        buf_printf(out, "%s", units_format_count((uint64_t)cell->integer, text, sizeof text));
}

/* github.com/a/b.(*T).M is b.(*T).M; a type argument in brackets may have slashes of its own. */
static const char *short_function(const char *name)
{
    size_t length = strcspn(name, "[(");
    const char *start = name;
    for (size_t i = 0; i < length; i++) {
        if (name[i] == '/')
            start = name + i + 1;
    }
    return start;
}

void present_place(struct buf *out, const struct row *row, const char *function, const char *file,
                   const char *line, bool is_short)
{
    const char *name = row_text(row, function, ""), *path = row_text(row, file, "");
    const char *slash = strrchr(path, '/');
    int64_t number = row_int(row, line, 0);
    buf_printf(out, "%s", is_short ? short_function(name) : name);
    if (!*path)
        return;
    buf_printf(out, "%s%s", *name ? " " : "", slash ? slash + 1 : path);
    if (number > 0)
        buf_printf(out, ":%" PRId64, number);
}

void present_goroutine(struct buf *out, const struct row *row, const char *goid, const char *function,
                       bool is_short)
{
    const char *name = row_text(row, function, "");
    int64_t number = row_int(row, goid, 0);
    if (number > 0)
        buf_printf(out, "%" PRId64, number);
    else
        buf_printf(out, "?%" PRId64, number == INT64_MIN ? 0 : -number);
    if (*name)
        buf_printf(out, " %s", is_short ? short_function(name) : name);
}

void present_waker(struct buf *out, const struct row *row, bool is_short)
{
    static const struct {
        const char *kind, *words;
    } kinds[] = {{"timer", "timer"},
                 {"net", "network"},
                 {"gc", "garbage collector"},
                 {"scheduler", "scheduler"},
                 {"none_yet", "(still waiting)"},
                 {"unknown", "(unknown)"}};
    const char *kind = row_text(row, "waker_kind", "");
    if (strcmp(kind, "goroutine") == 0) {
        int64_t goid = row_int(row, "waker_goid", 0);
        bool has_place = *row_text(row, "waker_site", "") || *row_text(row, "waker_file", "");
        if (goid > 0)
            buf_printf(out, is_short && has_place ? "%" PRId64 : "goroutine %" PRId64, goid);
        else
            buf_printf(out, "a goroutine");
        if (has_place) {
            buf_printf(out, is_short ? " " : " in ");
            present_place(out, row, "waker_site", "waker_file", "waker_line", is_short);
        }
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kind, kinds[i].kind) == 0)
            kind = kinds[i].words;
    }
    buf_printf(out, "%s", kind);
}

void present_marks(struct buf *out, const struct row *row, struct present *present)
{
    if (row_int(row, "open", 0)) {
        buf_printf(out, "+");
        present->has_open = true;
    }
    if (row_int(row, "gap", 0) || row_find(row, "doubt")) {
        buf_printf(out, "?");
        present->has_doubt = true;
    }
}

void present_lower(struct buf *out, const struct row *row, struct present *present)
{
    if (row_int(row, "start_seen", 1))
        return;
    buf_printf(out, ">= ");
    present->has_lower = true;
}

bool present_has_notes(const struct present *present)
{
    return present->has_open || present->has_doubt || present->has_lower;
}

void present_print_notes(const struct present *present)
{
    if (present_has_notes(present))
        printf("\n");
    if (present->has_lower)
        printf(">= it began before anybody looked: it lasted at least this long.\n");
    if (present->has_open)
        printf("+ not over when the recording ended: it lasted at least this long.\n");
    if (present->has_doubt)
        printf("? a doubtful figure: records were lost nearby, only snapshots tell about it, or an event is "
               "missing (column doubt of --format json).\n");
}

void present_marked_cell(struct buf *out, const struct row *row, const struct table_column *column,
                         void *context)
{
    if (row_find(row, column->key)) {
        present_lower(out, row, context);
        present_duration(out, row, column->key);
    } else {
        buf_printf(out, "unknown");
    }
    present_marks(out, row, context);
}

void present_duration_cell(struct buf *out, const struct row *row, const struct table_column *column,
                           void *context)
{
    (void)context;
    present_duration(out, row, column->key);
}

void present_count_cell(struct buf *out, const struct row *row, const struct table_column *column,
                        void *context)
{
    (void)context;
    present_count(out, row, column->key);
}

void present_text_cell(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)context;
    buf_printf(out, "%s", row_text(row, column->key, ""));
}

void present_time_cell(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    const struct present *present = context;
    present_time(out, row, column->key, present->start_ns);
}

void present_goroutine_cell(struct buf *out, const struct row *row, const struct table_column *column,
                            void *context)
{
    const struct present *present = context;
    present_goroutine(out, row, "goid", column->key, present->is_short);
}

void present_goid_cell(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    (void)context;
    if (row_find(row, column->key))
        present_goroutine(out, row, column->key, "", false);
}

void present_place_cell(struct buf *out, const struct row *row, const struct table_column *column,
                        void *context)
{
    const struct present *present = context;
    (void)column;
    present_place(out, row, "site", "file", "line", present->is_short);
}

void present_waker_cell(struct buf *out, const struct row *row, const struct table_column *column,
                        void *context)
{
    const struct present *present = context;
    (void)column;
    present_waker(out, row, present->is_short);
}
