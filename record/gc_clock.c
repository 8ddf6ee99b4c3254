#include "gc_clock.h"

#include <string.h>

void gc_clock_init(struct gc_clock *self, struct go_process *process)
{
    memset(self, 0, sizeof *self);
    self->process = process;
    self->is_known = process && go_binary_numgc(go_process_binary(process)) != 0;
}

bool gc_clock_now(const struct gc_clock *self, uint32_t *cycles_out)
{
    if (!self->is_known)
        return false;
    *cycles_out = go_process_gc_cycles(self->process);
    return true;
}

void gc_clock_look(struct gc_clock *self, uint64_t now_ns)
{
    struct gc_look look = {.time_ns = now_ns};
    if (!gc_clock_now(self, &look.cycles))
        return;
    self->looks[self->next] = look;
    self->next = (self->next + 1) % GC_CLOCK_LOOKS;
    if (self->count < GC_CLOCK_LOOKS)
        self->count++;
}

bool gc_clock_at(const struct gc_clock *self, uint64_t time_ns, uint32_t *cycles_out)
{
    for (unsigned back = 1; back <= self->count; back++) {
        const struct gc_look *look = &self->looks[(self->next + GC_CLOCK_LOOKS - back) % GC_CLOCK_LOOKS];
        if (look->time_ns <= time_ns) {
            *cycles_out = look->cycles;
            return true;
        }
    }
    return false;
}
