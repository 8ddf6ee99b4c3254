/* Every wait reason of Go 1.18 to 1.27 has a class; strings nobody knows are honest about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "state/wait_reason.h"

static void expect(const char *name, const char *class, bool silent)
{
    const struct wait_reason *reason = wait_reason_find(name);
    assert_string_equal(wait_class_name(reason->class), class);
    assert_int_equal(reason->is_silent, silent);
}

static void user_visible_reasons(void **state)
{
    (void)state;
    expect("chan receive", "chan_recv", false);
    expect("chan send (nil chan)", "chan_send", false);
    expect("select (no cases)", "select", false);
    expect("sync.Mutex.Lock", "mutex", false);
    expect("sync.RWMutex.RLock", "rwmutex", false);
    expect("sync.Cond.Wait", "cond", false);
    expect("sync.WaitGroup.Wait", "waitgroup", false);
    expect("sleep", "sleep", false);
    expect("IO wait", "net", false);
    expect("coroutine", "coroutine", false);
    expect("semacquire", "other", false);
    assert_true(wait_reason_find("semacquire")->is_by_caller);
    assert_true(wait_reason_find("chan receive (nil chan)")->is_nil_chan);
    assert_false(wait_reason_find("chan receive")->is_nil_chan);
}

static void bubbles_keep_the_class(void **state)
{
    (void)state;
    expect("chan receive (synctest)", "chan_recv", false);
    expect("chan send (durable)", "chan_send", false);
    expect("select (durable)", "select", false);
    expect("sync.WaitGroup.Wait (durable)", "waitgroup", false);
}

static void silent_reasons(void **state)
{
    (void)state;
    expect("GC worker (idle)", "gc", true);
    expect("GC assist wait", "gc", true);
    expect("force gc (idle)", "gc", true);
    expect("wait for GC cycle", "gc", true);
    expect("finalizer wait", "runtime", true);
    expect("cleanup wait", "runtime", true);
    expect("trace reader (blocked)", "runtime", true);
    expect("GOMAXPROCS updater (idle)", "runtime", true);
}

static void unknown_strings(void **state)
{
    (void)state;
    expect("", "other", false);
    expect("(durable)", "other", false);
    expect("chan", "other", false);
    expect("waiting for Godot", "other", false);
    assert_string_equal(wait_reason_find("waiting for Godot")->name, "");
}

static void the_caller_tells_what_a_semaphore_is(void **state)
{
    (void)state;
    assert_int_equal(wait_class_of_caller("sync.(*WaitGroup).Wait"), WAIT_WAITGROUP);
    assert_int_equal(wait_class_of_caller("sync.(*RWMutex).RLock"), WAIT_RWMUTEX);
    assert_int_equal(wait_class_of_caller("internal/sync.(*Mutex).lockSlow"), WAIT_MUTEX);
    assert_int_equal(wait_class_of_caller("internal/poll.(*fdMutex).rwlock"), WAIT_OTHER);
    assert_int_equal(wait_class_of_caller("main.(*Mutex).Lock"), WAIT_OTHER);
    assert_int_equal(wait_class_of_object(OBJECT_WAITGROUP), WAIT_WAITGROUP);
    assert_int_equal(wait_class_of_object(OBJECT_SEMAPHORE), WAIT_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_visible_reasons),
        cmocka_unit_test(bubbles_keep_the_class),
        cmocka_unit_test(silent_reasons),
        cmocka_unit_test(unknown_strings),
        cmocka_unit_test(the_caller_tells_what_a_semaphore_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
