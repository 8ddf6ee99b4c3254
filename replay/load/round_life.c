#include "load/round_life.h"

#include "format/event.h"
#include "load/interval.h"
#include "load/round.h"
#include "state/goroutine.h"

bool round_life_take_birth(struct round_birth *out, const struct round_pending *parts, unsigned runnable_flags,
                           const struct round_step *exec)
{
    const struct round_step *create = &parts->leave;
    if (create->event != EV_CREATE || create->from != GOROUTINE_UNKNOWN || create->flags || create->bound_ns || parts->has_before ||
        runnable_flags || (exec->flags & ~(unsigned)FLAG_INFERRED))
        return false;
    *out = (struct round_birth){.is_told = true,
                                .is_inferred = exec->flags != 0,
                                .cpu = create->cpu,
                                .run_cpu = exec->cpu,
                                .tid = create->tid,
                                .run_tid = exec->tid,
                                .stack = create->stack,
                                .run_p = exec->p,
                                .time = create->time,
                                .run = exec->time,
                                .creator = create->other,
                                .bound_ns = exec->bound_ns};
    return true;
}

bool round_life_take_death(struct round_death *out, const struct round_pending *pending, const struct round_step *end)
{
    if (end->event != EV_END || end->from != GOROUTINE_RUNNING || end->to != GOROUTINE_DEAD || end->flags || end->p >= 0 ||
        end->reason != ROUND_NO_REASON || end->object || end->value || end->stack || end->other || end->bound_ns)
        return false;
    if (pending->has_leave || !pending->has_before || pending->before_end != end->time || pending->before_tid != end->tid ||
        (pending->before_flags & ~(unsigned)FLAG_INFERRED))
        return false;
    *out = (struct round_death){.is_told = true,
                                .is_inferred = pending->before_flags != 0,
                                .cpu = end->cpu,
                                .tid = end->tid,
                                .p = pending->before_p,
                                .start = pending->before_start,
                                .time = end->time};
    return true;
}
