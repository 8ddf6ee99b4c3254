#include "metadata.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc_info.h"

#define CLOCKS_PROMPT_NS 20000
#define CLOCKS_TRIES     5

/* Again when we lost the CPU in between: replay compares the three. */
void metadata_read_clocks(struct chunk_clocks *out)
{
    uint64_t before, took = 0;
    for (unsigned tries = 0; tries == 0 || (took > CLOCKS_PROMPT_NS && tries < CLOCKS_TRIES); tries++) {
        before = clock_ns(CLOCK_MONOTONIC);
        out->realtime_ns = clock_ns(CLOCK_REALTIME);
        out->boottime_ns = clock_ns(CLOCK_BOOTTIME);
        took = clock_ns(CLOCK_MONOTONIC) - before;
        out->monotonic_ns = before + took / 2;
    }
}

int metadata_random_id(uint8_t out[16], struct error *err)
{
    if (getrandom(out, 16, 0) != 16)
        return error_sys(err, "getrandom");
    return 0;
}

static void put_recording(const struct metadata_input *in, struct trace_meta *meta, struct error *err)
{
    char id[33];
    for (int i = 0; i < 16; i++)
        snprintf(id + 2 * i, 3, "%02x", in->trace_id[i]);
    trace_meta_set(meta, "trace.id", id, err);
    trace_meta_set(meta, "trace.recorder", "gotape-record " GOTAPE_VERSION, err);
    trace_meta_setf(meta, err, "record.start_ns", "%" PRIu64, in->start->monotonic_ns);
    trace_meta_setf(meta, err, "record.start_realtime_ns", "%" PRIu64, in->start->realtime_ns);
    trace_meta_set(meta, "record.mode", in->target->how == TARGET_LAUNCHED ? "launch" : "attach", err);
    trace_meta_set(meta, "record.detail", record_detail_name(in->options->detail), err);
    trace_meta_set(meta, "record.scope", in->options->cpu_wide ? "cpu" : "task", err);
    if (in->probe_count)
        trace_meta_set(meta, "record.engine",
                       in->program_count == 0                 ? "perf"
                       : in->program_count == in->probe_count ? "bpf"
                                                              : "bpf, perf",
                       err);
    if (in->options->snapshot_interval_ns)
        trace_meta_setf(meta, err, "record.snapshot_interval_ns", "%" PRIu64,
                        in->options->snapshot_interval_ns);
    trace_meta_set(meta, "record.options", in->options->with_args ? "--with-args" : "", err);
    trace_meta_setf(meta, err, "perf.ring_bytes", "%" PRIu64, in->ring_bytes);
}

static void put_host(const struct metadata_input *in, struct trace_meta *meta, struct error *err)
{
    struct utsname host;
    if (uname(&host) == 0) {
        trace_meta_set(meta, "host.name", host.nodename, err);
        trace_meta_set(meta, "host.kernel", host.release, err);
        trace_meta_set(meta, "host.machine", host.machine, err);
    }
    trace_meta_setf(meta, err, "host.cpus", "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    trace_meta_setf(meta, err, "host.boottime_offset_ns", "%" PRId64,
                    (int64_t)(in->start->boottime_ns - in->start->monotonic_ns));
}

static void put_process(const struct metadata_input *in, struct trace_meta *meta, struct error *err)
{
    trace_meta_setf(meta, err, "process.pid", "%d", (int)in->target->pid);
    trace_meta_set(meta, "process.name", in->target->comm, err);
    trace_meta_set(meta, "process.exe", in->target->exe, err);
    trace_meta_set(meta, "process.exe_build_id", go_binary_build_id(in->binary), err);
    if (proc_has_own_pid_namespace(in->target->pid))
        trace_meta_setf(meta, err, "process.namespace_pid", "%d",
                        (int)proc_namespace_tid(in->target->pid, in->target->pid));
    if (!in->options->with_args)
        return;
    struct buf args;
    buf_init(&args);
    if (proc_args(in->target->pid, &args))
        trace_meta_set(meta, "process.args", (const char *)args.data, err);
    buf_release(&args);
}

/* runtime/proc.go, stwReasonStrings: the same in Go 1.21 to 1.27, and not to be found in the program. */
static const char *const stw_reasons[] = {
    "unknown",
    "GC mark termination",
    "GC sweep termination",
    "write heap dump",
    "goroutine profile",
    "goroutine profile cleanup",
    "all goroutines stack trace",
    "read mem stats",
    "AllThreadsSyscall",
    "GOMAXPROCS",
    "start trace",
    "stop trace",
    "CountPagesInUse (test)",
    "ReadMetricsSlow (test)",
    "ReadMemStatsSlow (test)",
    "PageCachePagesLeaked (test)",
    "ResetDebugLog (test)",
};

