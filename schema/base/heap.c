#include "base/heap.h"

#include <stdlib.h>

void heap_init(struct heap *self)
{
    *self = (struct heap){0};
}

void heap_release(struct heap *self)
{
    free(self->items);
    heap_init(self);
}

static bool before(const struct heap_item *a, const struct heap_item *b)
{
    return a->key < b->key || (a->key == b->key && a->value < b->value);
}

static void swap(struct heap_item *a, struct heap_item *b)
{
    struct heap_item t = *a;
    *a = *b;
    *b = t;
}

static void sift_down(struct heap *self, size_t i)
{
    for (;;) {
        size_t least = i, left = 2 * i + 1, right = left + 1;
        if (left < self->count && before(&self->items[left], &self->items[least]))
            least = left;
        if (right < self->count && before(&self->items[right], &self->items[least]))
            least = right;
        if (least == i)
            return;
        swap(&self->items[i], &self->items[least]);
        i = least;
    }
}

int heap_push(struct heap *self, uint64_t key, uint32_t value)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : 16;
        struct heap_item *items = realloc(self->items, capacity * sizeof *items);
        if (!items)
            return -1;
        self->items = items;
        self->capacity = capacity;
    }
    size_t i = self->count++;
    self->items[i] = (struct heap_item){.key = key, .value = value};
    while (i > 0 && before(&self->items[i], &self->items[(i - 1) / 2])) {
        swap(&self->items[i], &self->items[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    return 0;
}

bool heap_pop(struct heap *self, struct heap_item *out)
{
    if (self->count == 0)
        return false;
    *out = self->items[0];
    self->items[0] = self->items[--self->count];
    sift_down(self, 0);
    return true;
}

const struct heap_item *heap_top(const struct heap *self)
{
    return self->count ? &self->items[0] : NULL;
}

void heap_raise_top(struct heap *self, uint64_t key)
{
    self->items[0].key = key;
    sift_down(self, 0);
}
