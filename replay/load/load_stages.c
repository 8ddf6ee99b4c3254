#include "load/clock_check.h"
#include "load/load_stages.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/event_spec.h"
#include "format/source.h"
#include "format/trace_reader.h"
#include "load/anomaly.h"
#include "load/binding.h"
#include "load/context_log.h"
#include "load/goroutine_tracker.h"
#include "load/labels.h"
#include "load/merge.h"
#include "load/pause_log.h"
#include "load/resolve.h"
#include "load/row_writer.h"
#include "load/runtime_log.h"
#include "load/span_log.h"
#include "load/symbolize.h"
#include "load/sync_object.h"
#include "load/wait_reasons.h"
#include "load/wait_sums.h"
#include "state/goroutine.h"

/* More events than this wait in the merge only when a recorder's watermarks stand still; 40 MB. */
#define MERGE_MAX 500000
/* Records of one CPU may be stamped in another order than written, by an interrupt in between; more is worth
 * a note. */
#define STEP_BACK_TOLERATED_NS 100000
#define PROGRESS_NS            100000000u
#define EVENTS_BETWEEN_LOOKS   4096

struct stages {
    struct load_run *run;
    struct store *store;
    struct trace_reader *reader;
    struct row_writer *rows;
    struct anomaly_log *anomalies;
    struct symbolizer *symbols;
    struct sync_objects *objects;
    struct labels *labels;
    struct runtime_log *runtime;
    struct context_log *contexts;
    struct span_log *spans;
    struct wait_sums *sums;
    struct call_sums *call_sums;
    struct pause_log pauses;
    struct error pause_error;
    struct wait_reasons reasons;
    struct merge *merge;
    struct binding *binding;
    struct goroutine_tracker *tracker;
    struct clock_check clocks;
    bool is_started;
    uint64_t start_ns, now, watermark;
    uint64_t recorded_end_ns; /* as told by the END chunk; 0: not told */
    uint64_t last_progress_ns;
};

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- setting up ---- */

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

static int set_up(struct stages *self, const char *trace_path, struct error *err)
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
    self->binding = binding_new(self->rows, self->anomalies, self->symbols, self->run->gaps);
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

static void tear_down(struct stages *self)
{
    struct event event;
    while (self->merge && merge_next(self->merge, UINT64_MAX, &event))
        resolve_drop(&event);
    goroutine_tracker_free(self->tracker);
    binding_free(self->binding);
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

/* ---- facts of the recording ---- */

static uint64_t fact_number(const struct trace_meta *meta, const char *key)
{
    const char *text = trace_meta_get(meta, key);
    uint64_t number = text ? strtoull(text, NULL, 10) : 0;
    return number <= INT64_MAX ? number : 0;
}

/* A fact of the chunks read so far, or of those that were read beforehand. */
static const char *fact(const struct stages *self, const char *key)
{
    const char *text = trace_meta_get(trace_reader_meta(self->reader), key);
    return text ? text : trace_meta_get(self->run->meta, key);
}

static uint64_t fact_of_start(const struct stages *self, const char *key)
{
    uint64_t number = fact_number(trace_reader_meta(self->reader), key);
    return number ? number : fact_number(self->run->meta, key);
}

static bool is_attach(const struct stages *self)
{
    const char *mode = fact(self, "record.mode");
    return mode && strcmp(mode, "attach") == 0;
}

/* Files of format 1.0 have no such fact. */
static enum record_detail detail(const struct stages *self)
{
    static const char *const names[] = {[DETAIL_ALL] = "all",
                                        [DETAIL_SCHED] = "sched",
                                        [DETAIL_BLOCK] = "block",
                                        [DETAIL_SNAPSHOT] = "snapshot"};
    const char *text = fact(self, "record.detail");
    for (size_t i = 0; text && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0)
            return (enum record_detail)i;
    }
    return DETAIL_SCHED;
}

