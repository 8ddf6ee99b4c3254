/* Uprobe definitions in the real tracefs: refusals in the kernel's words, busy ones, and what a killed
 * recorder leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf_fixture.h"

static const char *missing;
static struct perf_fixture f; /* of the test that runs */

static void test_refusals_quote_the_kernel(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    struct uprobe_group *group;
    struct error err;
    char tracefs[256];
    assert_int_equal(tracefs_find(tracefs, sizeof tracefs, &err), 0);
    assert_int_equal(uprobe_group_new(&group, &err), 0);
    assert_true(uprobe_define(group, "bad", HIT_TARGET, 0x1000, "a=%nosuch:u64", &err) < 0);
    assert_non_null(strstr(err.message, "register"));
    assert_true(uprobe_define(group, "gone", "/does/not/exist", 0x1000, "", &err) < 0);
    assert_non_null(strstr(err.message, "/does/not/exist"));
    assert_int_equal(perf_fixture_definitions(tracefs, uprobe_group_name(group)), 0);
    uprobe_group_free(group);
}

static void test_one_probe_point_per_name(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    struct error err;
    uint64_t hits = 0;
    perf_fixture_start(&f, &(struct perf_fixture_options){0});
    assert_int_equal(uprobe_define(f.group, "hit0", HIT_TARGET, f.target.file_offset, "", &err), ERR_BUSY);
    assert_int_equal(perf_fixture_definitions(f.tracefs, uprobe_group_name(f.group)), 1);
    assert_int_equal(perf_session_enable(f.session, &err), 0);
    hit_target_run(&f.target, "hit 25");
    assert_int_equal(uprobe_hits(f.group, "hit0", &hits, &err), 0);
    assert_int_equal(hits, 25);
    perf_fixture_finish(&f);
}

static void test_busy_definitions_stay(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    struct error err;
    struct uprobe_stale stale;
    perf_fixture_start(&f, &(struct perf_fixture_options){0});
    assert_int_equal(uprobe_group_delete(f.group, &err), ERR_BUSY);
    assert_non_null(strstr(err.message, "hit0"));
    assert_int_equal(perf_fixture_definitions(f.tracefs, uprobe_group_name(f.group)), 1);
    /* Ours, and we live. */
    assert_int_equal(uprobe_cleanup(&stale, &err), 0);
    assert_true(stale.foreign >= 1);
    assert_int_equal(perf_fixture_definitions(f.tracefs, uprobe_group_name(f.group)), 1);
    perf_fixture_finish(&f);
}

/* A process that defines a probe and dies without tidying up; its group's name. */
static void leave_definitions(char *name, size_t size)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct uprobe_group *group;
        bool ok = uprobe_group_new(&group, NULL) == 0 &&
                  uprobe_define(group, "left", HIT_TARGET, 0x1000, "", NULL) == 0 &&
                  uprobe_define(group, "behind", HIT_TARGET, 0x1000, "", NULL) == 0;
        if (ok)
            dprintf(fds[1], "%s", uprobe_group_name(group));
        _exit(ok ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    ssize_t got = read(fds[0], name, size - 1);
    assert_true(got > 0);
    name[got] = '\0';
    close(fds[0]);
    close(fds[1]);
}

static void test_cleanup_after_a_killed_recorder(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    char name[128], tracefs[256];
    struct uprobe_stale stale;
    struct error err;
    assert_int_equal(tracefs_find(tracefs, sizeof tracefs, &err), 0);
    leave_definitions(name, sizeof name);
    assert_int_equal(perf_fixture_definitions(tracefs, name), 2);
    assert_int_equal(uprobe_cleanup(&stale, &err), 0);
    assert_true(stale.removed >= 2);
    assert_int_equal(perf_fixture_definitions(tracefs, name), 0);
}

int main(void)
{
    missing = perf_fixture_missing();
    const struct CMUnitTest tests[] = {
        perf_fixture_test(test_refusals_quote_the_kernel),
        perf_fixture_test(test_one_probe_point_per_name),
        perf_fixture_test(test_busy_definitions_stay),
        perf_fixture_test(test_cleanup_after_a_killed_recorder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
