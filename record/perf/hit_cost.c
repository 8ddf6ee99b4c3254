/* See hit_cost.h. */
#include "perf/hit_cost.h"

#include <inttypes.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "perf/perf_open.h"
#include "perf/perf_ring.h"
#include "perf/perf_session.h"

#define SITE_NAME  "calibrate"
#define HITS       200 /* a batch */
#define HAND_OVERS 100 /* a batch */
#define BATCHES    7
#define DEPTHS     24           /* of the deeper call chain, beyond those of the lesser */
#define WALK_BYTES (32u << 10)  /* as large as a first-level cache */
#define RING_BYTES (512u << 10) /* a batch with call chains fits */
#define IDLE_EVENTS 12
#define SESSION_RING_BYTES (256u << 10) /* of each CPU */

/*
 * What is not measured each time, as multiples of a lean hit. Measured on Linux 6.18: single-stepping 16.5 us where a lean hit
 * took 0.9; where switches cannot be measured, two records of a pair with their piece of stack, and each open event 0.28 us.
 */
#define STEPPED_FACTOR 18.0
#define SWITCH_FACTOR  2.0
#define SCOPE_FACTOR   0.2
#define FLOOR_FACTOR   0.65
#define FRAME_FACTOR   0.06

struct hit_cost hit_cost_known(void)
{
    const double lean = 1000;
    return (struct hit_cost){.lean_ns = lean,
                             .floor_ns = FLOOR_FACTOR * lean,
                             .chain_ns = lean,
                             .frame_ns = FRAME_FACTOR * lean,
                             .stepped_ns = STEPPED_FACTOR * lean,
                             .switch_ns = SWITCH_FACTOR * lean,
                             .scope_ns = SCOPE_FACTOR * lean};
}

double hit_cost_of_chain(const struct hit_cost *self, unsigned frames)
{
    double cost = self->chain_ns + self->frame_ns * ((double)frames - HIT_COST_FRAMES);
    return cost > 0 ? cost : 0;
}

#if defined(__x86_64__)

/* Twins: the second one is never probed. */
void hit_cost_site(void);
void hit_cost_bare(void);
__asm__(".text\n"
        ".p2align 4\n"
        ".globl hit_cost_site\n"
        ".hidden hit_cost_site\n"
        ".type hit_cost_site, @function\n"
        "hit_cost_site:\n"
        "  push %rbp\n"
        "  mov %rsp, %rbp\n"
        "  pop %rbp\n"
        "  ret\n"
        ".size hit_cost_site, . - hit_cost_site\n"
        ".p2align 4\n"
        ".globl hit_cost_bare\n"
        ".hidden hit_cost_bare\n"
        ".type hit_cost_bare, @function\n"
        "hit_cost_bare:\n"
        "  push %rbp\n"
        "  mov %rsp, %rbp\n"
        "  pop %rbp\n"
        "  ret\n"
        ".size hit_cost_bare, . - hit_cost_bare\n");

#define TYPICAL_FETCH "v0=%ax:u64 v1=%bx:u64 v2=+0(%sp):u64 v3=+8(%sp):u64 v4=+16(%sp):u32"

/* ---- the children ---- */

struct request {
    unsigned frames; /* at least so many on the stack; 0: hand-overs instead of hits */
};

static const volatile uint8_t walked[WALK_BYTES] = {1};

static void walk(void)
{
    for (unsigned i = 0; i < WALK_BYTES; i += 64)
        (void)walked[i];
}

void hit_cost_calls(unsigned count, bool probed)
{
    void (*site)(void) = probed ? hit_cost_site : hit_cost_bare;
    for (unsigned i = 0; i < count; i++) {
        site();
        walk();
    }
}

/* The frames of a call chain. Not a tail call: the result is used after the call. */
__attribute__((noinline)) static uint64_t run_batch(unsigned frames)
{
    uint64_t taken;
    if (frames > 1) {
        taken = run_batch(frames - 1);
        __asm__ volatile("" : "+r"(taken));
        return taken;
    }
    uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    hit_cost_calls(HITS, true);
    return clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
}

