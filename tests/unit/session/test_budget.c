/* When a recording warns, drops, works in windows, comes back and stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "budget.h"

#define MS 1000000ull

static const bool all[BUDGET_CLASS_COUNT] = {true, true, true, true};

/* A look of 250 ms at a target on one CPU: shares in percent. */
static struct budget_look look(double core, double runs, double switches)
{
    struct budget_look look = {.on_ns = 250 * MS, .on_cpu_ns = 250 * MS};
    look.cost_ns[BUDGET_CLASS_CORE] = core / 100 * 250e6;
    look.cost_ns[BUDGET_CLASS_RUNS] = runs / 100 * 250e6;
    look.cost_ns[BUDGET_CLASS_SWITCHES] = switches / 100 * 250e6;
    return look;
}

/* A cycle, the pause first: so much of the CPU time while recording is spent in probes. */
static struct budget_look cycle(const struct budget_decision *plan, double on_share)
{
    struct budget_look look = {.on_ns = plan->on_ns,
                               .off_ns = plan->off_ns,
                               .on_cpu_ns = plan->on_ns,
                               .off_cpu_ns = plan->off_ns};
    look.cost_ns[BUDGET_CLASS_CORE] = on_share / 100 * (double)plan->on_ns;
    return look;
}

static void start(struct budget *self, const char *limits_text)
{
    struct budget_limits limits;
    struct error err = {0};
    assert_int_equal(budget_limits_parse(limits_text, &limits, &err), 0);
    budget_init(self, &limits, all);
}

static struct budget_decision decide(struct budget *self, struct budget_look look)
{
    return budget_decide(self, &look);
}

static void reads_limits(void **state)
{
    static const char *const wrong[] = {"", "5", "5%,", "5%,20", "0%", "100%", "20%,5%", "-1%", "5%,20%,30%", "on", "5 %", "nan%", "1e1000%"};
    struct budget_limits limits;
    struct error err = {0};
    (void)state;
    assert_int_equal(budget_limits_parse("off", &limits, &err), 0);
    assert_true(limits.is_off);
    assert_int_equal(budget_limits_parse("2.5%", &limits, &err), 0);
    assert_true(!limits.is_off && limits.warn == 0.025 && limits.thin == 0);
    assert_int_equal(budget_limits_parse("5%,20%", &limits, &err), 0);
    assert_true(limits.warn == 0.05 && limits.thin == 0.2);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(budget_limits_parse(wrong[i], &limits, &err), ERR_USAGE);
}

static void is_silent_within_the_budget(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "5%,20%");
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(decide(&budget, look(3, 1, 0.9)).step, BUDGET_STEP_NONE);
}

static void warns_once_and_again_after_calm(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "5%,20%");
    assert_int_equal(decide(&budget, look(8, 0, 0)).step, BUDGET_STEP_NONE);
    struct budget_decision d = decide(&budget, look(8, 0, 0));
    assert_int_equal(d.step, BUDGET_STEP_WARN);
    assert_true(d.share > 0.079 && d.share < 0.081 && d.limit == 0.05);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(decide(&budget, look(i % 2 ? 4 : 12, 0, 0)).step, BUDGET_STEP_NONE);
    /* Below 0.7 of it. */
    decide(&budget, look(3, 0, 0));
    decide(&budget, look(8, 0, 0));
    assert_int_equal(decide(&budget, look(8, 0, 0)).step, BUDGET_STEP_WARN);
}

static void leaves_an_idle_target_alone(void **state)
{
    struct budget budget;
    struct budget_look idle = look(0, 0, 0);
    (void)state;
    start(&budget, "5%,20%");
    idle.on_cpu_ns = 2 * MS;
    idle.cost_ns[BUDGET_CLASS_CORE] = 1e6; /* half of what it does, and 0.4 % of a CPU */
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(decide(&budget, idle).step, BUDGET_STEP_NONE);
}

static void a_single_look_is_no_reason(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "5%,20%");
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(decide(&budget, look(30, 0, 0)).step, BUDGET_STEP_NONE);
        assert_int_not_equal(decide(&budget, look(10, 0, 0)).step, BUDGET_STEP_DROP);
    }
    /* But one far above it is. */
    assert_int_equal(decide(&budget, look(30, 15, 0)).step, BUDGET_STEP_DROP);
}

