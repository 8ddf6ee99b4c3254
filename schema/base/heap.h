/*
 * A binary min-heap of (key, value) pairs; equal keys leave in the order of their values. The k-way merge of
 * rings keeps one entry a ring in it.
 */
#ifndef GOTAPE_BASE_HEAP_H
#define GOTAPE_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_item {
    uint64_t key;
    uint32_t value;
};

struct heap {
    struct heap_item *items; /* owned */
    size_t count, capacity;
};

void heap_init(struct heap *self);
void heap_release(struct heap *self);
int heap_push(struct heap *self, uint64_t key, uint32_t value); /* 0, or -1 when out of memory */
bool heap_pop(struct heap *self, struct heap_item *out);
/* The smallest item without removing it; NULL when empty. */
const struct heap_item *heap_top(const struct heap *self);
/* Gives the smallest item a new, not smaller key (cheaper than pop and push). */
void heap_raise_top(struct heap *self, uint64_t key);

#endif