static void put_build(const struct metadata_input *in, struct trace_meta *meta, struct error *err)
{
    const struct go_build_info *info = go_binary_build_info(in->binary);
    char key[160];
    trace_meta_set(meta, "go.version", info->version, err);
    trace_meta_set(meta, "go.layout", go_binary_layout_source_name(in->binary), err);
    trace_meta_set(meta, "go.path", info->path, err);
    trace_meta_setf(meta, err, "go.module", info->main_version && *info->main_version ? "%s %s" : "%s",
                    info->main_path, info->main_version);
    for (size_t i = 0; i < info->setting_count; i++) {
        bool is_vcs = strncmp(info->settings[i].key, "vcs", 3) == 0;
        snprintf(key, sizeof key, is_vcs ? "go.%s" : "go.setting.%s", info->settings[i].key);
        trace_meta_set(meta, key, info->settings[i].value, err);
    }
    for (size_t i = 0; i < info->dep_count; i++) {
        const struct go_dependency *d = &info->deps[i];
        snprintf(key, sizeof key, "go.dep.%zu", i);
        if (d->replace_path)
            trace_meta_setf(meta, err, key, "%s %s => %s %s", d->path, d->version, d->replace_path,
                            d->replace_version ? d->replace_version : "");
        else
            trace_meta_setf(meta, err, key, "%s %s", d->path, d->version);
    }
    for (size_t i = 0; i < in->reason_count; i++) {
        snprintf(key, sizeof key, "go.wait_reason.%zu", i);
        trace_meta_set(meta, key, in->reasons[i], err);
    }
    for (size_t i = 0; info->minor >= 21 && i < sizeof stw_reasons / sizeof *stw_reasons; i++) {
        snprintf(key, sizeof key, "go.stw_reason.%zu", i);
        trace_meta_set(meta, key, stw_reasons[i], err);
    }
    if (in->gomaxprocs)
        trace_meta_setf(meta, err, "go.gomaxprocs", "%u", in->gomaxprocs);
}

static void put_site(const char *name, const struct probe_site *site, struct trace_meta *meta,
                     struct error *err)
{
    char key[64];
    snprintf(key, sizeof key, site->found ? "probe.%s" : "probe.%s.missing", name);
    if (site->found)
        trace_meta_setf(meta, err, key, "%s+0x%" PRIx64 " %s %s", site->function, site->function_offset,
                        site->instruction, site->cost == PROBE_COST_EMULATED ? "emulated" : "single-step");
    else
        trace_meta_set(meta, key, site->missing, err);
}

static void put_left_out(const struct probe_spec *spec, struct trace_meta *meta, struct error *err)
{
    char key[64];
    snprintf(key, sizeof key, "probe.%s.missing", spec->name);
    trace_meta_set(meta, key, "left out by --only", err);
}

static void put_probes(const struct metadata_input *in, struct trace_meta *meta, struct error *err)
{
    for (unsigned id = 0; id < PROBE_COUNT; id++) {
        if (probe_spec_get(id)->detail > in->plan->detail)
            continue;
        if (in->plan->left_out[id])
            put_left_out(probe_spec_get(id), meta, err);
        else
            put_site(probe_spec_get(id)->name, &in->plan->sites[id], meta, err);
    }
    for (unsigned i = 0; i < in->plan->copy_count; i++) {
        char name[PROBE_COPY_NAME_SIZE];
        probe_copy_name(i, name);
        put_site(name, &in->plan->copies[i], meta, err);
    }
    if (in->plan->note[0])
        trace_meta_set(meta, "probe.note", in->plan->note, err);
}

struct span_input {
    struct trace_meta *meta;
    struct error *err;
};

static int put_span_site(void *context, const struct span_site *span, struct error *err)
{
    struct span_input *in = context;
    (void)err;
    put_site(span->name, span->site, in->meta, in->err);
    return 0;
}

static void put_user_probes(const struct metadata_input *in, struct trace_meta *meta, struct error *err)
{
    struct span_input input = {meta, err};
    for (unsigned i = 0; i < in->spans->count; i++) {
        const struct user_probe *probe = &in->spans->probes[i];
        char key[64], names[256];
        snprintf(key, sizeof key, "user_probe.%u", i + 1);
        trace_meta_set(meta, key, probe->spec, err);
        snprintf(key, sizeof key, "user_probe.%u.function", i + 1);
        trace_meta_set(meta, key, probe->function, err);
        snprintf(key, sizeof key, "user_probe.%u.values", i + 1);
        user_probe_value_names(probe, names, sizeof names);
        trace_meta_set(meta, key, names, err);
    }
    span_probes_each(in->spans, put_span_site, &input, err);
}

int metadata_fill(const struct metadata_input *in, struct trace_meta *out, struct error *err)
{
    struct error first = {0};
    put_recording(in, out, &first);
    put_host(in, out, &first);
    put_process(in, out, &first);
    put_build(in, out, &first);
    put_probes(in, out, &first);
    put_user_probes(in, out, &first);
    if (first.code != 0)
        *err = first;
    return first.code;
}
