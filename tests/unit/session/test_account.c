/* Users and their groups, from files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "account.h"

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void users_of_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/gotape-account-XXXXXX", passwd[64], group[64];
    struct account account = {.uid = 99};
    struct error err = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(passwd, sizeof passwd, "%s/passwd", folder);
    snprintf(group, sizeof group, "%s/group", folder);
    write_text(
        passwd,
        "root:x:0:0:root:/root:/bin/sh\nbroken line\nann:x:1001:100:Ann:/:/bin/sh\nbob:x:1002:101::/:\n");
    write_text(
        group,
        "users:x:100:\nbob:x:101:\nwheel:x:10:bob,ann\nbroken\ndisk:x:6:ann,ann,annie\nmore:x:7:bob\n");
    assert_int_equal(account_find_in(passwd, group, "ann", &account, &err), 0);
    assert_int_equal(account.uid, 1001);
    assert_int_equal(account.gid, 100);
    assert_int_equal(account.group_count, 3);
    assert_int_equal(account.groups[0], 100);
    assert_int_equal(account.groups[1], 10);
    assert_int_equal(account.groups[2], 6);
    assert_int_equal(account_find_in(passwd, "/nonexistent", "bob", &account, &err), 0);
    assert_int_equal(account.group_count, 1);
    assert_int_equal(account.groups[0], 101);
    account.uid = 99;
    assert_int_equal(account_find_in(passwd, group, "an", &account, &err), ERR_NOT_FOUND);
    assert_int_equal(account_find_in("/nonexistent", group, "ann", &account, &err), ERR_NOT_FOUND);
    assert_int_equal(account.uid, 99);
    unlink(passwd);
    unlink(group);
    rmdir(folder);
}

static void users_of_this_host(void **state)
{
    (void)state;
    struct account account;
    struct error err = {0};
    assert_int_equal(account_find("root", &account, &err), 0);
    assert_int_equal(account.uid, 0);
    assert_true(account.group_count >= 1);
    assert_int_equal(account_find("no-such-user-here", &account, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "no-such-user-here"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(users_of_files),
                                       cmocka_unit_test(users_of_this_host)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
