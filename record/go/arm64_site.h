/*
 * probe_site.h for AArch64: Go's prologues there have no instruction that the kernel simulates, so a probe
 * sits at the first such instruction behind the prologue, while the arguments are still in their registers
 * and the frame is set up (so that call chains are complete). Pure.
 */
#ifndef GOTAPE_RECORD_ARM64_SITE_H
#define GOTAPE_RECORD_ARM64_SITE_H

#include "go/probe_site.h"

/* `arguments`: a mask of the general registers that must still hold their values (bit 0: x0). A function
 * without frame is probed at its first branch if only comparisons come before it. False when there is no such
 * place. */
bool arm64_site_entry(const struct code *code, uint32_t arguments, struct place *out);

/* newproc1: the branch of the last releasem() around `ldrb wN, [x28, #preempt]`, when the new goroutine is
 * complete and in x0. */
bool arm64_site_newproc_tail(const struct code *code, int g_preempt, struct place *out);

/* gogo: its final b, with g in x6. */
bool arm64_site_gogo(const struct code *code, struct place *out);

/* The only bl to `target`; false when there is none or more than one. */
bool arm64_site_call(const struct code *code, uint64_t target, struct place *out);

#endif
