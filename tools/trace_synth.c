/*
 * Writes a plausible trace of any length from a seed: a Go server in steady work, seen by a scheduler model.
 * Goroutines are created, run, wait on channels, selects, locks and sockets, wake each other and end; threads
 * go on and off their CPU. Every park is ended legally. Constant memory. For tests of size and speed, and of
 * memory limits.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/opt.h"
#include "format/trace_writer.h"

#define CPUS_MAX      256
#define LIVE_MAX      4096
#define CHANNELS      512
#define SITES         400
#define TENANTS       20
#define BATCH_NS      100000000u /* rings are drained ten times a second */
#define REASON_RECV   14
#define REASON_SEND   15
#define REASON_SELECT 9
#define REASON_NET    2
#define REASON_LOCK   20

#define REASON_STW_MARK  1
#define REASON_STW_SWEEP 2

enum state { FREE, RUNNABLE, RUNNING, WAITING };

struct goroutine {
    enum state state;
    uint64_t goid, g;
    uint32_t behaviour; /* chooses its wait sites and channels */
    bool on_net;
    uint64_t since; /* its last event: nothing may happen to it before */
};

struct cpu {
    uint64_t now;
    uint32_t tid;
    int running; /* index of a goroutine, -1: idle */
    bool idle;   /* its thread is off the CPU */
    struct event *events;
    uint32_t count, capacity;
};

struct synth {
    uint64_t random, events, wanted, next_goid, parked;
    unsigned cpu_count;
    struct cpu cpus[CPUS_MAX];
    struct goroutine live[LIVE_MAX];
    int queue[LIVE_MAX]; /* runnable goroutines, a ring */
    unsigned queue_head, queue_count;
    int waiting[LIVE_MAX];
    unsigned waiting_count, live_count;
    struct trace_writer *writer;
    uint32_t epoch; /* of the ids below */
    uint32_t stacks[SITES], locations[SITES], objects[CHANNELS], sets[CHANNELS], labels[TENANTS], idle_name;
    uint32_t gc_step; /* what the collector does next */
    bool failed;
};

