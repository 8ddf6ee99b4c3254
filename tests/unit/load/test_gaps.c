/* Holes: joined, counted, found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "load/gaps.h"

static uint64_t ask(struct gaps *gaps, uint64_t since, uint64_t until, uint64_t expected_since)
{
    uint64_t first = 0;
    uint64_t count = gaps_between(gaps, since, until, &first);
    if (count)
        assert_int_equal(first, expected_since);
    return count;
}

static void holes_between_two_times(void **state)
{
    (void)state;
    struct gaps gaps;
    struct error err;
    gaps_init(&gaps);
    gaps_seal(&gaps);
    assert_int_equal(ask(&gaps, 0, UINT64_MAX, 0), 0);
    assert_int_equal(gaps_add(&gaps, 500, 600, 7, &err), 0);
    assert_int_equal(gaps_add(&gaps, 100, 200, 1, &err), 0);
    assert_int_equal(gaps_add(&gaps, 150, 250, 2, &err), 0);
    assert_int_equal(gaps_add(&gaps, 900, 800, 0, &err), 0);
    gaps_seal(&gaps);
    assert_int_equal(gaps.count, 3);
    assert_int_equal(ask(&gaps, 0, 99, 0), 0);
    assert_int_equal(ask(&gaps, 0, 100, 100), 3);
    assert_int_equal(ask(&gaps, 120, 130, 100), 3);
    assert_int_equal(ask(&gaps, 250, 499, 100), 3);
    assert_int_equal(ask(&gaps, 251, 499, 0), 0);
    assert_int_equal(ask(&gaps, 251, 700, 500), 7);
    assert_int_equal(ask(&gaps, 0, 700, 100), 10);
    assert_int_equal(ask(&gaps, 0, UINT64_MAX, 100), 11);
    assert_int_equal(ask(&gaps, 120, 130, 100), 3); /* back again */
    gaps_release(&gaps);
}

static void unknown_numbers_do_not_overflow(void **state)
{
    (void)state;
    struct gaps gaps;
    struct error err;
    gaps_init(&gaps);
    gaps_add(&gaps, 10, 20, UINT64_MAX, &err);
    gaps_add(&gaps, 15, 20, 5, &err);
    gaps_add(&gaps, 40, UINT64_MAX, UINT64_MAX, &err);
    gaps_add(&gaps, 30, 35, 4, &err);
    gaps_seal(&gaps);
    assert_true(ask(&gaps, 0, 50, 10) >= GAP_COUNT_MAX);
    assert_true(ask(&gaps, 38, 50, 40) == GAP_COUNT_MAX);
    /* A hole of unknown size before does not change the number here. */
    assert_int_equal(ask(&gaps, 25, 37, 30), 4);
    gaps_release(&gaps);
}

static void too_many_holes_are_joined(void **state)
{
    (void)state;
    struct gaps gaps;
    struct error err;
    gaps_init(&gaps);
    for (uint64_t i = 0; i < 300000; i++)
        assert_int_equal(gaps_add(&gaps, i * 5000, i * 5000 + 10, 1, &err), 0);
    gaps_seal(&gaps);
    assert_true(gaps.count <= 100000);
    assert_int_equal(ask(&gaps, 0, UINT64_MAX, 0), 300000);
    assert_true(ask(&gaps, 1499995000, 1500000000, gaps.windows[gaps.count - 1].since) > 0);
    gaps_release(&gaps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_between_two_times),
        cmocka_unit_test(unknown_numbers_do_not_overflow),
        cmocka_unit_test(too_many_holes_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