static void drops_the_dearest_then_works_in_windows(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "5%,20%");
    struct budget_decision d = decide(&budget, look(30, 8, 12));
    assert_int_equal(d.step, BUDGET_STEP_DROP);
    assert_int_equal(d.class, BUDGET_CLASS_SWITCHES);
    /* 38 of the 88 % that are left are still too much. */
    assert_true(d.has_windows && budget.in_windows);
    assert_true(d.on_ns >= BUDGET_ON_MIN_NS && d.off_ns > d.on_ns);
    assert_int_equal(decide(&budget, cycle(&d, 43)).class, BUDGET_CLASS_CORE);
}

static void dropping_may_be_enough(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "5%,20%");
    struct budget_decision d = decide(&budget, look(10, 2, 31));
    assert_int_equal(d.step, BUDGET_STEP_DROP);
    assert_int_equal(d.class, BUDGET_CLASS_SWITCHES);
    assert_true(!d.has_windows && !budget.in_windows);
    assert_int_equal(decide(&budget, look(17, 2, 0)).step, BUDGET_STEP_NONE);
}

static double cost_of(const struct budget_look *look)
{
    return budget_share(look) * (double)(look->on_cpu_ns + look->off_cpu_ns);
}

/* The whole of it, from the first look on, is what counts: what the beginning cost too much is paid back. */
static void pays_its_debt(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "5%,10%");
    struct budget_look seen = look(90, 0, 0);
    double spent = cost_of(&seen), cpu = (double)seen.on_cpu_ns, time = (double)seen.on_ns;
    struct budget_decision d = decide(&budget, seen);
    assert_int_equal(d.step, BUDGET_STEP_WINDOWS);
    uint64_t longest = d.off_ns;
    assert_true(longest > 4 * BUDGET_CYCLE_NS && longest < 5 * BUDGET_CYCLE_NS); /* twice what the window needs */
    for (unsigned i = 0; i < 10; i++) {
        seen = cycle(&d, 90);
        spent += cost_of(&seen);
        cpu += (double)(seen.on_cpu_ns + seen.off_cpu_ns);
        time += (double)(seen.on_ns + seen.off_ns);
        assert_true(spent < 0.1 * cpu);
        d = decide(&budget, seen);
    }
    assert_true(spent > 0.075 * cpu && spent < 0.085 * cpu);
    /* And then it is in its stride. */
    assert_int_equal(d.on_ns, BUDGET_ON_MIN_NS);
    assert_true(d.off_ns < longest / 2 + BUDGET_CYCLE_NS / 10);
}

/* It is no reason to pause, but makes pauses longer. */
static void the_recorders_own_time_is_a_cost(void **state)
{
    struct budget budget;
    struct budget_look seen = look(9, 0, 0);
    (void)state;
    seen.own_ns = 0.35 * 250e6;
    assert_true(budget_share(&seen) > 0.439 && budget_share(&seen) < 0.441);
    start(&budget, "5%,20%");
    for (unsigned i = 0; i < 5; i++)
        assert_true(decide(&budget, seen).step <= BUDGET_STEP_WARN);
    seen = look(80, 1, 1);
    start(&budget, "5%,20%");
    uint64_t off = decide(&budget, seen).off_ns;
    seen.own_ns = 0.2 * 250e6;
    start(&budget, "5%,20%");
    assert_true(decide(&budget, seen).off_ns > off + off / 5);
}