/* splitmix64 */
static uint64_t next_random(struct synth *self)
{
    uint64_t x = self->random += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint32_t below(struct synth *self, uint32_t limit)
{
    return (uint32_t)(next_random(self) >> 32) % limit;
}

/* Durations are spread over decades, as real ones are. */
static uint64_t duration(struct synth *self, double median_ns)
{
    double u = 0;
    for (int i = 0; i < 6; i++)
        u += (double)below(self, 1u << 20) / (1u << 20);
    return (uint64_t)(median_ns * exp((u - 3) * 1.4)) + 1;
}

/* ---- definitions ---- */

static uint32_t text(struct synth *self, const char *format, unsigned n)
{
    char buffer[128];
    int length = snprintf(buffer, sizeof buffer, format, n);
    return trace_writer_string(self->writer, buffer, (size_t)length);
}

static uint32_t location(struct synth *self, unsigned n)
{
    struct def_frame frames[2] = {
        {text(self, "example.com/shop/internal/orders.(*Service).step%u", n),
         text(self, "/src/orders/file%u.go", n / 20), 10 + n * 7 % 900},
        {text(self, "example.com/shop/internal/orders.caller%u", n / 3),
         text(self, "/src/orders/file%u.go", n / 20), 20 + n * 11 % 900},
    };
    struct def_location l = {.pc = 0x4a0000 + n * 211u, .frame_count = n % 5 == 0 ? 2 : 1, .frames = frames};
    return trace_writer_location(self->writer, &l);
}

/* Of the objects, every fourth is a mutex, the others are channels. */
static bool is_mutex(unsigned object)
{
    return object % 4 == 3;
}

static unsigned mutex_near(unsigned object)
{
    return object | 3;
}

static unsigned channel_near(unsigned object)
{
    return is_mutex(object) ? object - 1 : object;
}

static void define_all(struct synth *self)
{
    if (self->epoch == trace_writer_epoch(self->writer))
        return;
    self->epoch = trace_writer_epoch(self->writer);
    for (unsigned i = 0; i < SITES; i++)
        self->locations[i] = location(self, i);
    for (unsigned i = 0; i < SITES; i++) {
        uint32_t chain[24];
        struct def_stack stack = {.depth = 6 + i % 18, .locations = chain};
        for (unsigned j = 0; j < stack.depth; j++)
            chain[j] = self->locations[(i * 31 + j * j) % SITES];
        self->stacks[i] = trace_writer_stack(self->writer, &stack);
    }
    for (unsigned i = 0; i < CHANNELS; i++) {
        struct def_object object = {.kind = is_mutex(i) ? OBJECT_MUTEX : OBJECT_CHAN,
                                    .flags = is_mutex(i) ? 0 : OBJECT_CAPACITY,
                                    .addr = 0xc000100000u + i * 96u,
                                    .generation = 1,
                                    .type = is_mutex(i) ? 0 : text(self, "main.Job%u", i % 30),
                                    .capacity = is_mutex(i) ? 0 : i % 8 * 16};
        self->objects[i] = trace_writer_object(self->writer, &object);
    }
    for (unsigned i = 0; i < CHANNELS; i++) {
        struct def_case cases[3];
        struct def_set set = {.case_count = 2 + i % 2, .cases = cases};
        for (unsigned j = 0; j < set.case_count; j++)
            cases[j] = (struct def_case){self->objects[channel_near((i * 7 + j * 4) % CHANNELS)],
                                         j ? SELECT_RECV : SELECT_SEND};
        self->sets[i] = trace_writer_set(self->writer, &set);
    }
    for (unsigned i = 0; i < TENANTS; i++)
        self->labels[i] = text(self, "{\"tenant_id\":\"tenant-%u\"}", i);
    self->idle_name = text(self, "swapper/%u", 0);
}

/* ---- events ---- */

static struct event *put(struct synth *self, struct cpu *cpu, unsigned type)
{
    static struct event dropped;
    if (cpu->count == cpu->capacity) {
        uint32_t capacity = cpu->capacity ? 2 * cpu->capacity : 1024;
        struct event *events = realloc(cpu->events, capacity * sizeof *events);
        if (!events) {
            self->failed = true;
            return &dropped;
        }
        cpu->events = events;
        cpu->capacity = capacity;
    }
    struct event *e = &cpu->events[cpu->count++];
    *e = (struct event){
        .time_ns = cpu->now, .tid = cpu->tid, .type = (uint16_t)type, .cpu = (uint16_t)(cpu - self->cpus)};
    self->events++;
    return e;
}

static void wait_for(struct cpu *cpu, const struct goroutine *g)
{
    if (cpu->now <= g->since)
        cpu->now = g->since + 1;
}

static void make_runnable(struct synth *self, int index, uint64_t now)
{
    self->live[index].state = RUNNABLE;
    self->live[index].since = now;
    self->queue[(self->queue_head + self->queue_count++) % LIVE_MAX] = index;
}

static void create(struct synth *self, struct cpu *cpu, const struct goroutine *creator)
{
    int index = 0;
    while (self->live[index].state != FREE)
        index++;
    struct goroutine *g = &self->live[index];
    wait_for(cpu, g); /* the goroutine that had this place before has ended by then */
    *g = (struct goroutine){.goid = self->next_goid++,
                            .g = 0xc000400000u + (uint64_t)index * 0x1c0,
                            .behaviour = below(self, 97)};
    self->live_count++;
    cpu->now += duration(self, 400);
    struct event *e = put(self, cpu, EV_CREATE);
    e->f[CREATE_GOID] = g->goid;
    e->f[CREATE_G] = g->g;
    e->f[CREATE_CREATOR] = creator ? creator->goid : 0;
    e->f[CREATE_STATUS] = GO_STATUS_RUNNABLE;
    e->f[CREATE_START] = self->locations[g->behaviour];
    e->f[CREATE_STACK] = self->stacks[g->behaviour * 3 % SITES];
    make_runnable(self, index, cpu->now);
    e = put(self, cpu, EV_LABELS);
    e->f[LABELS_GOID] = g->goid;
    e->f[LABELS_LABELS] = self->labels[g->behaviour % TENANTS];
}

static void park(struct synth *self, struct cpu *cpu, int index)
{
    struct goroutine *g = &self->live[index];
    uint32_t site = (g->behaviour * 4 + below(self, 10) % 3) % SITES;
    uint32_t channel = (g->behaviour * 5 + below(self, 20) % 4) % CHANNELS;
    unsigned reason =
        (unsigned[]){REASON_RECV, REASON_SEND, REASON_SELECT, REASON_NET, REASON_LOCK}[site % 5];
    cpu->now += duration(self, 800);
    if (reason == REASON_SELECT) {
        struct event *s = put(self, cpu, EV_SELECT);
        s->f[SELECT_GOID] = g->goid;
        s->f[SELECT_SET] = self->sets[channel];
        cpu->now += 900 + below(self, 300);
    }
    struct event *e = put(self, cpu, EV_PARK);
    e->f[PARK_GOID] = g->goid;
    e->f[PARK_G] = g->g;
    e->f[PARK_REASON] = reason;
    e->f[PARK_OBJECT] =
        reason == REASON_SELECT || reason == REASON_NET
            ? 0
            : self->objects[reason == REASON_LOCK ? mutex_near(channel) : channel_near(channel)];
    e->f[PARK_STACK] = self->stacks[site];
    g->on_net = reason == REASON_NET;
    g->state = WAITING;
    g->since = cpu->now;
    self->waiting[self->waiting_count++] = index;
    cpu->running = -1;
}

static void wake_one(struct synth *self, struct cpu *cpu, const struct goroutine *waker)
{
    if (self->waiting_count == 0)
        return;
    /* Who waits longest is among the first. */
    unsigned place = below(self, self->waiting_count < 16 ? self->waiting_count : 16);
    int index = self->waiting[place];
    const struct goroutine *g = &self->live[index];
    memmove(self->waiting + place, self->waiting + place + 1,
            (--self->waiting_count - place) * sizeof *self->waiting);
    wait_for(cpu, g);
    cpu->now += duration(self, 600);
    if (g->on_net) {
        struct event *e = put(self, cpu, EV_NET);
        e->f[NET_POLLDESC] = 0x7f1200000000u + g->behaviour * 256;
        e->f[NET_MODE] = NET_MODE_READ;
        e->f[NET_READ_G] = g->g;
    } else {
        struct event *e = put(self, cpu, EV_READY);
        e->f[READY_GOID] = g->goid;
        e->f[READY_WAKER] = waker ? waker->goid : 0;
        e->f[READY_STACK] = waker ? self->stacks[waker->behaviour * 4 % SITES + 1] : 0;
    }
    make_runnable(self, index, cpu->now);
}

static void thread_off(struct synth *self, struct cpu *cpu, enum thread_activity activity, uint32_t stack,
                       uint64_t syscall)
{
    cpu->now += duration(self, 1500);
    struct event *e = put(self, cpu, EV_THREAD_OFF);
    e->f[THREAD_OFF_STATE] = THREAD_STATE_SLEEP;
    e->f[THREAD_OFF_NEXT_NAME] = self->idle_name;
    e->f[THREAD_OFF_ACTIVITY] = activity;
    e->f[THREAD_OFF_STACK] = stack;
    e->f[THREAD_OFF_SYSCALL] = syscall;
}

static void switch_out(struct synth *self, struct cpu *cpu)
{
    thread_off(self, cpu, ACTIVITY_IDLE, self->stacks[0], 0);
    cpu->idle = true;
}

static void call_kernel(struct synth *self, struct cpu *cpu, const struct goroutine *g)
{
    thread_off(self, cpu, ACTIVITY_SYSCALL, self->stacks[g->behaviour * 2 % SITES], 1 + g->behaviour % 3);
    cpu->now += duration(self, 20000);
    put(self, cpu, EV_THREAD_IN);
}

/* The world stops for the collector: the two stops of a cycle in turn. */
static void stop_world(struct synth *self, struct cpu *cpu, const struct goroutine *g)
{
    cpu->now += 60000;
    struct event *e = put(self, cpu, EV_STW);
    e->f[STW_GOID] = g->goid;
    e->f[STW_PHASE] = STW_PHASE_END;
    e->f[STW_REASON] = self->gc_step++ % 2 ? REASON_STW_MARK : REASON_STW_SWEEP;
    e->f[STW_BEGIN] = cpu->now - 50000;
    e->f[STW_STOPPED] = cpu->now - 20000;
}

static void dispatch(struct synth *self, struct cpu *cpu)
{
    if (self->queue_count == 0) {
        if (!cpu->idle)
            switch_out(self, cpu);
        cpu->now += duration(self, 30000);
        if (self->waiting_count) {
            put(self, cpu, EV_THREAD_IN);
            cpu->idle = false;
            wake_one(self, cpu, NULL);
        }
        return;
    }
    if (cpu->idle) {
        put(self, cpu, EV_THREAD_IN);
        cpu->idle = false;
    }
    int index = self->queue[self->queue_head];
    self->queue_head = (self->queue_head + 1) % LIVE_MAX;
    self->queue_count--;
    struct goroutine *g = &self->live[index];
    g->state = RUNNING;
    cpu->running = index;
    wait_for(cpu, g);
    cpu->now += duration(self, 500);
    struct event *e = put(self, cpu, EV_EXEC);
    e->f[EXEC_GOID] = g->goid;
    e->f[EXEC_G] = g->g;
    e->f[EXEC_P] = (uint64_t)(cpu - self->cpus);
}

/* One turn of the running goroutine. */
static void work(struct synth *self, struct cpu *cpu)
{
    int index = cpu->running;
    struct goroutine *g = &self->live[index];
    cpu->now += duration(self, 4000);
    for (uint32_t n = below(self, 3); n > 0; n--)
        wake_one(self, cpu, g);
    if (below(self, 1000) < 50)
        call_kernel(self, cpu, g);
    if (below(self, 10000) < 2)
        stop_world(self, cpu, g);
    uint32_t dice = below(self, 100);
    if (dice < 4 && self->live_count < LIVE_MAX - CPUS_MAX)
        create(self, cpu, g);
    dice = below(self, 100);
    cpu->now += duration(self, 3000);
    if (dice < 4 && self->live_count > 64) {
        put(self, cpu, EV_END)->f[END_GOID] = g->goid;
        g->state = FREE;
        g->since = cpu->now;
        self->live_count--;
        cpu->running = -1;
    } else if (dice < 6) {
        struct event *e = put(self, cpu, EV_SCHED);
        e->f[SCHED_GOID] = g->goid;
        e->f[SCHED_PREEMPTED] = PREEMPTED_YES;
        e->f[SCHED_STACK] = self->stacks[g->behaviour];
        cpu->running = -1;
        make_runnable(self, index, cpu->now);
    } else {
        park(self, cpu, index);
    }
}

/* The CPU that is behind acts next, so that effects never come before their causes. */
static struct cpu *earliest(struct synth *self)
{
    struct cpu *best = &self->cpus[0];
    for (unsigned i = 1; i < self->cpu_count; i++) {
        if (self->cpus[i].now < best->now)
            best = &self->cpus[i];
    }
    return best;
}

static void move_on(struct synth *self, struct cpu *cpu)
{
    if (cpu->running >= 0)
        work(self, cpu);
    else
        dispatch(self, cpu);
}

/* Hands what the rings hold to the writer, as a recorder does. */
static int drain(struct synth *self, struct error *err)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < self->cpu_count; i++) {
        struct cpu *cpu = &self->cpus[i];
        trace_writer_section(self->writer, (uint16_t)i);
        for (uint32_t j = 0; j < cpu->count; j++)
            trace_writer_event(self->writer, &cpu->events[j]);
        cpu->count = 0;
        least = cpu->now < least ? cpu->now : least;
    }
    trace_writer_watermark(self->writer, least);
    if (!trace_writer_is_full(self->writer))
        return 0;
    int rc = trace_writer_flush(self->writer, err);
    define_all(self);
    return rc;
}