static void start(struct stages *self, uint64_t first_ns)
{
    uint64_t start_ns = fact_of_start(self, "record.start_ns");
    self->is_started = true;
    self->start_ns = start_ns && start_ns < first_ns ? start_ns : first_ns;
    enum record_detail recorded = detail(self);
    runtime_log_start(self->runtime, self->start_ns);
    span_log_read(self->spans, self->run->meta);
    goroutine_tracker_start(
        self->tracker, &(struct tracker_facts){
                           .start_ns = self->start_ns,
                           .is_attach = is_attach(self),
                           .detail = recorded,
                           .machine = syscall_name_machine(fact(self, "host.machine")),
                           .may_infer_runs = fact(self, "probe.sched"),
                           .infers_runs = recorded == DETAIL_BLOCK && fact(self, "probe.sched"),
                           .tells_lost_p = recorded == DETAIL_ALL && !fact(self, "probe.p_lost.missing")});
}

/* ---- events that are due ---- */

static void on_lost(struct stages *self, const struct event *event)
{
    uint64_t since = event->f[LOST_SINCE] < event->time_ns ? event->f[LOST_SINCE] : event->time_ns;
    uint64_t count = event->f[LOST_COUNT] < INT64_MAX ? event->f[LOST_COUNT] : INT64_MAX;
    self->run->result.lost += count;
    row_writer_put(self->rows, ROW_LOST,
                   (const int64_t[]){event->cpu, (int64_t)since, (int64_t)event->time_ns, (int64_t)count});
    anomaly_add(self->anomalies, ANOMALY_RECORDS_LOST, (int64_t)event->time_ns, ROW_NULL, ROW_NULL, count,
                "on CPU %u, for %" PRIu64 " ns", event->cpu, event->time_ns - since);
}

static void on_note(struct stages *self, const struct event *event)
{
    uint64_t code = event->f[NOTE_CODE];
    anomaly_add(self->anomalies, anomaly_of_note(code), (int64_t)event->time_ns, ROW_NULL, row_id(event->tid),
                event->f[NOTE_VALUE] && code != NOTE_EXEC ? event->f[NOTE_VALUE] : 1,
                "note %" PRIu64 " of the recorder", code);
}

static void on_pause(struct stages *self, const struct event *event)
{
    if (event->type == EV_PAUSE) {
        pause_log_begin(&self->pauses, event, &self->pause_error);
        binding_pause(self->binding, event->time_ns);
        runtime_log_pause(self->runtime);
        span_log_pause(self->spans);
    } else if (event->type == EV_RESUME) {
        pause_log_end(&self->pauses, event, &self->pause_error);
    } else {
        pause_log_step(&self->pauses, event);
    }
    goroutine_tracker_pause(self->tracker, event);
}

static void handle(struct stages *self, struct event *event)
{
    if (!self->is_started)
        start(self, event->time_ns);
    if (event->time_ns < self->now) {
        anomaly_add(self->anomalies, ANOMALY_LATE_EVENT, (int64_t)event->time_ns, ROW_NULL,
                    row_id(event->tid), 1, "by %" PRIu64 " ns, on CPU %u", self->now - event->time_ns,
                    event->cpu);
        event->time_ns = self->now;
    }
    self->now = event->time_ns;
    self->run->result.events++;
    switch (event->type) {
    case EV_LOST:
        on_lost(self, event);
        break;
    case EV_NOTE:
        on_note(self, event);
        break;
    case EV_THREAD_OUT:
    case EV_THREAD_OFF:
    case EV_THREAD_IN:
    case EV_THREAD_START:
    case EV_THREAD_EXIT:
    case EV_THREAD_NAME:
        binding_event(self->binding, event);
        goroutine_tracker_thread(self->tracker, event);
        break;
    case EV_STW:
    case EV_GC:
    case EV_GOMAXPROCS:
    case EV_ASSIST:
    case EV_P_LOST:
    case EV_P_HANDOFF:
    case EV_M_NEW:
        goroutine_tracker_see_thread(self->tracker, event);
        runtime_log_event(self->runtime, event);
        break;
    case EV_BUDGET:
    case EV_PAUSE:
    case EV_RESUME:
        on_pause(self, event);
        break;
    case EV_CONTEXT:
    case EV_CONTEXT_END:
        goroutine_tracker_see_thread(self->tracker, event);
        context_log_event(self->contexts, event);
        break;
    case EV_SPAN_BEGIN:
    case EV_SPAN_END:
        goroutine_tracker_see_thread(self->tracker, event);
        span_log_event(self->spans, event);
        break;
    case EV_END:
        span_log_goroutine_ended(self->spans, event->f[END_GOID]);
        goroutine_tracker_event(self->tracker, event);
        break;
    default:
        goroutine_tracker_event(self->tracker, event);
        break;
    }
}

