#include "load/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/map.h"

struct ring {
    struct event *events;         /* owned */
    size_t head, count, capacity; /* events[head … head + count) */
    uint64_t last_time;
    bool in_heap;
};

struct merge {
    struct ring *rings; /* in the order of first sight */
    uint32_t ring_count, ring_capacity;
    struct map numbers; /* ring → place in rings */
    struct heap heap;   /* key: time of the ring's first event */
    uint64_t count;
};

struct merge *merge_new(void)
{
    struct merge *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    map_init(&self->numbers);
    heap_init(&self->heap);
    return self;
}

void merge_free(struct merge *self)
{
    if (!self)
        return;
    for (uint32_t i = 0; i < self->ring_count; i++)
        free(self->rings[i].events);
    free(self->rings);
    map_release(&self->numbers);
    heap_release(&self->heap);
    free(self);
}

static int find_ring(struct merge *self, uint16_t number, uint32_t *out)
{
    uint64_t place;
    if (map_get(&self->numbers, number, &place)) {
        *out = (uint32_t)place;
        return 0;
    }
    if (self->ring_count == self->ring_capacity) {
        uint32_t capacity = self->ring_capacity ? 2 * self->ring_capacity : 16;
        struct ring *rings = realloc(self->rings, capacity * sizeof *rings);
        if (!rings)
            return -1;
        self->rings = rings;
        self->ring_capacity = capacity;
    }
    if (map_put(&self->numbers, number, self->ring_count) < 0)
        return -1;
    *out = self->ring_count;
    self->rings[self->ring_count++] = (struct ring){0};
    return 0;
}

static int make_room(struct ring *ring)
{
    if (ring->head + ring->count < ring->capacity)
        return 0;
    /* Moving what is left to the front is worth it when it is little. */
    if (ring->head > 0 && ring->head >= ring->count) {
        memmove(ring->events, ring->events + ring->head, ring->count * sizeof *ring->events);
        ring->head = 0;
        if (ring->count < ring->capacity)
            return 0;
    }
    size_t capacity = ring->capacity ? 2 * ring->capacity : 256;
    struct event *events = realloc(ring->events, capacity * sizeof *events);
    if (!events)
        return -1;
    ring->events = events;
    ring->capacity = capacity;
    return 0;
}

int merge_add(struct merge *self, uint16_t ring_number, const struct event *event, uint64_t *step_back_out,
              struct error *err)
{
    uint32_t number = 0;
    if (find_ring(self, ring_number, &number) < 0 || make_room(&self->rings[number]) < 0)
        return error_set(err, ERR_NOMEM, "out of memory");
    struct ring *ring = &self->rings[number];
    struct event *copy = &ring->events[ring->head + ring->count];
    *copy = *event;
    *step_back_out = event->time_ns < ring->last_time ? ring->last_time - event->time_ns : 0;
    copy->time_ns += *step_back_out;
    ring->last_time = copy->time_ns;
    if (!ring->in_heap) {
        if (heap_push(&self->heap, copy->time_ns, number) < 0)
            return error_set(err, ERR_NOMEM, "out of memory");
        ring->in_heap = true;
    }
    ring->count++;
    self->count++;
    return 0;
}

bool merge_next(struct merge *self, uint64_t watermark, struct event *out)
{
    const struct heap_item *top = heap_top(&self->heap);
    if (!top || (top->key >= watermark && watermark != UINT64_MAX))
        return false;
    struct ring *ring = &self->rings[top->value];
    *out = ring->events[ring->head++];
    self->count--;
    if (--ring->count > 0) {
        heap_raise_top(&self->heap, ring->events[ring->head].time_ns);
    } else {
        struct heap_item item;
        heap_pop(&self->heap, &item);
        ring->head = 0;
        ring->in_heap = false;
    }
    return true;
}

uint64_t merge_count(const struct merge *self)
{
    return self->count;
}
