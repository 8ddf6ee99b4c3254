/* Import paths out of function names, and what counts as Go's own machinery. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "load/function_name.h"
#include "load/wake_rule.h"

static void expect_package(const char *name, const char *package)
{
    char out[64];
    function_name_package(name, out, sizeof out);
    assert_string_equal(out, package);
}

static void packages(void **state)
{
    (void)state;
    expect_package("main.main", "main");
    expect_package("main.(*Queue).Push", "main");
    expect_package("main.main.func1.2", "main");
    expect_package("internal/poll.(*FD).Read", "internal/poll");
    expect_package("example.com/shop/internal/orders.(*Service).Place", "example.com/shop/internal/orders");
    expect_package("gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml.v3");
    expect_package("github.com/x/go%2dy%2ez.F", "github.com/x/go-y.z");
    expect_package("main.Map[go.shape.struct { example.com/a/b.T }].Get", "main");
    expect_package("example.com/q.(*Ring[...]).Pop", "example.com/q");
    expect_package("_rt0_amd64_linux", "");
    expect_package("pthread_cond_wait", "");
    expect_package("", "");
    expect_package("%zz.f", "%zz");
    expect_package("a%2.f", "a%2");
    char out[4];
    function_name_package("main.main", out, sizeof out);
    assert_string_equal(out, "mai");
}

static void expect_package_in(const char *name, const char *file, const char *package)
{
    char out[64];
    function_name_package_in(name, file, out, sizeof out);
    assert_string_equal(out, package);
}

static void packages_of_nameless_closures(void **state)
{
    (void)state;
    expect_package_in("_.goready.func1", "/usr/local/go/src/runtime/proc.go", "runtime");
    expect_package_in("_.OnceFunc.func1", "/root/src/go1.27/src/sync/oncefunc.go", "sync");
    expect_package_in("_.goready.func1", "runtime/proc.go", "runtime");
    expect_package_in("_.handle.func1", "/home/me/src/shop/handle.go", "_");
    expect_package_in("_.handle.func1", "example.com/shop/handle.go", "_");
    expect_package_in("_.handle.func1", NULL, "_");
    expect_package_in("_.handle.func1", "handle.go", "_");
    expect_package_in("main.main", "/usr/local/go/src/runtime/proc.go", "main");
}

static void internal_packages(void **state)
{
    (void)state;
    assert_true(function_name_is_internal("runtime"));
    assert_true(function_name_is_internal("runtime/pprof"));
    assert_true(function_name_is_internal("sync"));
    assert_true(function_name_is_internal("sync/atomic"));
    assert_true(function_name_is_internal("internal/poll"));
    assert_false(function_name_is_internal("example.com/app/internal/store"));
    assert_false(function_name_is_internal("runtimes"));
    assert_false(function_name_is_internal("synctools"));
    assert_false(function_name_is_internal("golang.org/x/sync/errgroup"));
    assert_false(function_name_is_internal("main"));
    assert_false(function_name_is_internal(""));
}

static void system_goroutines(void **state)
{
    (void)state;
    assert_true(function_name_is_system_start("runtime.bgsweep"));
    assert_true(function_name_is_system_start("runtime.gcBgMarkWorker"));
    assert_true(function_name_is_system_start("runtime.forcegchelper"));
    assert_false(function_name_is_system_start("runtime.main"));
    assert_false(function_name_is_system_start("runtime.corostart"));
    assert_false(function_name_is_system_start("runtime/pprof.profileWriter"));
    assert_false(function_name_is_system_start("main.main"));
}

static void plumbing(void **state)
{
    (void)state;
    assert_true(function_name_is_plumbing("context"));
    assert_true(function_name_is_plumbing("syscall"));
    assert_true(function_name_is_plumbing("golang.org/x/sys/unix"));
    assert_false(function_name_is_plumbing("example.com/context"));
    assert_false(function_name_is_plumbing("main"));
}

static void what_wakers_do_to_channels(void **state)
{
    (void)state;
    assert_int_equal(wake_rule_channel_op("runtime.send"), CHANNEL_SEND);
    assert_int_equal(wake_rule_channel_op("runtime.chansend1"), CHANNEL_SEND);
    assert_int_equal(wake_rule_channel_op("runtime.chanrecv2"), CHANNEL_RECV);
    assert_int_equal(wake_rule_channel_op("runtime.closechan"), CHANNEL_ANY);
    assert_int_equal(wake_rule_channel_op("runtime.selectgo"), CHANNEL_ANY);
    assert_int_equal(wake_rule_channel_op("runtime.sendDirect"), CHANNEL_NONE);
    assert_int_equal(wake_rule_channel_op("main.send"), CHANNEL_NONE);
}

static void wakers(void **state)
{
    (void)state;
    assert_int_equal(wake_rule_of_function("runtime.goroutineReady"), WAKER_TIMER);
    assert_int_equal(wake_rule_of_function("runtime.(*timers).run"), WAKER_TIMER);
    assert_int_equal(wake_rule_of_function("time.sendTime"), WAKER_TIMER);
    assert_int_equal(wake_rule_of_function("runtime.netpollReadDeadline"), WAKER_NET);
    assert_int_equal(wake_rule_of_function("runtime.gcFlushBgCredit"), WAKER_GC);
    assert_int_equal(wake_rule_of_function("runtime.findRunnable"), WAKER_SCHEDULER);
    assert_int_equal(wake_rule_of_function("runtime.goready"), WAKER_UNKNOWN);
    assert_int_equal(wake_rule_of_function("main.sendTime"), WAKER_UNKNOWN);
    assert_int_equal(wake_rule_of_wait(WAIT_SLEEP, false), WAKER_TIMER);
    assert_int_equal(wake_rule_of_wait(WAIT_CHAN_RECV, false), WAKER_UNKNOWN);
    assert_int_equal(wake_rule_of_wait(WAIT_CHAN_RECV, true), WAKER_TIMER);
    assert_int_equal(wake_rule_of_silent(WAIT_GC), WAKER_GC);
    assert_int_equal(wake_rule_of_silent(WAIT_RUNTIME), WAKER_SCHEDULER);
    assert_string_equal(waker_kind_name(WAKER_NONE_YET), "none_yet");
    assert_string_equal(waker_kind_name((enum waker_kind)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packages),
        cmocka_unit_test(packages_of_nameless_closures),
        cmocka_unit_test(internal_packages),
        cmocka_unit_test(system_goroutines),
        cmocka_unit_test(plumbing),
        cmocka_unit_test(what_wakers_do_to_channels),
        cmocka_unit_test(wakers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
