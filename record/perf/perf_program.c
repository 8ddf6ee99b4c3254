/*
 * Probes with programs (probe_program.h) instead of perf's samples. A program belongs to its tracefs event: it runs at each
 * hit in the processes for whose threads that event is open, before perf looks for the thread's own events. So one event,
 * for the main thread, stands for all threads, and costs them nothing when they are switched; new threads need nothing. What
 * the programs write goes through one event per CPU into the ring of that CPU, in order with the switches. Those events
 * stay open for as long as the session, because the map of the programs holds them; enabling and disabling is theirs.
 *
 * When the main thread alone exits (no Go program's does, but a C program's may that has Go in it), the probes go with it: what
 * the others do from then on is told as lost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "perf/bpf.h"
#include "perf/perf_session_impl.h"
#include "perf/probe_program.h"
#include "perf/tracefs.h"

void perf_program_init(struct perf_session *self)
{
    struct session_programs *programs = &self->programs;
    programs->rings = programs->scratch = programs->failures = -1;
    for (unsigned i = 0; i < SAMPLE_PROBES_MAX; i++)
        programs->program[i] = programs->event[i] = -1;
    error_set(&programs->missing, ERR_UNSUPPORTED, "not wanted");
}

/* A thread that has exited keeps no probe in the process (only a C program's main thread does so before the others). */
static bool main_thread_lives(pid_t pid)
{
    char path[64], *text;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)pid);
    if (tracefs_read(path, 4096, &text, NULL) < 0)
        return false;
    const char *end = strrchr(text, ')');
    bool lives = end && end[1] == ' ' && end[2] != 'Z' && end[2] != 'X';
    free(text);
    return lives;
}

static int open_output(struct perf_session *self, struct session_ring *ring, struct error *err)
{
    struct perf_event_attr attr;
    perf_attr_program_output(&attr, &self->features);
    int rc = perf_open(&attr, -1, (int)ring->cpu, &ring->output_fd, err);
    if (rc != 0)
        return rc;
    if (ioctl(ring->output_fd, PERF_EVENT_IOC_ID, &ring->output_id) != 0 ||
        ioctl(ring->output_fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) != 0)
        return error_sys(err, "cannot send what programs write on CPU %u into its ring", ring->cpu);
    if (map_put(&self->decoder.events, ring->output_id, SAMPLE_PROGRAM_EVENT) != 0)
        return error_set(err, ERR_NOMEM, "out of memory");
    return bpf_events_map_put(self->programs.rings, ring->cpu, ring->output_fd, err);
}

static void close_outputs(struct perf_session *self)
{
    for (unsigned i = 0; i < self->ring_count; i++) {
        struct session_ring *ring = &self->rings[i];
        if (ring->output_fd < 0)
            continue;
        map_delete(&self->decoder.events, ring->output_id);
        close(ring->output_fd);
        ring->output_fd = -1;
    }
}

static int make_program(const struct program_input *input, unsigned *values_out, int *fd_out, struct error *err)
{
    struct buf code;
    buf_init(&code);
    int rc = probe_program_make(input, &code, values_out, err);
    if (rc == 0)
        rc = bpf_load_probe(code.data, code.size, fd_out, err);
    buf_release(&code);
    return rc;
}

/* Does the kernel take them at all, and with atomic exchange? Before Linux 5.12 there is none, and none is needed: programs
 * at probes ran without preemption. */
static int try_program(struct session_programs *programs, struct error *err)
{
    static const char *const names[] = {"v", NULL};
    static const unsigned elements[] = {1, 0};
    struct program_input input = {.fetch = "v=%ip:x64",
                                  .values = names,
                                  .elements = elements,
                                  .frames = 2,
                                  .rings = programs->rings,
                                  .scratch = programs->scratch,
                                  .failures = programs->failures,
                                  .cpus = programs->cpus,
                                  .has_exchange = true};
    unsigned values;
    int fd, rc = make_program(&input, &values, &fd, err);
    programs->has_exchange = rc == 0;
    if (rc != 0) {
        input.has_exchange = false;
        rc = make_program(&input, &values, &fd, err);
    }
    if (rc == 0)
        close(fd);
    return rc;
}

