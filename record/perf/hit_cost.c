/* See hit_cost.h. */
#include "perf/hit_cost.h"

#include <linux/perf_event.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "perf/hit_child.h"
#include "perf/hit_level.h"
#include "perf/hit_site.h"
#include "perf/perf_open.h"
#include "perf/perf_ring.h"
#include "perf/perf_session.h"

#define SITE_NAME "calibrate"
#define BATCHES   15
#define TYPICAL                                                                                              \
    (BATCHES / 4) /* of them in order: what neighbours and other threads of the host add is not the probe's */
#define DEPTHS             24           /* of the deeper call chain, beyond those of the lesser */
#define RING_BYTES         (512u << 10) /* a batch with call chains fits */
#define IDLE_EVENTS        12
#define SESSION_RING_BYTES (256u << 10) /* of each CPU */

#define TYPICAL_FETCH "v0=%ax:u64 v1=%bx:u64 v2=+0(%sp):u64 v3=+8(%sp):u64 v4=+16(%sp):u32"

/* ---- measuring ---- */

/* Events of the child: all write into the ring of the first, and are closed together, as closing the last one of a kind makes the
 * kernel wait. */
struct bench {
    struct hit_child child;
    struct perf_ring ring;
    int fds[IDLE_EVENTS + 4];
    unsigned count;
    struct perf_session *session; /* NULL, or it is emptied with the ring; borrowed */
    unsigned frames;              /* of the last sample with a call chain */
};

static int note_chain(void *context, unsigned ring, const struct record *record, struct error *err);

/* The number of a sample's frames; PERF_SAMPLE_IDENTIFIER, TID and TIME stand before it, a context marker is one of them. */
static void note_frames(struct bench *self, const void *bytes, size_t size)
{
    struct bytes in = bytes_of(bytes, size);
    const struct perf_event_header *header = bytes;
    bytes_skip(&in, sizeof *header + 24);
    uint64_t count = bytes_u64(&in);
    if (header->type == PERF_RECORD_SAMPLE && !in.bad && count > 0 && count <= PERF_MAX_STACK_DEPTH)
        self->frames = (unsigned)count - 1;
}

static void empty_ring(struct bench *self)
{
    uint64_t head = perf_ring_head(&self->ring);
    const void *bytes;
    size_t size;
    while (perf_ring_next(&self->ring, head, &bytes, &size) == 1)
        note_frames(self, bytes, size);
    perf_ring_commit(&self->ring);
}

static int empty_rings(struct bench *self, struct error *err)
{
    uint64_t unused;
    if (self->ring.map)
        empty_ring(self);
    return self->session ? perf_session_drain(self->session, note_chain, self, &unused, err) : 0;
}

/* Time of a hit, or of a hand-over to and fro. */
static int measure(struct bench *self, enum hit_child_task task, unsigned frames, double *out,
                   struct error *err)
{
    double taken[BATCHES];
    for (unsigned i = 0; i < BATCHES; i++) {
        int rc = hit_child_ask(&self->child, task, frames, &taken[i], err);
        if (rc == 0)
            rc = empty_rings(self, err);
        if (rc != 0)
            return rc;
    }
    *out = hit_level_in_order(taken, BATCHES, TYPICAL);
    return 0;
}

static int measure_hits(struct bench *self, unsigned frames, double *out, struct error *err)
{
    return measure(self, HIT_CHILD_CALLS, frames, out, err);
}

static int measure_cold(struct bench *self, double *out, struct error *err)
{
    int rc = hit_child_ask(&self->child, HIT_CHILD_COLD_CALLS, 1, out, err);
    return rc == 0 ? empty_rings(self, err) : rc;
}

static int add_event(struct bench *self, struct perf_event_attr *attr, struct error *err)
{
    int fd = -1;
    attr->inherit = 0;
    attr->inherit_thread = 0;
    attr->wakeup_watermark = RING_BYTES;
    int rc = perf_open(attr, self->child.pid, -1, &fd, err);
    if (rc != 0)
        return rc;
    self->fds[self->count++] = fd;
    if (self->count == 1)
        rc = perf_ring_open(&self->ring, fd, RING_BYTES, err);
    else if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, self->fds[0]) != 0)
        rc = error_sys(err, "cannot send the events to measure with into one ring");
    return rc;
}

static int switch_on(const struct bench *self, unsigned index, bool is_on, struct error *err)
{
    return ioctl(self->fds[index], is_on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) == 0
               ? 0
               : error_sys(err, "cannot switch the probe to measure with");
}

