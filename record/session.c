#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "event_builder.h"
#include "go/go_process.h"
#include "metadata.h"
#include "perf/uprobe.h"
#include "proc_info.h"

#define ROUND_MS      100 /* a drain at least this often */
#define SECOND_NS     1000000000ull
#define THREAD_PASSES 64 /* looks at /proc/PID/task while the target creates threads */

struct session {
    const struct record_options *options;
    struct target *target;
    const struct session_hooks *hooks;
    struct go_binary *binary;
    struct go_process *process;
    struct probe_plan plan;
    struct uprobe_group *group;
    struct perf_session *perf;
    struct output output;
    struct trace_writer *writer;
    struct code_table *code;
    struct object_table *objects;
    struct event_builder *builder;
    struct trace_meta meta;
    uint8_t trace_id[16];
    uint8_t probe_of[PROBE_COUNT]; /* perf's probe number → enum probe_id */
    unsigned probe_count;
    unsigned ring_now; /* ring of the section being written; UINT32_MAX: none */
    struct chunk_clocks start;
    uint64_t flushed_ns;
    struct session_summary *summary;
};

static void say(const struct session *self, session_message_fn fn, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct session *self, session_message_fn fn, const char *format, ...)
{
    if (!fn)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fn(self->hooks->context, text);
}

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

/* -- set-up
 * ----------------------------------------------------------------------------------------------------------
 */

static int look_at_program(struct session *self, struct error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)self->target->pid);
    int rc = go_binary_open(path, self->target->exe, &self->binary, err);
    if (rc == 0)
        rc = probe_plan_make(self->binary, &self->plan, err);
    if (rc == 0)
        rc = go_process_open(self->target->pid, self->binary, &self->process, err);
    if (rc == 0)
        rc = go_process_check_sites(self->process, &self->plan, err);
    if (rc != 0)
        return rc;
    say(self, self->hooks->verbose, "%s: %s, %s", self->target->exe,
        go_binary_build_info(self->binary)->version,
        go_binary_is_pie(self->binary) ? "position-independent" : "position-dependent");
    if (self->plan.note[0])
        say(self, self->hooks->warn, "%s", self->plan.note);
    for (unsigned id = 0; id < PROBE_COUNT; id++) {
        const struct probe_site *site = &self->plan.sites[id];
        if (site->found && site->cost != PROBE_COST_EMULATED)
            say(self, self->hooks->warn,
                "probe %s sits on an instruction that the kernel has to single-step: each hit is about "
                "20 times dearer",
                probe_spec_get(id)->name);
    }
    return 0;
}

static int add_probe(struct session *self, enum probe_id id, struct error *err)
{
    const struct probe_spec *spec = probe_spec_get(id);
    const struct probe_site *site = &self->plan.sites[id];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)self->target->pid);
    int rc = uprobe_define(self->group, spec->name, path, site->file_offset, site->fetch, err);
    if (rc != 0)
        return rc;
    struct sample_probe probe = {.name = spec->name, .call_chain = spec->call_chain};
    for (unsigned i = 0; i < sizeof spec->values / sizeof *spec->values && spec->values[i].name; i++) {
        probe.values[i] = spec->values[i].name;
        probe.elements[i] = spec->values[i].elements;
    }
    char *format = NULL;
    rc = uprobe_read_format(self->group, spec->name, &format, &probe.event_id, err);
    probe.format = format;
    if (rc == 0)
        rc = perf_session_add_probe(self->perf, &probe, err);
    free(format);
    if (rc == 0)
        self->probe_of[self->probe_count++] = (uint8_t)id;
    return rc;
}

static int prepare_probes(struct session *self, struct error *err)
{
    char tracefs[256];
    int rc = tracefs_find(tracefs, sizeof tracefs, err);
    struct uprobe_stale stale = {0};
    struct error ignored = {0};
    if (rc == 0 && uprobe_cleanup(&stale, &ignored) == 0 && stale.removed)
        say(self, self->hooks->warn, "removed %u probe definitions that a killed recorder had left",
            stale.removed);
    struct perf_session_options options = {
        .ring_bytes = self->options->ring_bytes, .pid = self->target->pid, .thread_switches = true};
    if (rc == 0)
        rc = perf_session_new(&options, tracefs, &self->perf, err);
    if (rc == 0)
        rc = uprobe_group_new(&self->group, err);
    for (unsigned id = 0; rc == 0 && id < PROBE_COUNT; id++) {
        if (self->plan.sites[id].found)
            rc = add_probe(self, id, err);
    }
    return rc;
}

