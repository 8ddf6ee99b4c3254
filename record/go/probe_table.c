#include "go/probe_table.h"

#include <stddef.h>
#include <string.h>

static const struct probe_spec specs[PROBE_COUNT] = {
    [PROBE_CREATE] =
        {"create",
         DETAIL_BLOCK,
         {{"g", 1}, {"goid", 1}, {"status", 1}, {"startpc", 1}, {"curg", 1}, {"cur_goid", 1}, {"labels", 1}},
         .call_chain = true,
         .required = true},
    [PROBE_EXEC] = {"exec",
                    DETAIL_SCHED,
                    {{"goid", 1}, {"g", 1}, {"inherit", 1}, {"p", 1}},
                    .required = true},
    [PROBE_PARK] = {"park",
                    DETAIL_BLOCK,
                    {{"goid", 1},
                     {"g", 1},
                     {"lock", 1},
                     {"reason", 1},
                     {"obj", 1},
                     {"bp1", 1},
                     {"pd", 1},
                     {"ret", 1},
                     {"labels", 1}},
                    .call_chain = true,
                    .required = true},
    [PROBE_SELECT] =
        {"select",
         DETAIL_BLOCK,
         {{"goid", 1}, {"g", 1}, {"ret", 1}, {"cases", 1}, {"sends", 1}, {"array", 2 * SELECT_ARRAY_CASES}}},
    [PROBE_READY] =
        {"ready",
         DETAIL_BLOCK,
         {{"goid", 1}, {"curg", 1}, {"cur_goid", 1}, {"ret", 1}, {"sudog", 1}, {"is_select", 1}, {"chan", 1}},
         .call_chain = true,
         .required = true},
    [PROBE_NET] = {"net", DETAIL_BLOCK, {{"pd", 1}, {"mode", 1}, {"rg", 1}, {"wg", 1}}, .required = true},
    [PROBE_END] = {"end", DETAIL_BLOCK, {{"goid", 1}}, .required = true},
    [PROBE_SCHED] =
        {"sched",
         DETAIL_BLOCK,
         {{"goid", 1}, {"preempted", 1}, {"pc", 1}, {"bp", 1}, {"ret0", 1}, {"bp1", 1}, {"ret1", 1}},
         .required = true},
    [PROBE_YIELD] = {"yield", DETAIL_BLOCK, {{"goid", 1}}},
    [PROBE_PREEMPT_PARK] = {"preempt_park", DETAIL_BLOCK, {{"goid", 1}}},
    [PROBE_SYSCALL_NO_P] = {"syscall_no_p", DETAIL_BLOCK, {{"goid", 1}}},
    [PROBE_CORO] = {"coro", DETAIL_BLOCK, {{"goid", 1}, {"c", 1}, {"to_g", 1}, {"exiting", 1}}},
    [PROBE_STW_BEGIN] = {"stw_begin", DETAIL_BLOCK, {{"curg", 1}, {"cur_goid", 1}, {"reason", 1}}},
    [PROBE_STW_END] = {"stw_end",
                       DETAIL_BLOCK,
                       {{"curg", 1}, {"cur_goid", 1}, {"reason", 1}, {"begin", 1}, {"stopped", 1}}},
    [PROBE_GC_START] = {"gc_start", DETAIL_BLOCK, {{"curg", 1}, {"cur_goid", 1}}},
    [PROBE_GC_MARK_DONE] = {"gc_mark_done", DETAIL_BLOCK, {{"curg", 1}, {"cur_goid", 1}}},
    [PROBE_GOMAXPROCS] = {"gomaxprocs", DETAIL_BLOCK, {{"count", 1}, {"before", 1}, {"has_before", 1}}},
    [PROBE_ASSIST] = {"assist", DETAIL_ALL, {{"goid", 1}, {"work", 1}}},
    [PROBE_P_LOST] = {"p_lost", DETAIL_ALL, {{"curg", 1}, {"cur_goid", 1}}},
    [PROBE_P_HANDOFF] = {"p_handoff", DETAIL_ALL, {{"p", 1}, {"ret", 1}}, .call_chain = true},
    [PROBE_M_NEW] = {"m_new", DETAIL_ALL, {{"curg", 1}, {"cur_goid", 1}, {"m", 1}}},
    [PROBE_CONTEXT] = {"context",
                       DETAIL_ALL,
                       {{"goid", 1},
                        {"child_itab", 1},
                        {"child", 1},
                        {"parent_itab", 1},
                        {"parent", 1},
                        {"parent2_itab", 1},
                        {"parent2", 1},
                        {"inner", 1},
                        {"wall", 1},
                        {"ext", 1},
                        {"ret", 1}},
                       .call_chain = true},
    [PROBE_CONTEXT_END] = {"context_end",
                           DETAIL_ALL,
                           {{"goid", 1},
                            {"ctx", 1},
                            {"done", 1},
                            {"had_error", 1},
                            {"error_itab", 1},
                            {"error", 1},
                            {"cause_itab", 1},
                            {"cause", 1},
                            {"ret", 1}},
                           .call_chain = true},
};

static const char *const detail_names[DETAIL_COUNT] = {
    [DETAIL_SNAPSHOT] = "snapshot",
    [DETAIL_BLOCK] = "block",
    [DETAIL_SCHED] = "sched",
    [DETAIL_ALL] = "all",
};

const struct probe_spec *probe_spec_get(enum probe_id id)
{
    return &specs[id];
}

const char *record_detail_name(enum record_detail level)
{
    return detail_names[level];
}

bool record_detail_find(const char *name, enum record_detail *level_out)
{
    for (unsigned level = 0; level < DETAIL_COUNT; level++) {
        if (strcmp(detail_names[level], name) == 0) {
            *level_out = (enum record_detail)level;
            return true;
        }
    }
    return false;
}
