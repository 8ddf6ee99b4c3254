/*
 * The loop of a recording, and its end.
 */
#include "session_impl.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "metadata.h"

/* The limits that the program sets itself: one read of its memory each. */
#define LIMITS_NS 100000000u

/* A drain at least this often: a channel is looked at soon after the wait for it was seen, while it is still
 * there. */
#define ROUND_MS 20

#define CPUS_TOLD_MAX 64

static void note_loss(struct session *self, unsigned cpu, uint64_t since_ns, uint64_t until_ns,
                      uint64_t count)
{
    struct session_summary *s = self->summary;
    uint64_t base = self->start.monotonic_ns;
    uint64_t since = since_ns > base ? since_ns - base : 0, until = until_ns > base ? until_ns - base : 0;
    if (s->loss_count > 0) {
        struct session_loss *last = &s->losses[s->loss_count - 1];
        if (last->cpu == cpu && since <= last->until_ns + SECOND_NS / 10) {
            last->until_ns = until;
            last->count += count;
            return;
        }
    }
    s->loss_intervals++;
    if (s->loss_count < SESSION_LOSSES_SHOWN)
        s->losses[s->loss_count++] = (struct session_loss){cpu, since, until, count};
}

static int on_record(void *context, unsigned ring, const struct record *record, struct error *err)
{
    struct session *self = context;
    if (trace_writer_is_full(self->writer)) {
        int rc = trace_writer_flush(self->writer, err);
        if (rc != 0)
            return rc;
        self->flushed_ns = record->time_ns;
        self->ring_now = UINT32_MAX;
    }
    if (ring != self->ring_now) {
        self->cpu_now = perf_session_ring_cpu(self->perf, ring);
        trace_writer_section(self->writer, (uint16_t)self->cpu_now);
        self->ring_now = ring;
    }
    session_budget_count(self, ring, record);
    if (record->kind == RECORD_LOST)
        note_loss(self, self->cpu_now, event_builder_ring_time(self->builder, ring), record->time_ns, record->lost);
    event_builder_add(self->builder, ring, (uint16_t)self->cpu_now, record);
    return 0;
}

/*
 * What runs on a CPU that was brought online after the start is not recorded. The file has it as lost, as many records as
 * all others had meanwhile, so that nothing is concluded from what is missing.
 */
static void tell_uncovered_cpus(struct session *self, uint64_t now)
{
    unsigned cpus[CPUS_TOLD_MAX];
    if (!self->perf)
        return;
    uint64_t events = event_builder_stats(self->builder)->events;
    uint64_t since = self->cpus_checked_ns ? self->cpus_checked_ns : self->start.monotonic_ns;
    unsigned count = perf_session_uncovered_cpus(self->perf, cpus, CPUS_TOLD_MAX);
    if (count && !self->uncovered_lost)
        session_say(
            self, self->hooks->warn,
            "CPU %u came online during the recording: what runs there is not recorded, and told as lost",
            cpus[0]);
    for (unsigned i = 0; i < count; i++) {
        struct event event = {.time_ns = now, .cpu = (uint16_t)cpus[i], .type = EV_LOST};
        event.f[LOST_COUNT] = events > self->events_then ? events - self->events_then : 1;
        event.f[LOST_SINCE] = since;
        trace_writer_section(self->writer, event.cpu);
        trace_writer_event(self->writer, &event);
        note_loss(self, cpus[i], since, now, event.f[LOST_COUNT]);
        self->uncovered_lost += event.f[LOST_COUNT];
        self->ring_now = UINT32_MAX;
    }
    self->cpus_checked_ns = now;
    self->events_then = events;
}

static void look_at_limits(struct session *self, uint64_t now)
{
    bool is_first_known = self->first_limits.has_gogc && self->first_limits.has_memory;
    if (is_first_known && now - self->limits_ns < LIMITS_NS && !self->is_ending)
        return;
    self->limits_ns = now;
    runtime_limits_look(&self->limits, self->process);
    if (!is_first_known)
        runtime_limits_look(&self->first_limits, self->process);
}

