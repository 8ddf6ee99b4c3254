/*
 * Probes with BPF programs, on a real kernel and a real process that counts its own calls: the same as test_perf_session.c
 * asks of perf's samples. Skipped, with the reason, where the kernel takes no programs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "perf_fixture.h"

static const char *missing;
static struct perf_fixture f; /* of the test that runs */
static bool no_link;          /* by events; otherwise by a link, where the kernel has them */

static void begin(const struct perf_fixture_options *options)
{
    struct perf_fixture_options with = *options;
    with.programs = true;
    with.no_link = no_link;
    perf_fixture_begin(missing);
    perf_fixture_start(&f, &with);
}

static void enable(void)
{
    struct error err;
    if (perf_session_enable(f.session, &err) < 0)
        fail_msg("%s", err.message);
}

static struct perf_session_stats stats_of(void)
{
    struct perf_session_stats stats;
    perf_session_stats(f.session, &stats);
    return stats;
}

static void check_counts(bool call_chain)
{
    begin(&(struct perf_fixture_options){.call_chain = call_chain, .probes = 2});
    hit_target_run(&f.target, "hit 50"); /* before the start: not recorded */
    enable();
    hit_target_run(&f.target, "hit 100");
    hit_target_run(&f.target, "threads 4 250");
    hit_target_run(&f.target, "threads 3 10");
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.bad, 0);
    assert_int_equal(f.tally.hits_of[0], 100 + 4 * 250 + 3 * 10);
    assert_int_equal(f.tally.hits_of[1], 100 + 4 * 250 + 3 * 10);
    assert_int_equal(f.tally.value_sum, 2 * (100 * 99 / 2 + 4 * (250 * 249 / 2) + 3 * (10 * 9 / 2)));
    assert_int_equal(f.tally.forks, 7);
    assert_int_equal(f.tally.exits, 7);
    struct perf_session_stats stats = stats_of();
    assert_int_equal(stats.lost, 0);
    assert_int_equal(stats.duplicates, 0);
    assert_int_equal(stats.undecodable, 0);
    assert_int_equal(stats.foreign, 0);
    /* Of each CPU: ring, events of the thread; two probes, two programs, three maps; or for the two probes a link, its program and
     * table, and the file. */
    assert_int_equal(stats.descriptors, 2 * perf_session_ring_count(f.session) + (perf_session_has_link(f.session) ? 9 : 7));
    perf_fixture_finish(&f);
}

static void test_counts_every_hit(void **state)
{
    (void)state;
    check_counts(false);
}

static void test_counts_every_hit_with_its_call_chain(void **state)
{
    (void)state;
    check_counts(true);
}

static void test_children_and_other_instances_are_left_alone(void **state)
{
    (void)state;
    struct hit_target other;
    begin(&(struct perf_fixture_options){.probes = 1});
    hit_target_start(&other);
    enable();
    hit_target_run(&f.target, "fork 20");
    hit_target_run(&other, "hit 30");
    hit_target_run(&f.target, "hit 5");
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits, 5);
    assert_int_equal(f.tally.bad, 0);
    hit_target_stop(&other);
    perf_fixture_finish(&f);
}

/* One event stands for all threads, those of which nobody has told too. */
static void test_all_threads_are_covered(void **state)
{
    (void)state;
    begin(&(struct perf_fixture_options){.worker = true});
    enable();
    hit_target_run(&f.target, "work 10");
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits, 10);
    assert_int_equal(f.tally.bad, 0);
    perf_fixture_finish(&f);
}

static void test_tells_every_loss(void **state)
{
    (void)state;
    begin(&(struct perf_fixture_options){.ring_bytes = 4096});
    enable();
    hit_target_run(&f.target, "hit 5000");
    perf_fixture_drain(&f);
    assert_true(f.tally.hits < 5000);
    hit_target_run(&f.target, "hit 4000");
    perf_fixture_drain(&f);
    struct error err;
    assert_int_equal(perf_session_disable(f.session, &err), 0);
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits + f.tally.lost, 9000);
    assert_int_equal(stats_of().lost, f.tally.lost);
    perf_fixture_finish(&f);
    assert_int_equal(f.tally.hits + f.tally.lost, 9000);
}