static void does_not_wait_when_it_burns(void **state)
{
    struct budget budget;
    struct budget_look part = look(45, 0, 0);
    (void)state;
    start(&budget, "5%,20%");
    assert_true(budget_is_urgent(&budget, &part));
    part.on_ns = BUDGET_EARLY_NS - 1;
    assert_false(budget_is_urgent(&budget, &part));
    part = look(30, 0, 0);
    assert_false(budget_is_urgent(&budget, &part));
    /* A window ends before its time when it costs more than was planned. */
    struct budget_decision d = decide(&budget, look(80, 0, 0));
    struct budget_look window = {.on_ns = d.on_ns / 2, .on_cpu_ns = d.on_ns / 2, .off_ns = d.off_ns, .off_cpu_ns = d.off_ns};
    window.cost_ns[BUDGET_CLASS_CORE] = 0.8 * (double)d.on_ns;
    assert_false(budget_is_urgent(&budget, &window));
    window.cost_ns[BUDGET_CLASS_CORE] = 1.4 * (double)d.on_ns;
    assert_true(budget_is_urgent(&budget, &window));
    window.on_ns = BUDGET_CUT_NS - 1;
    assert_false(budget_is_urgent(&budget, &window));
    start(&budget, "5%");
    assert_false(budget_is_urgent(&budget, &part));
}

static void what_is_not_worth_it_is_not_dropped(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "5%,20%");
    assert_int_equal(decide(&budget, look(60, 3, 3)).step, BUDGET_STEP_WINDOWS);
    start(&budget, "5%,20%");
    budget.may_drop[BUDGET_CLASS_RUNS] = false;
    assert_int_equal(decide(&budget, look(30, 30, 1)).step, BUDGET_STEP_WINDOWS);
}

static void only_warns_without_a_second_limit(void **state)
{
    struct budget budget;
    unsigned warnings = 0;
    (void)state;
    start(&budget, "5%");
    for (unsigned i = 0; i < 20; i++) {
        enum budget_step step = decide(&budget, look(60, 30, 0)).step;
        assert_true(step == BUDGET_STEP_NONE || step == BUDGET_STEP_WARN);
        warnings += step == BUDGET_STEP_WARN;
    }
    assert_int_equal(warnings, 1);
}

/* Cycle after cycle of the same load, until debts are paid. */
static struct budget_decision settle(struct budget *budget, struct budget_decision d, double on_share)
{
    for (unsigned i = 0; i < 12; i++)
        d = decide(budget, cycle(&d, on_share));
    return d;
}

static void windows_follow_the_load(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "5%,20%");
    struct budget_decision d = settle(&budget, decide(&budget, look(80, 1, 1)), 80);
    uint64_t on = d.on_ns;
    d = decide(&budget, cycle(&d, 40));
    assert_int_equal(d.step, BUDGET_STEP_NONE);
    assert_true(d.on_ns > on + on / 2);
    d = settle(&budget, d, 30);
    assert_true(d.on_ns > 2 * on);
    d = settle(&budget, d, 95);
    assert_true(d.on_ns <= on);
    /* The next cycle costs what is aimed at. */
    struct budget_look next = cycle(&d, 95);
    double share = budget_share(&next);
    assert_true(share > 0.155 && share < 0.165);
}

static void a_target_that_does_more_while_unrecorded_pauses_less(void **state)
{
    struct budget budget;
    struct budget_look throttled;
    (void)state;
    start(&budget, "5%,20%");
    struct budget_decision d = settle(&budget, decide(&budget, look(80, 1, 1)), 80);
    uint64_t part = d.on_ns * 1000 / (d.on_ns + d.off_ns);
    for (unsigned i = 0; i < 12; i++) {
        throttled = cycle(&d, 80);
        throttled.off_cpu_ns *= 2;
        d = decide(&budget, throttled);
    }
    assert_true(d.on_ns * 1000 / (d.on_ns + d.off_ns) > part);
}

static void comes_back_when_the_load_has_gone(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "5%,20%");
    struct budget_decision d = decide(&budget, look(80, 1, 1));
    /* Just below the limit is not enough, nor are two calm cycles. */
    for (unsigned i = 0; i < 9; i++) {
        d = decide(&budget, cycle(&d, i % 3 == 2 ? 18 : 5));
        assert_int_equal(d.step, BUDGET_STEP_NONE);
    }
    for (unsigned i = 0; i < 2; i++)
        d = decide(&budget, cycle(&d, 5));
    d = decide(&budget, cycle(&d, 5));
    assert_int_equal(d.step, BUDGET_STEP_FULL);
    assert_false(budget.in_windows);
    /* And again into windows, at once: nothing is left to drop. */
    assert_int_equal(decide(&budget, look(50, 0, 0)).step, BUDGET_STEP_WINDOWS);
}

