/* error: codes, messages, prefixes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void set_returns_its_code(void **state)
{
    (void)state;
    struct error err = {.sys_errno = 5};
    assert_int_equal(error_set(&err, ERR_DAMAGED, "chunk %d", 7), ERR_DAMAGED);
    assert_int_equal(err.code, ERR_DAMAGED);
    assert_int_equal(err.sys_errno, 0);
    assert_string_equal(err.message, "chunk 7");
    assert_int_equal(error_set(NULL, ERR_GONE, "nobody listens"), ERR_GONE);
    error_clear(&err);
    assert_int_equal(err.code, 0);
    assert_string_equal(err.message, "");
}

static void system_errors_get_a_code_and_their_reason(void **state)
{
    (void)state;
    struct error err;
    errno = ENOENT;
    assert_int_equal(error_sys(&err, "cannot open %s", "x"), ERR_NOT_FOUND);
    assert_string_equal(err.message, "cannot open x: No such file or directory");
    assert_int_equal(err.sys_errno, ENOENT);
    errno = EPERM;
    assert_int_equal(error_sys(&err, "x"), ERR_PERMISSION);
    errno = ENOSPC;
    assert_int_equal(error_sys(NULL, "x"), ERR_NO_SPACE);
    errno = EIO;
    assert_int_equal(error_sys(&err, "x"), ERR_SYSTEM);
}

static void prefixes_stand_in_front(void **state)
{
    (void)state;
    struct error err;
    error_set(&err, ERR_USAGE, "bad");
    assert_int_equal(error_prefix(&err, "reading %s: ", "file"), ERR_USAGE);
    assert_string_equal(err.message, "reading file: bad");
    /* The old message as an argument of the new one. */
    error_set(&err, ERR_USAGE, "again %s", err.message);
    assert_string_equal(err.message, "again reading file: bad");
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    struct error err;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&err, ERR_SYSTEM, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    error_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    errno = EIO;
    error_sys(&err, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_returns_its_code),
        cmocka_unit_test(system_errors_get_a_code_and_their_reason),
        cmocka_unit_test(prefixes_stand_in_front),
        cmocka_unit_test(long_messages_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
