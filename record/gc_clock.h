/*
 * Which garbage collection an event belongs to. What an event names was in use at its time; its memory is given to
 * something else only when a later collection has ended (runtime/mgc.go, gcMarkTermination counts memstats.numgc before
 * the world runs again and sweeping begins). So what is read from the live target later is about the event's object for
 * sure when the count is still the same then.
 */
#ifndef GOTAPE_RECORD_GC_CLOCK_H
#define GOTAPE_RECORD_GC_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "go/go_process.h"

#define GC_CLOCK_LOOKS 64

struct gc_look {
    uint64_t time_ns; /* CLOCK_MONOTONIC, not later than the look */
    uint32_t cycles;
};

struct gc_clock {
    struct go_process *process; /* borrowed */
    bool is_known;              /* the count can be read in this target */
    struct gc_look looks[GC_CLOCK_LOOKS];
    unsigned count, next;
};

void gc_clock_init(struct gc_clock *self, struct go_process *process);
/* To be called before each round of reading events: notes the count as of now. */
void gc_clock_look(struct gc_clock *self, uint64_t now_ns);
/* Collections that had ended at a time at least: those of the last look before it. False when that is not known. */
bool gc_clock_at(const struct gc_clock *self, uint64_t time_ns, uint32_t *cycles_out);
/* Collections that have ended by now. */
bool gc_clock_now(const struct gc_clock *self, uint32_t *cycles_out);

#endif