static int check(const struct stages *self, struct error *err)
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

static int look_up(struct stages *self, const char *stage, struct error *err)
{
    const struct load_options *options = self->run->options;
    int rc = check(self, err);
    if (rc < 0 || !options)
        return rc;
    if (options->stop && *options->stop)
        return error_set(err, ERR_STOPPED, "stopped");
    uint64_t now = options->progress ? clock_ns() : 0;
    if (options->progress && now - self->last_progress_ns >= PROGRESS_NS) {
        self->last_progress_ns = now;
        options->progress(options->context,
                          &(struct load_progress){.bytes_done = trace_reader_position(self->reader),
                                                  .bytes_total = trace_reader_size(self->reader),
                                                  .events = self->run->result.events,
                                                  .elapsed_ns = now - self->run->start_clock_ns,
                                                  .stage = stage});
    }
    return 0;
}

/* Handles what lies before the watermark; keep: at most so many events may stay, due or not. */
static int release(struct stages *self, uint64_t watermark, uint64_t keep, struct error *err)
{
    struct event event;
    uint64_t n = 0, forced = 0;
    int rc = 0;
    while (rc == 0) {
        if (!merge_next(self->merge, watermark, &event)) {
            if (merge_count(self->merge) <= keep || !merge_next(self->merge, UINT64_MAX, &event))
                break;
            forced++;
        }
        handle(self, &event);
        if (++n % EVENTS_BETWEEN_LOOKS == 0)
            rc = look_up(self, "events", err);
    }
    if (forced)
        anomaly_add(self->anomalies, ANOMALY_MERGE_LIMIT, (int64_t)self->now, ROW_NULL, ROW_NULL, forced,
                    "events handled before their time");
    return rc;
}

/* ---- chunks ---- */

static void put_chunk(struct stages *self, const struct trace_chunk *chunk)
{
    const struct chunk_header *h = &chunk->header;
    row_writer_put(self->rows, ROW_CHUNK,
                   (const int64_t[]){(int64_t)h->sequence, (int64_t)chunk->offset, h->kind, h->epoch,
                                     (int64_t)h->event_count, (int64_t)h->lost_count, (int64_t)h->stored_size,
                                     (int64_t)h->raw_size, row_id(h->first_time_ns), row_id(h->last_time_ns),
                                     row_id(h->watermark_ns), row_id(h->clocks.monotonic_ns),
                                     row_id(h->clocks.realtime_ns), row_id(h->clocks.boottime_ns)});
}

static void check_clocks(struct stages *self, const struct chunk_clocks *clocks)
{
    struct clock_findings found;
    int64_t time_ns = row_id(clocks->monotonic_ns);
    if (!clock_check_add(&self->clocks, clocks, &found))
        return;
    if (found.suspended_ns)
        anomaly_add(self->anomalies, ANOMALY_SUSPENDED, time_ns, ROW_NULL, ROW_NULL, 1,
                    "%.6f s before this chunk was closed", (double)found.suspended_ns / 1e9);
    if (found.set_ns)
        anomaly_add(self->anomalies, ANOMALY_CLOCK_SET, time_ns, ROW_NULL, ROW_NULL, 1, "moved by %.6f s",
                    (double)found.set_ns / 1e9);
    if (found.back_ns)
        anomaly_add(self->anomalies, ANOMALY_CLOCK_BACKWARDS, time_ns, ROW_NULL, ROW_NULL, 1, "by %.6f s",
                    (double)found.back_ns / 1e9);
}