int session_drain(struct session *self, struct error *err)
{
    uint64_t complete_ns = session_now_ns();
    int rc = 0;
    gc_clock_look(&self->gc, complete_ns);
    look_at_limits(self, complete_ns);
    object_table_begin_round(self->objects);
    if (self->perf)
        rc = perf_session_drain(self->perf, on_record, self, &complete_ns, err);
    object_table_end_round(self->objects);
    if (rc != 0)
        return rc;
    self->complete_ns = complete_ns;
    trace_writer_watermark(self->writer, complete_ns);
    event_builder_watermark(self->builder, complete_ns);
    uint64_t now = session_now_ns();
    if (now - self->flushed_ns >= SECOND_NS) {
        tell_uncovered_cpus(self, now);
        rc = trace_writer_flush(self->writer, err);
        self->flushed_ns = now;
        self->ring_now = UINT32_MAX;
    }
    return rc;
}

/* Events of a program that was launched are not to be believed before this. */
static int check_layout(struct session *self, struct error *err)
{
    if (self->layout_check.done || event_builder_stats(self->builder)->saw_exec)
        return 0;
    int rc = layout_check_again(&self->layout_check, self->binary, self->process, self->target->pid, err);
    if (rc != 0)
        output_discard(&self->output);
    else if (self->layout_check.done)
        session_say(self, self->hooks->verbose, "struct offsets %s",
                    self->layout_check.agreed ? "agree with the process"
                                              : "could not be compared with the process");
    return rc;
}

static void report_progress(struct session *self, uint64_t now, uint64_t *next_ns, uint64_t *events_before)
{
    if (now < *next_ns)
        return;
    const struct event_builder_stats *stats = event_builder_stats(self->builder);
    uint64_t events = stats->events + (self->snapshot ? snapshot_stats(self->snapshot)->events : 0);
    struct session_progress progress = {
        .elapsed_ns = now - self->start.monotonic_ns,
        .events = events,
        .events_last_second = events - *events_before,
        .bytes = session_bytes_written(self),
        .lost = stats->lost,
    };
    if (self->hooks->progress)
        self->hooks->progress(self->hooks->context, &progress);
    *events_before = events;
    *next_ns += SECOND_NS;
    if (*next_ns < now)
        *next_ns = now + SECOND_NS;
}

static int wait_for_data(const struct session *self, uint64_t end_ns)
{
    uint64_t now = session_now_ns();
    int ms = ROUND_MS;
    if (self->perf && perf_session_round_ms(self->perf) < ROUND_MS)
        ms = (int)perf_session_round_ms(self->perf);
    if (self->next_snapshot_ns < end_ns || !end_ns)
        end_ns = self->next_snapshot_ns;
    if (session_budget_wakes_ns(self) < end_ns)
        end_ns = session_budget_wakes_ns(self);
    if (end_ns < now + (uint64_t)ms * 1000000u)
        ms = end_ns > now ? (int)((end_ns - now) / 1000000u) + 1 : 0;
    if (session_is_taking_snapshot(self))
        ms = 0;
    struct pollfd fds[] = {{.fd = self->perf ? perf_session_poll_fd(self->perf) : -1, .events = POLLIN},
                           {.fd = self->target->pidfd, .events = POLLIN}};
    return poll(fds, 2, ms);
}

/* What is still to be written: a chunk or two, and the end. */
static bool is_large(const struct session *self)
{
    uint64_t max = self->options->of_long.max_bytes, rest = max / 2 < 128u << 10 ? max / 2 : 128u << 10;
    return max && session_bytes_written(self) + rest >= max;
}

static void tell_full_disk(const struct session *self)
{
    session_say(self, self->hooks->warn,
                "%s: the disk is nearly full: the recording ends here, and is complete up to now. Make room, write to "
                "another disk (-o), or keep only the newest files (--rotate with --keep)",
                self->output.path);
}

int session_record_until_end(struct session *self, enum session_end *end_out, struct error *err)
{
    uint64_t end_ns = self->options->duration_ns ? self->start.monotonic_ns + self->options->duration_ns : 0;
    uint64_t next_ns = self->start.monotonic_ns + SECOND_NS, events_before = 0;
    for (;;) {
        wait_for_data(self, end_ns);
        int rc = session_drain(self, err);
        if (rc == 0)
            rc = check_layout(self, err);
        if (rc == 0)
            rc = session_go_on_with_snapshot(self, err);
        if (rc == 0)
            rc = session_budget_go_on(self, err);
        if (rc == 0)
            rc = session_go_on_with_parts(self, err);
        if (rc == ERR_NO_SPACE || (rc == 0 && !self->flight.memory && output_is_nearly_full(&self->output))) {
            tell_full_disk(self);
            *end_out = END_DISK_FULL;
            return 0;
        }
        if (rc != 0)
            return rc;
        if (is_large(self)) {
            *end_out = END_MAX_SIZE;
            return 0;
        }
        uint64_t now = session_now_ns();
        report_progress(self, now, &next_ns, &events_before);
        if (event_builder_stats(self->builder)->saw_exec || self->saw_exec) {
            *end_out = END_EXEC;
            return 0;
        }
        if (*self->hooks->stop) {
            *end_out = END_SIGNAL;
            return 0;
        }
        if (self->budget.is_over) {
            *end_out = END_BUDGET;
            return 0;
        }
        if (target_has_exited(self->target)) {
            *end_out = END_TARGET_EXIT;
            return 0;
        }
        if (end_ns && now >= end_ns) {
            *end_out = END_DURATION;
            return 0;
        }
    }
}

