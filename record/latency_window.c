#include "latency_window.h"

#include <string.h>

#define SECOND_NS 1000000000u

/* Values below 16 have a bucket each; above, each power of two has eight. */
static unsigned bucket_of(uint64_t ns)
{
    if (ns < 16)
        return (unsigned)ns;
    unsigned power = 63 - (unsigned)__builtin_clzll(ns);
    return 16 + (power - 4) * 8 + (unsigned)(ns >> (power - 3) & 7);
}

static uint64_t bucket_end(unsigned bucket)
{
    if (bucket < 16)
        return bucket;
    unsigned power = 4 + (bucket - 16) / 8;
    return ((uint64_t)8 + (bucket - 16) % 8 + 1) << (power - 3);
}

void latency_window_add(struct latency_window *self, uint64_t now_ns, uint64_t ns)
{
    uint64_t second = now_ns / SECOND_NS;
    unsigned row = (unsigned)(second % LATENCY_SECONDS);
    if (self->second[row] != second) {
        if (self->second[row] > second)
            return; /* so late that its place is taken */
        memset(self->counts[row], 0, sizeof self->counts[row]);
        self->second[row] = second;
    }
    self->counts[row][bucket_of(ns)]++;
}

uint64_t latency_window_p99(const struct latency_window *self, uint64_t now_ns, uint64_t *count_out)
{
    uint64_t sum[LATENCY_BUCKETS] = {0}, total = 0, seen = 0, second = now_ns / SECOND_NS;
    for (unsigned row = 0; row < LATENCY_SECONDS; row++) {
        if (self->second[row] + LATENCY_SECONDS <= second || self->second[row] > second)
            continue;
        for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
            sum[i] += self->counts[row][i];
            total += self->counts[row][i];
        }
    }
    *count_out = total;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        seen += sum[i];
        if (seen * 100 >= total * 99 && seen)
            return bucket_end(i);
    }
    return 0;
}
