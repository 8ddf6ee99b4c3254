/* The table of live goroutines: what it says after a list of events, in whichever order the rings tell them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "state/live_table.h"

enum { REASON_NONE, REASON_RECV, REASON_NET, REASON_SELECT, REASON_SLEEP, REASON_COROUTINE, REASON_COUNT };
static const char *const reasons[REASON_COUNT] = {"", "chan receive", "IO wait", "select", "sleep", "coroutine"};

struct latencies {
    unsigned count;
    uint64_t last;
};

static void on_latency(void *context, uint64_t since_ns, uint64_t run_ns)
{
    struct latencies *self = context;
    self->count++;
    self->last = run_ns - since_ns;
}

static struct live_table *table_of(bool without_runs, struct latencies *latencies)
{
    struct live_table_options options = {.reasons = reasons,
                                         .reason_count = REASON_COUNT,
                                         .without_runs = without_runs,
                                         .latency = latencies ? on_latency : NULL,
                                         .context = latencies};
    struct live_table *table = live_table_new(&options);
    assert_non_null(table);
    return table;
}

static struct event create(uint64_t time, uint64_t goid, uint64_t g)
{
    return (struct event){.time_ns = time,
                          .type = EV_CREATE,
                          .f = {[CREATE_GOID] = goid,
                                [CREATE_G] = g,
                                [CREATE_CREATOR] = 1,
                                [CREATE_STATUS] = GO_STATUS_RUNNABLE,
                                [CREATE_START] = 7,
                                [CREATE_STACK] = 8}};
}

static struct event run(uint64_t time, uint64_t goid, uint64_t g)
{
    return (struct event){.time_ns = time,
                          .type = EV_EXEC,
                          .tid = 70,
                          .cpu = 1,
                          .f = {[EXEC_GOID] = goid, [EXEC_G] = g, [EXEC_P] = 3}};
}

static struct event park(uint64_t time, uint64_t goid, unsigned reason)
{
    return (struct event){.time_ns = time,
                          .type = EV_PARK,
                          .cpu = 2,
                          .f = {[PARK_GOID] = goid, [PARK_REASON] = reason, [PARK_OBJECT] = 4, [PARK_STACK] = 5}};
}

static struct event ready(uint64_t time, uint64_t goid)
{
    return (struct event){.time_ns = time, .type = EV_READY, .cpu = 3, .f = {[READY_GOID] = goid}};
}

static struct event end(uint64_t time, uint64_t goid)
{
    return (struct event){.time_ns = time, .type = EV_END, .cpu = 4, .f = {[END_GOID] = goid}};
}

static void tell(struct live_table *table, const struct event *events, size_t count)
{
    for (size_t i = 0; i < count; i++)
        live_table_event(table, &events[i]);
}

#define TELL(table, ...)                                                                                     \
    do {                                                                                                     \
        const struct event events_[] = {__VA_ARGS__};                                                        \
        tell(table, events_, sizeof events_ / sizeof events_[0]);                                            \
    } while (0)

static void a_life_is_followed(void **state)
{
    (void)state;
    struct live_table *table = table_of(false, NULL);
    TELL(table, create(100, 5, 0xc000), run(110, 5, 0xc000));
    struct live_goroutine *g = live_table_find(table, 5);
    assert_non_null(g);
    assert_int_equal(g->state, GOROUTINE_RUNNING);
    assert_int_equal(g->tid, 70);
    assert_int_equal(g->p, 4);
    assert_int_equal(g->created_ns, 100);
    assert_int_equal(g->create_stack, 8);
    TELL(table, park(120, 5, REASON_RECV));
    assert_int_equal(g->state, GOROUTINE_WAITING);
    assert_int_equal(g->since, 120);
    assert_int_equal(g->object, 4);
    assert_int_equal(g->stack, 5);
    assert_int_equal(live_table_class(table, g), WAIT_CHAN_RECV);
    TELL(table, ready(130, 5));
    assert_int_equal(g->state, GOROUTINE_RUNNABLE);
    assert_int_equal(g->object, 0);
    assert_int_equal(live_table_count(table), 1);
    TELL(table, run(140, 5, 0xc000), end(150, 5));
    assert_null(live_table_find(table, 5));
    assert_int_equal(live_table_count(table), 0);
    live_table_free(table);
}

/* Every order in which rings may tell five events leads to the same state; only the last one in time counts. */
static void the_order_of_coming_does_not_matter(void **state)
{
    (void)state;
    const struct event events[] = {create(100, 5, 0xc000), run(110, 5, 0xc000), park(120, 5, REASON_RECV),
                                   ready(130, 5), run(140, 5, 0xc000)};
    unsigned order[5] = {0, 1, 2, 3, 4};
    for (unsigned round = 0; round < 120; round++) {
        /* the next permutation; run(110) and run(140) are of one ring and stay in order */
        unsigned n = round;
        bool taken[5] = {false};
        for (unsigned i = 0; i < 5; i++) {
            static const unsigned factorial[] = {24, 6, 2, 1, 1};
            unsigned skip = n / factorial[i];
            n %= factorial[i];
            for (unsigned k = 0; k < 5; k++) {
                if (!taken[k] && skip-- == 0) {
                    order[i] = k;
                    taken[k] = true;
                    break;
                }
            }
        }
        unsigned at[5];
        for (unsigned i = 0; i < 5; i++)
            at[order[i]] = i;
        if (at[1] > at[4])
            continue;
        struct live_table *table = table_of(false, NULL);
        for (unsigned i = 0; i < 5; i++)
            live_table_event(table, &events[order[i]]);
        const struct live_goroutine *g = live_table_find(table, 5);
        assert_non_null(g);
        assert_int_equal(g->state, GOROUTINE_RUNNING);
        assert_int_equal(g->since, 140);
        assert_int_equal(g->created_ns, 100);
        assert_int_equal(live_table_count(table), 1);
        live_table_free(table);
    }
}

