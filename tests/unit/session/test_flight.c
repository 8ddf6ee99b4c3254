/* A flight recorder's memory, the percentiles of a sliding window, and the conditions of triggers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flight.h"
#include "trigger.h"

#define SECOND 1000000000ull

static const uint64_t no_types[EVENT_TYPE_COUNT];

static void old_units_are_dropped_whole(void **state)
{
    (void)state;
    struct flight *flight = flight_new(8 * SECOND, 1u << 30);
    flight_start(flight, 100 * SECOND);
    for (uint64_t i = 0; i < 40; i++) {
        char text[2] = {(char)('a' + i % 26), 0};
        assert_true(flight_add(flight, text, 2));
        assert_true(flight_add(flight, text, 2));
        assert_false(flight_is_due(flight, (100 + i) * SECOND + SECOND / 2));
        assert_true(flight_is_due(flight, (101 + i) * SECOND));
        uint64_t types[EVENT_TYPE_COUNT] = {[EV_PARK] = 3};
        assert_true(flight_begin_unit(flight, (101 + i) * SECOND, types));
    }
    struct flight_dump *dump = flight_dump_new(flight);
    assert_non_null(dump);
    /* Eight seconds, and no more than a unit beyond. */
    assert_int_equal(flight_dump_begin_ns(dump), (140 - 8) * SECOND);
    unsigned chunks = 0;
    const struct flight_chunk *chunk;
    while ((chunk = flight_dump_next(dump)) != NULL) {
        assert_int_equal(chunk->data[0], 'a' + (32 + chunks / 2) % 26);
        chunks++;
    }
    assert_int_equal(chunks, 16);
    uint64_t types[EVENT_TYPE_COUNT];
    flight_dump_types(dump, types);
    assert_int_equal(types[EV_PARK], 24);
    flight_dump_free(dump);
    flight_free(flight);
}

static void the_room_is_bounded(void **state)
{
    (void)state;
    enum { MAX = 8 << 20 };
    static char block[64 << 10];
    struct flight *flight = flight_new(3600 * SECOND, MAX);
    flight_start(flight, SECOND);
    for (uint64_t i = 1; i < 1000; i++) {
        assert_true(flight_add(flight, block, sizeof block));
        assert_true(flight_bytes(flight) <= MAX);
        if (flight_is_due(flight, SECOND + i))
            assert_true(flight_begin_unit(flight, SECOND + i, no_types));
    }
    assert_true(flight_bytes(flight) > MAX / 2);
    flight_free(flight);
}

/* What is being written stays, while the flight goes on. */
static void a_dump_outlives_the_window(void **state)
{
    (void)state;
    struct flight *flight = flight_new(SECOND, 1u << 20);
    assert_null(flight_dump_new(flight));
    flight_start(flight, SECOND);
    assert_true(flight_add(flight, "old", 4));
    assert_true(flight_begin_unit(flight, 2 * SECOND, no_types));
    struct flight_dump *dump = flight_dump_new(flight);
    for (uint64_t i = 3; i < 30; i++)
        assert_true(flight_begin_unit(flight, i * SECOND, no_types));
    assert_string_equal((const char *)flight_dump_next(dump)->data, "old");
    assert_null(flight_dump_next(dump));
    flight_dump_free(dump);
    flight_free(flight);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Against sorting: within an eighth. */
static void percentiles_are_near(void **state)
{
    (void)state;
    static struct latency_window window;
    static uint64_t values[5000];
    srand(5);
    for (unsigned round = 0; round < 20; round++) {
        memset(&window, 0, sizeof window);
        for (unsigned i = 0; i < 5000; i++) {
            values[i] = (uint64_t)rand() % (round % 2 ? 20 : 100000000);
            latency_window_add(&window, 100 * SECOND + i * 1000000, values[i]);
        }
        qsort(values, 5000, sizeof *values, by_size);
        uint64_t count, p99 = latency_window_p99(&window, 105 * SECOND, &count), true_p99 = values[4949];
        assert_int_equal(count, 5000);
        assert_true(p99 >= true_p99 && p99 <= true_p99 + true_p99 / 8 + 1);
    }
    latency_window_add(&window, 105 * SECOND, UINT64_MAX);
    uint64_t count;
    latency_window_p99(&window, 120 * SECOND, &count); /* all of them are old by now */
    assert_int_equal(count, 0);
}

static bool spares_odd(void *context, struct live_goroutine *goroutine)
{
    (void)context;
    return goroutine->goid % 2;
}

static void name_it(void *context, const struct live_goroutine *goroutine, char *out, size_t size)
{
    (void)context;
    (void)goroutine;
    if (size)
        strncpy(out, "somewhere", size - 1);
}

struct fixture {
    struct trigger_watch watch;
    struct trigger_spec spec;
    char reason[1024];
};

static const char *const reasons[] = {"", "chan receive", "sleep", "IO wait"};

static void set_up(struct fixture *f, const char *text)
{
    struct error err;
    memset(f, 0, sizeof *f);
    assert_int_equal(trigger_spec_parse(text, &f->spec, &err), 0);
    struct live_table_options options = {
        .reasons = reasons, .reason_count = 4, .latency = trigger_latency, .context = &f->watch};
    f->watch = (struct trigger_watch){.specs = &f->spec,
                                      .count = 1,
                                      .live = live_table_new(&options),
                                      .spares = spares_odd,
                                      .name = name_it,
                                      .begin_ns = SECOND};
    assert_non_null(f->watch.live);
}

static bool fires_at(struct fixture *f, uint64_t ns)
{
    return trigger_check(&f->watch, ns, false, f->reason, sizeof f->reason);
}

static void park_at(struct fixture *f, uint64_t time, uint64_t goid, unsigned reason)
{
    live_table_event(f->watch.live, &(struct event){.time_ns = time, .type = EV_PARK, .f = {goid, 0, reason, 0, 0, 0}});
}

static void create_at(struct fixture *f, uint64_t time, uint64_t goid)
{
    live_table_event(f->watch.live, &(struct event){.time_ns = time, .type = EV_CREATE, .f = {goid, goid * 512, 1, 1}});
}

static void a_long_wait_fires_once(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "blocked>5s");
    park_at(&f, 2 * SECOND, 2, 1);
    park_at(&f, 2 * SECOND, 3, 1); /* spared */
    park_at(&f, 2 * SECOND, 4, 2); /* sleeps */
    park_at(&f, 2 * SECOND, 6, 3); /* the network */
    park_at(&f, SECOND / 2, 8, 1); /* from before */
    assert_false(fires_at(&f, 7 * SECOND));
    assert_true(fires_at(&f, 7 * SECOND + SECOND / 5));
    assert_non_null(strstr(f.reason, "blocked>5s: goroutine 2 has waited 5.200 s: somewhere"));
    assert_false(fires_at(&f, 30 * SECOND));
    live_table_event(f.watch.live, &(struct event){.time_ns = 31 * SECOND, .type = EV_READY, .f = {2}});
    park_at(&f, 32 * SECOND, 2, 1);
    assert_false(fires_at(&f, 36 * SECOND));
    assert_false(trigger_check(&f.watch, 38 * SECOND, true, f.reason, sizeof f.reason)); /* a cool-down */
    assert_true(fires_at(&f, 39 * SECOND));
    live_table_free(f.watch.live);
}

