/*
 * The stack of a goroutine of the live process, walked without stopping it: its call chain, and what the
 * runtime function that it waits in was called with. What is read may change meanwhile: the caller compares
 * the goroutine before and after (go_snapshot.h).
 */
#ifndef GOTAPE_RECORD_GO_STACK_H
#define GOTAPE_RECORD_GO_STACK_H

#include "go/go_binary.h"
#include "go/go_memory.h"
#include "go/go_unwind.h"

#define GO_STACK_FIRST  4096       /* bytes: most stacks are no longer */
#define GO_STACK_WINDOW (64 << 10) /* how far a longer one is read; outer frames are left out then */
#define GO_STACK_FRAMES 256

/* Read from the innermost end: `first` by the caller, the window on demand. */
struct go_stack {
    struct go_memory memory;
    uint64_t sp, hi; /* from … to (g.stack.hi) */
    const uint8_t *first;
    size_t first_size;
    uint8_t *window; /* borrowed, GO_STACK_WINDOW bytes: what follows `first` */
    size_t window_size;
    bool window_tried;
};

struct go_stack_walk {
    uint64_t chain[GO_STACK_FRAMES];     /* as go_unwind() has it */
    uint64_t return_at[GO_STACK_FRAMES]; /* where frame i keeps its return address; 0: not known */
    size_t depth;
    enum go_unwind_end end;
};

void go_stack_walk(struct go_stack *stack, const struct go_binary *binary, uint64_t bias, uint64_t pc,
                   struct go_stack_walk *out);

/* The functions in which the runtime parks a goroutine, by what their first argument is. */
enum go_wait_call {
    GO_WAIT_NONE = 0,
    GO_WAIT_SEMAPHORE, /* semacquire1: the address of the semaphore */
    GO_WAIT_COND,      /* notifyListWait: the address of sync.Cond.notify */
    GO_WAIT_NET,       /* pollWait: the pollDesc */
    GO_WAIT_SLEEP,     /* time.Sleep: the duration in ns */
    GO_WAIT_SELECT,    /* selectgo */
    GO_WAIT_CALLS
};

/* Where they are in a binary. */
struct go_wait_calls {
    struct {
        uint64_t start, end;
    } code[GO_WAIT_CALLS];
};

#define GO_SELECT_CASES 64

struct go_select {
    /* In source order; where the call site does not show how sends and receives are mixed: sends, then receives. */
    uint64_t hchan[GO_SELECT_CASES]; /* 0: nil */
    bool is_send[GO_SELECT_CASES];
    unsigned count;
    bool is_cut; /* there were more */
};

void go_wait_calls_init(struct go_wait_calls *self, const struct go_binary *binary);

/* The innermost of the calls on a chain; *argument_out gets its first argument. GO_WAIT_NONE when there is
 * none, or its argument cannot be read. *frame_out is its place in the chain. Arguments are where the
 * compiler spills them for Go's own tracebacks: right above the return address (Go's internal ABI). */
enum go_wait_call go_wait_call_find(const struct go_wait_calls *self, uint64_t bias, struct go_stack *stack,
                                    const struct go_stack_walk *walk, uint64_t *argument_out,
                                    size_t *frame_out);

/*
 * The cases of the select whose selectgo is frame `frame`, its array at `cases` (struct scase of
 * runtime/select.go). How many of each direction there are is decoded at the call site; where it does not say
 * (reflect.Select), told by the sudogs from `waiting` (g.waiting) on: what lies behind the last case that is
 * waited on is left out. False when it cannot be told.
 */
bool go_select_read(struct go_binary *binary, uint64_t bias, struct go_stack *stack,
                    const struct go_stack_walk *walk, size_t frame, uint64_t cases, uint64_t waiting,
                    struct go_select *out);

#endif