static void a_late_event_does_not_revive_the_dead(void **state)
{
    (void)state;
    struct live_table *table = table_of(false, NULL);
    TELL(table, create(100, 5, 0xc000), end(150, 5), run(140, 5, 0xc000));
    assert_null(live_table_find(table, 5));
    live_table_settle(table, 150);
    TELL(table, run(145, 5, 0xc000));
    assert_int_equal(live_table_count(table), 0);
    live_table_settle(table, 151);
    uint32_t position = 0;
    assert_null(live_table_next(table, &position));
    live_table_free(table);
}

static void a_wake_by_the_network_finds_who_parks(void **state)
{
    (void)state;
    struct live_table *table = table_of(false, NULL);
    const struct event net = {
        .time_ns = 200, .type = EV_NET, .cpu = 6, .f = {[NET_MODE] = NET_MODE_READ, [NET_READ_G] = 0xc000}};
    TELL(table, create(100, 5, 0xc000), run(110, 5, 0xc000));
    /* The ring of the net event is read before the one with the park. */
    TELL(table, net, park(150, 5, REASON_NET));
    const struct live_goroutine *g = live_table_find(table, 5);
    assert_int_equal(g->state, GOROUTINE_RUNNABLE);
    assert_int_equal(g->since, 200);
    assert_true(g->flags & LIVE_IS_BY_NET);
    TELL(table, run(210, 5, 0xc000), park(220, 5, REASON_RECV));
    const struct event again = {
        .time_ns = 230, .type = EV_NET, .cpu = 6, .f = {[NET_MODE] = NET_MODE_READ, [NET_READ_G] = 0xc000}};
    TELL(table, again);
    assert_int_equal(g->state, GOROUTINE_WAITING); /* it waits for something else */
    live_table_free(table);
}

