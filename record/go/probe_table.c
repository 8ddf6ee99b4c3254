#include "go/probe_table.h"

#include <stddef.h>

static const struct probe_spec specs[PROBE_COUNT] = {
    [PROBE_CREATE] = {"create",
                      {{"g", 1}, {"goid", 1}, {"status", 1}, {"startpc", 1}, {"curg", 1}, {"cur_goid", 1}},
                      .call_chain = true,
                      .required = true},
    [PROBE_EXEC] = {"exec", {{"goid", 1}, {"g", 1}, {"inherit", 1}, {"p", 1}}, .required = true},
    [PROBE_PARK] =
        {"park",
         {{"goid", 1}, {"g", 1}, {"lock", 1}, {"reason", 1}, {"obj", 1}, {"bp1", 1}, {"pd", 1}, {"ret", 1}},
         .call_chain = true,
         .required = true},
    [PROBE_SELECT] = {"select", {{"goid", 1}, {"ret", 1}, {"cases", 1}, {"array", 2 * SELECT_ARRAY_CASES}}},
    [PROBE_READY] = {"ready",
                     {{"goid", 1}, {"curg", 1}, {"cur_goid", 1}, {"ret", 1}},
                     .call_chain = true,
                     .required = true},
    [PROBE_NET] = {"net", {{"pd", 1}, {"mode", 1}, {"rg", 1}, {"wg", 1}}, .required = true},
    [PROBE_END] = {"end", {{"goid", 1}}, .required = true},
    [PROBE_SCHED] =
        {"sched",
         {{"goid", 1}, {"preempted", 1}, {"pc", 1}, {"bp", 1}, {"ret0", 1}, {"bp1", 1}, {"ret1", 1}},
         .required = true},
    [PROBE_YIELD] = {"yield", {{"goid", 1}}},
    [PROBE_PREEMPT_PARK] = {"preempt_park", {{"goid", 1}}},
    [PROBE_SYSCALL_NO_P] = {"syscall_no_p", {{"goid", 1}}},
    [PROBE_CORO] = {"coro", {{"goid", 1}, {"c", 1}, {"to_g", 1}, {"exiting", 1}}},
};

const struct probe_spec *probe_spec_get(enum probe_id id)
{
    return &specs[id];
}
