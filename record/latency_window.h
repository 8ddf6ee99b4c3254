/*
 * Percentiles of the times of the last seconds: a histogram for each second, with buckets that are an eighth of their value
 * wide, and the sum over them. Constant memory, nothing is allocated.
 */
#ifndef GOTAPE_RECORD_LATENCY_WINDOW_H
#define GOTAPE_RECORD_LATENCY_WINDOW_H

#include <stdint.h>

#define LATENCY_SECONDS 10
#define LATENCY_BUCKETS 496

struct latency_window {
    uint32_t counts[LATENCY_SECONDS][LATENCY_BUCKETS];
    uint64_t second[LATENCY_SECONDS]; /* that the row is about */
};

/* A time of `ns`, taken at `now_ns`. */
void latency_window_add(struct latency_window *self, uint64_t now_ns, uint64_t ns);
/* What 99 of 100 times of the last ten seconds do not exceed, rounded up to the bucket's end; *count_out: of how many. */
uint64_t latency_window_p99(const struct latency_window *self, uint64_t now_ns, uint64_t *count_out);

#endif
