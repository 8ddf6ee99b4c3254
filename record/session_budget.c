#include "session_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perf/perf_open.h"
#include "privileges.h"

#define GAUGE_NS 500000000ull
/*
 * What a hit costs beyond what is measured on a process of our own: the target's own code finds its caches cold behind it. From the
 * CPU time a request of two equal HTTP services side by side, the one or the other recorded in turn.
 */
#define FIELD_FACTOR 1.05

#define PERCENT 100.0
#define PPM     1000000.0

/* ---- before the recording ---- */

static enum budget_class class_of(const struct probe_use *use)
{
    if (use->role != ROLE_RUNTIME)
        return BUDGET_CLASS_CORE;
    if (use->probe == PROBE_EXEC)
        return BUDGET_CLASS_RUNS;
    return probe_spec_get(use->probe)->detail == DETAIL_ALL ? BUDGET_CLASS_EXTRAS : BUDGET_CLASS_CORE;
}

static void price_probes(struct session *self)
{
    struct session_budget *b = &self->budget;
    bool may_drop[BUDGET_CLASS_COUNT] = {[BUDGET_CLASS_SWITCHES] = true};
    for (unsigned i = 0; i < self->probe_count; i++) {
        const struct probe_use *use = &self->uses[i];
        b->class[i] = (uint8_t)class_of(use);
        b->hit_ns[i] = self->is_stepped[i] ? b->cost.stepped_ns : b->cost.lean_ns;
        may_drop[b->class[i]] = true;
    }
    budget_init(&b->decide, &self->options->budget, may_drop);
    /* Events of a CPU are none of a thread's. */
    b->open_events = self->options->cpu_wide ? 0 : self->probe_count - perf_session_program_count(self->perf) + 1;
}

static int open_event(void *context, struct error *err)
{
    const struct session *self = context;
    struct perf_features features = {0};
    struct perf_event_attr attr;
    int fd;
    perf_attr_thread(&attr, &features, perf_session_switch_id(self->perf));
    int rc = perf_open(&attr, 0, -1, &fd, err);
    if (rc == 0)
        close(fd);
    return rc;
}

/*
 * Pauses close the events, and what is kept must do to open them again. With kernel.perf_event_paranoid above 2, which only
 * the kernels of Debian and Ubuntu know, and come with, CAP_PERFMON does not: they ask for CAP_SYS_ADMIN.
 */
static void may_open_again(struct session *self)
{
    struct session_budget *b = &self->budget;
    struct error why = {0};
    if (!b->may_thin || self->options->keep_root)
        return;
    bool has_right = privileges_have(PRIVILEGE_PERFMON);
    if (has_right && privileges_try(PRIVILEGE_BIT(PRIVILEGE_PERFMON), open_event, self, &why) == 0)
        return;
    b->may_thin = false;
    b->decide.limits.thin = 0;
    if (!has_right)
        session_say(self, self->hooks->warn,
                    "without CAP_PERFMON nothing can be thinned out: above the budget there will only be a warning");
    else
        session_say(self, self->hooks->warn,
                    "with CAP_PERFMON alone this kernel opens no perf events (kernel.perf_event_paranoid above 2?), and nothing can be "
                    "thinned out: above the budget there will only be a warning; --keep-root can");
}