static void stops_when_the_shortest_windows_cost_too_much(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "0.2%,0.5%");
    struct budget_decision d = decide(&budget, look(95, 1, 1));
    assert_int_equal(d.step, BUDGET_STEP_WINDOWS);
    assert_true(d.on_ns >= BUDGET_ON_MIN_NS && d.on_ns + d.off_ns <= BUDGET_CYCLE_MAX_NS);
    d = decide(&budget, cycle(&d, 95));
    assert_int_equal(d.step, BUDGET_STEP_NONE);
    d = decide(&budget, cycle(&d, 95));
    assert_int_equal(d.step, BUDGET_STEP_STOP);
    assert_int_equal(decide(&budget, cycle(&d, 95)).step, BUDGET_STEP_NONE);
}

static void a_dear_edge_makes_windows_longer(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "5%,10%");
    budget.edge_ns = 200 * MS;
    struct budget_decision d = decide(&budget, look(80, 1, 1));
    assert_int_equal(d.on_ns, 800 * MS);
    assert_true(d.off_ns > 7000 * MS);
    /* One that takes CPU time, longer pauses. */
    budget.edge_ns = 0;
    d = settle(&budget, d, 80);
    uint64_t off = d.off_ns;
    for (unsigned i = 0; i < 12; i++) {
        struct budget_look seen = cycle(&d, 80);
        seen.own_ns = seen.edge_ns = 100e6;
        d = decide(&budget, seen);
    }
    assert_int_equal(d.on_ns, BUDGET_ON_MIN_NS);
    assert_true(d.off_ns > off + 1200 * MS && d.off_ns < off + 1300 * MS);
}

static void off_decides_nothing(void **state)
{
    struct budget budget;
    (void)state;
    start(&budget, "off");
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(decide(&budget, look(99, 0, 0)).step, BUDGET_STEP_NONE);
    start(&budget, "5%,20%");
    assert_int_equal(decide(&budget, (struct budget_look){0}).step, BUDGET_STEP_NONE);
}

/* Hits that are said to have cost more than the target's whole time are too dear, not the target of no time at all. */
static void costs_stay_within_the_time(void **state)
{
    struct budget_look fair = look(60, 20, 1), dear = look(150, 90, 60);
    (void)state;
    budget_look_bound(&fair);
    assert_true(fair.cost_ns[BUDGET_CLASS_CORE] == look(60, 20, 1).cost_ns[BUDGET_CLASS_CORE]);
    budget_look_bound(&dear);
    double share = budget_share(&dear);
    assert_true(share > 0.8 && share < 0.9);
    assert_true(dear.cost_ns[BUDGET_CLASS_CORE] > 1.6 * dear.cost_ns[BUDGET_CLASS_RUNS]);
    dear = look(150, 90, 60);
    dear.edge_ns = dear.cost_ns[BUDGET_CLASS_CORE] / 10;
    budget_look_bound(&dear);
    assert_true(budget_share(&dear) > share && budget_share(&dear) < 1.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_limits),
        cmocka_unit_test(is_silent_within_the_budget),
        cmocka_unit_test(warns_once_and_again_after_calm),
        cmocka_unit_test(leaves_an_idle_target_alone),
        cmocka_unit_test(a_single_look_is_no_reason),
        cmocka_unit_test(drops_the_dearest_then_works_in_windows),
        cmocka_unit_test(dropping_may_be_enough),
        cmocka_unit_test(pays_its_debt),
        cmocka_unit_test(the_recorders_own_time_is_a_cost),
        cmocka_unit_test(does_not_wait_when_it_burns),
        cmocka_unit_test(what_is_not_worth_it_is_not_dropped),
        cmocka_unit_test(only_warns_without_a_second_limit),
        cmocka_unit_test(windows_follow_the_load),
        cmocka_unit_test(a_target_that_does_more_while_unrecorded_pauses_less),
        cmocka_unit_test(comes_back_when_the_load_has_gone),
        cmocka_unit_test(stops_when_the_shortest_windows_cost_too_much),
        cmocka_unit_test(a_dear_edge_makes_windows_longer),
        cmocka_unit_test(off_decides_nothing),
        cmocka_unit_test(costs_stay_within_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