/* Sends back each byte. */
static void echo_main(int in, int out)
{
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1)
        ;
    _exit(0);
}

/* CPU time of both sides. */
static uint64_t run_hand_overs(int to, int from, clockid_t other)
{
    char byte = 0;
    uint64_t start = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + clock_ns(other);
    for (unsigned i = 0; i < HAND_OVERS; i++) {
        if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
            return 0;
    }
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) + clock_ns(other) - start;
}

/* Stays on one CPU together with the process that it starts, so that a hand-over is a switch. */
static void child_main(int in, int out)
{
    struct request request;
    int to[2], from[2];
    cpu_set_t here;
    clockid_t other;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu() % CPU_SETSIZE, &here);
    sched_setaffinity(0, sizeof here, &here);
    if (pipe(to) != 0 || pipe(from) != 0)
        _exit(1);
    pid_t echo = fork();
    if (echo == 0) {
        close(to[1]);
        close(from[0]);
        echo_main(to[0], from[1]);
    }
    if (echo < 0 || clock_getcpuclockid(echo, &other) != 0)
        _exit(1);
    while (read(in, &request, sizeof request) == sizeof request) {
        uint64_t taken =
            request.frames ? run_batch(request.frames) : run_hand_overs(to[1], from[0], other);
        if (write(out, &taken, sizeof taken) != sizeof taken)
            break;
    }
    close(to[1]);
    kill(echo, SIGKILL);
    waitpid(echo, NULL, 0);
    _exit(0);
}

struct child {
    pid_t pid;
    int to, from;
};

