/* How dear hits are now, from looks whose times are given. */
#include "perf/hit_level.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct hit_level level_at(double hit_ns)
{
    double first[HIT_LEVEL_LOOKS];
    struct hit_level level;
    for (unsigned i = 0; i < HIT_LEVEL_LOOKS; i++)
        first[i] = hit_ns;
    hit_level_init(&level, first);
    return level;
}

static void look(struct hit_level *self, double hit_ns, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        hit_level_add(self, hit_ns);
}

static void assert_factor(const struct hit_level *self, double expected)
{
    assert_true(fabs(hit_level_factor(self) - expected) < 1e-9);
}

static void test_as_in_the_beginning(void **state)
{
    struct hit_level none = {0}, level = level_at(800);
    (void)state;
    assert_factor(&none, 1);
    look(&none, 900, 20); /* there is nothing to compare with */
    assert_factor(&none, 1);
    assert_factor(&level, 1);
    look(&level, 800, 20);
    assert_factor(&level, 1);
}

/* The majority of the last looks decides: a burst of a few says nothing, a lasting change counts. */
static void test_a_burst_and_a_change(void **state)
{
    struct hit_level level = level_at(800);
    (void)state;
    look(&level, 8000, HIT_LEVEL_LOOKS / 2);
    assert_factor(&level, 1);
    look(&level, 800, HIT_LEVEL_LOOKS / 2 + 1);
    assert_factor(&level, 1);
    look(&level, 1200, HIT_LEVEL_LOOKS / 2 + 1);
    assert_factor(&level, 1.5);
    look(&level, 800, HIT_LEVEL_LOOKS);
    assert_factor(&level, 1);
}

static void test_bounds(void **state)
{
    struct hit_level level = level_at(800);
    (void)state;
    look(&level, 1e6, HIT_LEVEL_LOOKS);
    assert_factor(&level, 3);
    look(&level, 1, HIT_LEVEL_LOOKS);
    assert_factor(&level, 0.5);
    look(&level, 0, HIT_LEVEL_LOOKS); /* saw nothing */
    look(&level, -5, HIT_LEVEL_LOOKS);
    look(&level, (double)NAN, HIT_LEVEL_LOOKS);
    assert_factor(&level, 0.5);
}

/* Some of the first looks were disturbed, or saw nothing at all. */
static void test_an_uneven_beginning(void **state)
{
    const double first[HIT_LEVEL_LOOKS] = {4000, 790, 810, 800, 2500, 795, 820, 9000, 805};
    const double nothing[HIT_LEVEL_LOOKS] = {0};
    struct hit_level level;
    (void)state;
    hit_level_init(&level, first);
    assert_true(fabs(level.base_ns - 800) < 1e-9); /* the third of them in order */
    assert_factor(&level, 810.0 / 800);
    hit_level_init(&level, nothing);
    look(&level, 800, HIT_LEVEL_LOOKS);
    assert_factor(&level, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_in_the_beginning),
        cmocka_unit_test(test_a_burst_and_a_change),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_an_uneven_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