static const struct {
    const char *name;
    enum anomaly_kind anomaly;
    bool is_hole;
} damages[DAMAGE_KIND_COUNT] = {
    [DAMAGE_NONE] = {"unknown", ANOMALY_DAMAGE, false},
    [DAMAGE_HEADER] = {"header", ANOMALY_DAMAGE, true},
    [DAMAGE_PAYLOAD] = {"payload", ANOMALY_DAMAGE, true},
    [DAMAGE_MISSING] = {"missing", ANOMALY_DAMAGE, true},
    [DAMAGE_TRUNCATED] = {"truncated", ANOMALY_DAMAGE, true},
    [DAMAGE_NO_END] = {"no_end", ANOMALY_NO_END, false},
    [DAMAGE_UNKNOWN] = {"unknown", ANOMALY_LATER_VERSION, false},
};

static int take_damage(struct stages *self, const struct damage *damage, struct error *err)
{
    unsigned kind = (unsigned)damage->kind < DAMAGE_KIND_COUNT ? (unsigned)damage->kind : 0;
    if (damages[kind].is_hole && !self->run->knows_gaps) {
        self->run->needs_gaps = true;
        return error_set(err, ERR_DAMAGED, "%s", damage->message);
    }
    self->run->result.damage++;
    row_writer_text(self->rows, ROW_DAMAGE, 0, damages[kind].name);
    row_writer_text(self->rows, ROW_DAMAGE, 4, damage->message);
    row_writer_put(self->rows, ROW_DAMAGE,
                   (const int64_t[]){0, (int64_t)damage->offset, (int64_t)damage->size,
                                     row_id(damage->after_time_ns), 0});
    anomaly_add(self->anomalies, damages[kind].anomaly, row_id(damage->after_time_ns), ROW_NULL, ROW_NULL, 1,
                "%s", damage->message);
    return 0;
}

static int take_events(struct stages *self, const struct trace_chunk *chunk, struct error *err)
{
    int rc = 0;
    for (uint32_t s = 0; s < chunk->section_count; s++) {
        const struct trace_section *section = &chunk->sections[s];
        for (uint32_t i = 0; rc == 0 && i < section->count; i++) {
            struct event event = chunk->events[section->first + i];
            uint64_t step_back = 0;
            if (event.time_ns > INT64_MAX)
                event.time_ns = INT64_MAX;
            resolve_event(&event, self->reader, self->symbols, self->objects);
            rc = merge_add(self->merge, section->ring, &event, &step_back, err);
            if (rc < 0)
                resolve_drop(&event);
            else if (step_back > STEP_BACK_TOLERATED_NS)
                anomaly_add(self->anomalies, ANOMALY_TIME_BACKWARDS, (int64_t)event.time_ns, ROW_NULL,
                            row_id(event.tid), 1, "by %" PRIu64 " ns, on CPU %u", step_back, section->ring);
        }
    }
    return rc;
}

static void put_facts(struct stages *self, const struct trace_meta *meta)
{
    for (size_t i = 0; i < meta->count; i++) {
        row_writer_text(self->rows, ROW_META, 0, meta->pairs[i].key);
        row_writer_text(self->rows, ROW_META, 1, meta->pairs[i].value);
        row_writer_put(self->rows, ROW_META, (const int64_t[2]){0});
    }
}

static int take_chunk(struct stages *self, const struct trace_chunk *chunk, struct error *err)
{
    /* Also when the chunk that begins the epoch turns out to be damaged. */
    if (chunk->new_epoch) {
        symbolizer_new_epoch(self->symbols);
        sync_objects_new_epoch(self->objects);
    }
    int rc = chunk->damage ? take_damage(self, chunk->damage, err) : 0;
    if (rc < 0 || chunk->header.kind == 0)
        return rc;
    put_chunk(self, chunk);
    check_clocks(self, &chunk->header.clocks);
    if (chunk->header.kind == CHUNK_META && chunk->meta) {
        rc = wait_reasons_read(&self->reasons, chunk->meta, err);
        span_log_read(self->spans, chunk->meta);
    }
    if (chunk->header.kind == CHUNK_END && chunk->meta) {
        self->recorded_end_ns = fact_number(chunk->meta, "record.end_ns");
        put_facts(self, chunk->meta);
    }
    if (rc == 0 && chunk->event_count)
        rc = take_events(self, chunk, err);
    if (chunk->header.kind == CHUNK_EVENTS && chunk->header.watermark_ns > self->watermark)
        self->watermark = chunk->header.watermark_ns;
    if (rc == 0)
        rc = release(self, self->watermark, MERGE_MAX, err);
    return rc < 0 ? rc : look_up(self, "events", err);
}

