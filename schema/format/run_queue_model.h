/*
 * Who could be next to run, as far as the events tell: each P has a place for the goroutine that was readied last and a queue
 * behind it, and there is one queue for all (runtime/proc.go: runnext, runq, sched.runq; the poller's goroutines are put
 * into the last here). Go steals between them and hands over in batches: that is not followed, but a goroutine is found
 * wherever it waits. Also the g's that ended on a P and can be used again.
 */
#ifndef GOTAPE_FORMAT_RUN_QUEUE_MODEL_H
#define GOTAPE_FORMAT_RUN_QUEUE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define RUN_QUEUE_LENGTH 64u
#define RUN_PROCESSORS   64u
#define RUN_SEARCHED                                                                                         \
    16u /* places of a queue, and Ps, in which a goroutine is looked for; in the shared queue twice as many */

struct run_queue {
    uint64_t waiting[RUN_QUEUE_LENGTH];
    uint32_t head, tail; /* grow without end */
};

struct run_processor {
    uint64_t next; /* goid; 0: none */
    struct run_queue queue;
    uint64_t freed[RUN_QUEUE_LENGTH];
    uint32_t freed_count;
};

struct run_queue_model {
    struct run_processor processors[RUN_PROCESSORS];
    struct run_queue shared;
};

enum run_place { RUN_NEXT = 0, RUN_OWN = 1, RUN_SHARED = 2, RUN_OTHER = 3, RUN_NOWHERE = 4 };

struct run_position {
    enum run_place place;
    uint32_t processor; /* RUN_OTHER */
    uint32_t index;     /* in the queue; RUN_SEARCHED: the one that is next */
};

/* Where a goroutine waits, seen from a P. */
struct run_position run_queue_find(const struct run_queue_model *self, uint32_t processor, uint64_t goid);
/* Who waits there; takes it out. 0 when there is no such place. */
uint64_t run_queue_take(struct run_queue_model *self, uint32_t processor, struct run_position position);
/* Made runnable by the goroutine on a P. */
void run_queue_ready(struct run_queue_model *self, uint32_t processor, uint64_t goid);
/* The longest waiting is forgotten when there is no room. */
void run_queue_push(struct run_queue *self, uint64_t goid);
static inline uint32_t run_queue_count(const struct run_queue *self)
{
    return self->tail - self->head;
}

/* Who is to run next on a P: of its next place, else of its queue, else of the shared queue. RUN_NOWHERE: all are empty. */
static inline struct run_position run_queue_first(const struct run_queue_model *self, uint32_t processor)
{
    const struct run_processor *own = &self->processors[processor % RUN_PROCESSORS];
    enum run_place place = own->next                        ? RUN_NEXT
                           : run_queue_count(&own->queue)   ? RUN_OWN
                           : run_queue_count(&self->shared) ? RUN_SHARED
                                                            : RUN_NOWHERE;
    return (struct run_position){.place = place};
}

/* Who waits there; 0: nobody. Of positions that run_queue_first() gives. */
static inline uint64_t run_queue_peek(const struct run_queue_model *self, uint32_t processor,
                                      struct run_position position)
{
    const struct run_processor *own = &self->processors[processor % RUN_PROCESSORS];
    const struct run_queue *queue = position.place == RUN_OWN ? &own->queue : &self->shared;
    if (position.place == RUN_NEXT)
        return own->next;
    return position.place == RUN_NOWHERE ? 0 : queue->waiting[queue->head % RUN_QUEUE_LENGTH];
}

/* The g that is used next on a P, `back` places before the last one; 0: not known. */
static inline uint64_t run_freed_get(const struct run_processor *self, unsigned back)
{
    return back < self->freed_count ? self->freed[self->freed_count - 1 - back] : 0;
}

void run_freed_put(struct run_processor *self, uint64_t g);
void run_freed_remove(struct run_processor *self, unsigned back);

#endif