static int put_meta(struct synth *self, struct error *err)
{
    static const struct {
        const char *key, *value;
    } facts[] = {
        {"trace.recorder", "trace_synth"},
        {"go.version", "go1.22.12"},
        {"go.wait_reason.2", "IO wait"},
        {"go.wait_reason.9", "select"},
        {"go.wait_reason.14", "chan receive"},
        {"go.wait_reason.15", "chan send"},
        {"go.wait_reason.20", "sync.Mutex.Lock"},
        {"process.name", "synth"},
        {"record.start_ns", "1000000000"},
        {"record.detail", "all"},
        {"go.stw_reason.1", "GC mark termination"},
        {"go.stw_reason.2", "GC sweep termination"},
    };
    struct trace_meta meta;
    trace_meta_init(&meta);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof facts / sizeof *facts; i++)
        rc = trace_meta_set(&meta, facts[i].key, facts[i].value, err);
    if (rc == 0)
        rc = trace_writer_meta(self->writer, &meta, err);
    trace_meta_release(&meta);
    return rc;
}

/* Goroutines that run once and then wait for the rest of the recording, as those of idle connections do. */
static int park_for_good(struct synth *self, struct error *err)
{
    struct cpu *cpu = &self->cpus[0];
    int rc = 0;
    for (uint64_t i = 0; rc == 0 && !self->failed && i < self->parked; i++) {
        uint64_t goid = self->next_goid++, g = 0xc100000000u + i * 0x1c0;
        cpu->now += duration(self, 400);
        struct event *e = put(self, cpu, EV_CREATE);
        e->f[CREATE_GOID] = goid;
        e->f[CREATE_G] = g;
        e->f[CREATE_STATUS] = GO_STATUS_RUNNABLE;
        e->f[CREATE_START] = self->locations[0];
        e->f[CREATE_STACK] = self->stacks[3];
        cpu->now += duration(self, 500);
        e = put(self, cpu, EV_EXEC);
        e->f[EXEC_GOID] = goid;
        e->f[EXEC_G] = g;
        cpu->now += duration(self, 800);
        e = put(self, cpu, EV_PARK);
        e->f[PARK_GOID] = goid;
        e->f[PARK_G] = g;
        e->f[PARK_REASON] = REASON_NET;
        e->f[PARK_STACK] = self->stacks[i % 4];
        for (unsigned j = 1; j < self->cpu_count; j++)
            self->cpus[j].now = cpu->now + j * 1000;
        if (i % 8192 == 8191)
            rc = drain(self, err);
    }
    return rc;
}

