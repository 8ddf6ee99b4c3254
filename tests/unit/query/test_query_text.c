/* Characters of untrusted text, and "did you mean". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "query/nearest.h"
#include "query/utf8.h"

static void decodes_valid_text(void **state)
{
    static const struct {
        const char *text;
        uint32_t code;
    } cases[] = {{"a", 'a'},
                 {"\xc3\xa9", 0xe9},
                 {"\xe2\x80\xa6", 0x2026},
                 {"\xf0\x9f\x98\x80", 0x1f600},
                 {"\xf4\x8f\xbf\xbf", 0x10ffff}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t code;
        struct buf out;
        buf_init(&out);
        assert_int_equal(utf8_next(cases[i].text, strlen(cases[i].text), &code), strlen(cases[i].text));
        assert_int_equal(code, cases[i].code);
        utf8_put(&out, code);
        assert_int_equal(out.size, strlen(cases[i].text));
        assert_memory_equal(out.data, cases[i].text, out.size);
        buf_release(&out);
    }
}

static void replaces_invalid_bytes_one_by_one(void **state)
{
    /* Overlong, surrogate, past the end of Unicode, continuation alone, cut. */
    static const char *const cases[] = {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                        "\x80",     "\xe2\x80",     "\xff"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t code = 0;
        assert_int_equal(utf8_next(cases[i], strlen(cases[i]), &code), 1);
        assert_int_equal(code, UTF8_REPLACEMENT);
    }
}

static void measures_characters(void **state)
{
    const char *text = "a\xc3\xa9\xe2\x80\xa6z";
    (void)state;
    assert_int_equal(utf8_width(text, strlen(text)), 4);
    assert_int_equal(utf8_prefix(text, strlen(text), 2), 3);
    assert_int_equal(utf8_prefix(text, strlen(text), 9), strlen(text));
}

static void keeps_the_nearest(void **state)
{
    static const char *const names[] = {"info",       "load",      "who-blocked", "chans",
                                        "goroutines", "goroutine", "sql",         "load"};
    struct nearest nearest;
    (void)state;
    nearest_init(&nearest, "goroutne");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        nearest_offer(&nearest, names[i]);
    assert_int_equal(nearest.count, NEAREST_KEPT);
    assert_string_equal(nearest.text[0], "goroutine");
    assert_string_equal(nearest.text[1], "goroutines");
    for (size_t i = 1; i < nearest.count; i++) {
        assert_true(nearest.distance[i - 1] <= nearest.distance[i]);
        assert_string_not_equal(nearest.text[i - 1], nearest.text[i]);
    }
}

static void prefers_containment_and_ignores_case(void **state)
{
    (void)state;
    assert_int_equal(nearest_distance("MAIN.Job", "main.job"), 0);
    assert_true(nearest_distance("Job", "example.com/long/path/main.Job") < nearest_distance("Job", "Jab"));
    assert_true(nearest_distance("xyz", "sql") > NEAREST_CLOSE);
    assert_true(nearest_distance("loaad", "load") <= NEAREST_CLOSE);
}

static void bounds_long_words(void **state)
{
    char word[1000];
    struct nearest nearest;
    (void)state;
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    nearest_init(&nearest, word);
    nearest_offer(&nearest, word);
    assert_int_equal(nearest.count, 1);
    assert_int_equal(strlen(nearest.text[0]), NEAREST_TEXT_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_valid_text),
        cmocka_unit_test(replaces_invalid_bytes_one_by_one),
        cmocka_unit_test(measures_characters),
        cmocka_unit_test(keeps_the_nearest),
        cmocka_unit_test(prefers_containment_and_ignores_case),
        cmocka_unit_test(bounds_long_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
