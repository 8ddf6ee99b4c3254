/*
 * Do the three clocks that each chunk carries agree? CLOCK_BOOTTIME counts what CLOCK_MONOTONIC leaves out, the time that
 * the host was suspended; CLOCK_REALTIME is CLOCK_BOOTTIME and a number that changes when somebody sets the clock. NTP
 * slews all three alike, which is no difference between them. Pure.
 */
#ifndef GOTAPE_REPLAY_CLOCK_CHECK_H
#define GOTAPE_REPLAY_CLOCK_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "format/chunk.h"

/* The three are not read in one moment: the recorder may lose its CPU in between. */
#define CLOCK_TOLERANCE_NS 10000000

struct clock_check {
    struct chunk_clocks last;
    int64_t suspend_ns, wall_ns; /* BOOTTIME - MONOTONIC and REALTIME - BOOTTIME, as last told */
    bool is_known;
};

/* 0: nothing to tell. */
struct clock_findings {
    int64_t
        suspended_ns; /* how long the host slept since the chunk before; negative: the clocks contradict each other */
    int64_t set_ns;  /* how far the wall clock was moved */
    int64_t back_ns; /* how far CLOCK_MONOTONIC went back, which it never does */
};

/* A chunk, in the order of the file. Clocks that are all 0 were not read, and are passed over. True when something is to
 * be told. */
bool clock_check_add(struct clock_check *self, const struct chunk_clocks *clocks, struct clock_findings *out);

#endif
