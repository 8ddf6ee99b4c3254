#include "load/stages.h"

#include "format/event_spec.h"
#include "format/source.h"
#include "load/resolve.h"
#include "state/goroutine.h"

static int open_reader(const char *trace_path, struct trace_reader **out, struct error *err)
{
    struct source *source = NULL;
    int rc = source_open(trace_path, &source, err);
    if (rc < 0)
        return rc;
    rc = trace_reader_open(source, out, err);
    if (rc < 0) {
        source_close(source);
        error_prefix(err, "%s: ", trace_path);
    }
    return rc;
}

static void put_names(struct row_writer *rows)
{
    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++) {
        const struct event_spec *spec = event_spec_get(type);
        if (!spec)
            continue;
        row_writer_text(rows, ROW_EVENT_TYPE, 1, spec->name);
        row_writer_put(rows, ROW_EVENT_TYPE, (const int64_t[]){type, 0});
    }
    for (int state = 0; state < GOROUTINE_STATE_COUNT; state++) {
        row_writer_text(rows, ROW_STATE, 1, goroutine_state_name((enum goroutine_state)state));
        row_writer_put(rows, ROW_STATE, (const int64_t[]){state, 0});
    }
}

int stages_init(struct stages *self, const char *trace_path, struct error *err)
{
    int rc = open_reader(trace_path, &self->reader, err);
    if (rc < 0)
        return rc;
    rc = store_exec(self->store, "BEGIN", err);
    if (rc < 0)
        return rc;
    self->rows = row_writer_new(self->store, err);
    if (!self->rows)
        return err->code;
    self->anomalies = anomaly_log_new(self->rows);
    self->merge = merge_new();
    if (!self->anomalies || !self->merge)
        return error_set(err, ERR_NOMEM, "out of memory");
    wait_reasons_init(&self->reasons, self->rows, self->anomalies);
    self->symbols = symbolizer_new(self->rows, self->anomalies, err);
    if (!self->symbols)
        return err->code;
    self->objects = sync_objects_new(self->store, self->rows, self->anomalies, self->symbols, err);
    if (!self->objects)
        return err->code;
    self->labels = labels_new(self->store, self->rows, self->symbols, err);
    if (!self->labels)
        return err->code;
    self->runtime = runtime_log_new(
        self->rows, &(struct runtime_facts){trace_reader_meta(self->reader), self->run->meta});
    self->contexts = context_log_new(self->rows, self->symbols);
    self->spans = span_log_new(self->rows, self->anomalies);
    self->sums = wait_sums_new(self->store, self->rows, self->symbols);
    self->call_sums = call_sums_new(self->store, self->rows, self->symbols);
    if (!self->runtime || !self->contexts || !self->spans || !self->sums || !self->call_sums)
        return error_set(err, ERR_NOMEM, "out of memory");
    self->switches = sorted_index_new(self->store, "packed_switch_tid");
    if (!self->switches)
        return error_set(err, ERR_NOMEM, "out of memory");
    self->binding = binding_new(self->rows, self->anomalies, self->symbols, self->run->gaps, self->switches);
    self->tracker = goroutine_tracker_new(&(struct tracker_options){.rows = self->rows,
                                                                    .anomalies = self->anomalies,
                                                                    .symbols = self->symbols,
                                                                    .labels = self->labels,
                                                                    .runtime = self->runtime,
                                                                    .sums = self->sums,
                                                                    .call_sums = self->call_sums,
                                                                    .reasons = &self->reasons,
                                                                    .binding = self->binding,
                                                                    .gaps = self->run->gaps});
    if (!self->binding || !self->tracker)
        return error_set(err, ERR_NOMEM, "out of memory");
    pause_log_init(&self->pauses, self->rows, self->run->gaps, self->run->knows_gaps);
    put_names(self->rows);
    return wait_reasons_read(&self->reasons, self->run->meta, err);
}

void stages_release(struct stages *self)
{
    struct event event;
    while (self->merge && merge_next(self->merge, UINT64_MAX, &event))
        resolve_drop(&event);
    goroutine_tracker_free(self->tracker);
    binding_free(self->binding);
    sorted_index_free(self->switches);
    merge_free(self->merge);
    sync_objects_free(self->objects);
    wait_sums_free(self->sums);
    call_sums_free(self->call_sums);
    span_log_free(self->spans);
    context_log_free(self->contexts);
    runtime_log_free(self->runtime);
    labels_free(self->labels);
    symbolizer_free(self->symbols);
    wait_reasons_release(&self->reasons);
    anomaly_log_free(self->anomalies);
    row_writer_free(self->rows);
    trace_reader_close(self->reader);
}

int stages_check(const struct stages *self, struct error *err)
{
    int rc = row_writer_check(self->rows, err);
    if (rc == 0)
        rc = symbolizer_check(self->symbols, err);
    if (rc == 0)
        rc = sync_objects_check(self->objects, err);
    if (rc == 0)
        rc = labels_check(self->labels, err);
    if (rc == 0)
        rc = context_log_check(self->contexts, err);
    if (rc == 0)
        rc = span_log_check(self->spans, err);
    if (rc == 0)
        rc = binding_check(self->binding, err);
    if (rc == 0)
        rc = goroutine_tracker_check(self->tracker, err);
    if (rc == 0 && self->pause_error.code) {
        *err = self->pause_error;
        rc = err->code;
    }
    return rc;
}
