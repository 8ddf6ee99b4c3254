#include "format/event_spec.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
static const struct event_spec specs[EVENT_TYPE_COUNT] = {
    [EV_CREATE] = {"create", {{"goid", FIELD_GOID}, {"g", FIELD_ADDRESS}, {"creator", FIELD_GOID},
                              {"status", FIELD_UINT}, {"start", FIELD_LOCATION}, {"stack", FIELD_STACK}}, 6},
    [EV_EXEC] = {"exec", {{"goid", FIELD_GOID}, {"g", FIELD_ADDRESS}, {"inherit", FIELD_UINT}, {"p", FIELD_UINT}}, 4},
    [EV_PARK] = {"park", {{"goid", FIELD_GOID}, {"g", FIELD_ADDRESS}, {"reason", FIELD_REASON},
                          {"object", FIELD_OBJECT}, {"value", FIELD_UINT}, {"stack", FIELD_STACK}}, 6},
    [EV_SELECT] = {"select", {{"goid", FIELD_GOID}, {"set", FIELD_SET}}, 2},
    [EV_READY] = {"ready", {{"goid", FIELD_GOID}, {"waker", FIELD_GOID}, {"stack", FIELD_STACK}}, 3},
    [EV_NET] = {"net", {{"polldesc", FIELD_ADDRESS}, {"mode", FIELD_UINT}, {"read_g", FIELD_ADDRESS},
                        {"write_g", FIELD_ADDRESS}}, 4},
    [EV_END] = {"end", {{"goid", FIELD_GOID}}, 1},
    [EV_SCHED] = {"sched", {{"goid", FIELD_GOID}, {"preempted", FIELD_UINT}, {"stack", FIELD_STACK}}, 3},
    [EV_YIELD] = {"yield", {{"goid", FIELD_GOID}}, 1},
    [EV_PREEMPT_PARK] = {"preempt_park", {{"goid", FIELD_GOID}}, 1},
    [EV_SYSCALL_NO_P] = {"syscall_no_p", {{"goid", FIELD_GOID}}, 1},
    [EV_CORO] = {"coro", {{"goid", FIELD_GOID}, {"to_g", FIELD_ADDRESS}, {"exiting", FIELD_UINT}}, 3},
    [EV_THREAD_OUT] = {"thread_out", {{"state", FIELD_UINT}, {"next_tid", FIELD_TID}, {"next_name", FIELD_STRING},
                                      {"ip", FIELD_LOCATION}, {"sp", FIELD_ADDRESS}, {"bp", FIELD_ADDRESS}}, 6},
    [EV_THREAD_IN] = {"thread_in", {{NULL, FIELD_NONE}}, 0},
    [EV_THREAD_START] = {"thread_start", {{"new_tid", FIELD_TID}}, 1},
    [EV_THREAD_EXIT] = {"thread_exit", {{NULL, FIELD_NONE}}, 0},
    [EV_THREAD_NAME] = {"thread_name", {{"name", FIELD_STRING}}, 1},
    [EV_LOST] = {"lost", {{"count", FIELD_UINT}, {"since", FIELD_TIME}}, 2},
    [EV_NOTE] = {"note", {{"code", FIELD_UINT}, {"value", FIELD_UINT}}, 2},
};
/* clang-format on */

const struct event_spec *event_spec_get(unsigned type)
{
    return type < EVENT_TYPE_COUNT && specs[type].name ? &specs[type] : NULL;
}

enum event_type event_spec_find(const char *name)
{
    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++) {
        if (specs[type].name && strcmp(specs[type].name, name) == 0)
            return (enum event_type)type;
    }
    return EV_NONE;
}
