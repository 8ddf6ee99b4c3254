/*
 * Where syscall.Syscall and its like keep the number of the system call while they are in it. The register that
 * brought it is gone by then; but they all read it back from the stack after runtime.entersyscall, their first
 * call (syscall/syscall_linux.go; in Go 1.18 syscall/asm_linux_amd64.s, where it was passed on the stack). Where
 * that is, is told by that instruction, in any version and build. amd64 only.
 */
#ifndef GOTAPE_RECORD_GO_SYSCALL_SLOT_H
#define GOTAPE_RECORD_GO_SYSCALL_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/go_binary.h"

/* From a function's code: the offset of the instruction that loads %rax for what follows the first call, and how
 * far above the stack pointer it finds it. False when there is none. */
bool go_syscall_slot_decode(const uint8_t *code, size_t size, size_t *at_out, int32_t *distance_out);

/* The distance of the number from the return address of the function's frame (may be negative); false for
 * functions that are not known to keep it. */
bool go_syscall_slot(const struct go_binary *binary, const char *function, int32_t *distance_out);

#endif
