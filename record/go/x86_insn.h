/*
 * How long an x86-64 instruction is, and the few parts of it that site patterns look at. Knows what the Go
 * compiler, the Go assembler and gcc emit (legacy maps, VEX, EVEX); it names no operations and checks no CPU
 * features. Fuzzed.
 */
#ifndef GOTAPE_RECORD_X86_INSN_H
#define GOTAPE_RECORD_X86_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum x86_map {
    X86_MAP_ONE = 0, /* one-byte opcodes */
    X86_MAP_0F = 1,
    X86_MAP_0F38 = 2,
    X86_MAP_0F3A = 3,
};

enum { X86_AX, X86_CX, X86_DX, X86_BX, X86_SP, X86_BP, X86_SI, X86_DI, X86_R8, X86_R14 = 14 };

struct x86_insn {
    uint8_t length;
    uint8_t map; /* enum x86_map; for EVEX also 5 and 6 */
    uint8_t opcode;
    uint8_t rex;    /* the REX byte, 0 without one (and with VEX or EVEX) */
    bool vex;       /* VEX or EVEX encoded */
    bool operand16; /* has the 66 prefix */
    bool has_modrm;
    uint8_t mod; /* fields of ModRM; reg and rm are widened by REX */
    uint8_t reg;
    uint8_t rm; /* register, or the base (X86_SP: look at the SIB byte; mod 0 and X86_BP: %rip) */
    bool has_sib;
    uint8_t sib;
    uint8_t displacement_at, displacement_size; /* within the instruction */
    uint8_t immediate_at, immediate_size;       /* also the target of relative branches */
};

/* Decodes the instruction at `code`, of which at most `size` bytes may be read. Returns its length, or 0 when
 * it is unknown or cut off. */
size_t x86_insn_decode(const uint8_t *code, size_t size, struct x86_insn *out);

/* The displacement or immediate, sign-extended; 0 when there is none. */
int64_t x86_insn_displacement(const struct x86_insn *insn, const uint8_t *code);
int64_t x86_insn_immediate(const struct x86_insn *insn, const uint8_t *code);

/* True for jcc, jmp and call with a relative target; `address` is the instruction's own. */
bool x86_insn_branch(const struct x86_insn *insn, const uint8_t *code, uint64_t address,
                     uint64_t *target_out);
bool x86_insn_is_jcc(const struct x86_insn *insn);
bool x86_insn_is_call(const struct x86_insn *insn); /* call rel32 */
bool x86_insn_is_ret(const struct x86_insn *insn);

#endif
