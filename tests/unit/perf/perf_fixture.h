/* A probed helper process and what was recorded of it, shared by the tests that need the kernel. */
#ifndef GOTAPE_TEST_PERF_FIXTURE_H
#define GOTAPE_TEST_PERF_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "perf/perf_session.h"
#include "perf/uprobe.h"

struct hit_target {
    pid_t pid;
    FILE *to, *from;
    uint64_t file_offset, address;
};

/* What was handed out, counted. */
struct tally {
    uint64_t hits, hits_of[8], lost, forks, exits, names, outs, ins;
    uint64_t value_sum, bad; /* bad: values, chains or orders that cannot be right */
    uint32_t watched_tid;    /* counts into watched_* */
    uint64_t watched_hits, watched_outs, watched_ins;
    uint64_t sleep_outs; /* switches out in an interruptible sleep */
    uint64_t last_time_ns[64];
    char last_name[16];
    uint64_t address; /* where probed() is */
    bool want_chain;
};

struct perf_fixture {
    struct hit_target target;
    struct uprobe_group *group;
    struct perf_session *session;
    struct tally tally;
    char tracefs[256];
};

/* NULL, or why tests with the kernel cannot run here. */
const char *perf_fixture_missing(void);

/* The same for tests of BPF programs. */
const char *perf_fixture_programs_missing(void);

/* First in each test: skips it with the reason, if there is one, and ends it when it hangs. */
void perf_fixture_begin(const char *missing);

/* A test of a file with a `struct perf_fixture f`, which is tidied up behind it. */
#define perf_fixture_test(test)                                                                              \
    cmocka_unit_test_prestate_setup_teardown(test, NULL, perf_fixture_tear_down, &f)
int perf_fixture_tear_down(void **state);

void hit_target_start(struct hit_target *self);
/* Runs one command and waits for its answer; the thread that ran it. */
pid_t hit_target_run(struct hit_target *self, const char *command);
void hit_target_stop(struct hit_target *self);

struct perf_fixture_options {
    uint64_t ring_bytes;
    bool switches, call_chain;
    bool cpu_wide;
    bool programs;   /* BPF programs read the values; perf_fixture_programs_missing() */
    bool no_link;    /* and are attached by events, also where the kernel has links */
    unsigned probes; /* 0: one; all at the same place, under different names */
    bool worker;     /* the target has a second thread, which is not added */
};

/* Starts a target, defines the probes, opens a session; the target's first thread is added, nothing is
 * enabled. */
void perf_fixture_start(struct perf_fixture *self, const struct perf_fixture_options *options);
/* Drains twice, so that nothing is left. */
void perf_fixture_drain(struct perf_fixture *self);
/* Disables, drains, closes, deletes, and checks that no definition is left. */
void perf_fixture_finish(struct perf_fixture *self);
/* Tidies up behind a test that failed half-way; nothing after perf_fixture_finish(). */
void perf_fixture_abandon(struct perf_fixture *self);
/* How many definitions of this group uprobe_events lists. */
unsigned perf_fixture_definitions(const char *tracefs, const char *group);

#endif