static void default_name(const struct session *self, char *out, size_t size)
{
    char comm[16], stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &tm);
    memcpy(comm, self->target->comm, sizeof comm);
    for (char *c = comm; *c; c++) {
        if (*c == '/' || *c == '\n' || *c == ' ')
            *c = '_';
    }
    snprintf(out, size, "gotape-%s-%d-%s.gotape", comm, (int)self->target->pid, stamp);
}

static int sink(void *context, const void *data, size_t size, struct error *err)
{
    struct session *self = context;
    return output_write(&self->output, data, size, err);
}

static void read_clocks(void *context, struct chunk_clocks *out)
{
    (void)context;
    metadata_read_clocks(out);
}

static int prepare_writer(struct session *self, struct error *err)
{
    int rc = metadata_random_id(self->trace_id, err);
    if (rc != 0)
        return rc;
    struct trace_writer_options options = {
        .zstd_level = (int)self->options->zstd_level, .sink = sink, .clock = read_clocks, .context = self};
    memcpy(options.trace_id, self->trace_id, sizeof options.trace_id);
    self->writer = trace_writer_new(&options, err);
    if (!self->writer)
        return err->code;
    self->code =
        code_table_new(self->binary, go_process_bias(self->process), self->target->pid, self->writer);
    self->objects = object_table_new(self->process, self->writer);
    if (!self->code || !self->objects)
        return error_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

/* The runtime's reason strings may not be readable before a position-independent program has relocated
 * itself: then they are read again at the end. */
static int prepare_builder(struct session *self, const char *const *reasons, size_t count, struct error *err)
{
    struct event_builder_options options = {
        .pid = self->target->pid,
        .binary = self->binary,
        .process = self->process,
        .writer = self->writer,
        .code = self->code,
        .objects = self->objects,
        .reasons = reasons,
        .reason_count = count,
        .probe_of = self->probe_of,
        .probe_count = self->probe_count,
        .ring_count = perf_session_ring_count(self->perf),
    };
    self->builder = event_builder_new(&options);
    return self->builder ? 0 : error_set(err, ERR_NOMEM, "out of memory");
}

int session_new(const struct record_options *options, struct target *target,
                const struct session_hooks *hooks, struct session **out, struct error *err)
{
    struct session *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, ERR_NOMEM, "out of memory");
    self->options = options;
    self->target = target;
    self->hooks = hooks;
    self->output.fd = -1;
    self->ring_now = UINT32_MAX;
    trace_meta_init(&self->meta);
    char name[4096];
    int rc = look_at_program(self, err);
    if (rc == 0) {
        if (options->output)
            snprintf(name, sizeof name, "%s", options->output);
        else
            default_name(self, name, sizeof name);
        rc = output_open(name, options->force, &self->output, err);
    }
    if (rc == 0)
        rc = prepare_probes(self, err);
    if (rc == 0)
        rc = prepare_writer(self, err);
    if (rc != 0) {
        output_discard(&self->output);
        session_free(self);
        return rc;
    }
    *out = self;
    return 0;
}

/* -- arming
 * ----------------------------------------------------------------------------------------------------------
 */

struct thread_pass {
    struct session *session;
    struct map seen;
    unsigned added;
};

static int add_thread(void *context, pid_t tid, struct error *err)
{
    struct thread_pass *pass = context;
    uint64_t unused;
    if (map_get(&pass->seen, (uint64_t)tid, &unused))
        return 0;
    if (map_put(&pass->seen, (uint64_t)tid, 1) != 0)
        return error_set(err, ERR_NOMEM, "out of memory");
    int rc = perf_session_add_thread(pass->session->perf, tid, err);
    if (rc == ERR_GONE)
        return 0;
    pass->added += rc == 0;
    return rc;
}

/* Threads may be born while we look. A thread whose creator already carried our events has inherited them and
 * is added all the same: the perf session drops what comes twice. Done when a whole pass finds nobody new. */
static int add_threads(struct session *self, struct error *err)
{
    struct thread_pass pass = {.session = self};
    map_init(&pass.seen);
    int rc = 0;
    unsigned before, passes = 0;
    do {
        before = pass.added;
        rc = proc_each_thread(self->target->pid, add_thread, &pass, err);
    } while (rc == 0 && pass.added != before && ++passes < THREAD_PASSES);
    map_release(&pass.seen);
    if (rc == 0 && pass.added == 0)
        rc = error_set(err, ERR_GONE, "process %d has exited", (int)self->target->pid);
    return rc;
}

