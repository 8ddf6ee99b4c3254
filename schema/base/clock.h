/* The clocks of the system, in nanoseconds. */
#ifndef GOTAPE_BASE_CLOCK_H
#define GOTAPE_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* For clocks that always answer: CLOCK_MONOTONIC, CLOCK_REALTIME, CPU time of ourselves. */
static inline uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
