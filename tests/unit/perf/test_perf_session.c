/*
 * The perf session on a real kernel and a real process that counts its own calls. Skipped, with the reason,
 * where the rights or the kernel features are missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf_fixture.h"

static const char *missing;
static struct perf_fixture f; /* of the test that runs */

static void enable(struct perf_fixture *self)
{
    struct error err;
    if (perf_session_enable(self->session, &err) < 0)
        fail_msg("%s", err.message);
}

static struct perf_session_stats stats_of(struct perf_fixture *self)
{
    struct perf_session_stats stats;
    perf_session_stats(self->session, &stats);
    return stats;
}

static void test_counts_every_hit(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    perf_fixture_start(&f, &(struct perf_fixture_options){.call_chain = true, .probes = 2});
    hit_target_run(&f.target, "hit 50"); /* before the start: not recorded */
    enable(&f);
    hit_target_run(&f.target, "hit 100");
    hit_target_run(&f.target, "threads 4 250");
    hit_target_run(&f.target, "threads 3 10");
    hit_target_run(&f.target, "name renamed");
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.bad, 0);
    assert_int_equal(f.tally.hits_of[0], 100 + 4 * 250 + 3 * 10);
    assert_int_equal(f.tally.hits_of[1], 100 + 4 * 250 + 3 * 10);
    assert_int_equal(f.tally.value_sum, 2 * (100 * 99 / 2 + 4 * (250 * 249 / 2) + 3 * (10 * 9 / 2)));
    assert_int_equal(f.tally.forks, 7);
    assert_int_equal(f.tally.exits, 7);
    assert_int_equal(f.tally.names, 1);
    assert_string_equal(f.tally.last_name, "renamed");
    struct perf_session_stats stats = stats_of(&f);
    assert_int_equal(stats.lost, 0);
    assert_int_equal(stats.duplicates, 0);
    assert_int_equal(stats.undecodable, 0);
    assert_int_equal(stats.foreign, 0);
    assert_int_equal(stats.descriptors, 4 * perf_session_ring_count(f.session));
    perf_fixture_finish(&f);
}

static void test_children_and_other_instances_are_left_alone(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    struct hit_target other;
    perf_fixture_start(&f, &(struct perf_fixture_options){0});
    hit_target_start(&other);
    enable(&f);
    hit_target_run(&f.target, "fork 20");
    hit_target_run(&other, "hit 30");
    hit_target_run(&f.target, "hit 5");
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits, 5);
    assert_int_equal(f.tally.forks, 1); /* the child is told, with its own pid */
    assert_int_equal(f.tally.bad, 0);
    hit_target_stop(&other);
    perf_fixture_finish(&f);
}

static void test_goes_on_when_the_first_thread_exits(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    perf_fixture_start(&f, &(struct perf_fixture_options){.switches = true});
    enable(&f);
    hit_target_run(&f.target, "hit 3");
    fprintf(f.target.to, "leave\n");
    fflush(f.target.to);
    pid_t tid = hit_target_run(&f.target, "hit 40");
    assert_int_not_equal(tid, f.target.pid);
    hit_target_run(&f.target, "threads 2 7");
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits, 3 + 40 + 2 * 7);
    assert_int_equal(f.tally.forks, 3);
    /* A thread is joined before the kernel tells its exit. */
    for (unsigned i = 0; f.tally.exits < 3 && i < 200; i++) {
        usleep(10000);
        perf_fixture_drain(&f);
    }
    assert_int_equal(f.tally.exits, 3);
    assert_int_equal(f.tally.bad, 0);
    /* A hung-up descriptor would make every wait return at once. */
    struct pollfd wait = {.fd = perf_session_poll_fd(f.session), .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 20), 0);
    perf_fixture_finish(&f);
}

/* Waits until a thread has exited (a leader stays as a zombie): its exit must not fall into what is counted. */
static void await_exit(pid_t tid)
{
    char path[64], letter = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)tid);
    for (int i = 0; i < 2000 && letter != 'Z' && letter != 'X'; i++) {
        FILE *file = fopen(path, "r");
        if (!file || fscanf(file, "%*d (%*[^)]) %c", &letter) != 1)
            letter = 'X';
        if (file)
            fclose(file);
        usleep(1000);
    }
}