static void a_g_is_given_to_another_goroutine(void **state)
{
    (void)state;
    struct live_table *table = table_of(false, NULL);
    TELL(table, create(100, 5, 0xc000), create(300, 6, 0xc000));
    assert_null(live_table_find(table, 5)); /* its end was not seen */
    assert_int_equal(live_table_count(table), 1);
    TELL(table, create(400, 7, 0xd000), run(350, 6, 0xd000)); /* older than the owner's: not believed */
    assert_non_null(live_table_find(table, 7));
    live_table_free(table);
}

static void a_snapshot_tells_what_no_event_has_told(void **state)
{
    (void)state;
    struct live_table *table = table_of(false, NULL);
    struct event set = {.time_ns = 90, .type = EV_SELECT, .cpu = RING_RECORDER, .f = {5, 9}};
    struct event origin = {.time_ns = 90,
                           .type = EV_GOROUTINE_ORIGIN,
                           .cpu = RING_RECORDER,
                           .f = {[ORIGIN_GOID] = 5, [ORIGIN_G] = 0xc000, [ORIGIN_CREATOR] = 2, [ORIGIN_START] = 7}};
    struct event look = {.time_ns = 90,
                         .type = EV_GOROUTINE,
                         .cpu = RING_RECORDER,
                         .f = {[GOROUTINE_GOID] = 5, [GOROUTINE_STATUS] = GO_STATUS_WAITING,
                               [GOROUTINE_REASON] = REASON_SELECT, [GOROUTINE_STACK] = 3}};
    TELL(table, set, origin, look);
    const struct live_goroutine *g = live_table_find(table, 5);
    assert_non_null(g);
    assert_int_equal(g->state, GOROUTINE_WAITING);
    assert_int_equal(g->set, 9);
    assert_int_equal(g->creator, 2);
    assert_false(g->flags & LIVE_IS_EXACT);
    /* An event of a ring that is read later, about a moment before the look: events are believed. */
    TELL(table, park(80, 5, REASON_RECV));
    assert_int_equal(g->since, 80);
    assert_true(g->flags & LIVE_IS_EXACT);
    look.time_ns = 500;
    TELL(table, look);
    assert_int_equal(g->reason, REASON_RECV);
    /* After a loss nobody knows, until somebody looks. */
    struct event lost = {.time_ns = 600, .type = EV_LOST, .f = {[LOST_COUNT] = 3}};
    TELL(table, lost);
    assert_true(live_table_is_doubtful(table, g));
    look.time_ns = 700;
    TELL(table, look);
    assert_false(live_table_is_doubtful(table, g));
    assert_int_equal(g->reason, REASON_SELECT);
    /* Whom a whole snapshot after the loss does not find has ended. */
    TELL(table, create(710, 6, 0xd000));
    lost.time_ns = 800;
    TELL(table, lost);
    struct event begin = {.time_ns = 900, .type = EV_SNAPSHOT, .cpu = RING_RECORDER,
                          .f = {[SNAPSHOT_PHASE] = SNAPSHOT_BEGIN, [SNAPSHOT_KIND] = SNAPSHOT_PERIODIC}};
    struct event whole = begin;
    whole.time_ns = 920;
    whole.f[SNAPSHOT_PHASE] = SNAPSHOT_END;
    look.time_ns = 910;
    TELL(table, begin, look);
    whole.f[SNAPSHOT_UNSTABLE] = 1;
    TELL(table, whole);
    assert_non_null(live_table_find(table, 6)); /* one was left out: it may be this one */
    whole.f[SNAPSHOT_UNSTABLE] = 0;
    TELL(table, whole);
    assert_null(live_table_find(table, 6));
    assert_non_null(live_table_find(table, 5));
    live_table_free(table);
}

