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
    EV_THREAD_OUT = 13,   /* as EV_THREAD_OFF, in files of format 1.0: without what the thread was doing */
    EV_THREAD_IN = 14,    /* the thread was put on the CPU */
    EV_THREAD_START = 15, /* this thread created the thread f[0] */
    EV_THREAD_EXIT = 16,  /* this thread exits */
    EV_THREAD_NAME = 17,  /* this thread has the name f[0] */
    EV_LOST = 18,         /* the ring overran: records between two times are missing */
    EV_NOTE = 19,         /* the recorder doubts or reports something (enum note_code) */
    /* from format 1.1 on */
    EV_SNAPSHOT = 20,         /* a snapshot of all goroutines begins or ends */
    EV_GOROUTINE_ORIGIN = 21, /* snapshot: where a goroutine comes from; right before its EV_GOROUTINE */
    EV_GOROUTINE = 22,        /* snapshot: what a goroutine was doing at this time; an EV_SELECT before it has
                                 the channels of its select */
    EV_STW = 23,              /* the world is to be stopped, or runs again */
    EV_GC = 24,               /* a step of the garbage collector */
    EV_GOMAXPROCS = 25,       /* procresize: the number of Ps has changed */
    EV_ASSIST = 26,           /* gcAssistAlloc1: a goroutine works for the collector */
    EV_P_LOST = 27,           /* exitsyscallfast_pidle, exitsyscallTryGetP: back from a system call, its P is gone */
    EV_P_HANDOFF = 28,        /* handoffp: a P is taken from a thread that blocks */
    EV_M_NEW = 29,            /* newm1: the runtime makes a thread */
    EV_THREAD_OFF = 30,       /* sched_switch: the thread was taken off its CPU, and what it was doing */
    EV_CONTEXT = 31,          /* context: one that can be cancelled was made */
    EV_CONTEXT_END = 32,      /* context: it was cancelled, or its deadline has passed */
    EV_LABELS = 33,           /* a goroutine has these pprof labels from now on */
    EV_SPAN_BEGIN = 34,       /* a user's probe at the entry of a function */
    EV_SPAN_END = 35,         /* and at one of its returns */
    EV_FIRED = 36,            /* right before EV_READY: the channel that ends the goroutine's select */
    EV_BUDGET = 37, /* the recording costs more, or less, than it may: what is done about it */
    EV_PAUSE = 38,  /* nothing is recorded from here on */
    EV_RESUME = 39, /* and from here on it is again */
    /* from format 1.2 on */
    EV_CARRIED = 40, /* snapshot that was carried over from the recording before this file: since when the goroutine is in
                        its state; right before its EV_GOROUTINE */
    EVENT_TYPE_COUNT = 41
};

struct event {
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint32_t tid;     /* kernel thread id in the recorder's pid namespace; 0: none */
    uint16_t type;    /* enum event_type */
    uint16_t cpu;     /* = the ring */
    uint64_t f[EVENT_FIELDS_MAX];
};

/* A run of events of one ring (= CPU), in the order of that ring: events[first … first + count). */
#define RING_RECORDER 0xffff /* the section holds what the recorder itself found out (snapshots, notes) */
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
enum { SNAPSHOT_NUMBER, SNAPSHOT_PHASE, SNAPSHOT_KIND, SNAPSHOT_GOROUTINES, SNAPSHOT_UNSTABLE };
enum {
    ORIGIN_GOID,
    ORIGIN_G,
    ORIGIN_CREATOR,
    ORIGIN_START,
    ORIGIN_CREATED_AT,
    ORIGIN_LABELS,
    ORIGIN_WAIT_SINCE
};
enum {
    GOROUTINE_GOID,
    GOROUTINE_STATUS,
    GOROUTINE_REASON,
    GOROUTINE_OBJECT,
    GOROUTINE_VALUE,
    GOROUTINE_STACK,
    GOROUTINE_THREAD
};
enum { STW_GOID, STW_PHASE, STW_REASON, STW_BEGIN, STW_STOPPED };
enum { GC_GOID, GC_STEP };
enum { GOMAXPROCS_COUNT, GOMAXPROCS_BEFORE };
enum { ASSIST_GOID, ASSIST_WORK };
enum { P_LOST_GOID };
enum { P_HANDOFF_P, P_HANDOFF_STACK };
enum { M_NEW_M, M_NEW_GOID };
enum {
    THREAD_OFF_STATE,
    THREAD_OFF_NEXT_TID,
    THREAD_OFF_NEXT_NAME,
    THREAD_OFF_ACTIVITY,
    THREAD_OFF_STACK,
    THREAD_OFF_SYSCALL
};
enum { CONTEXT_GOID, CONTEXT_ADDRESS, CONTEXT_PARENT, CONTEXT_DEADLINE, CONTEXT_STACK };
enum {
    CONTEXT_END_GOID,
    CONTEXT_END_ADDRESS,
    CONTEXT_END_DONE,
    CONTEXT_END_CAUSE,
    CONTEXT_END_ERROR,
    CONTEXT_END_STACK
};
enum { LABELS_GOID, LABELS_LABELS };
enum { SPAN_BEGIN_GOID, SPAN_BEGIN_PROBE, SPAN_BEGIN_VALUES /* up to SPAN_VALUES_MAX */ };
enum { SPAN_END_GOID, SPAN_END_PROBE };
enum { FIRED_GOID, FIRED_OBJECT };
enum { CARRIED_GOID, CARRIED_SINCE, CARRIED_P, CARRIED_CREATED, CARRIED_STACK, CARRIED_FLAGS };

