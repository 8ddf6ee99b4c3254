#include "format/run_queue_model.h"

#include <string.h>

static uint64_t *at(struct run_queue *self, uint32_t index)
{
    return &self->waiting[(self->head + index) % RUN_QUEUE_LENGTH];
}

/* RUN_QUEUE_LENGTH: it is not among the first `most`. */
static uint32_t find(const struct run_queue *self, uint64_t goid, uint32_t most)
{
    uint32_t count = run_queue_count(self);
    for (uint32_t i = 0; i < count && i < most; i++) {
        if (self->waiting[(self->head + i) % RUN_QUEUE_LENGTH] == goid)
            return i;
    }
    return RUN_QUEUE_LENGTH;
}

struct run_position run_queue_find(const struct run_queue_model *self, uint32_t processor, uint64_t goid)
{
    const struct run_processor *own = &self->processors[processor % RUN_PROCESSORS];
    if (own->next == goid)
        return (struct run_position){.place = RUN_NEXT};
    uint32_t index = find(&own->queue, goid, RUN_SEARCHED);
    if (index < RUN_QUEUE_LENGTH)
        return (struct run_position){.place = RUN_OWN, .index = index};
    index = find(&self->shared, goid, 2 * RUN_SEARCHED);
    if (index < RUN_QUEUE_LENGTH)
        return (struct run_position){.place = RUN_SHARED, .index = index};
    for (uint32_t i = 0; i < RUN_SEARCHED; i++) {
        const struct run_processor *other = &self->processors[i];
        if (other == own)
            continue;
        index = other->next == goid ? RUN_SEARCHED : find(&other->queue, goid, RUN_SEARCHED);
        if (index <= RUN_SEARCHED)
            return (struct run_position){.place = RUN_OTHER, .processor = i, .index = index};
    }
    return (struct run_position){.place = RUN_NOWHERE};
}

static uint64_t take(struct run_queue *self, uint32_t index)
{
    if (index >= run_queue_count(self))
        return 0;
    uint64_t goid = *at(self, index);
    for (; index > 0; index--)
        *at(self, index) = *at(self, index - 1);
    self->head++;
    return goid;
}

static uint64_t take_next(struct run_processor *self)
{
    uint64_t goid = self->next;
    self->next = 0;
    return goid;
}

uint64_t run_queue_take(struct run_queue_model *self, uint32_t processor, struct run_position position)
{
    struct run_processor *own = &self->processors[processor % RUN_PROCESSORS];
    struct run_processor *other = &self->processors[position.processor % RUN_PROCESSORS];
    switch (position.place) {
    case RUN_NEXT:
        return take_next(own);
    case RUN_OWN:
        return take(&own->queue, position.index);
    case RUN_SHARED:
        return take(&self->shared, position.index);
    case RUN_OTHER:
        return position.index == RUN_SEARCHED ? take_next(other) : take(&other->queue, position.index);
    case RUN_NOWHERE:
        break;
    }
    return 0;
}

void run_queue_ready(struct run_queue_model *self, uint32_t processor, uint64_t goid)
{
    struct run_processor *own = &self->processors[processor % RUN_PROCESSORS];
    if (own->next)
        run_queue_push(&own->queue, own->next);
    own->next = goid;
}

void run_queue_push(struct run_queue *self, uint64_t goid)
{
    if (run_queue_count(self) == RUN_QUEUE_LENGTH)
        self->head++;
    self->waiting[self->tail++ % RUN_QUEUE_LENGTH] = goid;
}

void run_freed_put(struct run_processor *self, uint64_t g)
{
    if (self->freed_count == RUN_QUEUE_LENGTH)
        memmove(self->freed, self->freed + 1, --self->freed_count * sizeof *self->freed);
    self->freed[self->freed_count++] = g;
}

void run_freed_remove(struct run_processor *self, unsigned back)
{
    if (back >= self->freed_count)
        return;
    uint32_t index = self->freed_count - 1 - back;
    memmove(self->freed + index, self->freed + index + 1, back * sizeof *self->freed);
    self->freed_count--;
}
