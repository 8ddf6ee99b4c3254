/* The output formats, given hostile rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "query/sink_table.h"
#include "query_fixture.h"

static const struct column columns[] = {
    {"name", COLUMN_PLAIN}, {"n_ns", COLUMN_PLAIN},  {"open", COLUMN_BOOL},
    {"list", COLUMN_JSON},  {"shown", COLUMN_TABLE},
};

#define TEXT(s)                                                                                              \
    {                                                                                                        \
        STORE_TEXT, 0, 0, s, sizeof(s) - 1                                                                   \
    }
#define INTEGER(n)                                                                                           \
    {                                                                                                        \
        STORE_INTEGER, n, 0, NULL, 0                                                                         \
    }

static const struct cell first[] = {TEXT("a \"b\", c\n\x1b[31m\xff"), INTEGER(-5), INTEGER(1),
                                    TEXT("[1,\"x\xffy\"]"), TEXT("t")};
static const struct cell second[] = {TEXT(""),
                                     {STORE_REAL, 0, HUGE_VAL, NULL, 0},
                                     {STORE_NULL, 0, 0, NULL, 0},
                                     {STORE_NULL, 0, 0, NULL, 0},
                                     {STORE_NULL, 0, 0, NULL, 0}};

static void check(struct row_sink *sink, struct capture *capture, const char *expected)
{
    struct error err = {0};
    assert_int_equal(row_sink_begin(sink, columns, 5, &err), 0);
    assert_int_equal(row_sink_row(sink, &(struct row){columns, first, 5}, &err), 0);
    assert_int_equal(row_sink_row(sink, &(struct row){columns, second, 5}, &err), 0);
    assert_int_equal(row_sink_end(sink, &err), 0);
    assert_string_equal(capture_text(capture), expected);
    row_sink_free(sink);
    capture_end(capture);
}

static void csv_is_rfc_4180(void **state)
{
    struct capture capture;
    (void)state;
    capture_begin(&capture);
    check(sink_csv_new(capture.stream), &capture,
          "name,n_ns,open,list\r\n"
          "\"a \"\"b\"\", c\n\x1b[31m\xff\",-5,true,\"[1,\"\"x\xffy\"\"]\"\r\n"
          "\"\",inf,,\r\n");
}

static void json_is_valid_whatever_comes(void **state)
{
    struct capture capture;
    (void)state;
    capture_begin(&capture);
    check(sink_json_new(capture.stream, false), &capture,
          "[\n"
          "{\"name\":\"a \\\"b\\\", "
          "c\\n\\u001b[31m\xef\xbf\xbd\",\"n_ns\":-5,\"open\":true,\"list\":[1,\"x\xef\xbf\xbdy\"]},\n"
          "{\"name\":\"\",\"n_ns\":null,\"open\":null,\"list\":null}\n"
          "]\n");
    capture_begin(&capture);
    check(sink_json_new(capture.stream, true), &capture,
          "{\"name\":\"a \\\"b\\\", "
          "c\\n\\u001b[31m\xef\xbf\xbd\",\"n_ns\":-5,\"open\":true,\"list\":[1,\"x\xef\xbf\xbdy\"]}\n"
          "{\"name\":\"\",\"n_ns\":null,\"open\":null,\"list\":null}\n");
}

static void empty_answers(void **state)
{
    struct capture capture;
    struct error err = {0};
    (void)state;
    for (int i = 0; i < 3; i++) {
        static const char *const expected[] = {"[]\n", "", "name,n_ns,open,list\r\n"};
        capture_begin(&capture);
        struct row_sink *sink = i == 2 ? sink_csv_new(capture.stream) : sink_json_new(capture.stream, i == 1);
        assert_int_equal(row_sink_begin(sink, columns, 5, &err), 0);
        assert_int_equal(row_sink_end(sink, &err), 0);
        capture_text(&capture);
        assert_int_equal(capture.size, strlen(expected[i]));
        assert_memory_equal(capture.text, expected[i], capture.size);
        row_sink_free(sink);
        capture_end(&capture);
    }
}

static void table_aligns_and_disarms(void **state)
{
    struct capture capture;
    struct table_options options = {0};
    (void)state;
    capture_begin(&capture);
    check(sink_table_new(capture.stream, &options), &capture,
          "name             n_ns  open  list       shown\n"
          "a \"b\", c \xef\xbf\xbd[31m\xef\xbf\xbd    -5  true  [1,\"x\xef\xbf\xbdy\"]  t\n"
          "                  inf\n");
}

static void print_text(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context)
{
    ++*(int *)context;
    buf_printf(out, "%s", row_text(row, column->key, "-"));
}

static void print_number(struct buf *out, const struct row *row, const struct table_column *column,
                         void *context)
{
    (void)context;
    buf_printf(out, "%d", (int)row_int(row, column->key, 0));
}

static void print_detail(struct buf *out, const struct row *row, void *context)
{
    (void)context;
    buf_printf(out, "  under %d\n", (int)row_int(row, "n_ns", 0));
}

static void table_fits_the_terminal(void **state)
{
    static const struct table_column composed[] = {{"NAME", false, 4, print_text, false, "name"},
                                                   {"NUMBER", true, 0, print_number, false, "n_ns"},
                                                   {"END", false, 6, print_text, true, "name"}};
    static const struct column one[] = {{"name", COLUMN_PLAIN}, {"n_ns", COLUMN_PLAIN}};
    static const struct cell row[] = {TEXT("abcdefghijklmnop"), INTEGER(7)};
    int calls = 0;
    struct table_options options = {composed, 3, 30, false, &calls, print_detail};
    struct capture capture;
    struct error err = {0};
    (void)state;
    capture_begin(&capture);
    struct row_sink *sink = sink_table_new(capture.stream, &options);
    assert_int_equal(row_sink_begin(sink, one, 2, &err), 0);
    assert_int_equal(row_sink_row(sink, &(struct row){one, row, 2}, &err), 0);
    assert_int_equal(row_sink_end(sink, &err), 0);
    assert_string_equal(capture_text(&capture), "NAME        NUMBER  END\n"
                                                "abcdefghi\xe2\x80\xa6       7  abc\xe2\x80\xa6klmnop\n"
                                                "  under 7\n");
    assert_int_equal(calls, 2);
    row_sink_free(sink);
    capture_end(&capture);
}

/* More rows than the window that widths are taken from. */
static void table_streams(void **state)
{
    static const struct column one[] = {{"n", COLUMN_PLAIN}};
    struct table_options options = {0};
    struct capture capture;
    struct error err = {0};
    (void)state;
    capture_begin(&capture);
    struct row_sink *sink = sink_table_new(capture.stream, &options);
    assert_int_equal(row_sink_begin(sink, one, 1, &err), 0);
    for (int i = 0; i < 2500; i++)
        assert_int_equal(row_sink_row(sink, &(struct row){one, &(struct cell)INTEGER(i), 1}, &err), 0);
    assert_int_equal(row_sink_end(sink, &err), 0);
    size_t lines = 0;
    for (const char *p = capture_text(&capture); *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 2501);
    assert_non_null(strstr(capture.text, "\n2499\n"));
    row_sink_free(sink);
    capture_end(&capture);
}

static void reports_a_full_disk(void **state)
{
    struct error err = {0};
    FILE *full = fopen("/dev/full", "w");
    (void)state;
    if (!full)
        skip();
    setvbuf(full, NULL, _IONBF, 0);
    struct row_sink *sink = sink_csv_new(full);
    assert_int_equal(row_sink_begin(sink, columns, 5, &err), ERR_NO_SPACE);
    row_sink_free(sink);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_is_rfc_4180),         cmocka_unit_test(json_is_valid_whatever_comes),
        cmocka_unit_test(empty_answers),           cmocka_unit_test(table_aligns_and_disarms),
        cmocka_unit_test(table_fits_the_terminal), cmocka_unit_test(table_streams),
        cmocka_unit_test(reports_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
