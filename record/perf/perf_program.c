/*
 * Probes with programs (probe_program.h) instead of perf's samples. They are attached by one link (perf_link.h), or where the
 * kernel has none, by tracefs events: a program then runs at each hit in the processes for whose threads its event is open,
 * before perf looks for the thread's own events. So one event, for the main thread, stands for all threads. Either way threads pay
 * nothing when they are switched, and new ones need nothing. What the programs write goes into a ring of our own for each CPU
 * (program_ring.h), which the reader merges with perf's. Enabling and disabling is a word in it.
 *
 * When the main thread alone exits (no Go program's does, but a C program's may that has Go in it), its events go with it: what
 * the others do from then on is told as lost. A link stays.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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
    programs->control = programs->data = programs->scratch = -1;
    for (unsigned i = 0; i < SAMPLE_PROBES_MAX; i++)
        programs->program[i] = programs->event[i] = -1;
    perf_link_init(&programs->link);
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

static int make_program(const struct program_input *input, bool for_link, unsigned *values_out, int *fd_out,
                        struct error *err)
{
    struct program_input in = *input;
    struct buf code;
    buf_init(&code);
    /* Programs of one kind alone share a table. The program keeps it. */
    int rc = bpf_program_table(1, &in.empty, err);
    if (rc != 0)
        return rc;
    rc = probe_program_make(&in, &code, values_out, err);
    if (rc == 0)
        rc = bpf_load_probe(code.data, code.size, for_link, fd_out, err);
    buf_release(&code);
    close(in.empty);
    return rc;
}

static struct program_input input_of(const struct perf_session *self)
{
    const struct session_programs *programs = &self->programs;
    return (struct program_input){.pid = (uint32_t)self->pid,
                                  .namespace_device = programs->namespace_device,
                                  .namespace_inode = programs->namespace_inode,
                                  .geometry = programs->geometry,
                                  .cpus = programs->cpus,
                                  .control = programs->control,
                                  .data = programs->data,
                                  .scratch = programs->scratch};
}

/* Does the kernel take them at all? */
static int try_program(const struct perf_session *self, struct error *err)
{
    static const char *const names[] = {"v", NULL};
    static const unsigned elements[] = {1, 0};
    struct program_input input = input_of(self);
    unsigned values;
    int fd;
    input.fetch = "v=%ip:x64";
    input.values = names;
    input.elements = elements;
    input.frames = 2;
    int rc = make_program(&input, false, &values, &fd, err);
    if (rc == 0)
        close(fd);
    return rc;
}

/*
 * Kernels on which no program at a probe is skipped without a word. From 5.11 to 5.19 one is when its CPU is amid a bpf(2)
 * call of somebody who lost it there (bpf_prog_active in trace_call_bpf(), kernel/trace/bpf_trace.c); before, there is no
 * atomic exchange. (Nothing here asks for bpf_perf_event_output(), in which a thread that loses the CPU may crash kernels from
 * 6.0 to 6.4: "bpf: Disable preemption in bpf_perf_event_output".)
 */
static int check_kernel(struct error *err)
{
    struct utsname host;
    unsigned major = 0, minor = 0;
    if (uname(&host) != 0 || sscanf(host.release, "%u.%u", &major, &minor) != 2)
        return error_set(err, ERR_UNSUPPORTED, "the version of the kernel is not known");
    if (major >= 6)
        return 0;
    return error_set(err, ERR_UNSUPPORTED, "Linux %u.%u is older than 6.0, where programs at probes began to miss no hit", major, minor);
}

/* In a pid namespace of our own the kernel's numbers are not ours. It translates for threads of the same namespace only. */
static int find_namespace(struct perf_session *self, struct error *err)
{
    char path[64];
    struct stat own, target;
    if (!self->is_nested)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)self->pid);
    if (stat("/proc/self/ns/pid", &own) != 0 || stat(path, &target) != 0)
        return error_sys(err, "cannot tell the pid namespace of process %d", (int)self->pid);
    if (own.st_ino != target.st_ino)
        return error_set(err, ERR_UNSUPPORTED, "process %d is in a pid namespace within ours", (int)self->pid);
    /* As the kernel has it: 12 bits, 20 bits. */
    self->programs.namespace_device = (uint64_t)major(own.st_dev) << 20 | minor(own.st_dev);
    self->programs.namespace_inode = own.st_ino;
    return 0;
}

static int make_rings(struct perf_session *self, struct error *err)
{
    struct session_programs *programs = &self->programs;
    void *control, *data;
    unsigned cpus = 0;
    for (unsigned i = 0; i < self->ring_count; i++)
        cpus = self->rings[i].cpu >= cpus ? self->rings[i].cpu + 1 : cpus;
    programs->geometry = program_geometry_of(self->ring_bytes);
    programs->cpus = cpus;
    uint64_t slices = program_geometry_slices(&programs->geometry), stride = program_geometry_stride(&programs->geometry);
    int rc = bpf_shared_map((unsigned)(cpus * sizeof *programs->controls), 1, &programs->control, &control, err);
    if (rc != 0)
        return rc;
    programs->controls = control;
    rc = bpf_shared_map((unsigned)(stride / slices), (unsigned)(cpus * slices), &programs->data, &data, err);
    if (rc != 0)
        return rc;
    programs->memory = data;
    for (unsigned i = 0; i < self->ring_count; i++) {
        struct session_ring *ring = &self->rings[i];
        program_ring_attach(&ring->program, programs->controls + ring->cpu, programs->memory + stride * ring->cpu,
                            &programs->geometry);
    }
    return 0;
}