static int run(struct synth *self, struct error *err)
{
    int rc = put_meta(self, err);
    define_all(self);
    for (unsigned i = 0; i < self->cpu_count; i++)
        self->cpus[i] = (struct cpu){.now = 1000000000u + i * 1000, .tid = 4000 + i * 3, .running = -1};
    if (rc == 0)
        rc = park_for_good(self, err);
    for (unsigned i = 0; i < 64 + 8 * self->cpu_count; i++)
        create(self, &self->cpus[0], NULL);
    uint64_t next = self->cpus[0].now + BATCH_NS;
    while (rc == 0 && !self->failed && self->events < self->wanted) {
        struct cpu *cpu = earliest(self);
        if (cpu->now > next) {
            rc = drain(self, err);
            next += BATCH_NS;
        }
        move_on(self, cpu);
    }
    if (rc == 0)
        rc = drain(self, err);
    if (rc == 0 && self->failed)
        rc = error_set(err, ERR_NOMEM, "out of memory");
    return rc == 0 ? trace_writer_end(self->writer, NULL, err) : rc;
}

static int write_bytes(void *context, const void *data, size_t size, struct error *err)
{
    return fwrite(data, 1, size, context) == size ? 0 : error_sys(err, "cannot write");
}

static void no_clock(void *context, struct chunk_clocks *out)
{
    (void)context;
    *out = (struct chunk_clocks){0};
}