/* Adds an event for hits; it is disabled. */
static int add_probe(struct bench *self, uint64_t event_id, bool call_chain, unsigned *index,
                     struct error *err)
{
    const struct perf_features features = {0};
    struct perf_event_attr attr;
    *index = self->count;
    perf_attr_probe(&attr, &features, event_id, call_chain);
    return add_event(self, &attr, err);
}

/* While each hit has a call chain. */
static int measure_chains(struct bench *self, struct hit_times *out, struct error *err)
{
    int rc = measure_hits(self, 1, &out->near, err);
    out->near_frames = self->frames;
    if (rc == 0)
        rc = measure_cold(self, &out->cold_near, err);
    if (rc == 0)
        rc = measure_hits(self, 1 + DEPTHS, &out->deep, err);
    out->deep_frames = self->frames;
    return rc;
}

static int measure_samples(struct bench *self, uint64_t event_id, struct hit_times *out, struct error *err)
{
    unsigned lean = 0, chain = 0;
    int rc = measure_hits(self, 1, &out->bare, err);
    if (rc == 0)
        rc = measure_cold(self, &out->cold_bare, err);
    if (rc == 0)
        rc = add_probe(self, event_id, false, &lean, err);
    if (rc == 0)
        rc = switch_on(self, lean, true, err);
    if (rc == 0)
        rc = measure_hits(self, 1, &out->lean, err);
    if (rc == 0)
        rc = switch_on(self, lean, false, err);
    if (rc == 0)
        rc = measure_hits(self, 1, &out->floor, err);
    if (rc == 0)
        rc = add_probe(self, event_id, true, &chain, err);
    if (rc == 0)
        rc = switch_on(self, chain, true, err);
    if (rc == 0)
        rc = measure_chains(self, out, err);
    return rc == 0 ? switch_on(self, chain, false, err) : rc;
}

/* Hand-overs of the child, less those of its twin without events, in turn: the host may change its pace at any time. */
static int measure_hand_overs(struct bench *self, struct hit_child *twin, double *bare_out, double *out,
                              struct error *err)
{
    double bare[BATCHES], taken[BATCHES];
    for (unsigned i = 0; i < BATCHES; i++) {
        int rc = hit_child_ask(twin, HIT_CHILD_HAND_OVERS, 0, &bare[i], err);
        if (rc == 0)
            rc = hit_child_ask(&self->child, HIT_CHILD_HAND_OVERS, 0, &taken[i], err);
        if (rc == 0)
            rc = empty_rings(self, err);
        if (rc != 0)
            return rc;
    }
    *bare_out = hit_level_in_order(bare, BATCHES, TYPICAL);
    *out = hit_level_in_order(taken, BATCHES, TYPICAL);
    return 0;
}

static int add_thread_event(struct bench *self, uint64_t switch_id, struct error *err)
{
    const struct perf_features features = {0};
    struct perf_event_attr attr;
    perf_attr_thread(&attr, &features, switch_id);
    int rc = add_event(self, &attr, err);
    return rc == 0 ? switch_on(self, self->count - 1, true, err) : rc;
}

/* For probes with programs, which have none, events of threads. */
static int add_further(struct bench *self, uint64_t event_id, struct error *err)
{
    unsigned index = 0;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < IDLE_EVENTS; i++) {
        if (!event_id) {
            rc = add_thread_event(self, 0, err);
            continue;
        }
        rc = add_probe(self, event_id, false, &index, err);
        if (rc == 0)
            rc = switch_on(self, index, true, err);
    }
    return rc;
}

static int measure_switches(struct bench *self, uint64_t event_id, uint64_t switch_id, struct hit_price *out,
                            struct error *err)
{
    struct hit_switch_times times = {.further = IDLE_EVENTS};
    struct hit_child twin;
    double again = 0;
    int rc = hit_child_start(&twin, err);
    if (rc != 0)
        return rc;
    rc = add_thread_event(self, switch_id, err);
    if (rc == 0)
        rc = measure_hand_overs(self, &twin, &times.bare, &times.recorded, err);
    if (rc == 0)
        rc = add_further(self, event_id, err);
    if (rc == 0)
        rc = measure_hand_overs(self, &twin, &again, &times.scoped, err);
    hit_child_end(&twin);
    if (rc != 0)
        return rc;
    times.scoped += times.bare - again;
    hit_price_set_switches(out, &times);
    return 0;
}

/* ---- the same with programs ---- */