static int prepare(struct perf_session *self, struct error *err)
{
    struct session_programs *programs = &self->programs;
#if !defined(__x86_64__)
    return error_set(err, ERR_UNSUPPORTED, "not on this architecture");
#endif
    if (!main_thread_lives(self->pid))
        return error_set(err, ERR_GONE, "the main thread of process %d has exited", (int)self->pid);
    int rc = check_kernel(err);
    if (rc == 0)
        rc = find_namespace(self, err);
    if (rc == 0)
        rc = make_rings(self, err);
    if (rc == 0)
        rc = bpf_cpu_map(PROGRAM_SCRATCH_SIZE, &programs->scratch, err);
    if (rc == 0)
        rc = try_program(self, err);
    if (rc == 0 && !self->no_link)
        perf_link_open(&programs->link, self->pid, NULL); /* otherwise it is done by events */
    return rc;
}

static void close_maps(struct perf_session *self)
{
    struct session_programs *programs = &self->programs;
    for (unsigned i = 0; i < self->ring_count; i++)
        self->rings[i].program.control = NULL;
    if (programs->controls)
        munmap(programs->controls, programs->cpus * sizeof *programs->controls);
    if (programs->memory)
        munmap(programs->memory, programs->cpus * program_geometry_stride(&programs->geometry));
    programs->controls = NULL;
    programs->memory = NULL;
    bpf_close(&programs->control);
    bpf_close(&programs->data);
    bpf_close(&programs->scratch);
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
    close_maps(self);
    return 0;
}

int perf_session_load_program(struct perf_session *self, const struct sample_probe *probe, const char *fetch,
                              uint64_t file_offset, struct error *err)
{
    struct session_programs *programs = &self->programs;
    unsigned index = self->decoder.probe_count;
    struct sample_layout layout = {.call_chain = probe->call_chain, .has_program = true};
    if (programs->control < 0)
        return error_set(err, ERR_UNSUPPORTED, "%s", programs->missing.message);
    if (index == SAMPLE_PROBES_MAX)
        return error_set(err, ERR_NOMEM, "more than %d probes", SAMPLE_PROBES_MAX);
    struct program_input input = input_of(self);
    input.fetch = fetch;
    input.values = probe->values;
    input.elements = probe->elements;
    input.probe = index;
    input.file_offset = file_offset;
    input.frames = probe->call_chain ? PROGRAM_FRAMES_MAX : 0;
    bool has_link = perf_session_has_link(self);
    int rc = make_program(&input, has_link, &layout.program_values, &programs->program[index], err);
    if (rc == 0 && has_link)
        rc = perf_link_add(&programs->link, index, programs->program[index], file_offset, err);
    if (rc == 0)
        self->decoder.probes[index] = layout;
    else
        bpf_close(&programs->program[index]);
    return rc;
}

bool perf_session_has_link(const struct perf_session *self)
{
    return perf_link_is_open(&self->programs.link);
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
    if (self->programs.is_open || self->programs.control < 0)
        return 0;
    bool has_link = perf_session_has_link(self);
    int rc = has_link ? perf_link_attach(&self->programs.link, self->is_left_out, err) : 0;
    for (unsigned i = 0; i < self->decoder.probe_count && rc == 0 && !has_link; i++) {
        if (perf_program_has(self, i) && !self->is_left_out[i] && self->programs.event[i] < 0)
            rc = open_probe(self, i, err);
    }
    self->programs.is_open = rc == 0;
    return rc;
}

void perf_program_switch(struct perf_session *self, bool is_enabled)
{
    for (unsigned i = 0; i < self->ring_count; i++) {
        struct program_ring *ring = &self->rings[i].program;
        if (ring->control && is_enabled)
            program_ring_open(ring);
        else if (ring->control)
            program_ring_close(ring);
    }
}

unsigned perf_program_descriptors(const struct perf_session *self)
{
    const struct session_programs *programs = &self->programs;
    unsigned count = programs->control >= 0 ? 3 : 0;
    for (unsigned i = 0; i < self->decoder.probe_count; i++)
        count += (programs->program[i] >= 0) + (programs->event[i] >= 0);
    return count + perf_link_descriptors(&programs->link);
}

/* Threads that are being killed with the first one may run for a while. */
#define LAST_RUN_NS 1000000000u

void perf_program_watch(struct perf_session *self, const struct record *record)
{
    struct session_programs *programs = &self->programs;
    if (perf_session_has_link(self))
        return;
    if (record->kind == RECORD_EXIT && record->tid == (uint32_t)self->pid && programs->is_open)
        programs->orphan_ns = record->time_ns;
    else if (record->kind == RECORD_SWITCH_IN && programs->orphan_ns && record->time_ns > programs->orphan_ns + LAST_RUN_NS)
        programs->is_blind = true;
}

void perf_program_close(struct perf_session *self)
{
    perf_link_detach(&self->programs.link);
    for (unsigned i = 0; i < self->decoder.probe_count; i++)
        bpf_close(&self->programs.event[i]);
    self->programs.is_open = false;
    self->programs.orphan_ns = 0;
}

/* The programs go when the last hit that ran one is long over: for those of events the kernel's own care had gaps before 6.13
 * ("bpf: Fix UAF via mismatching bpf_prog/attachment RCU flavors"). */
void perf_program_release(struct perf_session *self)
{
    const struct timespec pause = {.tv_nsec = 30000000};
    bool was_open = false, has_link = perf_session_has_link(self);
    perf_link_detach(&self->programs.link);
    for (unsigned i = 0; i < SAMPLE_PROBES_MAX; i++) {
        was_open |= self->programs.program[i] >= 0 && !has_link;
        bpf_close(&self->programs.event[i]);
    }
    if (was_open)
        nanosleep(&pause, NULL);
    for (unsigned i = 0; i < SAMPLE_PROBES_MAX; i++)
        bpf_close(&self->programs.program[i]);
    perf_link_close(&self->programs.link);
    close_maps(self);
}
