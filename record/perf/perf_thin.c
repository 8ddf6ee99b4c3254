/*
 * Recording less, and nothing for a while: which events a thread is given, and closing all of them. An event that is only
 * disabled leaves its breakpoints in the target, at the kernel's own price for every hit; what is closed costs nothing.
 *
 * Closing the last event of a probe that the kernel knows of would wait for two or three grace periods of RCU under a lock of
 * the whole tracing subsystem (perf_trace_event_unreg() in kernel/trace/trace_event_perf.c of Linux 6.18; near 0.1 s a probe).
 * An anchor keeps it from being the last; breakpoints go all the same, as they belong to the memory of an event's process
 * (uprobe_perf_close() in kernel/trace/trace_uprobe.c). Probes of a link need none: they go within some ms, and one wait, of
 * about 50 ms, is for all of them.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf/perf_session_impl.h"

void perf_session_set_probe_enabled(struct perf_session *self, unsigned probe, bool is_enabled)
{
    if (probe < SAMPLE_PROBES_MAX)
        self->is_left_out[probe] = !is_enabled;
}

void perf_session_set_switches_enabled(struct perf_session *self, bool is_enabled)
{
    self->no_switches = !is_enabled;
}

static int open_anchor(struct perf_session *self, uint64_t event_id, pid_t pid, struct error *err)
{
    const struct perf_features plain = {0};
    struct perf_event_attr attr;
    perf_attr_probe(&attr, &plain, event_id, false);
    attr.inherit = 0;
    int rc = perf_open(&attr, pid, -1, &self->anchors[self->anchor_count], err);
    self->anchor_count += rc == 0;
    return rc;
}

/* A process that lives until we close our end of the pipe. The kernel puts breakpoints into the memory of an event's
 * process alone: once it has ended it has none. */
static pid_t start_bystander(int *lifeline)
{
    int ends[2];
    char unused;
    if (pipe(ends) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        while (read(ends[0], &unused, 1) > 0)
            ;
        _exit(0);
    }
    close(ends[0]);
    *lifeline = ends[1];
    if (pid < 0)
        close(ends[1]);
    return pid;
}

int perf_session_anchor(struct perf_session *self, struct error *err)
{
    int lifeline = -1, rc = 0;
    pid_t pid = start_bystander(&lifeline);
    if (pid < 0)
        return error_sys(err, "cannot start a process");
    if (self->switch_id)
        rc = open_anchor(self, self->switch_id, pid, err);
    for (unsigned i = 0; rc == 0 && i < self->decoder.probe_count; i++)
        rc = perf_session_has_link(self) && perf_program_has(self, i) ? 0 : open_anchor(self, self->probe_ids[i], pid, err);
    close(lifeline);
    waitpid(pid, NULL, 0);
    return rc;
}

static int by_index(const void *a, const void *b)
{
    const struct session_descriptor *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

void perf_session_close_events(struct perf_session *self)
{
    /* Probe by probe: a breakpoint goes with the last event of its probe. */
    qsort(self->descriptors, self->descriptor_count, sizeof *self->descriptors, by_index);
    for (size_t i = 0; i < self->descriptor_count; i++)
        close(self->descriptors[i].fd);
    self->descriptor_count = 0;
    perf_program_close(self);
    self->thread_count = 0;
    self->is_open = false;
    if (self->cpu_wide) { /* threads that come and go meanwhile are not told */
        cpu_scope_release(&self->scope);
        cpu_scope_init(&self->scope);
    }
    self->exits.count = self->old_exits.count = 0;
    map_reset(&self->decoder.events);
    for (unsigned i = 0; i < self->ring_count; i++) {
        map_reset(&self->rings[i].owners);
        self->rings[i].lost_told = 0;
    }
}