/* ---- the end ---- */

static void put_recording(struct stages *self, uint64_t end_ns)
{
    row_writer_put(self->rows, ROW_RECORDING,
                   (const int64_t[]){(int64_t)self->start_ns, (int64_t)end_ns,
                                     row_id(fact_of_start(self, "record.start_realtime_ns")), is_attach(self),
                                     trace_reader_has_end(self->reader), (int64_t)self->run->result.events,
                                     (int64_t)self->run->result.lost, (int64_t)self->run->result.damage});
}

/* Without an end mark, nobody promises that what lies behind the last watermark is whole: one CPU's events may be there and
 * those of another that they follow from may not. */
static void drop_open_tail(struct stages *self)
{
    struct event event;
    uint64_t dropped = merge_count(self->merge);
    if (trace_reader_has_end(self->reader) || self->watermark == 0 || dropped == 0)
        return;
    while (merge_next(self->merge, UINT64_MAX, &event))
        resolve_drop(&event);
    if (self->watermark > self->now)
        self->now = self->watermark;
    anomaly_add(self->anomalies, ANOMALY_OPEN_TAIL, (int64_t)self->now, ROW_NULL, ROW_NULL, dropped,
                "events behind the last watermark");
}

static int finish(struct stages *self, struct error *err)
{
    drop_open_tail(self);
    int rc = release(self, UINT64_MAX, 0, err);
    if (rc < 0)
        return rc;
    if (!self->is_started)
        start(self, fact_of_start(self, "record.start_ns"));
    uint64_t end_ns = self->recorded_end_ns > self->now ? self->recorded_end_ns : self->now;
    if (end_ns < self->start_ns)
        end_ns = self->start_ns;
    goroutine_tracker_finish(self->tracker, end_ns);
    rc = wait_sums_finish(self->sums, err);
    if (rc == 0)
        rc = call_sums_finish(self->call_sums, err);
    if (rc < 0)
        return rc;
    binding_finish(self->binding);
    runtime_log_finish(self->runtime);
    context_log_finish(self->contexts);
    span_log_finish(self->spans);
    pause_log_finish(&self->pauses);
    wait_reasons_finish(&self->reasons);
    put_recording(self, end_ns);
    put_facts(self, trace_reader_meta(self->reader));
    put_facts(self, self->run->meta);
    anomaly_log_finish(self->anomalies);
    struct load_result *result = &self->run->result;
    result->transitions = goroutine_tracker_transitions(self->tracker);
    result->waits = row_writer_count(self->rows, ROW_PACKED_WAIT);
    result->goroutines = row_writer_count(self->rows, ROW_PACKED_GOROUTINE);
    result->illegal = anomaly_total(self->anomalies, ANOMALY_ILLEGAL_TRANSITION);
    self->last_progress_ns = 0;
    rc = row_writer_flush(self->rows, err);
    if (rc == 0)
        rc = look_up(self, "indexes", err);
    if (rc < 0)
        return rc;
    /* Prepared statements hold the tables. */
    row_writer_free(self->rows);
    self->rows = NULL;
    return store_finish(self->store, err);
}

int load_stages_run(struct load_run *run, struct store *store, const char *trace_path, struct error *err)
{
    struct stages self = {.run = run, .store = store};
    struct trace_chunk chunk;
    run->result = (struct load_result){0};
    store_watch(store, run->options ? run->options->stop : NULL);
    int rc = set_up(&self, trace_path, err);
    while (rc == 0 && (rc = trace_reader_next(self.reader, &chunk, err)) == 1)
        rc = take_chunk(&self, &chunk, err);
    if (rc == 0)
        rc = finish(&self, err);
    tear_down(&self);
    return rc;
}