static void write_notes(struct session *self, const struct perf_session_stats *perf, uint64_t time_ns)
{
    const struct event_builder_stats *stats = event_builder_stats(self->builder);
    const struct {
        unsigned code;
        uint64_t value;
    } notes[] = {
        {NOTE_CHAIN_CUT, stats->chains_cut},
        {NOTE_DUPLICATE, perf->duplicates},
        {NOTE_FOREIGN, perf->foreign},
        {NOTE_UNKNOWN_RECORD, perf->undecodable},
        {NOTE_OBJECT_UNREAD, object_table_unread(self->objects)},
        {NOTE_LATE, stats->late},
        {NOTE_LABELS_UNREAD, stats->labels_unread},
        {NOTE_EXEC, stats->saw_exec || self->saw_exec},
    };
    trace_writer_section(self->writer, self->perf ? (uint16_t)perf_session_ring_cpu(self->perf, 0)
                                                  : (uint16_t)RING_RECORDER);
    for (unsigned i = 0; i < sizeof notes / sizeof *notes; i++)
        event_builder_note(self->builder, time_ns, notes[i].code, notes[i].value);
}

/* After the tear-down of a recording that went well, or of one whose output failed: then only the figures are
 * collected. */
int session_end_recording(struct session *self, bool output_works, struct error *err)
{
    struct session_summary *s = self->summary;
    struct perf_session_stats perf = {0};
    int rc = 0;
    struct chunk_clocks end;
    session_end_parts(self);
    /* Of what is not in the file yet there may be more than the room that is left. */
    if (output_works && !self->output.is_full)
        rc = session_last_snapshot(self, err);
    metadata_read_clocks(&end);
    if (!self->budget.is_paused)
        event_builder_end(self->builder, end.monotonic_ns);
    if (self->perf)
        perf_session_disable(self->perf, NULL);
    self->is_ending = true;
    if (output_works && rc == 0 && !self->output.is_full) {
        /* Twice: what was in flight while the first round ran is older than the second. */
        rc = session_drain(self, err);
        if (rc == 0)
            rc = session_drain(self, err);
    }
    if (self->perf)
        perf_session_stats(self->perf, &perf);
    const struct event_builder_stats *built = event_builder_stats(self->builder);
    session_budget_finish(self, &s->budget);
    if (output_works && rc == 0) {
        struct trace_meta totals;
        trace_meta_init(&totals);
        tell_uncovered_cpus(self, end.monotonic_ns);
        write_notes(self, &perf, end.monotonic_ns);
        rc = session_fill_totals(self, end.monotonic_ns, session_end_text(s->end), &totals, err);
        if (rc == 0)
            rc = session_budget_end_facts(self, &s->budget, &totals, err);
        if (rc == 0)
            rc = self->flight.memory ? session_flight_end(self, end.monotonic_ns, err)
                                     : trace_writer_end(self->writer, &totals, err);
        trace_meta_release(&totals);
    }
    s->elapsed_ns = end.monotonic_ns - self->start.monotonic_ns;
    s->perf = perf;
    s->has_probes = self->perf != NULL;
    if (self->snapshot)
        s->snapshots = *snapshot_stats(self->snapshot);
    if (!self->flight.memory)
        s->writer = *trace_writer_stats(self->writer);
    session_add_stats(&s->writer, &self->parts);
    s->lost = built->lost + self->uncovered_lost;
    s->uncovered_lost = self->uncovered_lost;
    s->late = built->late;
    s->unread_channels = object_table_unread(self->objects);
    snprintf(s->output, sizeof s->output, "%s", self->output.path);
    return rc;
}
