#include "trigger.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/units.h"

#define CHECK_NS        100000000u
#define HISTORY_NS      250000000u
#define GROWTH_NS       5000000000u /* growth is measured over this time */
#define GROWTH_LEAST_NS 2000000000u
#define SAMPLES_LEAST   100u /* below that a 99th percentile says nothing */

void trigger_latency(void *context, uint64_t since_ns, uint64_t run_ns)
{
    struct trigger_watch *self = context;
    latency_window_add(&self->latencies, run_ns, run_ns - since_ns);
}

static bool is_of_interest(enum wait_class class)
{
    switch (class) {
    case WAIT_SLEEP:
    case WAIT_NET:
    case WAIT_GC:
    case WAIT_SYSCALL:
    case WAIT_COROUTINE:
    case WAIT_RUNTIME:
        return false;
    default:
        return true;
    }
}

/* The longest of them is told; all are marked, so that each is told once. */
static bool check_blocked(struct trigger_watch *self, const struct trigger_spec *spec, uint64_t now, char *reason,
                          size_t size)
{
    struct live_goroutine *goroutine, *longest = NULL;
    uint32_t position = 0;
    uint64_t others = 0;
    while ((goroutine = live_table_next(self->live, &position)) != NULL) {
        if (goroutine->state != GOROUTINE_WAITING || goroutine->since + spec->limit >= now ||
            (goroutine->flags & LIVE_IS_REPORTED) || !(goroutine->flags & LIVE_IS_EXACT) ||
            goroutine->since < self->begin_ns || !is_of_interest(live_table_class(self->live, goroutine)) ||
            live_table_is_doubtful(self->live, goroutine) || self->spares(self->context, goroutine))
            continue;
        goroutine->flags |= LIVE_IS_REPORTED;
        others += longest != NULL;
        if (!longest || goroutine->since < longest->since)
            longest = goroutine;
    }
    if (!longest)
        return false;
    char name[512], waited[24], rest[64] = "";
    self->name(self->context, longest, name, sizeof name);
    if (others)
        snprintf(rest, sizeof rest, "; so have %" PRIu64 " others", others);
    snprintf(reason, size, "%s: goroutine %" PRIu64 " has waited %s: %s%s", spec->text, longest->goid,
             units_format_duration(now - longest->since, waited, sizeof waited), name, rest);
    return true;
}

static bool check_latency(struct trigger_watch *self, const struct trigger_spec *spec, uint64_t now, char *reason,
                          size_t size)
{
    uint64_t count, p99 = latency_window_p99(&self->latencies, now, &count);
    char text[24];
    if (count < SAMPLES_LEAST || p99 <= spec->limit)
        return false;
    snprintf(reason, size, "%s: of %" PRIu64 " goroutines in %u s, one in a hundred waited longer than about %s for a CPU",
             spec->text, count, LATENCY_SECONDS, units_format_duration(p99, text, sizeof text));
    return true;
}

static bool check_count(struct trigger_watch *self, const struct trigger_spec *spec, uint64_t now, char *reason,
                        size_t size)
{
    uint64_t count = live_table_count(self->live);
    (void)now;
    if (count <= spec->limit)
        return false;
    snprintf(reason, size, "%s: there are %" PRIu64, spec->text, count);
    return true;
}

static void note_count(struct trigger_watch *self, uint64_t now)
{
    unsigned last = (self->history_next + TRIGGER_COUNTS - 1) % TRIGGER_COUNTS;
    if (self->history[last].time_ns && now - self->history[last].time_ns < HISTORY_NS)
        return;
    self->history[self->history_next].time_ns = now;
    self->history[self->history_next].goroutines = live_table_count(self->live);
    self->history_next = (self->history_next + 1) % TRIGGER_COUNTS;
}

static bool check_growth(struct trigger_watch *self, const struct trigger_spec *spec, uint64_t now, char *reason,
                         size_t size)
{
    uint64_t from_ns = now, from = 0, count = live_table_count(self->live);
    for (unsigned i = 0; i < TRIGGER_COUNTS; i++) {
        uint64_t time_ns = self->history[i].time_ns;
        if (time_ns && now - time_ns <= GROWTH_NS && time_ns < from_ns) {
            from_ns = time_ns;
            from = self->history[i].goroutines;
        }
    }
    if (now - from_ns < GROWTH_LEAST_NS || count <= from)
        return false;
    uint64_t rate = (uint64_t)((double)(count - from) * 1e9 / (double)(now - from_ns));
    if (rate < spec->limit)
        return false;
    snprintf(reason, size, "%s: from %" PRIu64 " to %" PRIu64 " in %.1f s", spec->text, from, count,
             (double)(now - from_ns) / 1e9);
    return true;
}

static bool (*const checks[])(struct trigger_watch *self, const struct trigger_spec *spec, uint64_t now,
                              char *reason, size_t size) = {
    [TRIGGER_BLOCKED] = check_blocked,
    [TRIGGER_RUNNABLE_P99] = check_latency,
    [TRIGGER_GOROUTINES] = check_count,
    [TRIGGER_GROWTH] = check_growth,
};

bool trigger_check(struct trigger_watch *self, uint64_t now, bool holds, char *reason, size_t size)
{
    bool fires = false;
    if (now < self->checked_ns + CHECK_NS)
        return false;
    self->checked_ns = now;
    note_count(self, now);
    for (unsigned i = 0; i < self->count && !holds; i++) {
        char text[1024];
        const struct trigger_spec *spec = &self->specs[i];
        bool is_true = checks[spec->kind](self, spec, now, text, sizeof text);
        bool is_news = is_true && !self->is_true[i];
        /* Waits have their own marks. */
        self->is_true[i] = is_true && spec->kind != TRIGGER_BLOCKED;
        if (is_news && !fires)
            snprintf(reason, size, "%s", text);
        fires |= is_news;
    }
    return fires;
}
