/*
 * Who called whom on a Go stack, told by the tables of the binary (_func.pcsp: how far the stack pointer is
 * below the return address at every instruction), not by frame pointers: right at any instruction, in a
 * prologue too, and in functions that keep no frame pointer. Pure but for the reader that the caller brings;
 * allocates nothing. amd64: the return address lies right below the caller's frame.
 */
#ifndef GOTAPE_RECORD_GO_UNWIND_H
#define GOTAPE_RECORD_GO_UNWIND_H

#include "go/go_binary.h"

/* Fills `size` bytes from the target's memory at an address; false when it has not all of them. */
typedef bool (*go_unwind_read_fn)(void *context, uint64_t address, void *out, size_t size);

enum go_unwind_end {
    UNWIND_COMPLETE,     /* reached the outermost frame of this stack: the start of a goroutine or thread, or
                            where the runtime changed stacks (mcall, systemstack, asmcgocall) */
    UNWIND_NO_MEMORY,    /* the next return address could not be read: the piece of stack ends before it */
    UNWIND_UNKNOWN_CODE, /* the next frame is not Go's (C code, the vdso), or is changing stacks right now */
    UNWIND_LIMIT,        /* `max` frames were not enough */
    UNWIND_BROKEN,       /* what was read is no stack: a damaged table, or memory that changed meanwhile */
};

/*
 * The physical frames (inlined calls not expanded) from a program counter and stack pointer: chain[0] = pc as
 * given, the others return addresses within Go code, outermost last; at most `max` (at least 1). pc is exact:
 * the instruction that runs next. All addresses are those of the process (file address + bias). Returns how
 * many were written.
 */
size_t go_unwind(const struct go_binary *binary, uint64_t bias, uint64_t pc, uint64_t sp,
                 go_unwind_read_fn read, void *context, uint64_t *chain, size_t max,
                 enum go_unwind_end *end_out);

#endif
