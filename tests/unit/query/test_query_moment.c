/* Times as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "query/moment.h"

#define START  5000000000LL
#define END    15000000000LL
#define SECOND 1000000000LL

static void parses_relative_times(void **state)
{
    static const struct {
        const char *text;
        enum moment_kind kind;
        int64_t ns;
    } cases[] = {{"1.5s", MOMENT_FROM_START, 1500000000}, {"250ms", MOMENT_FROM_START, 250000000},
                 {"2", MOMENT_FROM_START, 2 * SECOND},    {"+1m", MOMENT_FROM_START, 60 * SECOND},
                 {"-2s", MOMENT_FROM_END, 2 * SECOND},    {"0", MOMENT_FROM_START, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct moment moment;
        assert_true(moment_parse(cases[i].text, &moment));
        assert_int_equal(moment.kind, cases[i].kind);
        assert_int_equal(moment.ns, cases[i].ns);
    }
}

static void parses_utc(void **state)
{
    struct moment moment;
    (void)state;
    assert_true(moment_parse("2026-11-22T17:00:00Z", &moment));
    assert_int_equal(moment.kind, MOMENT_UTC);
    assert_int_equal(moment.ns, 1795366800 * SECOND);
    assert_true(moment_parse("2026-11-22 17:00:00.25", &moment));
    assert_int_equal(moment.ns, 1795366800 * SECOND + SECOND / 4);
    assert_true(moment_parse("2024-02-29T12:30Z", &moment));
    assert_int_equal(moment.ns, 1709209800 * SECOND);
    assert_true(moment_parse("1970-01-01", &moment));
    assert_int_equal(moment.ns, 0);
}

/* Against the C library, over two centuries. */
static void formats_and_parses_every_day(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 230 * 365; day += 1) {
        char expected[40], got[40];
        time_t seconds = (time_t)(day * 86400 + day % 86400);
        struct tm tm;
        struct moment moment;
        gmtime_r(&seconds, &tm);
        strftime(expected, sizeof expected, "%Y-%m-%d %H:%M:%S UTC", &tm);
        assert_string_equal(moment_format_utc((int64_t)seconds * SECOND, got, sizeof got), expected);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm);
        assert_true(moment_parse(expected, &moment));
        assert_int_equal(moment.ns, (int64_t)seconds * SECOND);
    }
}

static void refuses_nonsense(void **state)
{
    static const char *const cases[] = {"",
                                        "abc",
                                        "-",
                                        "--1s",
                                        "1.5x",
                                        "2026-13-01",
                                        "2026-02-29",
                                        "2026-11-31",
                                        "2026-11-22T",
                                        "2026-11-22T25:00:00Z",
                                        "2026-11-22T17:00:00ZZ",
                                        "2026-11-22T17:00:00+01",
                                        "1969-12-31",
                                        "nan",
                                        "inf",
                                        "1e300s"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct moment moment;
        if (moment_parse(cases[i], &moment))
            fail_msg("'%s' was taken for a time", cases[i]);
    }
}

static void resolves_to_the_recording(void **state)
{
    int64_t ns;
    (void)state;
    assert_true(moment_resolve(&(struct moment){MOMENT_FROM_START, SECOND}, START, END, 0, &ns));
    assert_int_equal(ns, START + SECOND);
    assert_true(moment_resolve(&(struct moment){MOMENT_FROM_END, SECOND}, START, END, 0, &ns));
    assert_int_equal(ns, END - SECOND);
    assert_true(moment_resolve(&(struct moment){MOMENT_UTC, 1795366803 * SECOND}, START, END,
                               1795366800 * SECOND, &ns));
    assert_int_equal(ns, START + 3 * SECOND);
    assert_false(moment_resolve(&(struct moment){MOMENT_UTC, SECOND}, START, END, 0, &ns));
    assert_true(moment_resolve(&(struct moment){MOMENT_FROM_START, INT64_MAX}, START, END, 0, &ns));
    assert_int_equal(ns, INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_relative_times),        cmocka_unit_test(parses_utc),
        cmocka_unit_test(formats_and_parses_every_day), cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(resolves_to_the_recording),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
