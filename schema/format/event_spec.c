#include "format/event_spec.h"

#include <stddef.h>
#include <string.h>

#define NEXT      CODE_NEXT, 0
#define RUNNING   CODE_RUNNING, 0
#define READIED   CODE_READIED, 0
#define BY_TID    CODE_BY_TID, 0
#define SINCE     CODE_TIME, 0
#define BY(field) CODE_BY_FIELD, field

/* clang-format off */
static const struct event_spec specs[EVENT_TYPE_COUNT] = {
    [EV_CREATE] = {"create", {{"goid", FIELD_GOID, NEXT},
                              {"g", FIELD_ADDRESS, NEXT},
                              {"creator", FIELD_GOID, RUNNING},
                              {"status", FIELD_UINT, BY_TID},
                              {"start", FIELD_LOCATION, BY(CREATE_CREATOR)},
                              {"stack", FIELD_STACK, BY(CREATE_CREATOR)}}, 6},
    [EV_EXEC] = {"exec", {{"goid", FIELD_GOID, READIED},
                          {"g", FIELD_ADDRESS, BY(EXEC_GOID)},
                          {"inherit", FIELD_UINT, BY_TID},
                          {"p", FIELD_UINT, BY_TID}}, 4},
    [EV_PARK] = {"park", {{"goid", FIELD_GOID, RUNNING},
                          {"g", FIELD_ADDRESS, BY(PARK_GOID)},
                          {"reason", FIELD_REASON, BY(PARK_GOID)},
                          {"object", FIELD_OBJECT, BY(PARK_GOID)},
                          {"value", FIELD_UINT, BY(PARK_GOID)},
                          {"stack", FIELD_STACK, BY(PARK_GOID)}}, 6},
    [EV_SELECT] = {"select", {{"goid", FIELD_GOID, RUNNING},
                              {"set", FIELD_SET, BY(SELECT_GOID)}}, 2},
    [EV_READY] = {"ready", {{"goid", FIELD_GOID, BY(READY_WAKER)},
                            {"waker", FIELD_GOID, RUNNING},
                            {"stack", FIELD_STACK, BY(READY_WAKER)}}, 3},
    [EV_NET] = {"net", {{"polldesc", FIELD_ADDRESS, BY_TID},
                        {"mode", FIELD_UINT, BY(NET_POLLDESC)},
                        {"read_g", FIELD_ADDRESS, BY(NET_POLLDESC)},
                        {"write_g", FIELD_ADDRESS, BY(NET_POLLDESC)}}, 4},
    [EV_END] = {"end", {{"goid", FIELD_GOID, RUNNING}}, 1},
    [EV_SCHED] = {"sched", {{"goid", FIELD_GOID, RUNNING},
                            {"preempted", FIELD_UINT, BY(SCHED_GOID)},
                            {"stack", FIELD_STACK, BY(SCHED_GOID)}}, 3},
    [EV_YIELD] = {"yield", {{"goid", FIELD_GOID, RUNNING}}, 1},
    [EV_PREEMPT_PARK] = {"preempt_park", {{"goid", FIELD_GOID, RUNNING}}, 1},
    [EV_SYSCALL_NO_P] = {"syscall_no_p", {{"goid", FIELD_GOID, RUNNING}}, 1},
    [EV_CORO] = {"coro", {{"goid", FIELD_GOID, RUNNING},
                          {"to_g", FIELD_ADDRESS, BY(CORO_GOID)},
                          {"exiting", FIELD_UINT, BY(CORO_GOID)}}, 3},
    [EV_THREAD_OUT] = {"thread_out", {{"state", FIELD_UINT, BY_TID},
                                      {"next_tid", FIELD_TID, BY_TID},
                                      {"next_name", FIELD_STRING, BY(THREAD_OUT_NEXT_TID)},
                                      {"ip", FIELD_LOCATION, BY_TID},
                                      {"sp", FIELD_ADDRESS, BY_TID},
                                      {"bp", FIELD_ADDRESS, BY_TID}}, 6},
    [EV_THREAD_IN] = {"thread_in", {{NULL, FIELD_NONE, NEXT}}, 0},
    [EV_THREAD_START] = {"thread_start", {{"new_tid", FIELD_TID, NEXT}}, 1},
    [EV_THREAD_EXIT] = {"thread_exit", {{NULL, FIELD_NONE, NEXT}}, 0},
    [EV_THREAD_NAME] = {"thread_name", {{"name", FIELD_STRING, BY_TID}}, 1},
    [EV_LOST] = {"lost", {{"count", FIELD_UINT, NEXT}, {"since", FIELD_TIME, SINCE}}, 2},
    [EV_NOTE] = {"note", {{"code", FIELD_UINT, BY_TID}, {"value", FIELD_UINT, BY(NOTE_CODE)}}, 2},
    [EV_SNAPSHOT] = {"snapshot", {{"number", FIELD_UINT, NEXT},
                                  {"phase", FIELD_UINT, NEXT},
                                  {"kind", FIELD_UINT, NEXT},
                                  {"goroutines", FIELD_UINT, NEXT},
                                  {"unstable", FIELD_UINT, NEXT}}, 5},
    [EV_GOROUTINE_ORIGIN] = {"goroutine_origin", {{"goid", FIELD_GOID, NEXT},
                                                  {"g", FIELD_ADDRESS, NEXT},
                                                  {"creator", FIELD_GOID, NEXT},
                                                  {"start", FIELD_LOCATION, BY_TID},
                                                  {"created_at", FIELD_LOCATION, BY(ORIGIN_START)},
                                                  {"labels", FIELD_STRING, BY(ORIGIN_START)},
                                                  {"wait_since", FIELD_TIME, NEXT}}, 7},
    [EV_GOROUTINE] = {"goroutine", {{"goid", FIELD_GOID, NEXT},
                                    {"status", FIELD_UINT, BY_TID},
                                    {"reason", FIELD_REASON, BY(GOROUTINE_STATUS)},
                                    {"object", FIELD_OBJECT, NEXT},
                                    {"value", FIELD_UINT, BY_TID},
                                    {"stack", FIELD_STACK, NEXT},
                                    {"thread", FIELD_TID, NEXT}}, 7},
    [EV_STW] = {"stw", {{"goid", FIELD_GOID, RUNNING},
                        {"phase", FIELD_UINT, BY_TID},
                        {"reason", FIELD_UINT, BY_TID},
                        {"begin", FIELD_TIME, SINCE},
                        {"stopped", FIELD_TIME, SINCE}}, 5},
    [EV_GC] = {"gc", {{"goid", FIELD_GOID, RUNNING}, {"step", FIELD_UINT, BY_TID}}, 2},
    [EV_GOMAXPROCS] = {"gomaxprocs", {{"count", FIELD_UINT, NEXT}, {"before", FIELD_UINT, NEXT}}, 2},
    [EV_ASSIST] = {"assist", {{"goid", FIELD_GOID, RUNNING}, {"work", FIELD_UINT, NEXT}}, 2},
    [EV_P_LOST] = {"p_lost", {{"goid", FIELD_GOID, RUNNING}}, 1},
    [EV_P_HANDOFF] = {"p_handoff", {{"p", FIELD_UINT, NEXT}, {"stack", FIELD_STACK, BY_TID}}, 2},
    [EV_M_NEW] = {"m_new", {{"m", FIELD_UINT, NEXT}, {"goid", FIELD_GOID, RUNNING}}, 2},
    [EV_THREAD_OFF] = {"thread_off", {{"state", FIELD_UINT, BY_TID},
                                      {"next_tid", FIELD_TID, BY_TID},
                                      {"next_name", FIELD_STRING, BY(THREAD_OFF_NEXT_TID)},
                                      {"activity", FIELD_UINT, BY_TID},
                                      {"stack", FIELD_STACK, BY_TID},
                                      {"syscall", FIELD_UINT, BY(THREAD_OFF_STACK)}}, 6},
    [EV_CONTEXT] = {"context", {{"goid", FIELD_GOID, RUNNING},
                                {"context", FIELD_ADDRESS, NEXT},
                                {"parent", FIELD_ADDRESS, BY(CONTEXT_GOID)},
                                {"deadline", FIELD_TIME, SINCE},
                                {"stack", FIELD_STACK, BY(CONTEXT_GOID)}}, 5},
    [EV_CONTEXT_END] = {"context_end", {{"goid", FIELD_GOID, RUNNING},
                                        {"context", FIELD_ADDRESS, NEXT},
                                        {"done", FIELD_OBJECT, NEXT},
                                        {"cause", FIELD_UINT, BY_TID},
                                        {"error", FIELD_STRING, BY_TID},
                                        {"stack", FIELD_STACK, BY(CONTEXT_END_GOID)}}, 6},
    [EV_LABELS] = {"labels", {{"goid", FIELD_GOID, RUNNING}, {"labels", FIELD_STRING, BY(LABELS_GOID)}}, 2},
    [EV_SPAN_BEGIN] = {"span_begin", {{"goid", FIELD_GOID, RUNNING},
                                      {"probe", FIELD_UINT, BY_TID},
                                      {"value_1", FIELD_UINT, BY(SPAN_BEGIN_PROBE)},
                                      {"value_2", FIELD_UINT, BY(SPAN_BEGIN_PROBE)},
                                      {"value_3", FIELD_UINT, BY(SPAN_BEGIN_PROBE)},
                                      {"value_4", FIELD_UINT, BY(SPAN_BEGIN_PROBE)},
                                      {"value_5", FIELD_UINT, BY(SPAN_BEGIN_PROBE)},
                                      {"value_6", FIELD_UINT, BY(SPAN_BEGIN_PROBE)}}, 8},
    [EV_SPAN_END] = {"span_end", {{"goid", FIELD_GOID, RUNNING}, {"probe", FIELD_UINT, BY_TID}}, 2},
    [EV_BUDGET] = {"budget", {{"step", FIELD_UINT, NEXT},
                              {"what", FIELD_UINT, NEXT},
                              {"share", FIELD_UINT, NEXT},
                              {"limit", FIELD_UINT, NEXT}}, 4},
    [EV_PAUSE] = {"pause", {{"reason", FIELD_UINT, NEXT}}, 1},
    [EV_RESUME] = {"resume", {{"since", FIELD_TIME, SINCE}}, 1},
    [EV_FIRED] = {"fired", {{"goid", FIELD_GOID, BY_TID}, {"object", FIELD_OBJECT, BY(FIRED_GOID)}}, 2},
    [EV_CARRIED] = {"carried", {{"goid", FIELD_GOID, NEXT},
                                {"since", FIELD_TIME, NEXT},
                                {"p", FIELD_UINT, NEXT},
                                {"created", FIELD_TIME, NEXT},
                                {"create_stack", FIELD_STACK, NEXT},
                                {"flags", FIELD_UINT, NEXT}}, 6},
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
