/* What a hit costs, from times as they are measured: known values, what no measurement can be, and what lies between hot and cold. */
#include "perf/hit_price.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A lean hit takes 800 ns, one that meets nothing 500; a call chain of 3 frames 200 more, each further frame 10. */
static const struct hit_times typical = {.bare = 100,
                                         .lean = 900,
                                         .floor = 600,
                                         .near = 1100,
                                         .deep = 1340,
                                         .near_frames = 3,
                                         .deep_frames = 27,
                                         .cold_bare = 150,
                                         .cold_near = 3150};

static struct hit_price price_of(const struct hit_times *times)
{
    struct hit_price price = {.switch_ns = 1400};
    struct error err = {0};
    assert_int_equal(hit_price_set(&price, times, &err), 0);
    return price;
}

static void assert_near(double value, double expected)
{
    assert_true(fabs(value - expected) < 1e-6);
}

static void test_differences_to_a_bare_call(void **state)
{
    struct hit_price price = price_of(&typical);
    (void)state;
    assert_true(price.is_measured);
    assert_near(price.lean_ns, 800);
    assert_near(price.floor_ns, 500);
    assert_near(price.stepped_ns, 18 * 800);
    assert_near(price.frame_ns, 10);
    assert_near(price.chain_ns, 200 + 5 * 10);
    assert_near(price.cold, 1 + 1.5 * 2); /* three times as much, and code besides */
    assert_near(price.switch_ns, 1400);   /* is not its own */
}

static void test_a_chain_by_its_frames(void **state)
{
    struct hit_price price = price_of(&typical);
    (void)state;
    assert_near(hit_price_of_chain(&price, 3), 200);
    assert_near(hit_price_of_chain(&price, HIT_PRICE_FRAMES), 250);
    assert_near(hit_price_of_chain(&price, 127), 200 + 124 * 10);
    price.chain_ns = 20; /* a steep line from little: never less than nothing */
    assert_near(hit_price_of_chain(&price, 1), 0);
}

/* Noise may turn differences round: costs stay costs. */
static void test_noise(void **state)
{
    struct hit_times times = typical;
    (void)state;
    times.floor = 50;
    assert_near(price_of(&times).floor_ns, 0.65 * 800);
    times.floor = 5000;
    assert_near(price_of(&times).floor_ns, 0.65 * 800);
    times = typical;
    times.near = 850; /* less than without a chain */
    assert_true(price_of(&times).chain_ns >= 0);
    times.deep = 700;
    assert_near(price_of(&times).frame_ns, 0);
    assert_near(price_of(&times).chain_ns, 0);
    times = typical;
    times.deep_frames = times.near_frames; /* the deeper chain was not seen */
    assert_near(price_of(&times).frame_ns, 0);
    times = typical;
    times.cold_near = 200; /* cheaper than hot */
    assert_near(price_of(&times).cold, 1);
    times.cold_near = 1e9;
    assert_near(price_of(&times).cold, 8);
    times.cold_near = times.cold_bare = 0; /* not measured */
    assert_near(price_of(&times).cold, 1);
}

static void assert_refused(double bare, double lean)
{
    struct hit_times times = typical;
    struct hit_price price = hit_price_known();
    struct error err = {0};
    times.bare = bare;
    times.lean = lean;
    assert_int_equal(hit_price_set(&price, &times, &err), ERR_UNSUPPORTED);
    assert_false(price.is_measured);
    assert_near(price.lean_ns, hit_price_known().lean_ns);
}

static void test_what_is_no_measurement(void **state)
{
    (void)state;
    assert_refused(100, 100); /* not hit */
    assert_refused(100, 90);
    assert_refused(100, 2e6); /* two ms a hit */
    assert_refused(100, (double)NAN);
}

static void test_known_prices_are_in_proportion(void **state)
{
    struct hit_price price = hit_price_known();
    (void)state;
    assert_false(price.is_measured);
    assert_true(price.floor_ns < price.lean_ns && price.lean_ns < price.stepped_ns);
    assert_true(price.cold > 1 && price.switch_ns > price.scope_ns);
    assert_near(hit_price_of_chain(&price, HIT_PRICE_FRAMES), price.chain_ns);
}

static void test_switches(void **state)
{
    struct hit_price price = price_of(&typical);
    (void)state;
    hit_price_set_switches(
        &price, &(struct hit_switch_times){.bare = 7000, .recorded = 8400, .scoped = 10800, .further = 12});
    assert_near(price.switch_ns, 1400);
    assert_near(price.scope_ns, 200);
    /* What drowned in noise is taken from what a hit costs, not as nothing. */
    hit_price_set_switches(
        &price, &(struct hit_switch_times){.bare = 9000, .recorded = 8400, .scoped = 8300, .further = 12});
    assert_near(price.switch_ns, 2 * 800);
    assert_near(price.scope_ns, 0);
    hit_price_set_switches(&price,
                           &(struct hit_switch_times){.bare = 7000, .recorded = 7100, .scoped = 7200});
    assert_near(price.switch_ns, 2 * 800);
    assert_near(price.scope_ns, 0);
}

static void test_between_hot_and_cold(void **state)
{
    struct hit_price price = price_of(&typical);
    (void)state;
    assert_near(hit_price_factor(&price, 0), 1);
    assert_near(hit_price_factor(&price, HIT_PRICE_HALF_COLD_NS), 2.5);
    double before = 1;
    for (double gap = 100; gap < 1e15; gap *= 10) {
        double factor = hit_price_factor(&price, gap);
        assert_true(factor > before && factor <= 4);
        before = factor;
    }
    assert_true(before > 3.99);
    price.cold = 1; /* a host on which nothing gets cold */
    assert_near(hit_price_factor(&price, 1000000000), 1);
}

static void add_hits(struct hit_gap *gap, unsigned count, uint64_t every_ns)
{
    for (unsigned i = 0; i < count; i++)
        hit_gap_add(gap, gap->last_ns + every_ns);
}

static void test_gaps(void **state)
{
    struct hit_gap gap = {0};
    (void)state;
    hit_gap_add(&gap, 5000000000ull); /* the first: nothing is known of before */
    assert_near(gap.mean_ns, 0);
    add_hits(&gap, 10 * HIT_GAP_HITS, 20000);
    assert_true(fabs(gap.mean_ns - 20000) < 10);
    /* Bursts of 10 every 20 ms: the mean is what counts, not where in a burst a hit is. */
    for (unsigned i = 0; i < HIT_GAP_HITS; i++) {
        add_hits(&gap, 9, 50000);
        hit_gap_add(&gap, gap.last_ns + 20000000);
    }
    assert_true(gap.mean_ns > 1.7e6 && gap.mean_ns < 2.4e6);
    hit_gap_add(&gap, gap.last_ns - 1); /* this clock may step back by a few ns */
    assert_true(gap.mean_ns > 1.6e6);
}

/* After an hour of sleep some hundred hits are enough to be hot again. */
static void test_one_long_sleep(void **state)
{
    struct hit_gap gap = {0};
    struct hit_price price = price_of(&typical);
    (void)state;
    add_hits(&gap, 1000, 10000);
    add_hits(&gap, 1, 3600000000000ull);
    assert_true(hit_price_factor(&price, gap.mean_ns) > 2);
    add_hits(&gap, 400, 10000);
    assert_true(hit_price_factor(&price, gap.mean_ns) < 1.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences_to_a_bare_call),
        cmocka_unit_test(test_a_chain_by_its_frames),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_what_is_no_measurement),
        cmocka_unit_test(test_known_prices_are_in_proportion),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_one_long_sleep),
        cmocka_unit_test(test_between_hot_and_cold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
