/* Whom a recorder becomes, and that it cannot go back. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "privileges.h"

static void users_are_found(void **state)
{
    (void)state;
    struct privileges_user user;
    struct error err = {0};
    assert_int_equal(privileges_find_user("root", &user, &err), 0);
    assert_int_equal(user.uid, 0);
    assert_int_equal(user.gid, 0);
    assert_int_equal(privileges_find_user("nobody", &user, &err), 0);
    assert_true(user.uid != 0 && user.gid != 0);
    assert_int_equal(privileges_find_user("4711", &user, &err), 0);
    assert_int_equal(user.uid, 4711);
    assert_int_equal(user.gid, 4711);
    assert_int_equal(privileges_find_user("1:4294967294", &user, &err), 0);
    assert_int_equal(user.uid, 1);
    assert_int_equal(user.gid, 4294967294u);
    assert_string_equal(user.name, "1:4294967294");
}

static void others_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           "no-such-user-here", "1:",  "1:x", "-1", "1:-1",         "1:2:3", "1 2",
        "4294967295", "99999999999",       "0x0", " 1",  ":1", "1:4294967295", "root:0"};
    struct privileges_user user = {.uid = 77};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error err = {0};
        assert_true(privileges_find_user(texts[i], &user, &err) < 0);
        assert_true(err.message[0] != '\0');
        assert_int_equal(user.uid, 77);
    }
}

static uint64_t capabilities(const char *line)
{
    char text[4096];
    unsigned long long value = UINT64_MAX;
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    const char *at = strstr(text, line);
    if (at)
        sscanf(at + strlen(line), " %llx", &value);
    return value;
}

/* In a child: what is given up does not come back. The number of what is wrong, 0 when nothing is. */
static int drop_and_look(uint64_t keep)
{
    struct privileges_user user;
    struct error err = {0};
    if (privileges_find_user("12345:54321", &user, &err) != 0 || privileges_drop(&user, keep, &err) != 0)
        return 1;
    if (getuid() != 12345 || geteuid() != 12345 || getgid() != 54321 || getegid() != 54321 ||
        getgroups(0, NULL) != 0)
        return 2;
    if (capabilities("CapEff:") != keep || capabilities("CapPrm:") != keep ||
        capabilities("CapBnd:") != keep || capabilities("CapInh:") != 0 || capabilities("CapAmb:") != 0)
        return 3;
    if (setuid(0) == 0 || setgid(0) == 0 || open("/etc/shadow", O_RDONLY) >= 0)
        return 4;
    return capabilities("NoNewPrivs:") == 1 ? 0 : 5;
}

static void rights_do_not_come_back(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    static const uint64_t kept[] = {0, PRIVILEGE_BIT(PRIVILEGE_SYS_PTRACE) | PRIVILEGE_BIT(PRIVILEGE_KILL)};
    for (unsigned i = 0; i < 2; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0)
            _exit(drop_and_look(kept[i]));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

struct attempt {
    uint64_t effective;
    int answer;
};

static int look(void *context, struct error *err)
{
    struct attempt *attempt = context;
    attempt->effective = capabilities("CapEff:");
    return attempt->answer ? error_set(err, attempt->answer, "no") : 0;
}

static void rights_are_laid_down_for_a_while(void **state)
{
    (void)state;
    uint64_t before = capabilities("CapEff:"), keep = PRIVILEGE_BIT(PRIVILEGE_KILL) | PRIVILEGE_BIT(PRIVILEGE_PERFMON);
    static const int answers[] = {0, ERR_GONE};
    for (unsigned i = 0; i < 2; i++) {
        struct error err = {0};
        struct attempt attempt = {.answer = answers[i]};
        assert_int_equal(privileges_try(keep, look, &attempt, &err), answers[i]);
        assert_int_equal(attempt.effective, before & keep);
        assert_int_equal(capabilities("CapEff:"), before);
        assert_string_equal(err.message, answers[i] ? "no" : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_found),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(rights_do_not_come_back),
        cmocka_unit_test(rights_are_laid_down_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
