/*
 * Arming: probe definitions, the events of every thread, the facts that stand at the head of the file.
 */
#include "session_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "metadata.h"
#include "metadata_container.h"
#include "proc_info.h"
#include "scope_check.h"

#define THREAD_PASSES 64 /* looks at /proc/PID/task while the target creates threads */

/* *done_out: a program reads the values. Otherwise perf does, unless --engine bpf insists. */
static int load_program(struct session *self, const struct probe_site *site, const struct sample_probe *probe, bool *done_out,
                        struct error *err)
{
    struct error why = {0};
    *done_out = false;
    if (self->options->engine == ENGINE_PERF || self->options->cpu_wide)
        return 0;
    int rc = perf_session_load_program(self->perf, probe, site->fetch, site->file_offset, &why);
    if (rc == 0) {
        *done_out = true;
        return 0;
    }
    if (self->options->engine == ENGINE_BPF)
        return error_set(err, why.code, "--engine bpf: %s: %s", probe->name, why.message);
    if (self->probe_count == 0 || !*perf_session_programs_missing(self->perf))
        session_say(self, self->hooks->verbose, "%s is left to perf: %s", probe->name, why.message);
    return 0;
}

/* Defines a probe, if it needs that, and hands it to perf. The fields of `probe` but for its id and format are filled. */
static int define_probe(struct session *self, const struct probe_site *site, struct sample_probe *probe,
                        struct probe_use use, struct error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)self->target->pid);
    unsigned fields = 0, values = 0;
    for (; fields < RECORD_VALUES_MAX && probe->values[fields]; fields++)
        values += probe->elements[fields] ? probe->elements[fields] : 1;
    if (site->may_restart && fields < RECORD_VALUES_MAX) {
        probe->values[fields] = PROBE_FLAGS_NAME;
        use.flags_at = (uint8_t)values;
    }
    bool has_program;
    int rc = load_program(self, site, probe, &has_program, err);
    bool is_defined = !has_program || !perf_session_has_link(self->perf);
    char *format = NULL;
    if (rc == 0 && is_defined)
        rc = uprobe_define(self->group, probe->name, path, site->file_offset, has_program ? "" : site->fetch, err);
    if (rc == 0 && is_defined)
        rc = uprobe_read_format(self->group, probe->name, &format, &probe->event_id, err);
    probe->format = format;
    if (rc == 0)
        rc = perf_session_add_probe(self->perf, probe, err);
    free(format);
    if (rc == 0) {
        self->is_stepped[self->probe_count] = site->cost != PROBE_COST_EMULATED;
        self->uses[self->probe_count++] = use;
    }
    return rc;
}

static int add_probe(struct session *self, enum probe_id id, const struct probe_site *site, const char *name,
                     struct error *err)
{
    const struct probe_spec *spec = probe_spec_get(id);
    struct sample_probe probe = {.name = name, .call_chain = spec->call_chain};
    for (unsigned i = 0; i < sizeof spec->values / sizeof *spec->values && spec->values[i].name; i++) {
        probe.values[i] = spec->values[i].name;
        probe.elements[i] = spec->values[i].elements;
    }
    return define_probe(self, site, &probe, (struct probe_use){ROLE_RUNTIME, (uint8_t)id, 0, 0}, err);
}

static int add_span_site(void *context, const struct span_site *span, struct error *err)
{
    struct session *self = context;
    struct sample_probe probe = {.name = span->name, .values = {"goid"}};
    struct probe_use use = {span->is_end ? ROLE_SPAN_END : ROLE_SPAN_BEGIN, (uint8_t)span->probe,
                            (uint8_t)span->value_count, 0};
    for (unsigned i = 0; i < span->value_count; i++)
        probe.values[1 + i] = span_value_names[i];
    return define_probe(self, span->site, &probe, use, err);
}

/* --scope cpu: says what it means, and refuses to slow somebody who is not asked. */
static int check_scope(struct session *self, struct error *err)
{
    struct scope_sharers others;
    int rc = scope_check_sharers(self->target->pid, &others, err);
    if (rc != 0)
        return rc;
    if (others.count && !self->options->force_scope)
        return error_set(
            err, ERR_UNSUPPORTED,
            "--scope cpu would probe %u other process%s that run%s the same file, too (%s, pid %d): record "
            "without it, or add --force-scope",
            others.count, others.count == 1 ? "" : "es", others.count == 1 ? "s" : "", others.name,
            (int)others.first);
    session_say(self, self->hooks->warn,
                "--scope cpu: every process that runs %s is probed until the recording ends%s; only this one "
                "is recorded",
                self->target->exe, others.count ? ", others do now" : "");
    return 0;
}

