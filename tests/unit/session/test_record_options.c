#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "record_options.h"

#define ARGS_MAX 16

/* Parses a command line given as words. The options point into the words, not into the array. */
static int parse(const char *const *words, struct record_options *out, struct error *err)
{
    static char *argv[ARGS_MAX + 1];
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    argv[argc] = NULL;
    error_clear(err);
    return record_options_parse(argc, argv, out, err);
}

static void command_keeps_its_own_options(void **state)
{
    (void)state;
    const char *argv[] = {"gotape-record", "-d", "500ms", "-o", "x", "--", "./svc", "-d", "7", NULL};
    struct record_options o;
    struct error err;
    assert_int_equal(parse(argv, &o, &err), 0);
    assert_int_equal(o.mode, MODE_LAUNCH);
    assert_int_equal(o.duration_ns, 500000000);
    assert_string_equal(o.command[0], "./svc");
    assert_string_equal(o.command[1], "-d");
    assert_string_equal(o.command[2], "7");
    assert_null(o.command[3]);
}

static void command_without_dashes(void **state)
{
    (void)state;
    const char *argv[] = {"gotape-record", "-q", "./svc", "--help", NULL};
    struct record_options o;
    struct error err;
    assert_int_equal(parse(argv, &o, &err), 0);
    assert_int_equal(o.mode, MODE_LAUNCH);
    assert_true(o.quiet);
    assert_string_equal(o.command[1], "--help");
}

static void levels_of_detail(void **state)
{
    (void)state;
    static const char *const names[] = {
        [DETAIL_BLOCK] = "block", [DETAIL_SCHED] = "sched", [DETAIL_ALL] = "all"};
    struct record_options o;
    struct error err;
    for (unsigned level = DETAIL_BLOCK; level < DETAIL_COUNT; level++) {
        const char *argv[] = {"gotape-record", "--detail", names[level], "-p", "42", NULL};
        assert_int_equal(parse(argv, &o, &err), 0);
        assert_int_equal(o.detail, level);
    }
    const char *unknown[] = {"gotape-record", "--detail=most", "-p", "42", NULL};
    assert_int_equal(parse(unknown, &o, &err), ERR_USAGE);
    assert_non_null(strstr(err.message, "'most'"));
}

static void defaults_of_attach(void **state)
{
    (void)state;
    const char *argv[] = {"gotape-record", "--pid=42", NULL};
    struct record_options o;
    struct error err;
    assert_int_equal(parse(argv, &o, &err), 0);
    assert_int_equal(o.mode, MODE_ATTACH);
    assert_int_equal(o.pid, 42);
    assert_int_equal(o.zstd_level, 3);
    assert_int_equal(o.detail, DETAIL_BLOCK);
    assert_int_equal(o.engine, ENGINE_AUTO);
    assert_int_equal(o.duration_ns, 0);
    assert_int_equal(o.ring_bytes, 0);
    assert_null(o.output);
}

static void engines(void **state)
{
    (void)state;
    static const char *const names[] = {"auto", "bpf", "perf"};
    static const enum record_engine engines[] = {ENGINE_AUTO, ENGINE_BPF, ENGINE_PERF};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *argv[] = {"gotape-record", "--pid=42", "--engine", names[i], NULL};
        struct record_options o;
        struct error err;
        assert_int_equal(parse(argv, &o, &err), 0);
        assert_int_equal(o.engine, engines[i]);
    }
}

static void snapshots_have_an_interval_where_there_is_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *argv[5];
        uint64_t interval_ns;
    } cases[] = {
        {{"gotape-record", "--pid=42", NULL}, 0},
        {{"gotape-record", "--pid=42", "--snapshot-interval=20ms", NULL}, 20000000},
        {{"gotape-record", "--pid=42", "--detail=snapshot", NULL}, 1000000000},
        {{"gotape-record", "--pid=42", "--detail=snapshot", "--snapshot-interval=5s", NULL}, 5000000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record_options o;
        struct error err;
        assert_int_equal(parse(cases[i].argv, &o, &err), 0);
        assert_int_equal(o.snapshot_interval_ns, cases[i].interval_ns);
    }
}

static void budgets(void **state)
{
    (void)state;
    static const struct {
        const char *argv[5];
        struct budget_limits limits;
    } cases[] = {
        {{"gotape-record", "--pid=42", NULL}, {false, 0.05, 0.20}},
        {{"gotape-record", "--pid=42", "--budget=off", NULL}, {true, 0, 0}},
        {{"gotape-record", "--pid=42", "--budget", "2%", NULL}, {false, 0.02, 0}},
        {{"gotape-record", "--pid=42", "--budget", "5%,10%", NULL}, {false, 0.05, 0.10}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record_options o;
        struct error err;
        assert_int_equal(parse(cases[i].argv, &o, &err), 0);
        assert_int_equal(o.budget.is_off, cases[i].limits.is_off);
        assert_true(o.budget.warn == cases[i].limits.warn && o.budget.thin == cases[i].limits.thin);
    }
}

static void wrong_lines_say_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *argv[6];
        const char *part;
    } cases[] = {
        {{"gotape-record", NULL}, "nothing to record"},
        {{"gotape-record", "-p", "1", "--", "ls", NULL}, "not both"},
        {{"gotape-record", "-p", "0", NULL}, "not a process id"},
        {{"gotape-record", "-p", "12x", NULL}, "not a number"},
        {{"gotape-record", "-p", "1", "--user", "me", NULL}, "--user goes with a COMMAND"},
        {{"gotape-record", "-p", "1", "--kill", NULL}, "--kill goes with a COMMAND"},
        {{"gotape-record", "-z", "20", "ls", NULL}, "not between 1 and 19"},
        {{"gotape-record", "-m", "1k", "ls", NULL}, "between 64k and 1G"},
        {{"gotape-record", "-d", "soon", "ls", NULL}, "not a duration"},
        {{"gotape-record", "--outptu", "x", NULL}, "did you mean --output?"},
        {{"gotape-record", "-o", NULL}, "needs a value"},
        {{"gotape-record", "--cleanup", "ls", NULL}, "--cleanup takes neither"},
        {{"gotape-record", "--snapshot-interval", "1ms", "ls", NULL}, "at least 10ms"},
        {{"gotape-record", "--detail=snapshot", "--probe=main.f", "ls", NULL}, "no probes with"},
        {{"gotape-record", "--budget", "much", "ls", NULL}, "--budget: 'much' is neither"},
        {{"gotape-record", "--budget=20%,5%", "ls", NULL}, "must not be below"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct record_options o = {.pid = 77};
        struct error err;
        assert_int_equal(parse(cases[i].argv, &o, &err), ERR_USAGE);
        if (!strstr(err.message, cases[i].part))
            fail_msg("'%s' does not say '%s'", err.message, cases[i].part);
        assert_int_equal(o.pid, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(command_keeps_its_own_options),
        cmocka_unit_test(command_without_dashes),
        cmocka_unit_test(defaults_of_attach),
        cmocka_unit_test(levels_of_detail),
        cmocka_unit_test(engines),
        cmocka_unit_test(snapshots_have_an_interval_where_there_is_nothing_else),
        cmocka_unit_test(budgets),
        cmocka_unit_test(wrong_lines_say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
