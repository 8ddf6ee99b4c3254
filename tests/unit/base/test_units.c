/* units: what people write, and what they read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"

static void durations_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {
        {"500ms", 500000000},    {"10s", 10000000000}, {"2m", 120000000000},
        {"1.5h", 5400000000000}, {"3", 3000000000},    {"0", 0},
        {"7us", 7000},           {"9ns", 9},           {"1d", 86400000000000},
        {".5s", 500000000},
    };
    static const char *const bad[] = {"",    "s",     "-1s", "+1s", "1x",  "1 s",
                                      "ten", "1e30s", "inf", "nan", "1ss", "300000d"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t ns = 1;
        assert_true(units_parse_duration(good[i].text, &ns));
        assert_true(ns == good[i].ns);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t ns = 42;
        assert_false(units_parse_duration(bad[i], &ns));
        assert_int_equal(ns, 42);
    }
}

static void sizes_are_parsed(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_true(units_parse_size("8M", &bytes) && bytes == 8u << 20);
    assert_true(units_parse_size("512k", &bytes) && bytes == 512u << 10);
    assert_true(units_parse_size("1G", &bytes) && bytes == 1u << 30);
    assert_true(units_parse_size("1.5MiB", &bytes) && bytes == 3u << 19);
    assert_true(units_parse_size("4096", &bytes) && bytes == 4096);
    assert_false(units_parse_size("4096m", &bytes));
    assert_false(units_parse_size("9999999999999G", &bytes));
    assert_false(units_parse_size("", &bytes));
}

static void assert_duration(uint64_t ns, const char *text)
{
    char out[24];
    assert_string_equal(units_format_duration(ns, out, sizeof out), text);
}

static void durations_are_printed(void **state)
{
    (void)state;
    assert_duration(0, "0 ns");
    assert_duration(999, "999 ns");
    assert_duration(1234, "1.234 us");
    assert_duration(12345678, "12.35 ms");
    assert_duration(123456789, "123.5 ms");
    assert_duration(999999, "1.000 ms");
    assert_duration(3600000000000, "3600 s");
    assert_duration(UINT64_MAX, "18446744074 s");
}

static void sizes_and_counts_are_printed(void **state)
{
    (void)state;
    char out[32];
    assert_string_equal(units_format_size(0, out, sizeof out), "0 B");
    assert_string_equal(units_format_size(12345678, out, sizeof out), "12.35 MB");
    assert_string_equal(units_format_count(0, out, sizeof out), "0");
    assert_string_equal(units_format_count(999, out, sizeof out), "999");
    assert_string_equal(units_format_count(1000, out, sizeof out), "1,000");
    assert_string_equal(units_format_count(1234567, out, sizeof out), "1,234,567");
    assert_string_equal(units_format_count(UINT64_MAX, out, sizeof out), "18,446,744,073,709,551,615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_parsed),
        cmocka_unit_test(sizes_are_parsed),
        cmocka_unit_test(durations_are_printed),
        cmocka_unit_test(sizes_and_counts_are_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
