/* What --chan X means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "query/chan_pattern.h"

static void tells_kinds_apart(void **state)
{
    static const struct {
        const char *given;
        enum chan_pattern_kind kind;
        int64_t address, line;
        const char *text;
    } cases[] = {
        {"0xc000102060", CHAN_ADDRESS, 0xc000102060, 0, ""},
        {"0XC000102060", CHAN_ADDRESS, 0xc000102060, 0, ""},
        {"chan main.Job", CHAN_TYPE, 0, 0, "main.Job"},
        {"<-chan main.Job", CHAN_TYPE, 0, 0, "main.Job"},
        {"chan<- struct {}", CHAN_TYPE, 0, 0, "struct {}"},
        {"chan chan int", CHAN_TYPE, 0, 0, "chan int"},
        {"main.Job", CHAN_NAME, 0, 0, "main.Job"},
        {"main.(*Pool).Get", CHAN_NAME, 0, 0, "main.(*Pool).Get"},
        {"main.f[go.shape.int]", CHAN_NAME, 0, 0, "main.f[go.shape.int]"},
        {"struct {}", CHAN_NAME, 0, 0, "struct {}"},
        {"worker.go:31", CHAN_LINE, 0, 31, "worker.go"},
        {"pkg/worker.go:31", CHAN_LINE, 0, 31, "pkg/worker.go"},
        {"worker.go", CHAN_LINE, 0, 0, "worker.go"},
        {"chans.goo", CHAN_NAME, 0, 0, "chans.goo"},
        {"main.go:x", CHAN_NAME, 0, 0, "main.go:x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct chan_pattern pattern;
        assert_true(chan_pattern_parse(cases[i].given, &pattern));
        assert_int_equal(pattern.kind, cases[i].kind);
        assert_int_equal(pattern.address, cases[i].address);
        assert_int_equal(pattern.line, cases[i].line);
        assert_string_equal(pattern.text, cases[i].text);
    }
}

static void refuses_what_is_nothing(void **state)
{
    char longest[600];
    struct chan_pattern pattern;
    static const char *const cases[] = {"", "  ", "0x", "0xzz", "0x10000000000000000", "chan "};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_false(chan_pattern_parse(cases[i], &pattern));
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(chan_pattern_parse(longest, &pattern));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells_kinds_apart),
                                       cmocka_unit_test(refuses_what_is_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