static int note_chain(void *context, unsigned ring, const struct record *record, struct error *err)
{
    struct bench *bench = context;
    (void)ring;
    (void)err;
    if (record->kind == RECORD_PROBE && record->chain)
        bench->frames = record->chain_length;
    return 0;
}

int hit_cost_session(const struct hit_cost_input *in, pid_t pid, bool call_chain, uint64_t ring_bytes,
                     struct perf_session **out, struct error *err)
{
    const struct perf_session_options options = {
        .ring_bytes = ring_bytes, .pid = pid, .programs = true, .no_link = !in->has_link};
    struct sample_probe probe = {
        .name = SITE_NAME, .values = {"v0", "v1", "v2", "v3", "v4"}, .call_chain = call_chain};
    struct perf_session *session = NULL;
    uint64_t offset = 0;
    int rc = hit_site_offset(&offset, err);
    if (rc == 0 && !in->has_link)
        rc = hit_cost_event(in->group, &probe.event_id, err);
    if (rc == 0)
        rc = perf_session_new(&options, in->tracefs, &session, err);
    if (rc == 0)
        rc = perf_session_load_program(session, &probe, TYPICAL_FETCH, offset, err);
    if (rc == 0 && in->has_link && !perf_session_has_link(session))
        rc = error_set(err, ERR_UNSUPPORTED, "no link of probes");
    if (rc == 0)
        rc = perf_session_add_probe(session, &probe, err);
    if (rc == 0)
        rc = perf_session_add_thread(session, pid, err);
    if (rc == 0)
        *out = session;
    else
        perf_session_free(session);
    return rc;
}

/* A session like that of the recording; it is enabled. */
static int open_session(const struct bench *self, const struct hit_cost_input *in, bool call_chain,
                        struct perf_session **out, struct error *err)
{
    int rc = hit_cost_session(in, self->child.pid, call_chain, SESSION_RING_BYTES, out, err);
    return rc == 0 ? perf_session_enable(*out, err) : rc;
}

/* The second session is opened before the first one is closed: the last one makes the kernel wait. */
static int measure_programs(struct bench *self, const struct hit_cost_input *in, struct hit_times *out,
                            struct error *err)
{
    struct perf_session *plain = NULL, *walking = NULL;
    int rc = measure_hits(self, 1, &out->bare, err);
    if (rc == 0)
        rc = measure_cold(self, &out->cold_bare, err);
    if (rc == 0)
        rc = open_session(self, in, false, &plain, err);
    self->session = plain;
    if (rc == 0)
        rc = measure_hits(self, 1, &out->lean, err);
    if (rc == 0)
        rc = perf_session_disable(plain, err);
    if (rc == 0)
        rc = measure_hits(self, 1, &out->floor, err);
    if (rc == 0)
        rc = open_session(self, in, true, &walking, err);
    perf_session_free(plain);
    self->session = walking;
    if (rc == 0)
        rc = measure_chains(self, out, err);
    self->session = NULL;
    perf_session_free(walking);
    return rc;
}

int hit_cost_measure(const struct hit_cost_input *in, struct hit_price *out, struct error *err)
{
    struct bench bench = {.count = 0};
    struct hit_price found = {.is_measured = false};
    struct hit_times times = {0};
    uint64_t offset = 0, event_id = 0;
    char *format = NULL;
    int rc = hit_site_offset(&offset, err);
    if (rc == 0 && !in->has_link)
        rc = uprobe_define(in->group, SITE_NAME, "/proc/self/exe", offset, in->programs ? "" : TYPICAL_FETCH,
                           err);
    if (rc == 0 && !in->has_link)
        rc = uprobe_read_format(in->group, SITE_NAME, &format, &event_id, err);
    free(format);
    if (rc == 0)
        rc = hit_child_start(&bench.child, err);
    if (rc != 0)
        return rc;
    rc = in->programs ? measure_programs(&bench, in, &times, err)
                      : measure_samples(&bench, event_id, &times, err);
    if (rc == 0)
        rc = hit_price_set(&found, &times, err);
    if (rc == 0 && in->switch_id)
        rc = measure_switches(&bench, event_id, in->switch_id, &found, err);
    hit_child_end(&bench.child);
    perf_ring_close(&bench.ring);
    for (unsigned i = 0; i < bench.count; i++)
        close(bench.fds[i]);
    if (rc == 0)
        *out = found;
    return rc;
}

int hit_cost_event(const struct uprobe_group *group, uint64_t *event_id_out, struct error *err)
{
    char *format = NULL;
    int rc = uprobe_read_format(group, SITE_NAME, &format, event_id_out, err);
    free(format);
    return rc;
}