/* Losses from before a pause are not told again after it. */
static void test_goes_on_after_a_pause(void **state)
{
    (void)state;
    struct error err;
    begin(&(struct perf_fixture_options){.ring_bytes = 4096});
    enable();
    hit_target_run(&f.target, "hit 2000");
    assert_int_equal(perf_session_disable(f.session, &err), 0);
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits + f.tally.lost, 2000);
    perf_session_close_events(f.session);
    hit_target_run(&f.target, "hit 70");
    if (perf_session_add_thread(f.session, f.target.pid, &err) < 0)
        fail_msg("%s", err.message);
    enable();
    hit_target_run(&f.target, "hit 20");
    perf_fixture_drain(&f);
    assert_int_equal(perf_session_disable(f.session, &err), 0);
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits + f.tally.lost, 2020);
    assert_int_equal(f.tally.bad, 0);
    perf_fixture_finish(&f);
}

/* A probe that is left out is not in the target. */
static void test_leaves_a_probe_out(void **state)
{
    (void)state;
    struct error err;
    begin(&(struct perf_fixture_options){.probes = 2});
    perf_session_close_events(f.session);
    perf_session_set_probe_enabled(f.session, 1, false);
    if (perf_session_add_thread(f.session, f.target.pid, &err) < 0)
        fail_msg("%s", err.message);
    enable();
    hit_target_run(&f.target, "hit 20");
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits_of[0], 20);
    assert_int_equal(f.tally.hits_of[1], 0);
    perf_fixture_finish(&f);
}

static void leave_first_thread(void)
{
    begin(&(struct perf_fixture_options){.switches = true});
    enable();
    hit_target_run(&f.target, "hit 3");
    fprintf(f.target.to, "leave\n");
    fflush(f.target.to);
    hit_target_run(&f.target, "hit 1");
}

/* Events go with the first thread; what the others do then is told as lost. */
static void test_tells_that_the_first_thread_has_gone(void **state)
{
    (void)state;
    leave_first_thread();
    if (perf_session_has_link(f.session))
        fail_msg("there is a link");
    for (unsigned i = 0; f.tally.lost == 0 && i < 100; i++) {
        hit_target_run(&f.target, "sleep 100");
        perf_fixture_drain(&f);
    }
    assert_in_range(f.tally.hits, 3, 4);
    assert_true(f.tally.lost > 0);
    assert_int_equal(stats_of().lost, f.tally.lost);
    perf_fixture_finish(&f);
}

/* A link does not; but it cannot be made again. */
static void test_goes_on_without_the_first_thread(void **state)
{
    struct error err;
    (void)state;
    leave_first_thread();
    if (!perf_session_has_link(f.session)) {
        perf_fixture_finish(&f);
        print_message("skipped: this kernel has no links of probes\n");
        skip();
    }
    for (unsigned i = 0; i < 15; i++) {
        hit_target_run(&f.target, "sleep 100");
        hit_target_run(&f.target, "hit 1");
        perf_fixture_drain(&f);
    }
    assert_int_equal(f.tally.hits, 3 + 1 + 15);
    assert_int_equal(f.tally.lost, 0);
    assert_int_equal(f.tally.bad, 0);
    assert_int_equal(perf_session_disable(f.session, &err), 0);
    perf_fixture_drain(&f);
    perf_session_close_events(f.session);
    assert_int_not_equal(perf_session_add_thread(f.session, f.target.pid, &err), 0);
    perf_fixture_finish(&f);
}

#define BOTH_WAYS                                                                                            \
    perf_fixture_test(test_counts_every_hit), perf_fixture_test(test_counts_every_hit_with_its_call_chain),   \
        perf_fixture_test(test_children_and_other_instances_are_left_alone),                                 \
        perf_fixture_test(test_all_threads_are_covered), perf_fixture_test(test_tells_every_loss),           \
        perf_fixture_test(test_goes_on_after_a_pause), perf_fixture_test(test_leaves_a_probe_out)

int main(void)
{
    missing = perf_fixture_programs_missing();
    const struct CMUnitTest by_link[] = {BOTH_WAYS, perf_fixture_test(test_goes_on_without_the_first_thread)};
    const struct CMUnitTest by_events[] = {BOTH_WAYS, perf_fixture_test(test_tells_that_the_first_thread_has_gone)};
    int failed = cmocka_run_group_tests(by_link, NULL, NULL);
    no_link = true;
    return failed + cmocka_run_group_tests(by_events, NULL, NULL);
}