int main(int argc, char **argv)
{
    int64_t events = 1000000, seed = 1, cpus = 4, parked = 0, level = 3;
    const char *output = NULL;
    bool help = false;
    const struct opt table[] = {
        {0, "events", OPT_INT, &events, "N", "how many events (1000000)"},
        {0, "seed", OPT_INT, &seed, "S", "another seed, another trace (1)"},
        {0, "cpus", OPT_INT, &cpus, "K", "CPUs, one ring each (4)"},
        {0, "parked", OPT_INT, &parked, "N", "so many goroutines that wait from the beginning to the end, three events each (0)"},
        {'z', "level", OPT_INT, &level, "N", "zstd level (3)"},
        {'o', "output", OPT_STRING, &output, "FILE", "the trace to write"},
        {'h', "help", OPT_FLAG, &help, NULL, "show this"},
        {0},
    };
    struct error err = {0};
    int operands;
    if (opt_parse(table, argc, argv, false, &operands, &err) != 0 || operands || (!output && !help) ||
        cpus < 1 || cpus > CPUS_MAX || events < 1 || parked < 0) {
        fprintf(stderr, "trace_synth: %s\n",
                err.code ? err.message : "usage: trace_synth [options] -o FILE (see --help)");
        return 2;
    }
    if (help) {
        printf("usage: trace_synth [options] -o FILE\n\n");
        opt_print_help(table, stdout);
        return 0;
    }
    struct synth *self = calloc(1, sizeof *self);
    FILE *file = fopen(output, "wb");
    int rc = file && self ? 0 : error_sys(&err, "cannot create %s", output);
    if (rc == 0) {
        const struct trace_writer_options options = {.zstd_level = (int)level,
                                                     .trace_id = "trace_synth     ",
                                                     .sink = write_bytes,
                                                     .clock = no_clock,
                                                     .context = file};
        *self = (struct synth){.random = (uint64_t)seed,
                               .wanted = (uint64_t)events,
                               .cpu_count = (unsigned)cpus,
                               .parked = (uint64_t)parked,
                               .next_goid = 1};
        self->writer = trace_writer_new(&options, &err);
        rc = self->writer ? run(self, &err) : err.code;
    }
    if (rc == 0) {
        const struct trace_writer_stats *s = trace_writer_stats(self->writer);
        printf("%" PRIu64 " events, %" PRIu64 " bytes, %.2f bytes an event\n", s->events, s->stored_bytes,
               (double)s->stored_bytes / (double)s->events);
        trace_writer_free(self->writer);
    }
    for (unsigned i = 0; self && i < CPUS_MAX; i++)
        free(self->cpus[i].events);
    free(self);
    if (file && fclose(file) != 0 && rc == 0)
        rc = error_sys(&err, "cannot write %s", output);
    if (rc != 0)
        fprintf(stderr, "trace_synth: %s\n", err.message);
    return rc == 0 ? 0 : 1;
}
