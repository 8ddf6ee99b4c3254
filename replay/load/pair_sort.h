/* Sorts pairs of numbers by the first of them: a pass over all for each byte in which they differ. Equal ones keep their order. */
#ifndef GOTAPE_REPLAY_PAIR_SORT_H
#define GOTAPE_REPLAY_PAIR_SORT_H

#include <stddef.h>
#include <stdint.h>

struct pair {
    uint64_t key, value;
};

/* Both aim at `count` pairs; what is in scratch before does not matter. A runs_sort of runs.h. */
void pair_sort(void *pairs, void *scratch, size_t count);

#endif
