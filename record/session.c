/*
 * A session's life: what is set up in which order, and torn down in which.
 */
#include "session_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "go/probe_choice.h"
#include "metadata.h"

void session_say(const struct session *self, session_message_fn fn, const char *format, ...)
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

uint64_t session_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

bool session_is_snapshot_only(const struct session *self)
{
    return self->options->detail == DETAIL_SNAPSHOT;
}

static int check_span_site(void *context, const struct span_site *span, struct error *err)
{
    const struct session *self = context;
    return go_process_check_site(self->process, span->site, err);
}

static int look_at_spans(struct session *self, struct error *err)
{
    char text[512];
    int rc = span_probes_init(self->options, self->binary, &self->spans, err);
    if (rc == 0)
        rc = span_probes_each(&self->spans, check_span_site, self, err);
    for (unsigned i = 0; rc == 0 && i < self->spans.count; i++) {
        if (span_probes_warning(&self->spans, i, text, sizeof text))
            session_say(self, self->hooks->warn, "%s", text);
    }
    return rc;
}

static int look_at_program(struct session *self, struct error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)self->target->pid);
    int rc = go_binary_open(path, self->target->exe, &self->binary, err);
    if (rc == 0)
        rc = go_process_open(self->target->pid, self->binary, &self->process, err);
    if (rc == 0)
        rc = layout_check_begin(&self->layout_check, self->binary, self->process, self->target->pid,
                                self->target->held, err);
    if (rc == 0 && !session_is_snapshot_only(self))
        rc = probe_plan_make(self->binary, self->options->detail, &self->plan, err);
    if (rc == 0 && !session_is_snapshot_only(self))
        rc = probe_choice_apply(&self->plan, self->options->only, err);
    if (rc == 0 && !session_is_snapshot_only(self))
        rc = go_process_check_sites(self->process, &self->plan, err);
    if (rc == 0)
        rc = look_at_spans(self, err);
    if (rc != 0)
        return rc;
    session_say(self, self->hooks->verbose, "%s: %s, %s, struct offsets: %s", self->target->exe,
                go_binary_build_info(self->binary)->version,
                go_binary_is_pie(self->binary) ? "position-independent" : "position-dependent",
                go_binary_layout_source_name(self->binary));
    if (self->plan.note[0])
        session_say(self, self->hooks->warn, "%s", self->plan.note);
    for (unsigned id = 0; id < PROBE_COUNT; id++) {
        const struct probe_site *site = &self->plan.sites[id];
        if (site->found && site->cost != PROBE_COST_EMULATED)
            session_say(
                self, self->hooks->warn,
                "probe %s sits on an instruction that the kernel has to single-step: each hit is about "
                "20 times dearer",
                probe_spec_get(id)->name);
    }
    return 0;
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
    return self->flight.memory ? session_flight_sink(self, data, size, err)
                               : output_write(&self->output, data, size, err);
}

static void read_clocks(void *context, struct chunk_clocks *out)
{
    (void)context;
    metadata_read_clocks(out);
}

static void observe(void *context, const struct event *event)
{
    struct session *self = context;
    if (self->live && !self->is_carrying)
        live_table_event(self->live, event);
}

static uint32_t carry_id(void *context, enum def_kind kind, uint32_t id)
{
    return trace_writer_carry(context, kind, id);
}

static void carry(void *context, struct trace_writer *writer)
{
    struct session *self = context;
    if (self->live)
        live_table_carry(self->live, carry_id, writer);
}

static int prepare_writer(struct session *self, struct error *err)
{
    int rc = metadata_random_id(self->trace_id, err);
    if (rc != 0)
        return rc;
    struct trace_writer_options options = {
        .zstd_level = (int)self->options->zstd_level, .sink = sink, .clock = read_clocks, .context = self};
    if (session_has_parts(self)) {
        options.observe = observe;
        options.carry = carry;
    }
    memcpy(options.trace_id, self->trace_id, sizeof options.trace_id);
    self->writer = trace_writer_new(&options, err);
    if (!self->writer)
        return err->code;
    self->code =
        code_table_new(self->binary, go_process_bias(self->process), self->target->pid, self->writer);
    gc_clock_init(&self->gc, self->process);
    self->objects = object_table_new(self->binary, self->process, &self->gc, self->keeper, self->writer);
    if (!self->code || !self->objects)
        return error_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

static int open_output(struct session *self, const char *name, struct error *err)
{
    const struct long_options *l = &self->options->of_long;
    if (!session_has_parts(self))
        return output_open(name, self->options->force, &self->output, err);
    int rc = series_init(&self->series, name, l->keep, err);
    if (rc == 0)
        rc = output_open_folder(name, &self->output, err);
    if (rc == 0 && l->flight_ns)
        return session_flight_prepare(self, err);
    return rc == 0 ? series_open(&self->series, &self->output, err) : rc;
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
    output_init(&self->output);
    self->ring_now = UINT32_MAX;
    trace_meta_init(&self->meta);
    char name[4096];
    int rc = look_at_program(self, err);
    if (rc == 0) {
        if (options->output)
            snprintf(name, sizeof name, "%s", options->output);
        else
            default_name(self, name, sizeof name);
        rc = open_output(self, name, err);
    }
    if (rc == 0)
        rc = session_start_keeper(self, err);
    if (rc == 0)
        rc = session_prepare_probes(self, err);
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

static uint64_t timeval_ns(struct timeval tv)
{
    return (uint64_t)tv.tv_sec * SECOND_NS + (uint64_t)tv.tv_usec * 1000u;
}

static void tear_down(struct session *self)
{
    perf_session_free(self->perf);
    session_budget_release(self);
    self->perf = NULL;
    session_remove_probes(self);
}

int session_run(struct session *self, struct session_summary *summary, struct error *err)
{
    memset(summary, 0, sizeof *summary);
    self->summary = summary;
    summary->end = END_ERROR;
    int rc = session_arm(self, err);
    if (rc != 0) {
        tear_down(self);
        output_discard(&self->output);
        return rc;
    }
    rc = session_record_until_end(self, &summary->end, err);
    struct error end_err = {0};
    int end_rc = session_end_recording(self, rc == 0, &end_err);
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
    summary->files = self->series.files;
    summary->files_removed = self->series.removed;
    summary->is_flight = self->flight.memory != NULL;
    return rc;
}

void session_free(struct session *self)
{
    if (!self)
        return;
    tear_down(self);
    snapshot_free(self->snapshot);
    event_builder_free(self->builder);
    object_table_free(self->objects);
    code_table_free(self->code);
    trace_writer_free(self->writer);
    trace_meta_release(&self->meta);
    span_probes_release(&self->spans);
    go_process_close(self->process);
    go_binary_close(self->binary);
    session_flight_release(self);
    live_table_free(self->live);
    series_release(&self->series);
    if (self->output.fd >= 0)
        output_finish(&self->output, NULL);
    output_release(&self->output);
    keeper_close(self->keeper);
    free(self);
}