static void test_drops_duplicates(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    struct error err;
    perf_fixture_start(&f, &(struct perf_fixture_options){.switches = true});
    pid_t before = hit_target_run(&f.target, "hit 1");
    fprintf(f.target.to, "leave\n"); /* the thread that now reads commands has inherited the events */
    fflush(f.target.to);
    pid_t tid = hit_target_run(&f.target, "hit 1");
    assert_int_not_equal(tid, before);
    await_exit(before);
    if (perf_session_add_thread(f.session, tid, &err) < 0)
        fail_msg("%s", err.message);
    enable(&f);
    f.tally.watched_tid = (uint32_t)tid;
    hit_target_run(&f.target, "hit 300");
    hit_target_run(&f.target, "threads 2 50"); /* inherits both */
    hit_target_run(&f.target, "name twice");
    hit_target_run(&f.target, "sleep 5");
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits, 300 + 2 * 50);
    assert_int_equal(f.tally.watched_hits, 300);
    assert_int_equal(f.tally.forks, 2);
    assert_int_equal(f.tally.exits, 2);
    assert_int_equal(f.tally.names, 1);
    assert_in_range(f.tally.watched_outs, f.tally.watched_ins - 1, f.tally.watched_ins + 1);
    assert_true(stats_of(&f).duplicates >= 400 + 2 + 2 + 1);
    assert_int_equal(f.tally.bad, 0);
    perf_fixture_finish(&f);
}

static void test_tells_every_loss(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    perf_fixture_start(&f, &(struct perf_fixture_options){.ring_bytes = 4096});
    assert_int_equal(perf_session_ring_bytes(f.session), 4096);
    enable(&f);
    hit_target_run(&f.target, "hit 5000");
    hit_target_run(&f.target, "worker");
    hit_target_run(&f.target, "work 3000");
    perf_fixture_drain(&f);
    assert_true(f.tally.hits < 8000);
    uint64_t early = f.tally.hits + f.tally.lost;
    assert_true(early <= 8000 + 1); /* and the worker's FORK record may be among the lost ones */
    hit_target_run(&f.target, "hit 4000");
    perf_fixture_drain(&f);
    struct perf_session *session = f.session;
    struct error err;
    assert_int_equal(perf_session_disable(session, &err), 0);
    perf_fixture_drain(&f);
    /* 12000 hits and one FORK, each either handed out or told as lost. */
    assert_int_equal(f.tally.hits + f.tally.forks + f.tally.lost, 12000 + 1);
    assert_int_equal(stats_of(&f).lost, f.tally.lost);
    perf_fixture_finish(&f);
    assert_int_equal(f.tally.hits + f.tally.forks + f.tally.lost, 12000 + 1);
}

static void test_sees_switches(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    perf_fixture_start(&f, &(struct perf_fixture_options){.switches = true});
    enable(&f);
    f.tally.watched_tid = (uint32_t)f.target.pid;
    hit_target_run(&f.target, "sleep 25");
    perf_fixture_drain(&f);
    assert_in_range(f.tally.sleep_outs, 25, 40);
    assert_in_range(f.tally.watched_outs, f.tally.watched_ins - 1, f.tally.watched_ins + 1);
    assert_int_equal(f.tally.outs, f.tally.watched_outs); /* nothing of other threads */
    assert_int_equal(f.tally.bad, 0);
    assert_int_equal(stats_of(&f).duplicates, 0);
    assert_int_equal(stats_of(&f).undecodable, 0);
    perf_fixture_finish(&f);
}

static void test_poll_wakes_at_a_quarter(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    perf_fixture_start(&f, &(struct perf_fixture_options){.ring_bytes = 1 << 16});
    enable(&f);
    struct pollfd wait = {.fd = perf_session_poll_fd(f.session), .events = POLLIN};
    hit_target_run(&f.target, "hit 10");
    assert_int_equal(poll(&wait, 1, 20), 0);
    hit_target_run(&f.target, "hit 1000");
    assert_int_equal(poll(&wait, 1, 1000), 1);
    perf_fixture_finish(&f);
}

/* The target's thread that is not its first. */
static pid_t second_thread(const struct perf_fixture *self)
{
    char path[64];
    pid_t found = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)self->target.pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        pid_t tid = atoi(entry->d_name);
        if (tid && tid != self->target.pid)
            found = tid;
    }
    closedir(dir);
    assert_int_not_equal(found, 0);
    return found;
}

static void test_thread_added_late(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    struct error err;
    perf_fixture_start(&f, &(struct perf_fixture_options){.worker = true});
    enable(&f);
    hit_target_run(&f.target, "work 10"); /* that thread is not covered yet */
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits, 0);
    f.tally.watched_tid = (uint32_t)second_thread(&f);
    if (perf_session_add_thread(f.session, second_thread(&f), &err) < 0)
        fail_msg("%s", err.message);
    hit_target_run(&f.target, "work 30");
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits, 30);
    assert_int_equal(f.tally.watched_hits, 30);
    perf_fixture_finish(&f);
}

/* Takes CAP_SYS_RESOURCE away from this process, so that hard limits hold. */
static bool drop_resource_capability(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, sets) != 0)
        return false;
    sets[0].effective &= ~(1u << CAP_SYS_RESOURCE);
    sets[0].permitted &= ~(1u << CAP_SYS_RESOURCE);
    return syscall(SYS_capset, &header, sets) == 0;
}

/* Adds the second thread in a child that may open only so many more descriptors; what came of it, as an exit
 * status. */
