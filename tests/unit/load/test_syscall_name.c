#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/syscall_name.h"

static void numbers_belong_to_machines(void **state)
{
    (void)state;
    assert_string_equal(syscall_name_of_number(SYSCALL_AMD64, 0), "read");
    assert_string_equal(syscall_name_of_number(SYSCALL_AMD64, 202), "futex");
    assert_string_equal(syscall_name_of_number(SYSCALL_AMD64, 281), "epoll_pwait");
    assert_string_equal(syscall_name_of_number(SYSCALL_AMD64, 425), "io_uring_setup");
    assert_string_equal(syscall_name_of_number(SYSCALL_ARM64, 63), "read");
    assert_string_equal(syscall_name_of_number(SYSCALL_ARM64, 98), "futex");
    assert_string_equal(syscall_name_of_number(SYSCALL_ARM64, 22), "epoll_pwait");
    assert_null(syscall_name_of_number(SYSCALL_AMD64, 400));
    assert_null(syscall_name_of_number(SYSCALL_AMD64, UINT64_MAX));
    assert_null(syscall_name_of_number(SYSCALL_OTHER, 0));
    assert_null(syscall_name_of_number((enum syscall_machine)77, 0));
}

static void machines_by_name(void **state)
{
    (void)state;
    assert_int_equal(syscall_name_machine(NULL), SYSCALL_AMD64);
    assert_int_equal(syscall_name_machine("x86_64"), SYSCALL_AMD64);
    assert_int_equal(syscall_name_machine("aarch64"), SYSCALL_ARM64);
    assert_int_equal(syscall_name_machine("riscv64"), SYSCALL_OTHER);
}

static void functions_tell_the_call(void **state)
{
    (void)state;
    assert_string_equal(syscall_name_of_function("syscall.Read"), "read");
    assert_string_equal(syscall_name_of_function("syscall.read"), "read");
    assert_string_equal(syscall_name_of_function("golang.org/x/sys/unix.EpollWait"), "epoll_wait");
    assert_string_equal(syscall_name_of_function("syscall.Wait"), "Wait");
    assert_string_equal(syscall_name_of_function("runtime.cgocall"), "cgo");
    assert_string_equal(syscall_name_of_function("os/signal.signal_recv"), "futex");
    assert_string_equal(syscall_name_of_function("syscall.rawVforkSyscall"), "clone");
    assert_null(syscall_name_of_function("syscall.Syscall6"));
    assert_null(syscall_name_of_function("syscall.RawSyscall"));
    assert_null(syscall_name_of_function("syscall.(*Proc).Call"));
    assert_null(syscall_name_of_function("internal/runtime/syscall.Syscall6"));
    assert_null(syscall_name_of_function("main.read"));
    assert_null(syscall_name_of_function("syscall."));
    assert_null(syscall_name_of_function(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_belong_to_machines),
        cmocka_unit_test(machines_by_name),
        cmocka_unit_test(functions_tell_the_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
