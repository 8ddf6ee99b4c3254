/* The state machine: ordinary lives are legal from end to end, and impossible ones are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "state/goroutine.h"

static void walk(enum goroutine_state from, const enum goroutine_step *steps, size_t count,
                 enum goroutine_state end)
{
    for (size_t i = 0; i < count; i++) {
        struct goroutine_transition t = goroutine_step(from, steps[i]);
        assert_true(t.legal);
        from = t.to;
    }
    assert_int_equal(from, end);
}

#define WALK(from, end, ...)                                                                                 \
    do {                                                                                                     \
        const enum goroutine_step steps_[] = {__VA_ARGS__};                                                  \
        walk(from, steps_, sizeof steps_ / sizeof steps_[0], end);                                           \
    } while (0)

static void ordinary_lives_are_legal(void **state)
{
    (void)state;
    WALK(GOROUTINE_UNKNOWN, GOROUTINE_DEAD, STEP_CREATE, STEP_EXEC, STEP_PARK, STEP_READY, STEP_EXEC_INHERIT,
         STEP_END);
    WALK(GOROUTINE_UNKNOWN, GOROUTINE_RUNNING, STEP_CREATE, STEP_EXEC, STEP_SCHED, STEP_EXEC, STEP_YIELD,
         STEP_EXEC, STEP_SYSCALL_NO_P, STEP_EXEC, STEP_PREEMPT_PARK, STEP_READY, STEP_EXEC, STEP_PARK,
         STEP_NET_READY, STEP_EXEC);
    WALK(GOROUTINE_UNKNOWN, GOROUTINE_DEAD, STEP_CREATE_PARKED, STEP_CORO_IN, STEP_CORO_OUT, STEP_CORO_IN,
         STEP_CORO_EXIT);
}

static void an_unknown_goroutine_may_do_anything(void **state)
{
    (void)state;
    for (int step = 0; step < STEP_COUNT; step++)
        assert_true(goroutine_step(GOROUTINE_UNKNOWN, (enum goroutine_step)step).legal);
}

static void impossible_steps_are_illegal_but_believed(void **state)
{
    (void)state;
    static const struct {
        enum goroutine_state from;
        enum goroutine_step step;
        enum goroutine_state to;
    } rows[] = {
        {GOROUTINE_RUNNING, STEP_EXEC, GOROUTINE_RUNNING},
        {GOROUTINE_RUNNABLE, STEP_PARK, GOROUTINE_WAITING},
        {GOROUTINE_WAITING, STEP_PARK, GOROUTINE_WAITING},
        {GOROUTINE_RUNNING, STEP_READY, GOROUTINE_RUNNABLE},
        {GOROUTINE_PREEMPTED, STEP_EXEC, GOROUTINE_RUNNING},
        {GOROUTINE_DEAD, STEP_EXEC, GOROUTINE_RUNNING},
        {GOROUTINE_RUNNABLE, STEP_CREATE, GOROUTINE_RUNNABLE},
        {GOROUTINE_WAITING, STEP_END, GOROUTINE_DEAD},
        {GOROUTINE_RUNNABLE, STEP_CORO_IN, GOROUTINE_RUNNING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct goroutine_transition t = goroutine_step(rows[i].from, rows[i].step);
        assert_false(t.legal);
        assert_int_equal(t.to, rows[i].to);
    }
}

static void conditions_are_told(void **state)
{
    (void)state;
    struct goroutine_transition t = goroutine_step(GOROUTINE_WAITING, STEP_EXEC);
    assert_true(t.legal && t.needs_silent_wake && !t.needs_same_thread);
    t = goroutine_step(GOROUTINE_WAITING, STEP_EXEC_INHERIT);
    assert_true(t.legal && t.needs_silent_wake && t.needs_same_thread);
    t = goroutine_step(GOROUTINE_RUNNABLE, STEP_READY);
    assert_true(t.legal && t.needs_net_wake);
    t = goroutine_step(GOROUTINE_WAITING, STEP_READY);
    assert_true(t.legal && !t.needs_net_wake && !t.needs_silent_wake && !t.is_void);
}

static void a_late_net_wake_changes_nothing(void **state)
{
    (void)state;
    struct goroutine_transition t = goroutine_step(GOROUTINE_RUNNING, STEP_NET_READY);
    assert_true(t.legal && t.is_void);
    assert_int_equal(t.to, GOROUTINE_RUNNING);
}

static void without_runs_only_waits_are_known(void **state)
{
    (void)state;
    struct goroutine_transition t = goroutine_step_without_runs(GOROUTINE_WAITING, STEP_READY);
    assert_true(t.legal && !t.needs_unseen_wake);
    assert_int_equal(t.to, GOROUTINE_UNKNOWN);
    t = goroutine_step_without_runs(GOROUTINE_WAITING, STEP_PARK);
    assert_true(t.legal && t.needs_unseen_wake);
    assert_int_equal(t.to, GOROUTINE_WAITING);
    t = goroutine_step_without_runs(GOROUTINE_WAITING, STEP_END);
    assert_true(t.legal && t.needs_unseen_wake);
    assert_int_equal(t.to, GOROUTINE_DEAD);
    t = goroutine_step_without_runs(GOROUTINE_WAITING, STEP_EXEC_INHERIT);
    assert_true(t.legal && t.needs_unseen_wake && !t.needs_silent_wake && !t.needs_same_thread);
    assert_false(goroutine_step_without_runs(GOROUTINE_WAITING, STEP_CREATE).legal);
    assert_false(goroutine_step_without_runs(GOROUTINE_DEAD, STEP_PARK).legal);
    assert_true(goroutine_step_without_runs(GOROUTINE_DEAD, STEP_NET_READY).is_void);
    assert_int_equal(goroutine_step_without_runs(GOROUTINE_UNKNOWN, STEP_CREATE).to, GOROUTINE_UNKNOWN);
    assert_false(goroutine_step_without_runs(GOROUTINE_WAITING, (enum goroutine_step)99).legal);
}

static void names_and_wrong_numbers(void **state)
{
    (void)state;
    assert_string_equal(goroutine_state_name(GOROUTINE_WAITING), "waiting");
    assert_string_equal(goroutine_state_name((enum goroutine_state)77), "?");
    assert_false(goroutine_step(GOROUTINE_RUNNING, (enum goroutine_step)99).legal);
    assert_false(goroutine_step((enum goroutine_state)99, STEP_EXEC).legal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_lives_are_legal),
        cmocka_unit_test(an_unknown_goroutine_may_do_anything),
        cmocka_unit_test(impossible_steps_are_illegal_but_believed),
        cmocka_unit_test(conditions_are_told),
        cmocka_unit_test(a_late_net_wake_changes_nothing),
        cmocka_unit_test(without_runs_only_waits_are_known),
        cmocka_unit_test(names_and_wrong_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