enum { BUDGET_STEP, BUDGET_WHAT, BUDGET_SHARE, BUDGET_LIMIT };
enum { PAUSE_REASON };
enum { RESUME_SINCE };

#define SPAN_VALUES_MAX 6

/* BUDGET_STEP. BUDGET_SHARE, the share of the target's CPU time that the recording was estimated to cost, and BUDGET_LIMIT: in
 * millionths. */
enum budget_step {
    BUDGET_STEP_NONE = 0,
    BUDGET_STEP_WARN = 1,
    BUDGET_STEP_DROP = 2,    /* of a class of events, with the pause that follows */
    BUDGET_STEP_WINDOWS = 3, /* recorded part of the time from now on */
    BUDGET_STEP_FULL = 4,    /* and all of the time again */
    BUDGET_STEP_STOP = 5     /* the recording ends */
};
/* BUDGET_WHAT: the class that is dropped. */
enum budget_class {
    BUDGET_CLASS_CORE = 0,     /* waits, wakes, ends, the user's probes: never dropped */
    BUDGET_CLASS_RUNS = 1,     /* exec */
    BUDGET_CLASS_SWITCHES = 2, /* thread_off, thread_in */
    BUDGET_CLASS_EXTRAS = 3,   /* what --detail all adds */
    BUDGET_CLASS_COUNT
};
/* PAUSE_REASON. RESUME_SINCE: time of the pause, for those who have lost it. */
enum { PAUSE_WINDOW = 1 /* recording in windows */, PAUSE_CHANGE = 2 /* fewer events are armed */ };

/* CREATE_STATUS: runtime status of the new goroutine (runtime/runtime2.go): 1 runnable; 4 waiting = a
 * coroutine. */
enum { GO_STATUS_RUNNABLE = 1, GO_STATUS_WAITING = 4 };

/* NET_MODE: 'r', 'w', or both added up (runtime/netpoll.go). */
enum { NET_MODE_READ = 'r', NET_MODE_WRITE = 'w', NET_MODE_BOTH = 'r' + 'w' };

/* SNAPSHOT_PHASE, SNAPSHOT_KIND. The counts are those of the end: goroutines found alive, and how many of them
 * moved while they were being read and are left out. */
enum { SNAPSHOT_BEGIN = 0, SNAPSHOT_END = 1 };
enum snapshot_kind {
    SNAPSHOT_AT_START = 1,
    SNAPSHOT_PERIODIC = 2,
    SNAPSHOT_AT_END = 3,
    SNAPSHOT_CARRIED = 4 /* not read in the process, but known from the events before this file (or this epoch) */
};

/* GOROUTINE_STATUS: the runtime's own (runtime/runtime2.go, without the scan bit); CREATE_STATUS uses two of
 * them. Waiting goroutines whose reason is one of "stopping the world", "GC mark termination", "GC worker
 * (active)", "garbage collection scan" are still on their thread: these are running here. GOROUTINE_THREAD:
 * kernel thread, with running and syscall. */
enum { GO_STATUS_RUNNING = 2, GO_STATUS_SYSCALL = 3, GO_STATUS_PREEMPTED = 9 };

/* CARRIED_FLAGS. CARRIED_P: number of the P plus 1; 0: not known. CARRIED_CREATED, CARRIED_STACK: the goroutine's EV_CREATE;
 * 0: not seen. A GOROUTINE_STATUS of 0: alive, but in which state is not known. */
enum {
    CARRIED_SINCE_IS_EXACT = 1, /* an event told it; otherwise the state began earlier, nobody knows when */
    CARRIED_WOKEN_BY_NET = 2    /* runnable, by a net event */
};

/* STW_PHASE. Begin is told by Go versions whose end does not know it (before 1.23). At the end, STW_BEGIN is when the
 * stopping began and STW_STOPPED when all had stopped; 0: not known. STW_REASON: runtime.stwReason, META key
 * go.stw_reason.N. */
enum { STW_PHASE_BEGIN = 0, STW_PHASE_END = 1 };
/* GC_STEP */
enum { GC_STEP_START = 1 /* gcStart was entered; it may give up */, GC_STEP_MARK_DONE = 2 /* gcMarkTermination */ };

/*
 * THREAD_OFF_ACTIVITY: what a thread did when it left its CPU, told by its registers and a piece of its stack.
 * THREAD_OFF_STACK: where it was, innermost first, as far as the piece goes.
 */
enum thread_activity {
    ACTIVITY_UNKNOWN = 0,
    ACTIVITY_GO = 1,      /* in Go code: preempted by the kernel, or waiting for a page */
    ACTIVITY_IDLE = 2,    /* the scheduler has no work for it: asleep in stopm, or in the network poller */
    ACTIVITY_SYSCALL = 3, /* in a system call of the program; THREAD_OFF_SYSCALL: its number plus 1, 0: not known.
                             Also waiting for a signal in os/signal, as Go's own tracebacks have it */
    ACTIVITY_FOREIGN = 4, /* in code that is not Go's: cgo, or the kernel's vDSO (the clock) */
    ACTIVITY_RUNTIME = 5, /* the runtime itself sleeps: a lock of its own, sysmon, a note */
};

/* CONTEXT_END_CAUSE; CONTEXT_END_ERROR: type of a cause or of another error. CONTEXT_DEADLINE: 0: none of its own. */
enum { CONTEXT_CANCELED = 1, CONTEXT_DEADLINE_EXCEEDED = 2, CONTEXT_OTHER_ERROR = 3 };

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
    NOTE_LABELS_UNREAD = 10, /* label sets that could not be read in time: who had them is told without */
    NOTE_CODE_COUNT = 11
};

#endif
