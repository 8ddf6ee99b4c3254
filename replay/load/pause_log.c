#include "load/pause_log.h"

void pause_log_init(struct pause_log *self, struct row_writer *rows, struct gaps *gaps, bool knows_gaps)
{
    *self = (struct pause_log){.rows = rows, .gaps = gaps, .knows_gaps = knows_gaps};
}

static void add_gap(struct pause_log *self, uint64_t since, uint64_t until, struct error *err)
{
    if (!self->knows_gaps)
        gaps_append(self->gaps, since, until, GAP_COUNT_MAX, err);
}

static void put(struct pause_log *self, int64_t end)
{
    static const char *const reasons[] = {"unknown", "window", "change"};
    row_writer_text(self->rows, ROW_PAUSE, 2, reasons[self->reason <= PAUSE_CHANGE ? self->reason : 0]);
    row_writer_put(self->rows, ROW_PAUSE, (const int64_t[]){(int64_t)self->since, end, 0});
    self->is_open = false;
}

void pause_log_begin(struct pause_log *self, const struct event *event, struct error *err)
{
    if (self->is_open)
        put(self, (int64_t)event->time_ns);
    self->is_open = true;
    self->since = event->time_ns;
    self->reason = event->f[PAUSE_REASON];
    add_gap(self, event->time_ns, event->time_ns, err);
}

void pause_log_end(struct pause_log *self, const struct event *event, struct error *err)
{
    uint64_t since = event->f[RESUME_SINCE];
    if (!self->is_open) {
        self->since = since < event->time_ns ? since : event->time_ns;
        self->reason = 0;
    }
    add_gap(self, self->since, event->time_ns, err);
    put(self, (int64_t)event->time_ns);
}

void pause_log_step(struct pause_log *self, const struct event *event)
{
    static const char *const steps[] = {"unknown", "warn", "drop", "windows", "full", "stop"};
    static const char *const classes[] = {NULL, "runs", "switches", "extras"};
    uint64_t step = event->f[BUDGET_STEP], class = event->f[BUDGET_WHAT];
    row_writer_text(self->rows, ROW_BUDGET_STEP, 1, steps[step <= BUDGET_STEP_STOP ? step : 0]);
    row_writer_text(self->rows, ROW_BUDGET_STEP, 2, class < BUDGET_CLASS_COUNT ? classes[class] : "unknown");
    row_writer_put(self->rows, ROW_BUDGET_STEP,
                   (const int64_t[]){(int64_t)event->time_ns, 0, 0, (int64_t)(event->f[BUDGET_SHARE] & INT64_MAX),
                                     (int64_t)(event->f[BUDGET_LIMIT] & INT64_MAX)});
}

void pause_log_finish(struct pause_log *self)
{
    if (self->is_open)
        put(self, ROW_NULL);
}
