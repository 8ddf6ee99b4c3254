/*
 * Recording less, and nothing for a while: which events a thread is given, and closing all of them. An event that is only
 * disabled leaves its breakpoints in the target, at the kernel's own price for every hit; what is closed costs nothing.
 */
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

void perf_session_close_events(struct perf_session *self)
{
    for (size_t i = 0; i < self->descriptor_count; i++)
        close(self->descriptors[i].fd);
    self->descriptor_count = 0;
    self->thread_count = 0;
    self->stats.descriptors = self->ring_count;
    self->exits.count = self->old_exits.count = 0;
    map_reset(&self->decoder.events);
    for (unsigned i = 0; i < self->ring_count; i++) {
        map_reset(&self->rings[i].owners);
        self->rings[i].lost_told = 0;
    }
}
