/* Options of long recordings: units that look alike, and what does not go together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "long_options.h"

static int read_rotate(const char *text, struct long_options *out)
{
    struct long_texts texts;
    struct error err = {0};
    long_options_init(out, &texts);
    texts.rotate = text;
    return long_options_read(out, &texts, &err);
}

static void a_rotation_is_a_size_or_a_time(void **state)
{
    (void)state;
    struct long_options o;
    assert_int_equal(read_rotate("10m", &o), 0);
    assert_int_equal(o.rotate_ns, 600 * 1000000000ull);
    assert_int_equal(o.rotate_bytes, 0);
    assert_int_equal(read_rotate("10M", &o), 0);
    assert_int_equal(o.rotate_bytes, 10u << 20);
    assert_int_equal(o.rotate_ns, 0);
    assert_true(long_options_has_parts(&o));
    const char *const wrong[] = {"", "10", "1.5", "m", "10x", "-1s", "999ms", "63k", "10m10M"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(read_rotate(wrong[i], &o), ERR_USAGE);
}

static int read_flight(const char *text, struct long_options *out)
{
    struct long_texts texts;
    struct error err = {0};
    long_options_init(out, &texts);
    texts.flight = text;
    return long_options_read(out, &texts, &err);
}

static void a_flight_has_a_time_and_perhaps_a_size(void **state)
{
    (void)state;
    struct long_options o;
    assert_int_equal(read_flight("30s", &o), 0);
    assert_int_equal(o.flight_ns, 30 * 1000000000ull);
    assert_int_equal(o.flight_bytes, 256u << 20);
    assert_int_equal(read_flight("1m,64M", &o), 0);
    assert_int_equal(o.flight_ns, 60 * 1000000000ull);
    assert_int_equal(o.flight_bytes, 64u << 20);
    assert_int_equal(o.cooldown_ns, 60 * 1000000000ull);
    const char *const wrong[] = {"", "x", "30s,", ",64M", "30s,64x", "10ms", "2h", "30s,1M", "30s,64M,1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(read_flight(wrong[i], &o), ERR_USAGE);
}

static void triggers_are_understood(void **state)
{
    (void)state;
    struct trigger_spec spec;
    struct error err = {0};
    static const struct {
        const char *text;
        enum trigger_kind kind;
        uint64_t limit;
    } right[] = {
        {"blocked>5s", TRIGGER_BLOCKED, 5000000000u},
        {"blocked>250ms", TRIGGER_BLOCKED, 250000000u},
        {"runnable-p99>10ms", TRIGGER_RUNNABLE_P99, 10000000u},
        {"goroutines>10000", TRIGGER_GOROUTINES, 10000},
        {"goroutines+200/s", TRIGGER_GROWTH, 200},
    };
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        assert_int_equal(trigger_spec_parse(right[i].text, &spec, &err), 0);
        assert_int_equal(spec.kind, right[i].kind);
        assert_int_equal(spec.limit, right[i].limit);
    }
    const char *const wrong[] = {"",           "blocked",       "blocked>",         "blocked>0s",        "blocked<5s",
                                 "blocked>5x", "goroutines>x",  "goroutines>-1",    "goroutines>10k",    "goroutines+200",
                                 "goroutines+/s", "runnable-p98>1s", "goroutines+0/s", "goroutines>99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(trigger_spec_parse(wrong[i], &spec, &err), ERR_USAGE);
        assert_non_null(strstr(err.message, "goroutines+200/s"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rotation_is_a_size_or_a_time),
        cmocka_unit_test(a_flight_has_a_time_and_perhaps_a_size),
        cmocka_unit_test(triggers_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