void session_budget_prepare(struct session *self)
{
    struct session_budget *b = &self->budget;
    struct error why = {0};
    char tracefs[256];
    if (self->options->budget.is_off || !self->perf ||
        clock_getcpuclockid(self->target->pid, &b->clock) != 0)
        return;
    b->is_on = true;
    const struct hit_cost_input measured = {.group = self->group,
                                            .tracefs = tracefs,
                                            .switch_id = perf_session_switch_id(self->perf),
                                            .programs = perf_session_program_count(self->perf) > 0,
                                            .has_link = perf_session_has_link(self->perf)};
    if (tracefs_find(tracefs, sizeof tracefs, &why) != 0 || hit_cost_measure(&measured, &b->cost, &why) != 0) {
        b->cost = hit_price_known();
        session_say(self, self->hooks->verbose, "what a hit costs could not be measured (%s): taken as %.1f us",
                    why.message, b->cost.lean_ns / 1e3);
    } else {
        session_say(self, self->hooks->verbose,
                    "a hit costs %.2f us here, a call chain %.2f us and %.3f us a frame beyond %d, a switch to and fro %.2f us and "
                    "%.3f us an event; %.1f times as much with cold caches",
                    b->cost.lean_ns / 1e3, b->cost.chain_ns / 1e3, b->cost.frame_ns / 1e3, HIT_PRICE_FRAMES,
                    b->cost.switch_ns / 1e3, b->cost.scope_ns / 1e3, b->cost.cold);
    }
    b->scale = FIELD_FACTOR;
    b->gaps = calloc(perf_session_ring_count(self->perf), sizeof *b->gaps);
    b->ring_count = b->gaps ? perf_session_ring_count(self->perf) : 0;
    if (b->cost.is_measured && hit_gauge_open(&b->gauge, &measured, &why) != 0)
        session_say(self, self->hooks->verbose, "what a hit costs cannot be watched (%s)", why.message);
    price_probes(self);
    b->may_thin = self->options->budget.thin > 0;
    may_open_again(self);
    if (b->may_thin)
        perf_raise_descriptor_limit(); /* there may be more threads when the events are opened again */
}

uint64_t session_budget_rights(const struct session *self)
{
    return self->budget.may_thin ? PRIVILEGE_BIT(PRIVILEGE_PERFMON) : 0;
}

/* ---- counting ---- */

