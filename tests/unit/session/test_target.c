#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "target.h"

static int launch(const char *const *command, const char *user, struct error *err)
{
    static const volatile int never = 0;
    struct target_launch request = {
        .command = (char *const *)(uintptr_t)command, .user = user, .stop = &never};
    struct target target;
    return target_launch(&request, &target, err);
}

static void no_children_left(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void missing_command(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(launch((const char *[]){"/nonexistent/gotape-test", NULL}, NULL, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nonexistent/gotape-test"));
    no_children_left();
}

static void not_executable(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(launch((const char *[]){"/etc/passwd", NULL}, NULL, &err), ERR_PERMISSION);
    no_children_left();
}

static void never_becomes_go(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(launch((const char *[]){"sh", "-c", "exit 3", NULL}, NULL, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "ended with status 3"));
    no_children_left();
}

static void killed_before_it_becomes_go(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(launch((const char *[]){"sh", "-c", "kill -9 $$", NULL}, NULL, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "signal 9"));
    no_children_left();
}

static void unknown_user(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(launch((const char *[]){"true", NULL}, "no-such-user-here", &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "no-such-user-here"));
}

static void attach_to_nobody(void **state)
{
    (void)state;
    struct error err = {0};
    struct target target;
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    assert_int_equal(target_attach(gone, &target, &err), ERR_GONE);
}

static void attached_process_exits(void **state)
{
    (void)state;
    struct error err = {0};
    struct target target;
    int hold[2];
    assert_int_equal(pipe(hold), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(hold[1]);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    assert_int_equal(target_attach(child, &target, &err), 0);
    assert_int_equal(target.pid, child);
    assert_false(target_has_exited(&target));
    close(hold[1]);
    assert_true(target_wait_exit(&target, 5000));
    target_release(&target);
    waitpid(child, NULL, 0);
    close(hold[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_command),        cmocka_unit_test(not_executable),
        cmocka_unit_test(never_becomes_go),       cmocka_unit_test(killed_before_it_becomes_go),
        cmocka_unit_test(unknown_user),           cmocka_unit_test(attach_to_nobody),
        cmocka_unit_test(attached_process_exits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