/* "6.1.0-50-amd64", and where a distribution keeps the last number out of there, "#1 SMP Debian 6.1.192-1". */
static bool kernel_version(unsigned *major, unsigned *minor, unsigned *patch)
{
    struct utsname host;
    char wanted[24];
    *patch = 0;
    if (uname(&host) != 0 || sscanf(host.release, "%u.%u.%u", major, minor, patch) < 2)
        return false;
    snprintf(wanted, sizeof wanted, " %u.%u.", *major, *minor);
    const char *found = strstr(host.version, wanted);
    if (*patch == 0 && found)
        *patch = (unsigned)strtoul(found + strlen(wanted), NULL, 10);
    return true;
}

/*
 * Kernels on which programs at probes are neither dangerous nor skipped without a word.
 *
 * From 6.0 to 6.4 a thread that loses the CPU within bpf_perf_event_output() leaves the kernel's buffer to another, which may
 * crash it ("bpf: Disable preemption in bpf_perf_event_output", 6.5 and 6.1.43; a kernel without preemption is safe, but
 * that is not to be seen from here). From 5.11 to 5.19 a program is skipped when its CPU is amid a bpf(2) call of somebody
 * who lost it there (bpf_prog_active in trace_call_bpf(), kernel/trace/bpf_trace.c). Before, both were without preemption,
 * but in kernels for real time. Since 6.0 nothing is skipped.
 */
static int check_kernel(struct error *err)
{
    unsigned major = 0, minor = 0, patch = 0;
    if (!kernel_version(&major, &minor, &patch))
        return error_set(err, ERR_UNSUPPORTED, "the version of the kernel is not known");
    bool is_5_10 = major == 5 && minor == 10 && access("/sys/kernel/realtime", F_OK) != 0;
    bool is_6_1 = major == 6 && minor == 1 && patch >= 43;
    if (is_5_10 || is_6_1 || major > 6 || (major == 6 && minor >= 5))
        return 0;
    return error_set(err, ERR_UNSUPPORTED,
                     "Linux %u.%u.%u is not one of those where programs at probes are safe: 5.10, 6.1.43 and later, 6.5 and later",
                     major, minor, patch);
}