static int add_with_limits(struct perf_fixture *self, pid_t tid, rlim_t soft, rlim_t hard)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error err;
        int next = dup(0);
        struct rlimit limit = {.rlim_cur = (rlim_t)next + soft, .rlim_max = (rlim_t)next + hard};
        close(next);
        if (!drop_resource_capability() || setrlimit(RLIMIT_NOFILE, &limit) != 0)
            _exit(100);
        if (perf_session_add_thread(self->session, tid, &err) == 0)
            _exit(0);
        _exit(strstr(err.message, "descriptors (2 threads x ") && strstr(err.message, "ulimit -n") ? 1 : 101);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_descriptor_limit(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    perf_fixture_start(&f, &(struct perf_fixture_options){.worker = true});
    assert_int_equal(add_with_limits(&f, second_thread(&f), 1, 1), 1);
    assert_int_equal(add_with_limits(&f, second_thread(&f), 1, 4096), 0); /* the soft limit is raised */
    perf_fixture_finish(&f);
}

static bool has_breakpoint(const struct hit_target *target)
{
    char path[64];
    uint8_t code = 0;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)target->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &code, 1, (off_t)target->address), 1);
    close(fd);
    return code == 0xcc; /* int3 */
}

/* A pause: what keeps the kernel from waiting (perf_thin.c) keeps no breakpoint in the target. */
static void test_closed_events_cost_nothing(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    struct error err;
    perf_fixture_start(&f, &(struct perf_fixture_options){0});
    if (perf_session_anchor(f.session, &err) != 0)
        fail_msg("%s", err.message);
    enable(&f);
    hit_target_run(&f.target, "hit 30");
    assert_int_equal(perf_session_disable(f.session, &err), 0);
    perf_fixture_drain(&f);
    assert_true(has_breakpoint(&f.target)); /* disabled, but still there */
    perf_session_close_events(f.session);
    assert_false(has_breakpoint(&f.target));
    hit_target_run(&f.target, "hit 50");
    if (perf_session_add_thread(f.session, f.target.pid, &err) < 0)
        fail_msg("%s", err.message);
    enable(&f);
    hit_target_run(&f.target, "hit 20");
    perf_fixture_drain(&f);
    assert_true(has_breakpoint(&f.target));
    assert_int_equal(f.tally.hits, 50);
    perf_fixture_finish(&f);
}

/* Events of all CPUs, closed and opened again without a probe and without switches. */
static void test_all_cpus_are_thinned_out(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    struct error err;
    perf_fixture_start(&f, &(struct perf_fixture_options){.cpu_wide = true, .switches = true, .probes = 2});
    if (perf_session_anchor(f.session, &err) != 0)
        fail_msg("%s", err.message);
    enable(&f);
    hit_target_run(&f.target, "hit 30");
    hit_target_run(&f.target, "hit 10");
    assert_int_equal(perf_session_disable(f.session, &err), 0);
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits_of[0], 40);
    assert_int_equal(f.tally.hits_of[1], 40);
    uint64_t switches = f.tally.outs + f.tally.ins;
    assert_true(switches > 0); /* it waits for its commands */
    perf_session_close_events(f.session);
    assert_false(has_breakpoint(&f.target));
    hit_target_run(&f.target, "hit 50");
    perf_session_set_probe_enabled(f.session, 1, false);
    perf_session_set_switches_enabled(f.session, false);
    if (perf_session_add_thread(f.session, f.target.pid, &err) < 0)
        fail_msg("%s", err.message);
    enable(&f);
    hit_target_run(&f.target, "hit 20");
    hit_target_run(&f.target, "hit 5");
    perf_fixture_drain(&f);
    assert_int_equal(f.tally.hits_of[0], 65);
    assert_int_equal(f.tally.hits_of[1], 40);
    assert_int_equal(f.tally.outs + f.tally.ins, switches);
    perf_fixture_finish(&f);
}

static void test_thread_that_is_gone(void **state)
{
    (void)state;
    perf_fixture_begin(missing);
    struct error err;
    perf_fixture_start(&f, &(struct perf_fixture_options){0});
    assert_int_equal(perf_session_add_thread(f.session, 0x3ffffff, &err), ERR_GONE);
    perf_fixture_finish(&f);
}

int main(void)
{
    missing = perf_fixture_missing();
    const struct CMUnitTest tests[] = {
        perf_fixture_test(test_counts_every_hit),
        perf_fixture_test(test_children_and_other_instances_are_left_alone),
        perf_fixture_test(test_goes_on_when_the_first_thread_exits),
        perf_fixture_test(test_drops_duplicates),
        perf_fixture_test(test_tells_every_loss),
        perf_fixture_test(test_sees_switches),
        perf_fixture_test(test_poll_wakes_at_a_quarter),
        perf_fixture_test(test_thread_added_late),
        perf_fixture_test(test_descriptor_limit),
        perf_fixture_test(test_closed_events_cost_nothing),
        perf_fixture_test(test_all_cpus_are_thinned_out),
        perf_fixture_test(test_thread_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