static void latencies_are_told_in_either_order(void **state)
{
    (void)state;
    struct latencies seen = {0};
    struct live_table *table = table_of(false, &seen);
    TELL(table, create(100, 5, 0xc000), run(110, 5, 0xc000));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.last, 10);
    TELL(table, park(120, 5, REASON_RECV), run(160, 5, 0xc000), ready(130, 5));
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.last, 30);
    live_table_free(table);
}

static void without_runs_only_waits_are_known(void **state)
{
    (void)state;
    struct live_table *table = table_of(true, NULL);
    TELL(table, create(100, 5, 0xc000), park(120, 5, REASON_RECV));
    const struct live_goroutine *g = live_table_find(table, 5);
    assert_int_equal(g->state, GOROUTINE_WAITING);
    TELL(table, ready(130, 5));
    assert_int_equal(g->state, GOROUTINE_UNKNOWN);
    live_table_free(table);
}

static uint32_t one_more(void *context, enum def_kind kind, uint32_t id)
{
    (void)context;
    return id + 100 * (uint32_t)kind;
}

static void ids_are_carried(void **state)
{
    (void)state;
    struct live_table *table = table_of(false, NULL);
    TELL(table, create(100, 5, 0xc000), park(120, 5, REASON_RECV));
    live_table_carry(table, one_more, NULL);
    const struct live_goroutine *g = live_table_find(table, 5);
    assert_int_equal(g->stack, 5 + 100 * DEF_STACK);
    assert_int_equal(g->create_stack, 8 + 100 * DEF_STACK);
    assert_int_equal(g->object, 4 + 100 * DEF_OBJECT);
    assert_int_equal(g->start, 7 + 100 * DEF_LOCATION);
    assert_int_equal(g->set, 0);
    live_table_free(table);
}

/* Against a plain array: random births and deaths, more than the table holds; its memory has a limit. */
static void many_come_and_go(void **state)
{
    (void)state;
    enum { COUNT = LIVE_GOROUTINES_MAX + 5000 };
    struct live_table *table = table_of(false, NULL);
    for (uint64_t i = 1; i <= COUNT; i++)
        live_table_event(table, &(struct event){.time_ns = i, .type = EV_CREATE, .f = {i, 0xc0000000 + i * 512, 1, 1}});
    assert_int_equal(live_table_count(table), COUNT);
    assert_int_equal(live_table_missing(table), 5000);
    assert_true(live_table_memory(table) < (48u << 20));
    srand(7);
    for (uint64_t i = 1; i <= COUNT; i++) {
        struct event ended = end(COUNT + i, i);
        live_table_event(table, &ended);
        if (i % 1000 == 0)
            live_table_settle(table, COUNT + i);
    }
    assert_int_equal(live_table_count(table), 0);
    live_table_settle(table, UINT64_MAX);
    for (uint64_t i = 1; i <= 100000; i++) {
        uint64_t goid = COUNT + i;
        live_table_event(table, &(struct event){.time_ns = 3 * COUNT + i, .type = EV_CREATE, .f = {goid, 0xc0000000 + (i % 777) * 512, 1, 1}});
        assert_non_null(live_table_find(table, goid));
        if (rand() % 3) {
            struct event ended = end(3 * COUNT + i, goid);
            live_table_event(table, &ended);
        }
        live_table_settle(table, 3 * COUNT + i);
    }
    assert_true(live_table_count(table) <= 777);
    live_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_is_followed),
        cmocka_unit_test(the_order_of_coming_does_not_matter),
        cmocka_unit_test(a_late_event_does_not_revive_the_dead),
        cmocka_unit_test(a_wake_by_the_network_finds_who_parks),
        cmocka_unit_test(a_g_is_given_to_another_goroutine),
        cmocka_unit_test(a_snapshot_tells_what_no_event_has_told),
        cmocka_unit_test(latencies_are_told_in_either_order),
        cmocka_unit_test(without_runs_only_waits_are_known),
        cmocka_unit_test(ids_are_carried),
        cmocka_unit_test(many_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
