/* When a run began that no event tells. */
#include "load/run_start.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "load/row_writer.h"

static struct run_starts starts;

static int begin(void **state)
{
    (void)state;
    run_starts_init(&starts);
    return 0;
}

static int end(void **state)
{
    (void)state;
    run_starts_release(&starts);
    return 0;
}

/* Without a symbolizer's stacks: activities alone. */
static void thread(uint64_t time_ns, uint32_t tid, unsigned type, unsigned activity, uint64_t goid)
{
    struct event event = {.type = (uint16_t)type, .time_ns = time_ns, .tid = tid};
    if (type == EV_THREAD_OFF)
        event.f[THREAD_OFF_ACTIVITY] = activity;
    if (type == EV_THREAD_START)
        event.f[THREAD_START_TID] = activity;
    run_start_thread(&starts, NULL, &event, goid);
}

static void expect(uint32_t tid, uint64_t since, uint64_t now, uint64_t time_ns, uint64_t bound_ns,
                   unsigned held)
{
    struct run_held switches;
    struct run_start found = run_start_infer(&starts, tid, since, now, &switches);
    assert_int_equal(found.time_ns, time_ns);
    assert_int_equal(found.bound_ns, bound_ns);
    assert_int_equal(switches.count, held);
}

static void test_after_the_slice_before(void **state)
{
    (void)state;
    assert_false(run_start_is_known(&starts, 7));
    expect(7, 50, 100, 50, 50, 0);
    run_start_left(&starts, 7, 60);
    assert_true(run_start_is_known(&starts, 7));
    expect(7, 50, 100, 60, 40, 0);
    expect(7, 70, 100, 70, 30, 0);  /* woken later than the thread was free */
    expect(7, 200, 100, 100, 0, 0); /* clocks of CPUs differ a little: never behind what shows it */
    run_start_left(&starts, 0, 60);
    assert_false(run_start_is_known(&starts, 0));
}

static void test_after_sleeping_idle(void **state)
{
    (void)state;
    run_start_left(&starts, 7, 60);
    thread(61, 7, EV_THREAD_OFF, ACTIVITY_IDLE, 0);
    thread(80, 7, EV_THREAD_IN, 0, 0);
    expect(7, 50, 100, 80, 20, 0);
    thread(85, 7, EV_THREAD_OFF, ACTIVITY_RUNTIME, 0); /* a lock of the runtime: whoever runs */
    thread(90, 7, EV_THREAD_IN, 0, 0);
    expect(7, 50, 100, 80, 20, 2);
}

static void test_before_its_system_call(void **state)
{
    (void)state;
    run_start_left(&starts, 7, 60);
    thread(70, 7, EV_THREAD_OFF, ACTIVITY_SYSCALL, 0);
    thread(80, 7, EV_THREAD_IN, 0, 0);
    thread(82, 7, EV_THREAD_OFF, ACTIVITY_SYSCALL, 0);
    thread(90, 7, EV_THREAD_IN, 0, 0);
    expect(7, 50, 100, 60, 10, 4);
    /* Woken after it: then the call was not this goroutine's. */
    expect(7, 75, 100, 75, 25, 4);
    run_start_left(&starts, 7, 100);
    expect(7, 50, 120, 100, 20, 0);
}

static void test_known_goroutines_hold_nothing(void **state)
{
    (void)state;
    run_start_left(&starts, 7, 60);
    thread(70, 7, EV_THREAD_OFF, ACTIVITY_SYSCALL, 5);
    thread(80, 7, EV_THREAD_IN, 0, 5);
    expect(7, 50, 100, 60, 40, 0);
}

static void test_new_and_ended_threads(void **state)
{
    (void)state;
    thread(40, 7, EV_THREAD_START, 9, 0);
    expect(9, 10, 100, 40, 60, 0);
    thread(50, 9, EV_THREAD_EXIT, 0, 0);
    assert_false(run_start_is_known(&starts, 9));
    thread(51, 9, EV_THREAD_EXIT, 0, 0);
}

static void test_many_switches(void **state)
{
    (void)state;
    run_start_left(&starts, 7, 1);
    for (unsigned i = 0; i < 3 * RUN_START_HELD_MAX; i++)
        thread(2 + i, 7, i % 2 ? EV_THREAD_IN : EV_THREAD_OFF, ACTIVITY_GO, 0);
    expect(7, 1, 500, 1, 499, RUN_START_HELD_MAX);
}

static void test_names(void **state)
{
    (void)state;
    assert_true(run_start_is_scheduler("runtime.findRunnable"));
    assert_true(run_start_is_scheduler("runtime.schedule"));
    assert_false(run_start_is_scheduler("runtime.gopark")); /* probed */
    assert_false(run_start_is_scheduler("main.schedule"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_after_the_slice_before, begin, end),
        cmocka_unit_test_setup_teardown(test_after_sleeping_idle, begin, end),
        cmocka_unit_test_setup_teardown(test_before_its_system_call, begin, end),
        cmocka_unit_test_setup_teardown(test_known_goroutines_hold_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_new_and_ended_threads, begin, end),
        cmocka_unit_test_setup_teardown(test_many_switches, begin, end),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
