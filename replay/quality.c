#include "quality.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "query/moment.h"
#include "query/sink_call.h"
#include "query/sink_table.h"

struct reading {
    struct quality *quality;
    bool is_found;
};

static int on_row(void *context, const struct row *row, struct error *err)
{
    struct reading *reading = context;
    struct quality *q = reading->quality;
    (void)err;
    memset(q, 0, sizeof *q);
    q->start_ns = row_int(row, "start_ns", 0);
    q->end_ns = row_int(row, "end_ns", 0);
    q->start_realtime_ns = row_int(row, "start_realtime_ns", 0);
    q->is_attach = row_int(row, "is_attach", 0) != 0;
    q->is_clean_end = row_int(row, "is_clean_end", 0) != 0;
    q->events = row_int(row, "events", 0);
    q->lost = row_int(row, "lost", 0);
    q->damage = row_int(row, "damage", 0);
    q->errors = row_int(row, "errors", 0);
    q->warnings = row_int(row, "warnings", 0);
    q->recorded_ns = row_int(row, "recorded_ns", 0);
    q->pauses = row_int(row, "pauses", 0);
    snprintf(q->dropped, sizeof q->dropped, "%s", row_text(row, "dropped", ""));
    snprintf(q->process, sizeof q->process, "%s", row_text(row, "process", ""));
    snprintf(q->pid, sizeof q->pid, "%s", row_text(row, "pid", ""));
    snprintf(q->go, sizeof q->go, "%s", row_text(row, "go", ""));
    reading->is_found = true;
    return 0;
}

int quality_read(struct store *store, struct quality *out, struct error *err)
{
    struct reading reading = {out, false};
    int rc = query_each(store, "quality", NULL, 0, on_row, &reading, err);
    if (rc == 0 && !reading.is_found)
        rc = error_set(err, ERR_DAMAGED,
                       "the database holds no recording: delete it and load the trace again");
    return rc;
}

bool quality_is_incomplete(const struct quality *self)
{
    return self->lost > 0 || self->damage > 0 || !self->is_clean_end || self->errors > 0;
}

static void put_problem(struct buf *out, int64_t count, const char *one, const char *many)
{
    char number[32];
    if (count <= 0)
        return;
    buf_printf(out, "%s%s %s", out->size > 0 ? ", " : "",
               units_format_count((uint64_t)count, number, sizeof number), count == 1 ? one : many);
}

void quality_print_problems(struct buf *out, const struct quality *self)
{
    struct buf list;
    buf_init(&list);
    put_problem(&list, self->lost, "record lost", "records lost");
    put_problem(&list, self->damage, "damaged place in the file", "damaged places in the file");
    if (!self->is_clean_end)
        buf_printf(&list, "%sno clean end", list.size > 0 ? ", " : "");
    put_problem(&list, self->errors, "contradiction between events", "contradictions between events");
    buf_put(out, list.data, list.size);
    if (buf_failed(&list))
        out->failed = true;
    buf_release(&list);
}

void quality_print_line(struct buf *out, const struct quality *self)
{
    char duration[24], utc[40], events[32], lost[32];
    uint64_t length = self->end_ns > self->start_ns ? (uint64_t)self->end_ns - (uint64_t)self->start_ns : 0;
    const char *name = self->process[0] ? self->process : "a process";
    table_print_safe(out, name, strlen(name), false);
    if (self->pid[0] || self->go[0]) {
        buf_printf(out, " (%s", self->pid[0] ? "pid " : "");
        table_print_safe(out, self->pid, strlen(self->pid), false);
        buf_printf(out, "%s", self->pid[0] && self->go[0] ? ", " : "");
        table_print_safe(out, self->go, strlen(self->go), false);
        buf_printf(out, ")");
    }
    buf_printf(out, ", recorded %s", units_format_duration(length, duration, sizeof duration));
    if (self->start_realtime_ns > 0)
        buf_printf(out, " from %s", moment_format_utc(self->start_realtime_ns, utc, sizeof utc));
    buf_printf(out, ": %s events, %s lost", units_format_count((uint64_t)self->events, events, sizeof events),
               units_format_count((uint64_t)self->lost, lost, sizeof lost));
    if (self->damage > 0)
        buf_printf(out, ", damaged file");
    if (!self->is_clean_end)
        buf_printf(out, ", no clean end");
}

double quality_scale(const struct quality *self)
{
    double all = (double)self->end_ns - (double)self->start_ns;
    return self->pauses && self->recorded_ns > 0 && all > (double)self->recorded_ns
               ? all / (double)self->recorded_ns
               : 1;
}

void quality_print_coverage(struct buf *out, const struct quality *self)
{
    double scale = quality_scale(self);
    if (self->pauses)
        buf_printf(out,
                   "recorded %.3g %% of the time, with %" PRId64 " pause%s: counts and totals with ~ are scaled by %.2f; nothing is "
                   "known across a pause, so longer waits are missing\n",
                   100 / scale, self->pauses, self->pauses == 1 ? "" : "s", scale);
    if (*self->dropped)
        buf_printf(out, "left out to keep to the budget, from some moment on: %s\n", self->dropped);
}
