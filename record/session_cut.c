/*
 * Recordings of several parts. A part ends at a time: each event is in exactly one part, and the next one begins with the table
 * of live goroutines as of that time, so that it needs no other.
 */
#include "session_impl.h"

#include <inttypes.h>
#include <string.h>

#include "metadata.h"
#include "proc_info.h"
#include "state/live_write.h"

#define HEAL_NS (SECOND_NS / 2)

bool session_has_parts(const struct session *self)
{
    return long_options_has_parts(&self->options->of_long) || self->options->of_long.flight_ns;
}

bool session_is_series(const struct session *self)
{
    return session_has_parts(self);
}

/* Recordings of snapshots alone begin each part with a snapshot instead. */
int session_prepare_parts(struct session *self, const char *const *reasons, size_t count, struct error *err)
{
    bool is_block = self->options->detail == DETAIL_BLOCK;
    struct live_table_options options = {.reasons = reasons,
                                         .reason_count = count,
                                         .without_runs = is_block && !probe_plan_is_armed(&self->plan, PROBE_SCHED),
                                         .infers_runs = is_block,
                                         .latency = self->flight.watch.count ? trigger_latency : NULL,
                                         .context = &self->flight.watch};
    if (!session_has_parts(self) || session_is_snapshot_only(self))
        return 0;
    self->live = live_table_new(&options);
    return self->live ? 0 : error_set(err, ERR_NOMEM, "out of memory");
}

int session_describe_part(struct session *self, struct error *err)
{
    self->part_number++;
    if (!session_has_parts(self))
        return 0;
    int rc = trace_meta_setf(&self->meta, err, "record.part", "%" PRIu64, self->part_number);
    if (rc == 0 && self->part_number == 1) {
        const char *id = trace_meta_get(&self->meta, "trace.id");
        rc = trace_meta_set(&self->meta, "record.series", id ? id : "", err);
    }
    return rc;
}

uint64_t session_bytes_written(const struct session *self)
{
    bool is_open = !self->flight.memory || self->flight.dump;
    return self->parts.stored_bytes + (is_open ? self->output.size : 0);
}

static bool is_due(struct session *self, uint64_t now)
{
    const struct long_options *o = &self->options->of_long;
    /* The first snapshot belongs into the first part, and so does what it tells about. */
    if (!session_has_parts(self) || self->cut_ns || session_is_taking_snapshot(self))
        return false;
    if (self->flight.memory)
        return session_flight_is_due(self, now);
    return (o->rotate_bytes && self->output.size >= o->rotate_bytes) ||
           (o->rotate_ns && now - self->part_ns >= o->rotate_ns);
}

static int end_part(struct session *self, struct error *err)
{
    struct trace_meta totals;
    if (self->flight.memory)
        return session_flight_end_unit(self, self->cut_ns, err);
    trace_meta_init(&totals);
    int rc = session_fill_totals(self, self->cut_ns, "the next file begins", &totals, err);
    if (rc == 0)
        rc = trace_writer_end(self->writer, &totals, err);
    trace_meta_release(&totals);
    if (rc != 0)
        return rc;
    session_add_stats(&self->parts, trace_writer_stats(self->writer));
    return series_open(&self->series, &self->output, err);
}

/* The facts that were told at the start, with those that are other ones by now. */
static int put_meta(struct session *self, struct error *err)
{
    struct chunk_clocks now;
    char id[33];
    int rc = metadata_random_id(self->trace_id, err);
    if (rc != 0)
        return rc;
    for (int i = 0; i < 16; i++)
        snprintf(id + 2 * i, 3, "%02x", self->trace_id[i]);
    metadata_read_clocks(&now);
    uint64_t ago = now.monotonic_ns - self->cut_ns;
    rc = trace_writer_begin_part(self->writer, self->trace_id, err);
    if (rc == 0)
        rc = trace_meta_set(&self->meta, "trace.id", id, err);
    if (rc == 0)
        rc = trace_meta_setf(&self->meta, err, "record.start_ns", "%" PRIu64, self->cut_ns);
    if (rc == 0)
        rc = trace_meta_setf(&self->meta, err, "record.start_realtime_ns", "%" PRIu64, now.realtime_ns - ago);
    if (rc == 0)
        rc = trace_meta_setf(&self->meta, err, "host.boottime_offset_ns", "%" PRId64,
                             (int64_t)(now.boottime_ns - now.monotonic_ns));
    if (rc == 0)
        rc = trace_meta_set(&self->meta, "record.mode", "attach", err);
    if (rc == 0 && event_builder_gomaxprocs(self->builder))
        rc = trace_meta_setf(&self->meta, err, "go.gomaxprocs", "%u", event_builder_gomaxprocs(self->builder));
    if (rc == 0)
        rc = runtime_limits_put(&self->limits, LIMITS_AT_START, NULL, &self->meta, err);
    if (rc == 0)
        rc = session_describe_part(self, err);
    return rc == 0 ? trace_writer_meta(self->writer, &self->meta, err) : rc;
}

static int name_thread(void *context, pid_t tid, struct error *err)
{
    struct session *self = context;
    char name[16];
    (void)err;
    if (proc_comm(tid, name))
        event_builder_thread_name(self->builder, self->cut_ns, (uint32_t)tid, name);
    return 0;
}

/* Everything at the head of a part is of the moment of the cut. */
static int begin_part(struct session *self, struct error *err)
{
    int rc = put_meta(self, err);
    if (rc != 0)
        return rc;
    self->is_carrying = true;
    trace_writer_section(self->writer, RING_RECORDER);
    proc_each_thread(self->target->pid, name_thread, self, NULL);
    if (self->live)
        rc = live_write(self->live, self->writer, self->part_number, self->cut_ns, err);
    session_budget_tell_pause(self, self->cut_ns);
    self->is_carrying = false;
    trace_writer_release(self->writer);
    self->ring_now = UINT32_MAX;
    self->part_ns = self->cut_ns;
    self->cut_ns = 0;
    return rc;
}

/* After a loss the table says of nobody what he does until an event tells, or somebody looks: once the rings keep up again. */
static void heal(struct session *self, uint64_t now)
{
    const struct event_builder_stats *stats = event_builder_stats(self->builder);
    if (!self->live || !self->snapshot || stats->lost == self->lost_healed || session_is_taking_snapshot(self) ||
        self->next_snapshot_ns <= now + HEAL_NS)
        return;
    self->lost_healed = stats->lost;
    self->next_snapshot_ns = now + HEAL_NS;
}

int session_go_on_with_parts(struct session *self, struct error *err)
{
    uint64_t now = session_now_ns();
    heal(self, now);
    int rc = self->flight.memory ? session_flight_go_on(self, err) : 0;
    if (rc != 0)
        return rc;
    if (self->live)
        live_table_settle(self->live, self->complete_ns);
    if (is_due(self, now)) {
        self->cut_ns = now;
        trace_writer_cut(self->writer, now);
        if (!self->perf)
            self->complete_ns = now + 1; /* nothing is on its way */
    }
    if (!self->cut_ns || self->complete_ns <= self->cut_ns)
        return 0;
    rc = end_part(self, err);
    if (rc == 0)
        rc = begin_part(self, err);
    if (rc == 0 && session_is_snapshot_only(self))
        rc = session_first_snapshot(self, err);
    return rc;
}

void session_end_parts(struct session *self)
{
    self->cut_ns = 0;
    trace_writer_release(self->writer);
    self->ring_now = UINT32_MAX;
}
