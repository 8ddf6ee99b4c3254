/*
 * What we probe in the Go runtime: one row per probe, with the values that it fetches. Where a probe sits is
 * decided per binary (probe_plan.h); which perf event carries it is decided by the session. The names double
 * as tracefs event names.
 */
#ifndef GOTAPE_RECORD_PROBE_TABLE_H
#define GOTAPE_RECORD_PROBE_TABLE_H

#include <stdbool.h>

/* How much is recorded: each level has the probes of those before it. `snapshot` has none at all. */
enum record_detail { DETAIL_SNAPSHOT, DETAIL_BLOCK, DETAIL_SCHED, DETAIL_ALL, DETAIL_COUNT };

enum probe_id {
    PROBE_CREATE,
    PROBE_EXEC,
    PROBE_PARK,
    PROBE_SELECT,
    PROBE_READY,
    PROBE_NET,
    PROBE_END,
    PROBE_SCHED,
    PROBE_YIELD,
    PROBE_PREEMPT_PARK,
    PROBE_SYSCALL_NO_P,
    PROBE_CORO,
    PROBE_STW_BEGIN,
    PROBE_STW_END,
    PROBE_GC_START,
    PROBE_GC_MARK_DONE,
    PROBE_GOMAXPROCS,
    PROBE_ASSIST,
    PROBE_P_LOST,
    PROBE_P_HANDOFF,
    PROBE_M_NEW,
    PROBE_CONTEXT,
    PROBE_CONTEXT_END,
    PROBE_COUNT
};

#define PROBE_VALUES_MAX 32

/* Indexes of the fetched values, in the order of probe_spec.values. An array value takes as many indexes as
 * it has elements. Where a value is reached through a pointer that may be NULL, that pointer is a value of
 * its own: a fetch that faults leaves stale bytes behind, so test the parent before believing the child. */
enum {
    V_CREATE_G,
    V_CREATE_GOID,
    V_CREATE_STATUS,
    V_CREATE_STARTPC,
    V_CREATE_CURG,
    V_CREATE_CUR_GOID,
    V_CREATE_LABELS
};
enum { V_EXEC_GOID, V_EXEC_G, V_EXEC_INHERIT, V_EXEC_P };
enum {
    V_PARK_GOID,
    V_PARK_G,
    V_PARK_LOCK,
    V_PARK_REASON,
    V_PARK_OBJ,
    V_PARK_BP1,
    V_PARK_PD,
    V_PARK_RET,
    V_PARK_LABELS
};
enum {
    V_SELECT_GOID,
    V_SELECT_G,
    V_SELECT_RET,
    V_SELECT_CASES,
    V_SELECT_SENDS,
    V_SELECT_ARRAY /* 16 x u64: {hchan, elem} x 8 */
};
enum {
    V_READY_GOID,
    V_READY_CURG,
    V_READY_CUR_GOID,
    V_READY_RET,
    V_READY_SUDOG,
    V_READY_IS_SELECT,
    V_READY_CHAN
};
enum { V_NET_PD, V_NET_MODE, V_NET_RG, V_NET_WG };
enum { V_GOID_ONLY }; /* end, yield, preempt_park, syscall_no_p */
enum { V_SCHED_GOID, V_SCHED_PREEMPTED, V_SCHED_PC, V_SCHED_BP, V_SCHED_RET0, V_SCHED_BP1, V_SCHED_RET1 };
enum { V_CORO_GOID, V_CORO_C, V_CORO_TO_G, V_CORO_EXITING };

/* m.curg of the thread and its goid: stw_begin, gc_start, gc_mark_done begin with them, too. */
enum { V_CURG, V_CURG_GOID };
enum { V_STW_BEGIN_REASON = 2 };
enum { V_STW_END_REASON = 2, V_STW_END_BEGIN, V_STW_END_STOPPED };
enum { V_GOMAXPROCS_COUNT, V_GOMAXPROCS_BEFORE, V_GOMAXPROCS_HAS_BEFORE };
enum { V_ASSIST_GOID, V_ASSIST_WORK };
enum { V_P_HANDOFF_P, V_P_HANDOFF_RET };
enum { V_M_NEW_M = 2 };
/* parent is an interface, parent2 the one that lies at the begin of what the parent aims at */
enum {
    V_CONTEXT_GOID,
    V_CONTEXT_CHILD_ITAB,
    V_CONTEXT_CHILD,
    V_CONTEXT_PARENT_ITAB,
    V_CONTEXT_PARENT,
    V_CONTEXT_PARENT2_ITAB,
    V_CONTEXT_PARENT2,
    V_CONTEXT_INNER, /* first word of the child */
    V_CONTEXT_WALL,
    V_CONTEXT_EXT,
    V_CONTEXT_RET
};
enum {
    V_CONTEXT_END_GOID,
    V_CONTEXT_END_CONTEXT,
    V_CONTEXT_END_DONE,
    V_CONTEXT_END_HAD_ERROR,
    V_CONTEXT_END_ERROR_ITAB,
    V_CONTEXT_END_ERROR,
    V_CONTEXT_END_CAUSE_ITAB,
    V_CONTEXT_END_CAUSE,
    V_CONTEXT_END_RET
};

#define SELECT_ARRAY_CASES 8

/* The flags register, fetched behind the values above where a site may restart (probe_site.h). */
#define PROBE_FLAGS_NAME "fl"

struct probe_value {
    const char *name;  /* tracefs field name */
    unsigned elements; /* 1, or the length of an array */
};

struct probe_spec {
    const char *name;              /* "park" */
    enum record_detail detail;     /* armed from this level on */
    struct probe_value values[12]; /* ends with a NULL name */
    bool call_chain;               /* sampled with the user call chain */
    bool required; /* without it the recording makes no sense; others are reported as missing */
};

/* "block", "sched" …; level < DETAIL_COUNT. */
const char *record_detail_name(enum record_detail level);
bool record_detail_find(const char *name, enum record_detail *level_out);

/* id < PROBE_COUNT. */
const struct probe_spec *probe_spec_get(enum probe_id id);

#endif