int session_prepare_probes(struct session *self, struct error *err)
{
    char tracefs[256];
    if (session_is_snapshot_only(self))
        return 0;
    int rc = tracefs_find(tracefs, sizeof tracefs, err);
    struct uprobe_stale stale = {0};
    struct error ignored = {0};
    if (rc == 0 && uprobe_cleanup(&stale, &ignored) == 0 && stale.removed)
        session_say(self, self->hooks->warn, "removed %u probe definitions that a killed recorder had left",
                    stale.removed);
    struct perf_session_options options = {.ring_bytes = self->options->ring_bytes,
                                           .pid = self->target->pid,
                                           .thread_switches = true,
                                           .cpu_wide = self->options->cpu_wide,
                                           .programs = self->options->engine != ENGINE_PERF};
    if (rc == 0 && options.cpu_wide)
        rc = check_scope(self, err);
    if (rc == 0)
        rc = perf_session_new(&options, tracefs, &self->perf, err);
    if (rc == 0)
        rc = uprobe_group_new(&self->group, err);
    for (unsigned id = 0; rc == 0 && id < PROBE_COUNT; id++) {
        if (probe_plan_is_armed(&self->plan, id))
            rc = add_probe(self, id, &self->plan.sites[id], probe_spec_get(id)->name, err);
    }
    for (unsigned i = 0; rc == 0 && i < self->plan.copy_count; i++) {
        char name[PROBE_COPY_NAME_SIZE];
        probe_copy_name(i, name);
        rc = add_probe(self, PROBE_PARK, &self->plan.copies[i], name, err);
    }
    if (rc == 0)
        rc = span_probes_each(&self->spans, add_span_site, self, err);
    if (rc == 0)
        session_budget_prepare(self);
    return rc;
}

static int prepare_builder(struct session *self, const char *const *reasons, size_t count, struct error *err)
{
    struct event_builder_options options = {
        .pid = self->target->pid,
        .binary = self->binary,
        .process = self->process,
        .writer = self->writer,
        .code = self->code,
        .objects = self->objects,
        .gc = &self->gc,
        .reasons = reasons,
        .reason_count = count,
        .loses_semaphores = self->plan.loses_semaphores,
        .uses = self->uses,
        .probe_count = self->probe_count,
        .ring_count = self->perf ? perf_session_ring_count(self->perf) : 1,
        .gomaxprocs = self->target->held ? 0 : go_process_gomaxprocs(self->process),
    };
    self->builder = event_builder_new(&options);
    return self->builder ? 0 : error_set(err, ERR_NOMEM, "out of memory");
}

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
int session_open_events(struct session *self, struct error *err)
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
        .spans = &self->spans,
        .trace_id = self->trace_id,
        .start = &self->start,
        .reasons = reasons,
        .reason_count = count,
        .gomaxprocs = self->target->held ? 0 : go_process_gomaxprocs(self->process),
        .ring_bytes = self->perf ? perf_session_ring_bytes(self->perf) : 0,
        .probe_count = self->probe_count,
        .program_count = self->perf ? perf_session_program_count(self->perf) : 0,
    };
    int rc = metadata_fill(&input, &self->meta, err);
    cgroup_find(self->target->pid, &self->cgroup);
    if (rc == 0)
        rc = metadata_container(&self->cgroup, &self->meta, err);
    runtime_limits_look(&self->first_limits, self->process);
    if (rc == 0)
        rc = runtime_limits_put(&self->first_limits, LIMITS_AT_START, NULL, &self->meta, err);
    if (rc == 0)
        rc = session_describe_part(self, err);
    if (rc == 0)
        rc = session_budget_begin_facts(self, &self->meta, err);
    return rc == 0 ? trace_writer_meta(self->writer, &self->meta, err) : rc;
}

static int name_thread(void *context, pid_t tid, struct error *err)
{
    struct session *self = context;
    char name[16];
    (void)err;
    if (proc_comm(tid, name))
        event_builder_thread_name(self->builder, self->start.monotonic_ns, (uint32_t)tid, name);
    return 0;
}

/* Of new threads the kernel tells the names. A target that is gone already has none. */
static void name_threads(struct session *self)
{
    trace_writer_section(self->writer, RING_RECORDER);
    self->ring_now = UINT32_MAX;
    proc_each_thread(self->target->pid, name_thread, self, NULL);
}

int session_arm(struct session *self, struct error *err)
{
    const char *const *reasons;
    size_t count;
    int rc = go_process_wait_reasons(self->process, &reasons, &count, err);
    if (rc == 0 && self->budget.may_thin)
        rc = perf_session_anchor(self->perf, err);
    if (rc == 0 && self->perf)
        rc = session_open_events(self, err);
    if (rc == 0)
        rc = prepare_builder(self, reasons, count, err);
    if (rc == 0)
        rc = session_prepare_snapshots(self, reasons, count, err);
    if (rc == 0)
        rc = session_prepare_parts(self, reasons, count, err);
    if (rc == 0 && self->perf)
        rc = perf_session_enable(self->perf, err);
    if (rc != 0)
        return rc;
    metadata_read_clocks(&self->start);
    gc_clock_look(&self->gc, self->start.monotonic_ns);
    event_builder_begin(self->builder, self->target->held ? 0 : self->start.monotonic_ns);
    rc = write_meta(self, reasons, count, err);
    if (rc == 0 && self->target->how == TARGET_ATTACHED)
        name_threads(self);
    if (rc == 0)
        rc = session_drop_rights(self, err);
    if (rc == 0)
        rc = target_resume(self->target, err);
    self->flushed_ns = session_now_ns();
    self->part_ns = self->start.monotonic_ns;
    if (self->flight.memory)
        flight_start(self->flight.memory, self->start.monotonic_ns);
    session_budget_start(self);
    if (rc == 0)
        rc = session_first_snapshot(self, err);
    if (!self->perf) {
        session_say(self, self->hooks->verbose, "nothing is armed: snapshots only");
        return rc;
    }
    struct perf_session_stats stats;
    perf_session_stats(self->perf, &stats);
    session_say(self, self->hooks->verbose, "armed %u probes (%u with BPF programs%s) with %u descriptors", self->probe_count,
                perf_session_program_count(self->perf), perf_session_has_link(self->perf) ? ", by one link" : "",
                stats.descriptors);
    return rc;
}
