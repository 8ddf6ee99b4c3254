/*
 * Instruction patterns: where in a function a probe may sit so that it is hit exactly once a call, with the
 * arguments still in their registers, at an instruction that the kernel emulates. Pure.
 */
#ifndef GOTAPE_RECORD_PROBE_SITE_H
#define GOTAPE_RECORD_PROBE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Carry and zero in the flags register: jbe jumps when one of them is set. */
#define PROBE_JBE_FLAGS 0x41u

struct code {
    const uint8_t *bytes; /* of one function */
    size_t size;
    uint64_t address;
};

struct place {
    size_t offset;   /* within the function */
    unsigned length; /* of the instruction */
    const char *instruction;
    bool may_restart; /* the jbe of a stack check: a hit at which it jumps is followed by another one */
};

/* `push %rbp`: the one after the stack check, or the first instruction of a function that has no check. (The
 * instructions before it run again when the stack had to grow.) Compilers before 1.21 make frames without a
 * push: then the jbe of the stack check itself, which jumps when PROBE_JBE_FLAGS has a bit in common with the
 * flags. Else, in a function without frame, the first conditional jump if only comparisons come before it. */
bool probe_site_entry(const struct code *code, struct place *out);

/* The only call of the function at `target`; false when there is none or more than one. */
bool probe_site_call(const struct code *code, uint64_t target, struct place *out);

/* The first call of the function at `target` at or behind an offset: 1; 0: there is none; -1: there is an
 * unknown instruction before it. */
int probe_site_next_call(const struct code *code, uint64_t target, size_t from, struct place *out);

/* newproc1: the jne of the last releasem(), before `cmpb $0, preempt(%r14)`, when the new goroutine is
 * complete. *newg_out: the fetch expression of the new g, "%ax" or "+24(%sp)". */
bool probe_site_newproc_tail(const struct code *code, int g_preempt, struct place *out, char *newg_out,
                             size_t size);

/* Does the function store its first argument (%rax) where its caller has reserved a place for it? Only then is it
 * to be found there while the function waits. */
bool probe_site_keeps_argument(const struct code *code);

/* gogo: its final jmp, g in %dx. */
bool probe_site_gogo(const struct code *code, struct place *out);

#endif