static uint64_t target_cpu_ns(const struct session *self)
{
    struct timespec now;
    if (clock_gettime(self->budget.clock, &now) != 0)
        return self->budget.since_cpu_ns;
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static uint64_t own_cpu_ns(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0
               ? (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec
               : 0;
}

/* Of all CPUs together; UINT64_MAX: not known. The fourth and fifth number of the first line of /proc/stat, in clock ticks. */
static uint64_t idle_ns(void)
{
    char text[256];
    uint64_t user, nice, system, idle, io;
    FILE *file = fopen("/proc/stat", "re");
    if (!file)
        return UINT64_MAX;
    bool known = fgets(text, sizeof text, file) &&
                 sscanf(text, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &user, &nice, &system, &idle, &io) == 5;
    long ticks = sysconf(_SC_CLK_TCK);
    fclose(file);
    return known && ticks > 0 ? (idle + io) * (SECOND_NS / (uint64_t)ticks) : UINT64_MAX;
}

static uint64_t since(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

/* Adds what has passed to the look, and counts on. */
static void count_stretch(struct session *self)
{
    struct session_budget *b = &self->budget;
    uint64_t now = session_now_ns(), cpu = target_cpu_ns(self), own = own_cpu_ns();
    *(b->is_paused ? &b->look.off_ns : &b->look.on_ns) += since(now, b->since_ns);
    *(b->is_paused ? &b->look.off_cpu_ns : &b->look.on_cpu_ns) += since(cpu, b->since_cpu_ns);
    b->cpu_ns += since(cpu, b->since_cpu_ns);
    b->own_ns += (double)since(own, b->since_own_ns);
    b->since_ns = now;
    b->since_cpu_ns = cpu;
    b->since_own_ns = own;
}

/* The trace tells that recording ends or begins at this time. */
static void end_told(struct session_budget *b, uint64_t now)
{
    *(b->is_paused ? &b->off_ns : &b->on_ns) += since(now, b->told_ns);
    b->told_ns = now;
}

/* Our own time is a cost as far as no CPU was idle meanwhile: otherwise nobody missed it. */
static void count_own(struct session_budget *b)
{
    uint64_t idle = idle_ns(), was_idle = since(idle, b->since_idle_ns);
    double taken = idle == UINT64_MAX || b->own_ns > (double)was_idle ? b->own_ns : 0;
    if (taken > 0 && idle != UINT64_MAX)
        taken -= (double)was_idle;
    b->look.own_ns = taken;
    if (b->own_ns > 0)
        b->look.own_edge_ns = b->own_edge_ns * taken / b->own_ns;
    b->look.edge_ns += b->look.own_edge_ns;
    b->taken_ns += taken;
    b->since_idle_ns = idle;
    b->own_ns = b->own_edge_ns = 0;
}

static struct budget_look end_look(struct session *self)
{
    struct session_budget *b = &self->budget;
    count_own(b);
    if (b->is_left_out[BUDGET_CLASS_SWITCHES])
        b->look.cost_ns[BUDGET_CLASS_CORE] += b->scope_rate * (double)b->look.on_ns;
    budget_look_bound(&b->look);
    for (unsigned i = 0; i < BUDGET_CLASS_COUNT; i++)
        b->total_cost_ns += b->look.cost_ns[i];
    struct budget_look look = b->look;
    b->look = (struct budget_look){0};
    b->look_hits = 0;
    return look;
}

static double scale_of(struct session_budget *b, unsigned ring, uint64_t now)
{
    if (ring >= b->ring_count)
        return b->scale;
    hit_gap_add(&b->gaps[ring], now);
    double factor = hit_price_factor(&b->cost, b->gaps[ring].mean_ns);
    b->factor_sum += factor;
    b->factor_count++;
    return b->scale * factor;
}

void session_budget_count(struct session *self, unsigned ring, const struct record *record)
{
    struct session_budget *b = &self->budget;
    if (!b->is_on)
        return;
    double *cost = b->look.cost_ns;
    if (record->kind == RECORD_PROBE) {
        b->hits++;
        b->look_hits++;
        double chain_ns = record->chain ? hit_price_of_chain(&b->cost, record->chain_length) : 0;
        cost[b->class[record->probe]] += scale_of(b, ring, record->time_ns) * (b->hit_ns[record->probe] + chain_ns);
    } else if (record->kind == RECORD_SWITCH_IN) {
        cost[BUDGET_CLASS_SWITCHES] += scale_of(b, ring, record->time_ns) * 0.5 * b->cost.switch_ns;
    } else if (record->kind == RECORD_SWITCH_OUT) {
        double scale = scale_of(b, ring, record->time_ns);
        cost[BUDGET_CLASS_SWITCHES] += scale * 0.5 * b->cost.switch_ns;
        cost[BUDGET_CLASS_CORE] += scale * b->cost.scope_ns * b->open_events;
    } else if (record->kind == RECORD_LOST) {
        b->hits += record->lost;
        b->look_hits += record->lost;
        cost[BUDGET_CLASS_CORE] += b->scale * b->cost.lean_ns * (double)record->lost;
    }
}

void session_budget_start(struct session *self)
{
    struct session_budget *b = &self->budget;
    if (!b->is_on)
        return;
    b->since_ns = b->told_ns = self->start.monotonic_ns;
    b->since_cpu_ns = target_cpu_ns(self);
    b->since_own_ns = b->own_start_ns = own_cpu_ns();
    b->since_idle_ns = idle_ns();
    b->until_ns = UINT64_MAX;
}

uint64_t session_budget_edge_begins(const struct session *self)
{
    return self->budget.is_on ? own_cpu_ns() : 0;
}

void session_budget_edge_ends(struct session *self, uint64_t begun)
{
    if (self->budget.is_on)
        self->budget.own_edge_ns += (double)since(own_cpu_ns(), begun);
}

uint64_t session_budget_wakes_ns(const struct session *self)
{
    return self->budget.is_on ? self->budget.until_ns : UINT64_MAX;
}

/* ---- telling ---- */

static void add_event(struct session *self, const struct event *event)
{
    trace_writer_section(self->writer, RING_RECORDER);
    self->ring_now = UINT32_MAX;
    trace_writer_event(self->writer, event);
}

static void say_step(struct session *self, const struct budget_decision *d)
{
    double share = d->share * PERCENT, limit = d->limit * PERCENT;
    switch (d->step) {
    case BUDGET_STEP_WARN:
        session_say(self, self->hooks->warn, "the recording costs about %.0f %% of the target's CPU time (budget: %.3g %%)",
                    share, limit);
        break;
    case BUDGET_STEP_DROP:
        session_say(self, self->hooks->warn, "the recording costs about %.0f %% of the target's CPU time, more than %.3g %%: "
                    "goes on without %s", share, limit, budget_class_name(d->class));
        break;
    case BUDGET_STEP_WINDOWS:
        session_say(self, self->hooks->warn, "the recording costs about %.0f %% of the target's CPU time, more than %.3g %%: "
                    "goes on in windows", share, limit);
        break;
    case BUDGET_STEP_FULL:
        session_say(self, self->hooks->warn, "the target does less: recorded all of the time again");
        break;
    case BUDGET_STEP_STOP:
        session_say(self, self->hooks->warn, "even short windows cost about %.0f %% of the target's CPU time, more than %.3g %%: "
                    "the recording stops", share, limit);
        break;
    case BUDGET_STEP_NONE:
        break;
    }
}

static void tell_step(struct session *self, const struct budget_decision *d, uint64_t now)
{
    struct event event = {.time_ns = now, .cpu = RING_RECORDER, .type = EV_BUDGET};
    event.f[BUDGET_STEP] = d->step;
    event.f[BUDGET_WHAT] = d->step == BUDGET_STEP_DROP ? (uint64_t)d->class : 0;
    event.f[BUDGET_SHARE] = (uint64_t)(d->share * PPM);
    event.f[BUDGET_LIMIT] = (uint64_t)(d->limit * PPM + 0.5);
    self->budget.steps++;
    add_event(self, &event);
    say_step(self, d);
}

/* ---- pausing ---- */

static void tell_pause(struct session *self, uint64_t now)
{
    struct event event = {.time_ns = now, .cpu = RING_RECORDER, .type = EV_PAUSE};
    event.f[PAUSE_REASON] = self->budget.reason;
    add_event(self, &event);
}

void session_budget_tell_pause(struct session *self, uint64_t now)
{
    if (self->budget.is_paused && self->budget.told_ns <= now)
        tell_pause(self, now);
}

static int begin_pause(struct session *self, unsigned reason, uint64_t length_ns, struct error *err)
{
    struct session_budget *b = &self->budget;
    int rc = session_edge_snapshot(self, err);
    if (rc != 0)
        return rc;
    uint64_t now = session_now_ns(), own = own_cpu_ns();
    b->reason = reason;
    event_builder_end(self->builder, now);
    tell_pause(self, now);
    rc = perf_session_disable(self->perf, err);
    /* Twice: what was in flight while the first round ran is older than the second. */
    if (rc == 0)
        rc = session_drain(self, err);
    if (rc == 0)
        rc = session_drain(self, err);
    perf_session_close_events(self->perf);
    session_budget_edge_ends(self, own);
    b->closing_ns = since(session_now_ns(), now);
    count_stretch(self);
    end_told(b, now);
    b->is_paused = true;
    b->until_ns = now + length_ns;
    b->windows++;
    return rc;
}

/* What is opened no more. */
static void leave_out(struct session *self, enum budget_class class, const struct budget_look *look)
{
    struct session_budget *b = &self->budget;
    b->is_left_out[class] = true;
    if (class == BUDGET_CLASS_SWITCHES) {
        perf_session_set_switches_enabled(self->perf, false);
        b->scope_rate = look->on_ns ? look->cost_ns[class] / b->cost.switch_ns * b->cost.scope_ns * b->open_events /
                                          (double)look->on_ns
                                    : 0;
        return;
    }
    for (unsigned i = 0; i < self->probe_count; i++) {
        if (b->class[i] != class)
            continue;
        perf_session_set_probe_enabled(self->perf, i, false);
        if (b->open_events > 1) /* one is for what the kernel tells of threads; where probes have programs there are no others */
            b->open_events--;
    }
}

/* While events are being closed and opened, hits meet breakpoints without being counted: as many as before, half of the time. */
static void count_unseen(struct session_budget *b, uint64_t opening_ns)
{
    double rate = b->hit_rate * b->scale * b->cost.floor_ns, cost = rate * 0.5 * (double)(b->closing_ns + opening_ns);
    b->look.cost_ns[BUDGET_CLASS_CORE] += cost;
    b->look.edge_ns += cost;
    b->decide.edge_ns = b->closing_ns + opening_ns;
}

/* ERR_GONE: the target has ended. */
static int end_pause(struct session *self, uint64_t length_ns, struct error *err)
{
    struct session_budget *b = &self->budget;
    uint64_t begin = session_now_ns(), own = own_cpu_ns();
    int rc = session_open_events(self, err);
    if (rc == 0)
        rc = perf_session_enable(self->perf, err);
    if (rc != 0)
        return rc;
    uint64_t now = session_now_ns();
    struct event event = {.time_ns = now, .cpu = RING_RECORDER, .type = EV_RESUME};
    event.f[RESUME_SINCE] = b->told_ns;
    event_builder_begin(self->builder, now);
    event_builder_end(self->builder, UINT64_MAX);
    add_event(self, &event);
    session_budget_edge_ends(self, own);
    count_stretch(self);
    count_unseen(b, since(now, begin));
    end_told(b, now);
    b->is_paused = false;
    b->until_ns = length_ns ? now + length_ns : UINT64_MAX;
    return session_begin_edge_snapshot(self, err);
}

/* ---- steps ---- */

/* Opening again may fail: the target has ended, or there are too many threads by now. */
static int resume_or_stop(struct session *self, uint64_t length_ns, struct error *err)
{
    struct error why = {0};
    int rc = end_pause(self, length_ns, &why);
    if (rc == 0 || rc == ERR_GONE || target_has_exited(self->target))
        return 0;
    if (rc == ERR_NOMEM) {
        *err = why;
        return rc;
    }
    struct budget_decision stop = {.step = BUDGET_STEP_STOP, .limit = self->budget.decide.limits.thin};
    session_say(self, self->hooks->warn, "the recording cannot go on after a pause: %s", why.message);
    tell_step(self, &stop, session_now_ns());
    self->budget.is_over = true;
    return 0;
}

/* The pause that carries a decision out; without a length: no longer than it takes to open again. */
static int pause_for(struct session *self, const struct budget_decision *d, const struct budget_look *look,
                     struct error *err)
{
    struct session_budget *b = &self->budget;
    bool is_window = d->step != BUDGET_STEP_DROP || d->has_windows;
    b->hit_rate = look->on_ns ? (double)b->judged_hits / (double)look->on_ns : 0;
    b->next_on_ns = is_window ? d->on_ns : 0;
    int rc = begin_pause(self, d->step == BUDGET_STEP_DROP ? PAUSE_CHANGE : PAUSE_WINDOW, is_window ? d->off_ns : 0, err);
    if (rc == 0 && d->step == BUDGET_STEP_DROP)
        leave_out(self, d->class, look);
    return rc;
}

/* While recording: what did it cost, and how does it go on? */
static int look_around(struct session *self, uint64_t now, struct error *err)
{
    struct session_budget *b = &self->budget;
    bool was_in_windows = b->decide.in_windows;
    b->judged_hits = b->look_hits;
    struct budget_look look = end_look(self);
    struct budget_decision d = budget_decide(&b->decide, &look);
    if (d.step != BUDGET_STEP_NONE)
        tell_step(self, &d, now);
    if (d.has_windows) {
        struct budget_decision windows = d;
        windows.step = BUDGET_STEP_WINDOWS;
        tell_step(self, &windows, now);
    }
    if (d.step == BUDGET_STEP_STOP) {
        b->is_over = true;
        return 0;
    }
    if (d.step == BUDGET_STEP_FULL)
        b->until_ns = UINT64_MAX;
    bool pauses = d.step == BUDGET_STEP_DROP || d.step == BUDGET_STEP_WINDOWS ||
                  (d.step == BUDGET_STEP_NONE && was_in_windows);
    return pauses ? pause_for(self, &d, &look, err) : 0;
}

/* Also in pauses: what is busy then is busy in windows, too. */
static void gauge(struct session_budget *b, uint64_t now)
{
    if (since(now, b->gauged_ns) < GAUGE_NS)
        return;
    hit_gauge_look(&b->gauge);
    b->gauged_ns = now;
    b->scale = FIELD_FACTOR * hit_gauge_factor(&b->gauge);
}

int session_budget_go_on(struct session *self, struct error *err)
{
    struct session_budget *b = &self->budget;
    if (!b->is_on || b->is_over || target_has_exited(self->target))
        return 0;
    count_stretch(self);
    uint64_t now = b->since_ns;
    gauge(b, now);
    if (b->is_paused)
        return now >= b->until_ns ? resume_or_stop(self, b->next_on_ns, err) : 0;
    bool is_due = b->decide.in_windows ? now >= b->until_ns : b->look.on_ns >= BUDGET_LOOK_NS;
    return is_due || budget_is_urgent(&b->decide, &b->look) ? look_around(self, now, err) : 0;
}

/* ---- the end ---- */

void session_budget_release(struct session *self)
{
    hit_gauge_close(&self->budget.gauge);
    free(self->budget.gaps);
    self->budget.gaps = NULL;
    self->budget.ring_count = 0;
}

void session_budget_finish(struct session *self, struct budget_summary *out)
{
    struct session_budget *b = &self->budget;
    *out = (struct budget_summary){.is_on = b->is_on};
    if (!b->is_on)
        return;
    count_stretch(self);
    end_told(b, b->since_ns);
    end_look(self);
    double scale = b->factor_count ? b->scale * b->factor_sum / (double)b->factor_count : b->scale;
    *out = (struct budget_summary){.is_on = true,
                                   .is_measured = b->cost.is_measured,
                                   .hit_ns = scale * b->cost.lean_ns,
                                   .chain_ns = scale * b->cost.chain_ns,
                                   .cost_ns = b->total_cost_ns,
                                   .hits = b->hits,
                                   .on_ns = b->on_ns,
                                   .off_ns = b->off_ns,
                                   .cpu_ns = b->cpu_ns,
                                   .recorder_cpu_ns = since(b->since_own_ns, b->own_start_ns),
                                   .taken_ns = b->taken_ns,
                                   .windows = b->windows};
}

static int put_ns(struct trace_meta *out, const char *key, double ns, struct error *err)
{
    return trace_meta_setf(out, err, key, "%.0f", ns);
}

int session_budget_begin_facts(const struct session *self, struct trace_meta *out, struct error *err)
{
    const struct session_budget *b = &self->budget;
    const struct budget_limits *limits = &self->options->budget;
    if (!b->is_on)
        return 0;
    int rc = trace_meta_setf(out, err, "budget.warn_ppm", "%.0f", limits->warn * PPM);
    if (rc == 0 && limits->thin > 0)
        rc = trace_meta_setf(out, err, "budget.thin_ppm", "%.0f", limits->thin * PPM);
    if (rc == 0)
        rc = trace_meta_set(out, "budget.is_measured", b->cost.is_measured ? "1" : "0", err);
    if (rc == 0)
        rc = put_ns(out, "budget.hit_ns", b->cost.lean_ns, err);
    return rc == 0 ? put_ns(out, "budget.chain_ns", b->cost.chain_ns, err) : rc;
}

int session_budget_end_facts(const struct session *self, const struct budget_summary *s, struct trace_meta *out,
                             struct error *err)
{
    if (!self->budget.is_on)
        return 0;
    int rc = trace_meta_setf(out, err, "budget.hits", "%" PRIu64, s->hits);
    if (rc == 0)
        rc = put_ns(out, "budget.cost_ns", s->cost_ns, err);
    if (rc == 0)
        rc = put_ns(out, "budget.target_cpu_ns", (double)s->cpu_ns, err);
    if (rc == 0)
        rc = put_ns(out, "budget.recorded_ns", (double)s->on_ns, err);
    if (rc == 0)
        rc = put_ns(out, "budget.recorder_cpu_ns", (double)s->recorder_cpu_ns, err);
    return rc == 0 ? put_ns(out, "budget.taken_ns", s->taken_ns, err) : rc;
}
