/*
 * What the recorder saw, one struct an event. The meaning of f[] depends on the type; event_spec.h describes
 * every field once, for the codec, the text form and the documentation. Ids (stack, location, string, object,
 * select set) refer to the definitions of the trace (definitions.h) and are valid within one definition
 * epoch; id 0 means "none or unknown".
 */
#ifndef GOTAPE_FORMAT_EVENT_H
#define GOTAPE_FORMAT_EVENT_H

#include <stdint.h>

#define EVENT_FIELDS_MAX 8

/* The numbers are part of the file format: never reuse or renumber one. */
enum event_type {
    EV_NONE = 0,
    EV_CREATE = 1,        /* newproc1: a goroutine was made (seen from the creator's thread) */
    EV_EXEC = 2,          /* execute: a goroutine starts to run on this thread */
    EV_PARK = 3,          /* gopark: the running goroutine begins to wait */
    EV_SELECT = 4,        /* selectgo before its gopark: the channels of the select that is about to park */
    EV_READY = 5,         /* ready: a waiting goroutine is made runnable */
    EV_NET = 6,           /* netpollready: a descriptor became ready, its waiters become runnable */
    EV_END = 7,           /* goexit0: a goroutine has returned */
    EV_SCHED = 8,         /* goschedImpl: the running goroutine yields or was preempted, and stays runnable */
    EV_YIELD = 9,         /* goyield_m: the running goroutine hands its turn over, and stays runnable */
    EV_PREEMPT_PARK = 10, /* preemptPark: stopped (for a GC scan) until ready */
    EV_SYSCALL_NO_P = 11, /* exitsyscall0, exitsyscallNoP: back from a system call without a P: runnable */
    EV_CORO = 12,         /* coroswitch_m: one goroutine hands the thread directly to another */
    EV_THREAD_OUT = 13,   /* sched_switch: the thread was taken off its CPU */
    EV_THREAD_IN = 14,    /* the thread was put on the CPU */
    EV_THREAD_START = 15, /* this thread created the thread f[0] */
    EV_THREAD_EXIT = 16,  /* this thread exits */
    EV_THREAD_NAME = 17,  /* this thread has the name f[0] */
    EV_LOST = 18,         /* the ring overran: records between two times are missing */
    EV_NOTE = 19,         /* the recorder doubts or reports something (enum note_code) */
    EVENT_TYPE_COUNT = 20
};

struct event {
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint32_t tid;     /* kernel thread id in the recorder's pid namespace; 0: none */
    uint16_t type;    /* enum event_type */
    uint16_t cpu;     /* = the ring */
    uint64_t f[EVENT_FIELDS_MAX];
};

/* A run of events of one ring (= CPU), in the order of that ring: events[first … first + count). */
struct trace_section {
    uint16_t ring;
    uint32_t first, count;
};

/* Field indexes. */
enum { CREATE_GOID, CREATE_G, CREATE_CREATOR, CREATE_STATUS, CREATE_START, CREATE_STACK };
enum { EXEC_GOID, EXEC_G, EXEC_INHERIT, EXEC_P };
enum { PARK_GOID, PARK_G, PARK_REASON, PARK_OBJECT, PARK_VALUE, PARK_STACK };
enum { SELECT_GOID, SELECT_SET };
enum { READY_GOID, READY_WAKER, READY_STACK };
enum { NET_POLLDESC, NET_MODE, NET_READ_G, NET_WRITE_G };
enum { END_GOID };
enum { SCHED_GOID, SCHED_PREEMPTED, SCHED_STACK };
enum { YIELD_GOID };
enum { PREEMPT_PARK_GOID };
enum { SYSCALL_NO_P_GOID };
enum { CORO_GOID, CORO_TO_G, CORO_EXITING };
enum {
    THREAD_OUT_STATE,
    THREAD_OUT_NEXT_TID,
    THREAD_OUT_NEXT_NAME,
    THREAD_OUT_IP,
    THREAD_OUT_SP,
    THREAD_OUT_BP
};
enum { THREAD_START_TID };
enum { THREAD_NAME_NAME };
enum { LOST_COUNT, LOST_SINCE };
enum { NOTE_CODE, NOTE_VALUE };

/* CREATE_STATUS: runtime status of the new goroutine (runtime/runtime2.go): 1 runnable; 4 waiting = a
 * coroutine. */
enum { GO_STATUS_RUNNABLE = 1, GO_STATUS_WAITING = 4 };

/* NET_MODE: 'r', 'w', or both added up (runtime/netpoll.go). */
enum { NET_MODE_READ = 'r', NET_MODE_WRITE = 'w', NET_MODE_BOTH = 'r' + 'w' };

/* SCHED_PREEMPTED */
enum { PREEMPTED_NO = 0, PREEMPTED_YES = 1, PREEMPTED_UNKNOWN = 2 };

/* THREAD_OUT_STATE: a bit mask of <linux/sched.h> task states as sched_switch reports them (prev_state,
 * stable over kernel versions for these): 0 = still runnable (it was preempted), 1 = interruptible sleep, 2 =
 * uninterruptible sleep. */
enum { THREAD_STATE_RUNNABLE = 0, THREAD_STATE_SLEEP = 1, THREAD_STATE_DISK = 2 };

/* NOTE_CODE; NOTE_VALUE is a count unless said otherwise. Part of the file format. */
enum note_code {
    NOTE_STALE_FETCH = 1,    /* a fetch argument that could not be trusted was dropped */
    NOTE_CHAIN_CUT = 2,      /* call chains cut at kernel.perf_event_max_stack */
    NOTE_DUPLICATE = 3,      /* records of a thread that was covered twice, dropped */
    NOTE_FOREIGN = 4,        /* records of another process (a forked child), dropped */
    NOTE_UNKNOWN_RECORD = 5, /* perf records that could not be decoded */
    NOTE_PROBE_MISSED = 6,   /* hits that the kernel counted as missed (uprobe_profile, PERF_FORMAT_LOST) */
    NOTE_OBJECT_UNREAD = 7,  /* channels whose type and capacity could not be read in time */
    NOTE_EXEC = 8,           /* the target replaced itself by another program; the recording ends there */
    NOTE_LATE = 9,           /* records that came after their watermark */
    NOTE_CODE_COUNT = 10
};

#endif
