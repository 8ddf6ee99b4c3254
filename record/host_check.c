#include "host_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "perf/perf_open.h"
#include "perf/perf_session.h"
#include "perf/tracefs.h"
#include "perf/uprobe.h"

int host_check_proc(struct error *err)
{
    char text[32];
    ssize_t length = readlink("/proc/self", text, sizeof text - 1);
    if (length < 0)
        return error_set(err, ERR_NOT_FOUND,
                         "/proc does not know this process: proc is not mounted, or it is that of another pid "
                         "namespace; mount it: mount -t proc proc /proc");
    text[length] = '\0';
    if (atoi(text) != getpid())
        return error_set(err, ERR_UNSUPPORTED,
                         "/proc shows another pid namespace than the one in which gotape-record runs (here it "
                         "is %d, there %s): mount its own (mount -t proc proc /proc), or run gotape-record "
                         "outside",
                         (int)getpid(), text);
    return 0;
}

static void print_system(FILE *out)
{
    struct utsname host;
    struct stat st;
    if (uname(&host) != 0)
        return;
    /* The first pid namespace: PID_NS_INIT_INO in include/uapi/linux/nsfs.h of Linux 6.18. */
    bool is_nested = stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != 0xEFFFFFFCu;
    fprintf(out, "host     Linux %s, %s, %ld CPUs%s\n", host.release, host.machine,
            sysconf(_SC_NPROCESSORS_ONLN),
            is_nested ? "; in a pid namespace of its own: processes outside of it are not seen" : "");
}

/* Arrays in fetch arguments (select's channels) came with 4.20; the README of tracefs names what the kernel takes. */
static bool takes_arrays(const char *tracefs)
{
    char path[512], *text;
    snprintf(path, sizeof path, "%s/README", tracefs);
    if (tracefs_read(path, 1 << 20, &text, NULL) < 0)
        return true;
    bool found = strstr(text, "<array-size>") != NULL;
    free(text);
    return found;
}

static int check_tracefs(FILE *out, char *tracefs, size_t size, struct error *err)
{
    int rc = tracefs_find(tracefs, size, err);
    if (rc != 0)
        return rc;
    if (!takes_arrays(tracefs))
        return error_set(err, ERR_UNSUPPORTED,
                         "this kernel's uprobes take no arrays (%s/README); 5.10 is the oldest that is known to "
                         "work",
                         tracefs);
    fprintf(out, "host     tracefs at %s, uprobes can be defined\n", tracefs);
    return 0;
}

static bool read_number(const char *path, long *out)
{
    char *text, *end;
    if (tracefs_read(path, 64, &text, NULL) < 0)
        return false;
    *out = strtol(text, &end, 10);
    bool ok = end != text;
    free(text);
    return ok;
}

/* What a recording can do without, and what follows from its absence. */
static void print_lacks(FILE *out, const struct perf_features *features)
{
    const struct {
        bool is_missing;
        const char *text;
    } lacks[] = {
        {!features->inherit_thread,
         "no inherit_thread (Linux 5.13): the events follow child processes too, and are dropped there"},
        {!features->format_lost,
         "no PERF_FORMAT_LOST (Linux 6.0): a loss after the last record of a ring is not seen"},
        {features->max_stack < PERF_MAX_STACK_DEPTH,
         "kernel.perf_event_max_stack is below 127: deep call chains are cut there"},
    };
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++) {
        if (lacks[i].is_missing)
            fprintf(out, "host     %s\n", lacks[i].text);
    }
}

static int check_perf(FILE *out, const char *tracefs, struct error *err)
{
    struct perf_features features;
    struct perf_session *perf = NULL;
    struct perf_session_options options = {.pid = getpid(), .thread_switches = true, .programs = true};
    long paranoid;
    int rc = perf_features_probe(&features, err);
    if (rc == 0)
        rc = perf_session_new(&options, tracefs, &perf, err);
    if (rc == 0) {
        fputs("host     perf events permitted", out);
        if (read_number("/proc/sys/kernel/perf_event_paranoid", &paranoid))
            fprintf(out, " (kernel.perf_event_paranoid is %ld)", paranoid);
        fprintf(out, ", %u CPUs with a ring of %" PRIu64 " bytes each\n", perf_session_ring_count(perf),
                perf_session_ring_bytes(perf));
        print_lacks(out, &features);
        const char *missing = perf_session_programs_missing(perf);
        if (*missing)
            fprintf(out, "host     no BPF programs: a hit costs more, and each thread switch too (%s)\n", missing);
        else
            fprintf(out, "host     BPF programs read the values at a hit (--engine)%s\n",
                    perf_session_has_link(perf) ? ", attached by one link"
                                                : ", attached by an event each: stopping takes longer");
    }
    perf_session_free(perf);
    return rc;
}

/* Prints an obstacle, and keeps the first. */
static void note(FILE *out, const struct error *found, struct error *first)
{
    if (found->code == 0)
        return;
    fprintf(out, "host     %s\n", found->message);
    if (first->code == 0)
        *first = *found;
}

/* Locked down for integrity, which distributions do with Secure Boot, tracing goes on; for confidentiality it does not,
 * and tracefs_find() says so. */
static void print_lockdown(FILE *out)
{
    char *text;
    if (tracefs_read("/sys/kernel/security/lockdown", 256, &text, NULL) < 0)
        return;
    if (strstr(text, "[integrity]"))
        fputs("host     the kernel is locked down for integrity: recording is allowed\n", out);
    free(text);
}

int host_check(FILE *out, struct error *err)
{
    char tracefs[256] = "/sys/kernel/tracing";
    struct error first = {0}, proc = {0}, files = {0}, perf = {0};
    print_system(out);
    host_check_proc(&proc);
    note(out, &proc, &first);
    print_lockdown(out);
    check_tracefs(out, tracefs, sizeof tracefs, &files);
    note(out, &files, &first);
    check_perf(out, tracefs, &perf);
    /* Without tracefs perf's complaint about the same folder says nothing new. */
    if (files.code == 0 || perf.code != ERR_NOT_FOUND)
        note(out, &perf, &first);
    if (first.code != 0)
        *err = first;
    return first.code;
}