static int write_meta(struct session *self, const char *const *reasons, size_t count, struct error *err)
{
    struct metadata_input input = {
        .options = self->options,
        .target = self->target,
        .binary = self->binary,
        .plan = &self->plan,
        .trace_id = self->trace_id,
        .start = &self->start,
        .reasons = reasons,
        .reason_count = count,
        .gomaxprocs = self->target->held ? 0 : go_process_gomaxprocs(self->process),
        .ring_bytes = perf_session_ring_bytes(self->perf),
    };
    int rc = metadata_fill(&input, &self->meta, err);
    return rc == 0 ? trace_writer_meta(self->writer, &self->meta, err) : rc;
}

static int arm(struct session *self, struct error *err)
{
    const char *const *reasons;
    size_t count;
    int rc = go_process_wait_reasons(self->process, &reasons, &count, err);
    if (rc == 0)
        rc = add_threads(self, err);
    if (rc == 0)
        rc = prepare_builder(self, reasons, count, err);
    if (rc == 0)
        rc = perf_session_enable(self->perf, err);
    if (rc != 0)
        return rc;
    metadata_read_clocks(&self->start);
    rc = write_meta(self, reasons, count, err);
    if (rc == 0)
        rc = target_resume(self->target, err);
    self->flushed_ns = now_ns();
    struct perf_session_stats stats;
    perf_session_stats(self->perf, &stats);
    say(self, self->hooks->verbose, "armed %u probes with %u descriptors", self->probe_count,
        stats.descriptors);
    return rc;
}

/* -- recording
 * ------------------------------------------------------------------------------------------------------- */

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
    unsigned cpu = perf_session_ring_cpu(self->perf, ring);
    if (trace_writer_is_full(self->writer)) {
        int rc = trace_writer_flush(self->writer, err);
        if (rc != 0)
            return rc;
        self->flushed_ns = record->time_ns;
        self->ring_now = UINT32_MAX;
    }
    if (ring != self->ring_now) {
        trace_writer_section(self->writer, (uint16_t)cpu);
        self->ring_now = ring;
    }
    if (record->kind == RECORD_LOST)
        note_loss(self, cpu, event_builder_ring_time(self->builder, ring), record->time_ns, record->lost);
    event_builder_add(self->builder, ring, (uint16_t)cpu, record);
    return 0;
}

static int drain(struct session *self, struct error *err)
{
    uint64_t complete_ns = 0;
    int rc = perf_session_drain(self->perf, on_record, self, &complete_ns, err);
    if (rc != 0)
        return rc;
    trace_writer_watermark(self->writer, complete_ns);
    event_builder_watermark(self->builder, complete_ns);
    uint64_t now = now_ns();
    if (now - self->flushed_ns >= SECOND_NS) {
        rc = trace_writer_flush(self->writer, err);
        self->flushed_ns = now;
        self->ring_now = UINT32_MAX;
    }
    return rc;
}

static void report_progress(struct session *self, uint64_t now, uint64_t *next_ns, uint64_t *events_before)
{
    if (now < *next_ns)
        return;
    const struct trace_writer_stats *stats = trace_writer_stats(self->writer);
    struct session_progress progress = {
        .elapsed_ns = now - self->start.monotonic_ns,
        .events = stats->events,
        .events_last_second = stats->events - *events_before,
        .bytes = self->output.size,
        .lost = event_builder_stats(self->builder)->lost,
    };
    if (self->hooks->progress)
        self->hooks->progress(self->hooks->context, &progress);
    *events_before = stats->events;
    *next_ns += SECOND_NS;
    if (*next_ns < now)
        *next_ns = now + SECOND_NS;
}

static int wait_for_data(const struct session *self, uint64_t end_ns)
{
    uint64_t now = now_ns();
    int ms = ROUND_MS;
    if (end_ns && end_ns < now + (uint64_t)ROUND_MS * 1000000u)
        ms = end_ns > now ? (int)((end_ns - now) / 1000000u) + 1 : 0;
    struct pollfd fds[] = {{.fd = perf_session_poll_fd(self->perf), .events = POLLIN},
                           {.fd = self->target->pidfd, .events = POLLIN}};
    return poll(fds, 2, ms);
}

