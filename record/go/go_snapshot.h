/*
 * All goroutines of a running process, read without stopping it. A goroutine is taken only
 * when it was the same before and after its stack was read (runtime/runtime2.go, type g; runtime/proc.go,
 * allgs): then state and stack belong together. One that moves is tried a few times more, and counted when it
 * never stood still.
 */
#ifndef GOTAPE_RECORD_GO_SNAPSHOT_H
#define GOTAPE_RECORD_GO_SNAPSHOT_H

#include "go/go_stack.h"

struct go_snapshot;

struct go_goroutine {
    uint64_t read_ns; /* CLOCK_MONOTONIC: it was like this right before */
    uint64_t g, goid;
    uint64_t creator; /* goroutine; 0: none, or a version before 1.21, which does not tell */
    uint64_t start_pc, created_pc /* behind the go statement */;
    uint64_t labels;        /* g.labels (go_labels.h) */
    uint64_t wait_since_ns; /* 0: the runtime has not noticed it */
    unsigned status;        /* enum in format/event.h: runnable, running, syscall, waiting or preempted */
    unsigned reason;        /* waiting: runtime.waitReason */
    uint64_t thread;        /* running or syscall: runtime.m.procid, in the pid namespace of the process */
    /* of those that are not running: */
    bool first_is_return; /* walk.chain[0] is a return address too */
    struct go_stack_walk walk;
    /* of those that wait: */
    uint64_t hchan; /* the channel of its first sudog; 0: none */
    enum go_wait_call call;
    uint64_t argument; /* of that call */
    unsigned net_mode; /* GO_WAIT_NET: 'r' or 'w'; 0: neither */
    bool has_select;   /* GO_WAIT_SELECT: `select` could be read */
    struct go_select select;
};

struct go_snapshot_counts {
    uint64_t alive;    /* goroutines found, those below included */
    uint64_t unstable; /* never stood still */
};

/* Borrows the binary. ERR_UNSUPPORTED with the reason when its goroutines cannot be found. */
int go_snapshot_new(struct go_memory memory, struct go_binary *binary, uint64_t bias,
                    struct go_snapshot **out, struct error *err);
void go_snapshot_free(struct go_snapshot *self);

/* Begins with the first goroutine. ERR_GONE when the process has ended; ERR_DAMAGED when its list makes no sense. */
int go_snapshot_begin(struct go_snapshot *self, struct error *err);
/* The next goroutine, valid until the next call: 1, or 0 at the end. Goroutines are read a few at a time, so
 * that a call takes well below a millisecond; 2: there was none among these, go on. ERR_GONE when the process has ended,
 * ERR_DAMAGED when the list makes no sense. */
int go_snapshot_next(struct go_snapshot *self, const struct go_goroutine **out, struct error *err);
/* Some that were read already are still to be handed out: the next call is cheap, and their times are of the past. */
bool go_snapshot_has_more_read(const struct go_snapshot *self);
/* Of the snapshot that was begun last, so far. */
struct go_snapshot_counts go_snapshot_counts(const struct go_snapshot *self);

#endif
