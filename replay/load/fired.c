#include "load/fired.h"

#include <stddef.h>

/* What a waker may have done to a select's case. */
static bool may_mean(const struct select_case *c, bool timers_only, enum channel_op op)
{
    if (c->object == 0 || (timers_only && !c->is_timer))
        return false;
    switch (op) {
    case CHANNEL_SEND:
        return c->direction != SELECT_SEND;
    case CHANNEL_RECV:
        return c->direction != SELECT_RECV;
    case CHANNEL_ANY:
        return true;
    default:
        return timers_only;
    }
}

uint32_t fired_case(const struct select_set *set, uint32_t object, enum waker_kind waker, enum channel_op op)
{
    uint32_t found = 0, fitting = 0, same = 0, same_found = 0;
    bool timers_only = false;
    for (uint32_t i = 0; waker == WAKER_TIMER && i < set->count; i++)
        timers_only |= set->cases[i].is_timer;
    for (uint32_t i = 0; i < set->count; i++) {
        const struct select_case *c = &set->cases[i];
        if (object && c->object == object) {
            same++;
            same_found = i + 1;
        }
        if ((!object || c->object == object) && may_mean(c, timers_only, op)) {
            fitting++;
            found = i + 1;
        }
    }
    if (same == 1)
        return same_found;
    /* One that was not fetched could fit as well. */
    return fitting == 1 && (object || !set->is_incomplete) ? found : 0;
}