static int child_start(struct child *self, struct error *err)
{
    int in[2], out[2];
    if (pipe(in) != 0)
        return error_sys(err, "cannot make a pipe");
    if (pipe(out) != 0) {
        close(in[0]);
        close(in[1]);
        return error_sys(err, "cannot make a pipe");
    }
    self->pid = fork();
    if (self->pid == 0) {
        close(in[1]);
        close(out[0]);
        child_main(in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    self->to = in[1];
    self->from = out[0];
    if (self->pid < 0) {
        close(self->to);
        close(self->from);
        return error_sys(err, "cannot start a process to measure with");
    }
    return 0;
}

/* It ends when its input does, and takes the other with it. */
static void child_end(struct child *self)
{
    close(self->to);
    close(self->from);
    waitpid(self->pid, NULL, 0);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* ---- the probe ---- */

/* Where the site lies in our own file. */
static int find_offset(uint64_t *out, struct error *err)
{
    uint64_t address = (uint64_t)(uintptr_t)hit_cost_site, from, to, offset;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    bool found = false;
    if (!maps)
        return error_sys(err, "cannot read /proc/self/maps");
    while (!found && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &from, &to, &offset) == 3)
            found = from <= address && address < to;
    }
    fclose(maps);
    if (!found)
        return error_set(err, ERR_NOT_FOUND, "/proc/self/maps does not show our own code");
    *out = address - from + offset;
    return 0;
}

/* ---- measuring ---- */

/* Events of the child: all write into the ring of the first, and are closed together, as closing the last one of a kind makes the
 * kernel wait. */
struct bench {
    struct child child;
    struct perf_ring ring;
    int fds[IDLE_EVENTS + 4];
    unsigned count;
    struct perf_session *session; /* NULL, or it is emptied with the ring; borrowed */
    unsigned frames; /* of the last sample with a call chain */
};

/* Medians of a call, in ns: bare, with a lean probe, with one that is disabled, with call chains of two depths. */
struct hit_costs {
    double bare, lean, floor, near, deep;
    unsigned near_frames;
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

/* Median time of a hit or of a hand-over to and fro. */
static int measure(struct bench *self, unsigned frames, double *out, struct error *err)
{
    uint64_t taken[BATCHES];
    struct request request = {frames};
    for (unsigned i = 0; i < BATCHES; i++) {
        if (write(self->child.to, &request, sizeof request) != sizeof request ||
            read(self->child.from, &taken[i], sizeof taken[i]) != sizeof taken[i])
            return error_set(err, ERR_GONE, "the process to measure with is gone");
        if (self->ring.map)
            empty_ring(self);
        uint64_t unused;
        int rc = self->session ? perf_session_drain(self->session, note_chain, self, &unused, err) : 0;
        if (rc != 0)
            return rc;
    }
    qsort(taken, BATCHES, sizeof *taken, by_value);
    *out = (double)taken[BATCHES / 2] / (frames ? HITS : HAND_OVERS);
    return 0;
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

/* Adds an event that is enabled only while this is measured. */
static int measure_probe(struct bench *self, uint64_t event_id, bool call_chain, unsigned frames, double *out,
                         struct error *err)
{
    const struct perf_features features = {0};
    struct perf_event_attr attr;
    unsigned index = self->count;
    perf_attr_probe(&attr, &features, event_id, call_chain);
    int rc = add_event(self, &attr, err);
    if (rc == 0)
        rc = switch_on(self, index, true, err);
    if (rc == 0)
        rc = measure(self, frames, out, err);
    return rc == 0 ? switch_on(self, index, false, err) : rc;
}

static int measure_samples(struct bench *self, uint64_t event_id, struct hit_costs *out, struct error *err)
{
    int rc = measure(self, 1, &out->bare, err);
    if (rc == 0)
        rc = measure_probe(self, event_id, false, 1, &out->lean, err);
    if (rc == 0)
        rc = measure(self, 1, &out->floor, err);
    if (rc == 0)
        rc = measure_probe(self, event_id, true, 1, &out->near, err);
    out->near_frames = self->frames;
    if (rc == 0)
        rc = measure_probe(self, event_id, true, 1 + DEPTHS, &out->deep, err);
    return rc;
}

static int price_hits(const struct hit_costs *costs, unsigned deep_frames, struct hit_cost *out, struct error *err)
{
    double lean = costs->lean - costs->bare, floor = costs->floor - costs->bare;
    if (lean <= 0 || lean > 1e6)
        return error_set(err, ERR_UNSUPPORTED, "a probe of our own was not hit");
    out->lean_ns = lean;
    out->floor_ns = floor > 0 && floor < lean ? floor : FLOOR_FACTOR * lean;
    out->stepped_ns = STEPPED_FACTOR * lean;
    out->frame_ns = costs->deep > costs->near && deep_frames > costs->near_frames
                        ? (costs->deep - costs->near) / (deep_frames - costs->near_frames)
                        : 0;
    double chain = costs->near > costs->lean ? costs->near - costs->lean : 0;
    out->chain_ns = chain + out->frame_ns * (HIT_COST_FRAMES - (double)costs->near_frames);
    if (out->chain_ns < 0)
        out->chain_ns = 0;
    return 0;
}

static int measure_switches(struct bench *self, uint64_t event_id, uint64_t switch_id, struct hit_cost *out,
                            struct error *err)
{
    const struct perf_features features = {0};
    struct perf_event_attr attr;
    double bare = 0, recorded = 0, scoped = 0;
    unsigned index = self->count;
    int rc = measure(self, 0, &bare, err);
    perf_attr_thread(&attr, &features, switch_id);
    if (rc == 0)
        rc = add_event(self, &attr, err);
    if (rc == 0)
        rc = switch_on(self, index, true, err);
    if (rc == 0)
        rc = measure(self, 0, &recorded, err);
    for (unsigned i = 0; rc == 0 && i < IDLE_EVENTS; i++) {
        if (event_id)
            perf_attr_probe(&attr, &features, event_id, false);
        else /* no probe has an event: those of threads alone are left */
            perf_attr_thread(&attr, &features, 0);
        index = self->count;
        rc = add_event(self, &attr, err);
        if (rc == 0)
            rc = switch_on(self, index, true, err);
    }
    if (rc == 0)
        rc = measure(self, 0, &scoped, err);
    if (rc != 0)
        return rc;
    out->switch_ns = recorded > bare ? recorded - bare : 0;
    out->scope_ns = scoped > recorded ? (scoped - recorded) / IDLE_EVENTS : 0;
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
    int rc = find_offset(&offset, err);
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
static int open_session(const struct bench *self, const struct hit_cost_input *in, bool call_chain, struct perf_session **out,
                        struct error *err)
{
    int rc = hit_cost_session(in, self->child.pid, call_chain, SESSION_RING_BYTES, out, err);
    return rc == 0 ? perf_session_enable(*out, err) : rc;
}

/* The second session is opened before the first one is closed: the last one makes the kernel wait. */
static int measure_programs(struct bench *self, const struct hit_cost_input *in, struct hit_costs *out, struct error *err)
{
    struct perf_session *plain = NULL, *walking = NULL;
    int rc = measure(self, 1, &out->bare, err);
    if (rc == 0)
        rc = open_session(self, in, false, &plain, err);
    self->session = plain;
    if (rc == 0)
        rc = measure(self, 1, &out->lean, err);
    if (rc == 0)
        rc = perf_session_disable(plain, err);
    if (rc == 0)
        rc = measure(self, 1, &out->floor, err);
    if (rc == 0)
        rc = open_session(self, in, true, &walking, err);
    perf_session_free(plain);
    self->session = walking;
    if (rc == 0)
        rc = measure(self, 1, &out->near, err);
    out->near_frames = self->frames;
    if (rc == 0)
        rc = measure(self, 1 + DEPTHS, &out->deep, err);
    self->session = NULL;
    perf_session_free(walking);
    return rc;
}

int hit_cost_measure(const struct hit_cost_input *in, struct hit_cost *out, struct error *err)
{
    struct bench bench = {.count = 0};
    struct hit_cost found = {.is_measured = true};
    struct hit_costs costs = {0};
    uint64_t offset = 0, event_id = 0;
    char *format = NULL;
    int rc = find_offset(&offset, err);
    if (rc == 0 && !in->has_link)
        rc = uprobe_define(in->group, SITE_NAME, "/proc/self/exe", offset, in->programs ? "" : TYPICAL_FETCH, err);
    if (rc == 0 && !in->has_link)
        rc = uprobe_read_format(in->group, SITE_NAME, &format, &event_id, err);
    free(format);
    if (rc == 0)
        rc = child_start(&bench.child, err);
    if (rc != 0)
        return rc;
    rc = in->programs ? measure_programs(&bench, in, &costs, err) : measure_samples(&bench, event_id, &costs, err);
    if (rc == 0)
        rc = price_hits(&costs, bench.frames, &found, err);
    if (rc == 0 && in->switch_id)
        rc = measure_switches(&bench, event_id, in->switch_id, &found, err);
    child_end(&bench.child);
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

#else

int hit_cost_session(const struct hit_cost_input *in, pid_t pid, bool call_chain, uint64_t ring_bytes,
                     struct perf_session **out, struct error *err)
{
    (void)in;
    (void)pid;
    (void)call_chain;
    (void)ring_bytes;
    (void)out;
    return error_set(err, ERR_UNSUPPORTED, "not measured on this architecture");
}

int hit_cost_event(const struct uprobe_group *group, uint64_t *event_id_out, struct error *err)
{
    (void)group;
    (void)event_id_out;
    return error_set(err, ERR_UNSUPPORTED, "not measured on this architecture");
}

void hit_cost_calls(unsigned count, bool probed)
{
    (void)count;
    (void)probed;
}

int hit_cost_measure(const struct hit_cost_input *in, struct hit_cost *out, struct error *err)
{
    (void)in;
    (void)out;
    return error_set(err, ERR_UNSUPPORTED, "not measured on this architecture");
}

#endif
