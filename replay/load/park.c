#include "load/park.h"

#include <string.h>

#include "load/net_wake.h"

struct open_wait park_make_wait(struct goroutine_tracker *self, struct goroutine *goroutine,
                                const struct park_facts *facts)
{
    struct stack_facts stack = symbolizer_stack_facts(self->with.symbols, facts->stack);
    struct object_facts object = object_facts_unpack(facts->object);
    if (!goroutine->start_function && stack.start_function) {
        goroutine->start_function = stack.start_function;
        goroutine->is_start_inferred = true;
    }
    struct open_wait wait = {.stage = WAIT_STAGE_ASLEEP,
                             .start = facts->time,
                             .stack = facts->stack,
                             .object = object,
                             .value = facts->value,
                             .labels = goroutine->labels,
                             .net_key = net_wake_key(facts->polldesc, facts->value)};
    const struct wait_reason *reason =
        wait_reasons_get(self->with.reasons, facts->reason, (enum object_kind)object.kind,
                         (enum wait_class)stack.caller_class, &wait.reason, &wait.class);
    /* A reason of a newer Go may be one of those that end without a wake-up. */
    wait.is_silent = reason->is_silent || reason->name[0] == '\0';
    /* The runtime's own sleeper is the scavenger (runtime/mgcscavenge.go), which its timer hands to
     * injectglist. */
    wait.is_silent |=
        wait.class == WAIT_SLEEP && symbolizer_is_system_start(self->with.symbols, goroutine->start_function);
    wait.is_nil_chan = reason->is_nil_chan;
    wait.is_assist = wait.class == WAIT_GC && strcmp(reason->name, "GC assist wait") == 0;
    return wait;
}