static void counts_fire_when_they_are_passed(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "goroutines>10");
    for (uint64_t i = 1; i <= 10; i++)
        create_at(&f, 2 * SECOND, i);
    assert_false(fires_at(&f, 3 * SECOND));
    create_at(&f, 3 * SECOND, 11);
    assert_true(fires_at(&f, 4 * SECOND));
    assert_string_equal(f.reason, "goroutines>10: there are 11");
    create_at(&f, 3 * SECOND, 12);
    assert_false(fires_at(&f, 5 * SECOND));
    for (uint64_t i = 1; i <= 3; i++)
        live_table_event(f.watch.live, &(struct event){.time_ns = 6 * SECOND, .type = EV_END, .f = {i}});
    assert_false(fires_at(&f, 7 * SECOND));
    for (uint64_t i = 21; i <= 23; i++)
        create_at(&f, 8 * SECOND, i);
    assert_true(fires_at(&f, 9 * SECOND));
    live_table_free(f.watch.live);
}

static void growth_is_measured_over_seconds(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "goroutines+200/s");
    uint64_t goid = 1, now = 10 * SECOND;
    for (unsigned i = 0; i < 100; i++, now += SECOND / 10) { /* 100 a second */
        for (unsigned k = 0; k < 10; k++)
            create_at(&f, now, goid++);
        assert_false(fires_at(&f, now));
    }
    unsigned fired = 0;
    for (unsigned i = 0; i < 60; i++, now += SECOND / 10) { /* 300 a second */
        for (unsigned k = 0; k < 30; k++)
            create_at(&f, now, goid++);
        fired += fires_at(&f, now);
    }
    assert_int_equal(fired, 1);
    live_table_free(f.watch.live);
}

static void waits_for_a_cpu_are_seen(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f, "runnable-p99>10ms");
    for (uint64_t i = 1; i <= 200; i++) {
        uint64_t time = 5 * SECOND + i * 1000000;
        create_at(&f, time, i);
        uint64_t run = time + (i > 190 ? 20000000 : 1000);
        live_table_event(f.watch.live, &(struct event){.time_ns = run, .type = EV_EXEC, .cpu = 1, .f = {i, i * 512, 0, 0}});
        if (i == 90)
            assert_false(fires_at(&f, time)); /* too few of them */
        if (i == 190)
            assert_false(fires_at(&f, time));
    }
    assert_true(fires_at(&f, 6 * SECOND));
    live_table_free(f.watch.live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_units_are_dropped_whole),    cmocka_unit_test(the_room_is_bounded),
        cmocka_unit_test(a_dump_outlives_the_window),     cmocka_unit_test(percentiles_are_near),
        cmocka_unit_test(a_long_wait_fires_once),         cmocka_unit_test(counts_fire_when_they_are_passed),
        cmocka_unit_test(growth_is_measured_over_seconds), cmocka_unit_test(waits_for_a_cpu_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
