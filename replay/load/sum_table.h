/*
 * Sums by key: a table that is written and begins again when it is full, so that memory is bounded and a key may be written
 * several times. What is written goes in the order of keys.
 */
#ifndef GOTAPE_REPLAY_SUM_TABLE_H
#define GOTAPE_REPLAY_SUM_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define SUM_KEYS 4

struct sum {
    int64_t key[SUM_KEYS];
    int64_t count, open_count, wakes, ns, runnable_ns;
    int64_t longest_ns, longest_id;        /* ROW_NULL: none has a length */
    int64_t longest_wake_ns, last_wake_id; /* ROW_NULL: none was woken */
    int64_t lost_p;                        /* of system calls; ROW_NULL: not known of any */
};

typedef void sum_write(void *context, const struct sum *sum);

struct sum_table {
    sum_write *write;
    void *context;
    struct sum *sums; /* owned */
    uint64_t *slots;  /* owned: place in sums + 1 and upper half of the key's hash; 0: free */
    uint32_t count, capacity, slot_count;
    bool failed; /* out of memory: sums are missing */
};

void sum_table_init(struct sum_table *self, sum_write *write, void *context);
void sum_table_release(struct sum_table *self);
/* The sum of this key; may write the table. NULL when out of memory. Good until the next call. */
struct sum *sum_table_find(struct sum_table *self, const int64_t key[SUM_KEYS]);
/* Adds one of a length (ROW_NULL: not known) to count, ns and the longest. */
void sum_add(struct sum *self, int64_t id, int64_t ns);
/* Writes what is there, and begins again. */
void sum_table_flush(struct sum_table *self);

#endif
