/*
 * What site patterns ask of an AArch64 instruction: is it one that the kernel simulates for a uprobe, where
 * does it branch to, which general registers may it write. Instruction encodings: Arm Architecture Reference
 * Manual, C4.1 (A64 instruction set encoding). Pure.
 */
#ifndef GOTAPE_RECORD_ARM64_INSN_H
#define GOTAPE_RECORD_ARM64_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum arm64_kind {
    ARM64_OTHER = 0, /* the kernel steps a copy of it */
    /* simulated without a second exception (Linux arch/arm64/kernel/probes/decode-insn.c,
       arm_probe_decode_insn) */
    ARM64_B,
    ARM64_BL,
    ARM64_B_COND,
    ARM64_CBZ, /* cbz, cbnz */
    ARM64_TBZ, /* tbz, tbnz */
    ARM64_ADR, /* adr, adrp */
    ARM64_BR,  /* br, blr */
    ARM64_RET,
    ARM64_KIND_COUNT
};

struct arm64_insn {
    enum arm64_kind kind;
    bool has_target; /* b, bl, b.cond, cbz, tbz */
    uint64_t target;
    /* General registers that it may write (bit 0: x0); a superset where the encoding does not say at once.
     * Calls write what the callee likes: not said here. */
    uint32_t writes;
};

/* `address` is the instruction's own. */
struct arm64_insn arm64_insn_decode(uint32_t word, uint64_t address);
/* "b.cond", "adrp" …: for messages. */
const char *arm64_insn_name(uint32_t word);

#endif