static int prepare(struct perf_session *self, struct error *err)
{
    struct session_programs *programs = &self->programs;
    unsigned cpus = 0;
    int rc;
#if !defined(__x86_64__)
    return error_set(err, ERR_UNSUPPORTED, "not on this architecture");
#endif
    if (!main_thread_lives(self->pid))
        return error_set(err, ERR_GONE, "the main thread of process %d has exited", (int)self->pid);
    for (unsigned i = 0; i < self->ring_count; i++)
        cpus = self->rings[i].cpu >= cpus ? self->rings[i].cpu + 1 : cpus;
    programs->cpus = cpus;
    rc = check_kernel(err);
    if (rc == 0)
        rc = bpf_events_map(cpus, &programs->rings, err);
    if (rc == 0)
        rc = bpf_counter_map(cpus, &programs->failures, &programs->failed, err);
    if (rc == 0)
        rc = bpf_cpu_map(PROGRAM_SCRATCH_SIZE, &programs->scratch, err);
    if (rc == 0)
        rc = try_program(programs, err);
    for (unsigned i = 0; i < self->ring_count && rc == 0; i++)
        rc = open_output(self, &self->rings[i], err);
    return rc;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_maps(struct session_programs *programs)
{
    if (programs->failed)
        munmap((void *)(uintptr_t)programs->failed, 8 * (size_t)programs->cpus); /* NOLINT: it is const for us */
    programs->failed = NULL;
    close_fd(&programs->failures);
    close_fd(&programs->rings);
    close_fd(&programs->scratch);
}

int perf_program_prepare(struct perf_session *self, struct error *err)
{
    struct session_programs *programs = &self->programs;
    (void)err;
    error_clear(&programs->missing);
    if (prepare(self, &programs->missing) == 0) {
        error_clear(&programs->missing); /* something may have failed on the way */
        return 0;
    }
    close_outputs(self);
    close_maps(programs);
    return 0;
}

int perf_session_load_program(struct perf_session *self, const struct sample_probe *probe, const char *fetch,
                              uint64_t file_offset, struct error *err)
{
    struct session_programs *programs = &self->programs;
    unsigned index = self->decoder.probe_count;
    struct sample_layout layout = {.call_chain = probe->call_chain, .has_program = true};
    if (programs->rings < 0)
        return error_set(err, ERR_UNSUPPORTED, "%s", programs->missing.message);
    if (index == SAMPLE_PROBES_MAX)
        return error_set(err, ERR_NOMEM, "more than %d probes", SAMPLE_PROBES_MAX);
    struct program_input input = {.fetch = fetch,
                                  .values = probe->values,
                                  .elements = probe->elements,
                                  .probe = index,
                                  .file_offset = file_offset,
                                  .frames = probe->call_chain ? PROGRAM_FRAMES_MAX : 0,
                                  .rings = programs->rings,
                                  .scratch = programs->scratch,
                                  .failures = programs->failures,
                                  .cpus = programs->cpus,
                                  .has_exchange = programs->has_exchange};
    int rc = make_program(&input, &layout.program_values, &programs->program[index], err);
    if (rc == 0)
        self->decoder.probes[index] = layout;
    return rc;
}

unsigned perf_session_program_count(const struct perf_session *self)
{
    unsigned count = 0;
    for (unsigned i = 0; i < self->decoder.probe_count; i++)
        count += perf_program_has(self, i);
    return count;
}

const char *perf_session_programs_missing(const struct perf_session *self)
{
    return self->programs.missing.message;
}

static int open_probe(struct perf_session *self, unsigned probe, struct error *err)
{
    struct session_programs *programs = &self->programs;
    struct perf_event_attr attr;
    perf_attr_program_probe(&attr, self->probe_ids[probe]);
    int rc = perf_open(&attr, self->pid, -1, &programs->event[probe], err);
    if (rc != 0)
        return rc;
    if (ioctl(programs->event[probe], PERF_EVENT_IOC_SET_BPF, programs->program[probe]) != 0)
        return error_sys(err, "cannot attach the program of probe %s", self->probe_names[probe]);
    return 0;
}

int perf_program_open(struct perf_session *self, struct error *err)
{
    int rc = 0;
    if (self->programs.is_open || self->programs.rings < 0)
        return 0;
    for (unsigned i = 0; i < self->decoder.probe_count && rc == 0; i++) {
        if (perf_program_has(self, i) && !self->is_left_out[i] && self->programs.event[i] < 0)
            rc = open_probe(self, i, err);
    }
    self->programs.is_open = rc == 0;
    return rc;
}

static void count_failed(const struct session_programs *programs, struct session_ring *ring)
{
    uint64_t now = __atomic_load_n(&programs->failed[ring->cpu], __ATOMIC_RELAXED);
    ring->failed_untold += now - ring->failed_before;
    ring->failed_before = now;
}

int perf_program_switch(struct perf_session *self, unsigned long request, const char *word, struct error *err)
{
    bool enables = request == PERF_EVENT_IOC_ENABLE;
    int rc = 0;
    for (unsigned i = 0; i < self->ring_count; i++) {
        struct session_ring *ring = &self->rings[i];
        if (ring->output_fd < 0)
            continue;
        /* What programs cannot write into a disabled event is not wanted. */
        if (!enables)
            count_failed(&self->programs, ring);
        if (ioctl(ring->output_fd, request, 0) != 0 && rc == 0)
            rc = error_sys(err, "cannot %s what programs write into", word);
        if (enables)
            ring->failed_before = __atomic_load_n(&self->programs.failed[ring->cpu], __ATOMIC_RELAXED);
    }
    return rc;
}

static uint64_t lost_so_far(const struct session_ring *ring)
{
    uint64_t values[2]; /* value, lost */
    bool known = ring->output_fd >= 0 && read(ring->output_fd, values, sizeof values) == sizeof values;
    return known ? values[1] : 0;
}

/*
 * An event of a CPU that went offline is dead when the CPU comes back. A new one needs CAP_PERFMON, and the right to change
 * a map (since 5.19 for everybody who has its descriptor): without them the losses go on, and are told.
 */
static void open_again(struct perf_session *self, struct session_ring *ring)
{
    struct session_ring fresh = *ring;
    fresh.output_fd = -1;
    if (open_output(self, &fresh, NULL) != 0 || ioctl(fresh.output_fd, PERF_EVENT_IOC_ENABLE, 0) != 0) {
        close_fd(&fresh.output_fd);
        ring->is_given_up = true;
        return;
    }
    ring->output_lost_before -= self->features.format_lost ? lost_so_far(ring) : 0;
    map_delete(&self->decoder.events, ring->output_id);
    close(ring->output_fd);
    ring->output_fd = fresh.output_fd;
    ring->output_id = fresh.output_id;
}

uint64_t perf_program_failed(struct perf_session *self, unsigned index)
{
    struct session_ring *ring = &self->rings[index];
    if (ring->output_fd < 0)
        return 0;
    if (self->enabled)
        count_failed(&self->programs, ring);
    uint64_t failed = ring->failed_untold;
    ring->failed_untold = 0;
    if (failed && self->enabled && !ring->is_given_up)
        open_again(self, ring);
    return failed;
}

unsigned perf_program_descriptors(const struct perf_session *self)
{
    const struct session_programs *programs = &self->programs;
    unsigned count = programs->rings >= 0 ? self->ring_count + 3 : 0;
    for (unsigned i = 0; i < self->decoder.probe_count; i++)
        count += (programs->program[i] >= 0) + (programs->event[i] >= 0);
    return count;
}

/* Threads that are being killed with the first one may run for a while. */
#define LAST_RUN_NS 1000000000u

void perf_program_watch(struct perf_session *self, const struct record *record)
{
    struct session_programs *programs = &self->programs;
    if (record->kind == RECORD_EXIT && record->tid == (uint32_t)self->pid && programs->is_open)
        programs->orphan_ns = record->time_ns;
    else if (record->kind == RECORD_SWITCH_IN && programs->orphan_ns && record->time_ns > programs->orphan_ns + LAST_RUN_NS)
        programs->is_blind = true;
}

uint64_t perf_program_lost(const struct perf_session *self, unsigned ring)
{
    return lost_so_far(&self->rings[ring]) - self->rings[ring].output_lost_before;
}

void perf_program_close(struct perf_session *self)
{
    for (unsigned i = 0; i < self->decoder.probe_count; i++)
        close_fd(&self->programs.event[i]);
    for (unsigned i = 0; i < self->ring_count && self->features.format_lost; i++)
        self->rings[i].output_lost_before = lost_so_far(&self->rings[i]);
    self->programs.is_open = false;
    self->programs.orphan_ns = 0;
}

/* The programs go when the last hit that ran one is long over: the kernel's own care for that had gaps before 6.13 ("bpf: Fix
 * UAF via mismatching bpf_prog/attachment RCU flavors"). */
void perf_program_release(struct perf_session *self)
{
    const struct timespec pause = {.tv_nsec = 30000000};
    bool was_open = false;
    for (unsigned i = 0; i < SAMPLE_PROBES_MAX; i++) {
        was_open |= self->programs.program[i] >= 0;
        close_fd(&self->programs.event[i]);
    }
    if (was_open)
        nanosleep(&pause, NULL);
    for (unsigned i = 0; i < SAMPLE_PROBES_MAX; i++)
        close_fd(&self->programs.program[i]);
    close_outputs(self);
    close_maps(&self->programs);
}
