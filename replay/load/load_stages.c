#include "load/load_stages.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "load/loader_version.h"
#include "load/resolve.h"
#include "load/stages.h"

/* More events than this wait in the merge only when a recorder's watermarks stand still; 40 MB. */
#define MERGE_MAX            500000
#define PROGRESS_NS          100000000u
#define EVENTS_BETWEEN_LOOKS 4096

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


static int look_up(struct stages *self, const char *stage, struct error *err)
{
    const struct load_options *options = self->run->options;
    int rc = stages_check(self, err);
    if (rc < 0 || !options)
        return rc;
    if (options->stop && *options->stop)
        return error_set(err, ERR_STOPPED, "stopped");
    uint64_t now = options->progress ? clock_ns(CLOCK_MONOTONIC) : 0;
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
    int rc = chunk->damage ? stages_take_damage(self, chunk->damage, err) : 0;
    if (rc < 0 || chunk->header.kind == 0)
        return rc;
    stages_put_chunk(self, chunk);
    if (chunk->header.kind == CHUNK_META && chunk->meta) {
        rc = wait_reasons_read(&self->reasons, chunk->meta, err);
        span_log_read(self->spans, chunk->meta);
    }
    if (chunk->header.kind == CHUNK_END && chunk->meta) {
        self->recorded_end_ns = fact_number(chunk->meta, "record.end_ns");
        put_facts(self, chunk->meta);
    }
    if (rc == 0 && chunk->event_count)
        rc = stages_take_events(self, chunk, err);
    if (chunk->header.kind == CHUNK_EVENTS && chunk->header.watermark_ns > self->watermark)
        self->watermark = chunk->header.watermark_ns;
    if (rc == 0)
        rc = release(self, self->watermark, MERGE_MAX, err);
    return rc < 0 ? rc : look_up(self, "events", err);
}

/* ---- the end ---- */

static void put_recording(struct stages *self, uint64_t end_ns)
{
    row_writer_text(self->rows, ROW_RECORDING, 8, loader_version);
    row_writer_put(self->rows, ROW_RECORDING,
                   (const int64_t[]){(int64_t)self->start_ns, (int64_t)end_ns,
                                     row_id(fact_of_start(self, "record.start_realtime_ns")), is_attach(self),
                                     trace_reader_has_end(self->reader), (int64_t)self->run->result.events,
                                     (int64_t)self->run->result.lost, (int64_t)self->run->result.damage, 0});
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
    rc = wait_sums_finish_indexes(self->sums, err);
    if (rc == 0)
        rc = sorted_index_finish(self->switches, err);
    return rc < 0 ? rc : store_finish(self->store, err);
}

int load_stages_run(struct load_run *run, struct store *store, const char *trace_path, struct error *err)
{
    struct stages self = {.run = run, .store = store};
    struct trace_chunk chunk;
    run->result = (struct load_result){0};
    store_watch(store, run->options ? run->options->stop : NULL);
    int rc = stages_init(&self, trace_path, err);
    while (rc == 0 && (rc = trace_reader_next(self.reader, &chunk, err)) == 1)
        rc = take_chunk(&self, &chunk, err);
    if (rc == 0)
        rc = finish(&self, err);
    stages_release(&self);
    return rc;
}
