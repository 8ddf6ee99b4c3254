/*
 * What a thread was doing when it left its CPU (enum thread_activity), where, and in which system call: told by
 * the registers and the piece of user stack that a sched_switch sample carries. No probe is needed for it.
 *
 * A thread that the kernel preempted in user code (not at a system call) has only its innermost frame. What a
 * thread is asleep for is told by the functions on its stack: the runtime's own sleeps have theirs. A goroutine that
 * waits in the runtime for a signal (os/signal) is in a system call, as Go's own tracebacks have it.
 *
 * Costs about a table look-up per frame; nothing is allocated once each place has been seen.
 */
#ifndef GOTAPE_RECORD_ACTIVITY_FINDER_H
#define GOTAPE_RECORD_ACTIVITY_FINDER_H

#include <sys/types.h>

#include "go/go_binary.h"
#include "go/go_memory.h"
#include "perf/sample_decode.h"

#define ACTIVITY_FRAMES_MAX 32

struct activity_finder;

struct found_activity {
    uint8_t activity; /* enum thread_activity */
    uint32_t syscall; /* number plus 1; 0: none, or not known */
    uint64_t chain[ACTIVITY_FRAMES_MAX];
    uint32_t length;
    bool is_cut; /* outer frames are missing */
};

/* Borrows the binary. Foreign code is looked at in the memory of the process. NULL when out of memory. */
struct activity_finder *activity_finder_new(const struct go_binary *binary, uint64_t bias,
                                            struct go_memory memory);
void activity_finder_free(struct activity_finder *self);

/* For a record of kind RECORD_SWITCH_OUT. */
void activity_finder_look(struct activity_finder *self, const struct record *record,
                          struct found_activity *out);

#endif