static int record_until_end(struct session *self, enum session_end *end_out, struct error *err)
{
    uint64_t end_ns = self->options->duration_ns ? self->start.monotonic_ns + self->options->duration_ns : 0;
    uint64_t next_ns = self->start.monotonic_ns + SECOND_NS, events_before = 0;
    for (;;) {
        wait_for_data(self, end_ns);
        int rc = drain(self, err);
        if (rc != 0)
            return rc;
        uint64_t now = now_ns();
        report_progress(self, now, &next_ns, &events_before);
        if (event_builder_stats(self->builder)->saw_exec) {
            *end_out = END_EXEC;
            return 0;
        }
        if (*self->hooks->stop) {
            *end_out = END_SIGNAL;
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

/* -- the end
 * ---------------------------------------------------------------------------------------------------------
 */

static uint64_t missed_hits(const struct session *self)
{
    uint64_t missed = 0;
    for (unsigned i = 0; i < self->probe_count; i++)
        missed += uprobe_missed(self->group, probe_spec_get(self->probe_of[i])->name);
    return missed;
}

static void write_notes(struct session *self, const struct perf_session_stats *perf, uint64_t missed)
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
        {NOTE_PROBE_MISSED, missed + (perf->lost > stats->lost ? perf->lost - stats->lost : 0)},
        {NOTE_OBJECT_UNREAD, object_table_unread(self->objects)},
        {NOTE_LATE, stats->late},
        {NOTE_EXEC, stats->saw_exec},
    };
    uint64_t time_ns = now_ns();
    if (stats->last_ns > time_ns)
        time_ns = stats->last_ns;
    trace_writer_section(self->writer, (uint16_t)perf_session_ring_cpu(self->perf, 0));
    for (unsigned i = 0; i < sizeof notes / sizeof *notes; i++)
        event_builder_note(self->builder, time_ns, notes[i].code, notes[i].value);
}

static uint64_t timeval_ns(struct timeval tv)
{
    return (uint64_t)tv.tv_sec * SECOND_NS + (uint64_t)tv.tv_usec * 1000u;
}

/* After the tear-down of a recording that went well, or of one whose output failed: then only the figures are
 * collected. */
static int finish(struct session *self, bool output_works, struct error *err)
{
    struct session_summary *s = self->summary;
    struct perf_session_stats perf;
    int rc = 0;
    perf_session_disable(self->perf, NULL);
    if (output_works) {
        /* Twice: what was in flight while the first round ran is older than the second. */
        rc = drain(self, err);
        if (rc == 0)
            rc = drain(self, err);
    }
    perf_session_stats(self->perf, &perf);
    uint64_t missed = missed_hits(self);
    const struct event_builder_stats *built = event_builder_stats(self->builder);
    struct chunk_clocks end;
    metadata_read_clocks(&end);
    if (output_works && rc == 0) {
        struct trace_meta totals;
        trace_meta_init(&totals);
        write_notes(self, &perf, missed);
        rc = trace_meta_setf(&totals, err, "record.end_ns", "%" PRIu64, end.monotonic_ns);
        if (rc == 0)
            rc = trace_writer_end(self->writer, &totals, err);
        trace_meta_release(&totals);
    }
    s->elapsed_ns = end.monotonic_ns - self->start.monotonic_ns;
    s->perf = perf;
    s->writer = *trace_writer_stats(self->writer);
    s->lost = perf.lost > built->lost ? perf.lost : built->lost;
    s->late = built->late;
    s->missed_hits = missed;
    s->unread_channels = object_table_unread(self->objects);
    snprintf(s->output, sizeof s->output, "%s", self->output.path);
    return rc;
}

static void tear_down(struct session *self)
{
    perf_session_free(self->perf);
    self->perf = NULL;
    struct error err = {0};
    if (self->group && uprobe_group_delete(self->group, &err) != 0)
        say(self, self->hooks->warn, "%s", err.message);
    uprobe_group_free(self->group);
    self->group = NULL;
}

int session_run(struct session *self, struct session_summary *summary, struct error *err)
{
    memset(summary, 0, sizeof *summary);
    self->summary = summary;
    summary->end = END_ERROR;
    int rc = arm(self, err);
    if (rc != 0) {
        tear_down(self);
        output_discard(&self->output);
        return rc;
    }
    rc = record_until_end(self, &summary->end, err);
    struct error end_err = {0};
    int end_rc = finish(self, rc == 0, &end_err);
    tear_down(self);
    if (end_rc == 0)
        end_rc = output_finish(&self->output, &end_err);
    else
        output_finish(&self->output, NULL);
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        summary->cpu_user_ns = timeval_ns(usage.ru_utime);
        summary->cpu_system_ns = timeval_ns(usage.ru_stime);
    }
    if (rc == 0 && end_rc != 0) {
        *err = end_err;
        rc = end_rc;
    }
    if (rc != 0)
        summary->end = END_OUTPUT;
    return rc;
}

void session_free(struct session *self)
{
    if (!self)
        return;
    tear_down(self);
    event_builder_free(self->builder);
    object_table_free(self->objects);
    code_table_free(self->code);
    trace_writer_free(self->writer);
    trace_meta_release(&self->meta);
    go_process_close(self->process);
    go_binary_close(self->binary);
    if (self->output.fd >= 0)
        output_finish(&self->output, NULL);
    free(self);
}
