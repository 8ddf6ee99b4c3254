/*
 * From the bytes of one perf record to a struct record. Pure: no system calls, no trust in the bytes; fuzzed.
 * Field offsets come from the event's `format` text, parsed once by libtraceevent (tracepoint.c, the only
 * file that knows it).
 */
#ifndef GOTAPE_RECORD_SAMPLE_DECODE_H
#define GOTAPE_RECORD_SAMPLE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/map.h"

#define RECORD_VALUES_MAX 32
#define SAMPLE_PROBES_MAX 160

enum record_kind {
    RECORD_SKIP = 0,   /* of no interest */
    RECORD_PROBE,      /* a uprobe hit: probe, value[], chain */
    RECORD_SWITCH_OUT, /* sched_switch: prev_state, next_tid, name, ip, sp, bp, stack */
    RECORD_SWITCH_IN,
    RECORD_LOST, /* lost: how many; time_ns: when it was noticed; pid and tid mean nothing */
    RECORD_FORK, /* new thread: new_pid, new_tid; tid is the creator. Another new_pid: a child process, not
                    recorded */
    RECORD_EXIT,
    RECORD_NAME, /* name; is_exec when it comes from execve */
};

/* A thread that our pid namespace does not show. */
#define RECORD_TID_ELSEWHERE UINT32_MAX

struct record {
    enum record_kind kind;
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint32_t pid, tid;
    unsigned probe; /* index of the probe; SAMPLE_THREAD_EVENT for records that no probe made */
    uint64_t value[RECORD_VALUES_MAX]; /* RECORD_PROBE: as many as the probe fetches; the rest is undefined */
    const uint64_t *chain; /* user frames, innermost first, without context markers; NULL without a chain. It
                              aims into the ring: valid until the callback returns */
    uint32_t chain_length;
    bool chain_cut;      /* as long as kernel.perf_event_max_stack: outer frames are missing */
    uint32_t prev_state; /* THREAD_OUT_STATE mask */
    /* sched_switch numbers threads as the first pid namespace does; the session turns next_tid into ours. */
    uint32_t next_tid, prev_first_tid;
    uint32_t new_pid, new_tid;
    uint64_t ip, sp, bp;  /* user registers; 0 when the thread had none */
    const uint8_t *stack; /* RECORD_SWITCH_OUT: the user stack from sp upwards; into the ring, as chain. NULL:
                             none could be read */
    uint32_t stack_size;
    char name[16]; /* next_name, or the thread's new name; always terminated */
    bool is_exec;
    uint64_t lost;
    uint64_t root_id; /* id of the opened event that this record belongs to (for dropping duplicates); 0: written by a
                         probe's program, which tells each hit once */
    uint32_t by_tid; /* the thread that was running when the kernel wrote the record (tid, but for names given
                        by others) */
};

/* What the caller wants from a tracefs event. */
struct sample_probe {
    const char *name;                      /* for messages */
    uint64_t event_id;                     /* perf attr.config */
    const char *format;                    /* text of the event's `format` file */
    const char *values[RECORD_VALUES_MAX]; /* field names; NULL ends the list */
    unsigned elements[RECORD_VALUES_MAX];  /* array lengths, 0 or 1 for scalars */
    bool call_chain;
};

/* Where a value lies in the raw bytes of a sample. */
struct sample_field {
    uint32_t offset;
    uint16_t elements; /* at least 1 */
    uint8_t width;     /* of one element: 1, 2, 4 or 8 bytes */
    bool is_signed;    /* widened with its sign */
};

/* The fields of one probe, in the order of its values; their elements add up to at most RECORD_VALUES_MAX. */
struct sample_layout {
    struct sample_field fields[RECORD_VALUES_MAX];
    unsigned field_count;
    bool call_chain;
    bool has_program;        /* its records come from a program (probe_program.h), not from perf */
    unsigned program_values; /* u64 before the frames */
};

struct sample_switch_layout {
    struct sample_field prev_tid, prev_state, next_tid;
    uint32_t next_name_offset, next_name_size;
};

/* The event that carries a thread's own records: switches, forks, exits, names. */
#define SAMPLE_THREAD_EVENT SAMPLE_PROBES_MAX
/* CPU-wide sessions: sched_switch for the thread that comes. A sample of it is that of the thread that goes. */
#define SAMPLE_SWITCH_IN_EVENT (SAMPLE_PROBES_MAX + 1)

struct sample_decoder {
    struct sample_layout probes[SAMPLE_PROBES_MAX];
    unsigned probe_count;
    bool has_switch; /* thread events sample sched_switch, laid out as `switches` */
    struct sample_switch_layout switches;
    uint32_t max_stack; /* kernel.perf_event_max_stack */
    struct map events;  /* id of an opened event → index of its probe, or one of SAMPLE_…_EVENT */
};

/*
 * Decodes one record: `size` bytes at an address that is a multiple of 8, beginning with its
 * perf_event_header. The attributes are those of perf_open.h. Returns 0 or ERR_DAMAGED (no message: this runs
 * once per event).
 */
int sample_decode(const struct sample_decoder *self, const void *bytes, size_t size, struct record *out);

/* The same for a record of a probe's program (program_ring.h), which has no pid: it is to be set. */
int sample_decode_program(const struct sample_decoder *self, const void *bytes, size_t size, struct record *out);

#endif
