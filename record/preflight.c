#include "preflight.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "go/go_process.h"
#include "go/go_snapshot.h"
#include "go/probe_choice.h"
#include "go/probe_plan.h"
#include "host_check.h"
#include "layout_check.h"
#include "proc_info.h"
#include "span_probes.h"
#include "target.h"

/* Where the shell would find a command; false when nowhere. */
static bool find_command(const char *name, char out[PATH_MAX])
{
    if (strchr(name, '/')) {
        snprintf(out, PATH_MAX, "%s", name);
        return access(out, X_OK) == 0;
    }
    const char *path = getenv("PATH");
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        size_t length = strcspn(at, ":");
        struct stat st;
        snprintf(out, PATH_MAX, "%.*s/%s", (int)length, at, name);
        if (access(out, X_OK) == 0 && stat(out, &st) == 0 && S_ISREG(st.st_mode))
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

static int count_thread(void *context, pid_t tid, struct error *err)
{
    (void)tid;
    (void)err;
    ++*(unsigned *)context;
    return 0;
}

static void print_site(FILE *out, const struct probe_site *site, const char *name)
{
    if (!site->found) {
        fprintf(out, "  %-13s not probed: %s\n", name, site->missing);
        return;
    }
    char where[96];
    snprintf(where, sizeof where, "%s+0x%" PRIx64, site->function, site->function_offset);
    fprintf(out, "  %-13s %-34s %-14s %s\n", name, where, site->instruction,
            site->cost == PROBE_COST_EMULATED ? "emulated" : "SINGLE-STEPPED (20 times dearer)");
}

/* Which probes each level of detail would arm: its name, and those that the level before has not. */
static void print_levels(FILE *out, const struct probe_plan *plan)
{
    /* what they fetch in addition at probes of the level before */
    static const char *const fetched[DETAIL_COUNT] = {[DETAIL_SCHED] = ", labels at create and park",
                                                      [DETAIL_ALL] = ", the fired case of a select at ready"};
    for (unsigned level = DETAIL_BLOCK; level < DETAIL_COUNT; level++) {
        fprintf(out, "%s%-6s%s%s", level == DETAIL_BLOCK ? "detail   " : "         ",
                record_detail_name(level), level == plan->detail ? "*" : " ",
                level == DETAIL_BLOCK ? " thread switches" : " and");
        for (unsigned id = 0; id < PROBE_COUNT; id++) {
            if (plan->sites[id].found && probe_spec_get(id)->detail == level)
                fprintf(out, " %s", probe_spec_get(id)->name);
        }
        fprintf(out, "%s\n", fetched[level] ? fetched[level] : "");
    }
}

static int print_span_site(void *context, const struct span_site *span, struct error *err)
{
    (void)err;
    print_site(context, span->site, span->name);
    return 0;
}

static int check_spans(const struct record_options *options, const struct go_binary *binary, FILE *out,
                       unsigned *probes, struct error *err)
{
    struct span_probes spans;
    char text[512];
    int rc = span_probes_init(options, binary, &spans, err);
    if (rc == 0)
        rc = span_probes_each(&spans, print_span_site, out, err);
    for (unsigned i = 0; rc == 0 && i < spans.count; i++) {
        *probes += 1 + spans.plans[i].return_count;
        if (span_probes_warning(&spans, i, text, sizeof text))
            fprintf(out, "note     %s\n", text);
    }
    span_probes_release(&spans);
    return rc;
}

/* Finds the probes; `process` is NULL when the program does not run. */
static int check_probes(const struct record_options *options, struct go_binary *binary,
                        const struct go_process *process, pid_t pid, FILE *out, struct error *err)
{
    struct probe_plan plan;
    unsigned probes = 0, threads = process ? 0 : 1;
    int rc = probe_plan_make(binary, options->detail, &plan, err);
    if (rc == 0)
        rc = probe_choice_apply(&plan, options->only, err);
    if (rc != 0)
        return rc;
    fputs("probes   where in the Go runtime              instruction    cost of a hit\n", out);
    for (unsigned id = 0; id < PROBE_COUNT; id++) {
        if (probe_spec_get(id)->detail <= options->detail && !plan.left_out[id])
            print_site(out, &plan.sites[id], probe_spec_get(id)->name);
        probes += probe_plan_is_armed(&plan, id);
    }
    for (unsigned i = 0; i < plan.copy_count; i++) {
        char name[PROBE_COPY_NAME_SIZE];
        probe_copy_name(i, name);
        print_site(out, &plan.copies[i], name);
    }
    probes += plan.copy_count;
    rc = check_spans(options, binary, out, &probes, err);
    print_levels(out, &plan);
    if (plan.note[0])
        fprintf(out, "note     %s\n", plan.note);
    if (rc == 0 && process)
        rc = proc_each_thread(pid, count_thread, &threads, err);
    if (rc == 0 && process)
        rc = go_process_check_sites(process, &plan, err);
    if (rc == 0 && process)
        fprintf(out, "process  pid %d, %u threads, the code at every site is as in the file\n", (int)pid,
                threads);
    if (rc == 0) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        fprintf(out, "events   %u probes and thread switches x %u threads x %ld CPUs = %ld descriptors\n",
                probes, threads, cpus, (long)(probes + 1) * threads * cpus);
    }
    return rc;
}

/* Takes one. Without it the probes work all the same. */
static int check_snapshot(const struct record_options *options, struct go_binary *binary,
                          const struct go_process *process, FILE *out, struct error *err)
{
    struct go_snapshot *snapshot = NULL;
    const struct go_goroutine *goroutine;
    struct error why = {0};
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int rc = go_snapshot_new(go_process_memory(process), binary, go_process_bias(process), &snapshot, &why);
    if (rc == 0)
        rc = go_snapshot_begin(snapshot, &why);
    while (rc == 0 && (rc = go_snapshot_next(snapshot, &goroutine, &why)) > 0)
        rc = 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (rc == 0) {
        double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
        struct go_snapshot_counts counts = go_snapshot_counts(snapshot);
        fprintf(out, "snapshot %" PRIu64 " goroutines in %.1f ms, %" PRIu64 " of them moved too fast\n",
                counts.alive, seconds * 1e3, counts.unstable);
    } else {
        fprintf(out, "snapshot %s\n", why.message);
    }
    go_snapshot_free(snapshot);
    if (rc != 0 && options->detail == DETAIL_SNAPSHOT) {
        *err = why;
        return rc;
    }
    return 0;
}

/* Shows where the probes would sit, and that there is no recording yet. */
static int check_arm64(const struct record_options *options, const struct go_binary *binary,
                       const char *shown, FILE *out, struct error *err)
{
    struct probe_plan plan;
    int rc = probe_plan_make(binary, options->detail, &plan, err);
    if (rc != 0)
        return rc;
    fputs("probes   where in the Go runtime              instruction    cost of a hit\n", out);
    for (unsigned id = 0; id < PROBE_COUNT; id++) {
        if (probe_spec_get(id)->detail <= options->detail)
            print_site(out, &plan.sites[id], probe_spec_get(id)->name);
    }
    return go_binary_refuse_arm64(shown, err);
}

static int check_program(const struct record_options *options, const char *path, const char *shown, pid_t pid,
                         FILE *out, struct error *err)
{
    struct go_binary *binary = NULL;
    struct go_process *process = NULL;
    struct layout_check layout = {0};
    int rc = go_binary_open_any(path, shown, &binary, err);
    if (rc == 0) {
        fprintf(out, "program  %s: %s, %s%s\n", shown, go_binary_build_info(binary)->version,
                go_binary_is_pie(binary) ? "position-independent" : "position-dependent",
                go_binary_is_arm64(binary) ? ", for arm64 (experimental)" : "");
        if (go_binary_is_arm64(binary)) {
            rc = check_arm64(options, binary, shown, out, err);
            go_binary_close(binary);
            return rc;
        }
        if (pid)
            rc = go_process_open(pid, binary, &process, err);
        if (rc == 0)
            rc = layout_check_begin(&layout, binary, process, pid, !pid, err);
    }
    if (rc == 0)
        fprintf(out, "offsets  of the runtime's structs: %s%s\n", go_binary_layout_source_name(binary),
                layout.done ? ", compared with the process" : "");
    if (rc == 0 && options->detail != DETAIL_SNAPSHOT)
        rc = check_probes(options, binary, process, pid, out, err);
    if (rc == 0 && process)
        rc = check_snapshot(options, binary, process, out, err);
    go_process_close(process);
    go_binary_close(binary);
    return rc;
}

static int check_command(const struct record_options *options, FILE *out, struct error *err)
{
    const char *command = options->command[0];
    char path[PATH_MAX];
    if (!find_command(command, path))
        return error_set(err, ERR_NOT_FOUND, "%s: no such command", command);
    struct error why = {0};
    int rc = check_program(options, path, path, 0, out, &why);
    if (rc != ERR_NOT_FOUND) {
        *err = why;
        return rc;
    }
    fprintf(out,
            "program  %s is not a Go program: it would be run and followed until it execs one;\n"
            "         check that one with --check to see its probes\n",
            path);
    return 0;
}

static int check_process(const struct record_options *options, FILE *out, struct error *err)
{
    struct target target;
    int rc = target_attach((pid_t)options->pid, &target, err);
    if (rc != 0)
        return rc;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)target.pid);
    rc = check_program(options, path, target.exe, target.pid, out, err);
    target_release(&target);
    return rc;
}

int preflight_run(const struct record_options *options, FILE *out, struct error *err)
{
    struct error host = {0};
    int host_rc = options->detail == DETAIL_SNAPSHOT ? 0 : host_check(out, &host);
    int rc = options->command ? check_command(options, out, err) : check_process(options, out, err);
    if (rc == 0 && host_rc != 0) {
        *err = host;
        rc = host_rc;
    }
    return rc;
}
