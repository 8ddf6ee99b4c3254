/*
 * Instruction lengths by table (Intel SDM volume 2, appendix A). An opcode that 64-bit mode does not define
 * is refused, so that a linear walk stops instead of drifting through data.
 */
#include "go/x86_insn.h"

#include <string.h>

#include "base/bytes.h"

/* What follows an opcode. */
enum {
    BAD = 0x80,   /* undefined in 64-bit mode, or a prefix that is handled before the tables */
    M = 0x01,     /* ModRM */
    I8 = 0x02,    /* one byte */
    I16 = 0x04,   /* two bytes */
    IZ = 0x08,    /* four bytes, two with the 66 prefix */
    IV = 0x10,    /* as IZ, eight with REX.W */
    I32 = 0x20,   /* four bytes always: branch distances */
    MOFFS = 0x40, /* an address: eight bytes, four with the 67 prefix */
};

/* One-byte opcodes. F6 and F7 have an immediate in two of their eight forms; see below. */
/* clang-format off */
static const uint8_t one_byte[256] = {
    /* 00 */ M, M, M, M, I8, IZ, BAD, BAD, M, M, M, M, I8, IZ, BAD, BAD,
    /* 10 */ M, M, M, M, I8, IZ, BAD, BAD, M, M, M, M, I8, IZ, BAD, BAD,
    /* 20 */ M, M, M, M, I8, IZ, BAD, BAD, M, M, M, M, I8, IZ, BAD, BAD,
    /* 30 */ M, M, M, M, I8, IZ, BAD, BAD, M, M, M, M, I8, IZ, BAD, BAD,
    /* 40 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 50 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    /* 60 */ BAD, BAD, BAD, M, BAD, BAD, BAD, BAD, IZ, M | IZ, I8, M | I8, 0, 0, 0, 0,
    /* 70 */ I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8, I8,
    /* 80 */ M | I8, M | IZ, BAD, M | I8, M, M, M, M, M, M, M, M, M, M, M, M,
    /* 90 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, BAD, 0, 0, 0, 0, 0,
    /* a0 */ MOFFS, MOFFS, MOFFS, MOFFS, 0, 0, 0, 0, I8, IZ, 0, 0, 0, 0, 0, 0,
    /* b0 */ I8, I8, I8, I8, I8, I8, I8, I8, IV, IV, IV, IV, IV, IV, IV, IV,
    /* c0 */ M | I8, M | I8, I16, 0, BAD, BAD, M | I8, M | IZ, I16 | I8, 0, I16, 0, 0, I8, BAD, 0,
    /* d0 */ M, M, M, M, BAD, BAD, BAD, 0, M, M, M, M, M, M, M, M,
    /* e0 */ I8, I8, I8, I8, I8, I8, I8, I8, I32, I32, BAD, I8, 0, 0, 0, 0,
    /* f0 */ BAD, 0, BAD, BAD, 0, 0, M, M, 0, 0, 0, 0, 0, 0, M, M,
};
/* clang-format on */

/* Opcodes after 0F. */
/* clang-format off */
static const uint8_t two_byte[256] = {
    /* 00 */ M, M, M, M, BAD, 0, 0, 0, 0, 0, BAD, 0, BAD, M, 0, M | I8,
    /* 10 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* 20 */ M, M, M, M, BAD, BAD, BAD, BAD, M, M, M, M, M, M, M, M,
    /* 30 */ 0, 0, 0, 0, 0, 0, BAD, 0, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 40 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* 50 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* 60 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* 70 */ M | I8, M | I8, M | I8, M | I8, M, M, M, 0, M, M, BAD, BAD, M, M, M, M,
    /* 80 */ I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32, I32,
    /* 90 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* a0 */ 0, 0, 0, M, M | I8, M, BAD, BAD, 0, 0, 0, M, M | I8, M, M, M,
    /* b0 */ M, M, M, M, M, M, M, M, M, M, M | I8, M, M, M, M, M,
    /* c0 */ M, M, M | I8, M, M | I8, M | I8, M | I8, M, 0, 0, 0, 0, 0, 0, 0, 0,
    /* d0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* e0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
    /* f0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
};
/* clang-format on */

struct prefixes {
    bool operand16, address32;
};

static void take_modrm(struct x86_insn *insn, struct bytes *in, const uint8_t *code)
{
    uint8_t modrm = bytes_u8(in);
    insn->has_modrm = true;
    insn->mod = modrm >> 6;
    insn->reg = (modrm >> 3) & 7;
    insn->rm = modrm & 7;
    unsigned displacement = 0;
    if (insn->mod == 1)
        displacement = 1;
    else if (insn->mod == 2)
        displacement = 4;
    if (insn->mod != 3) {
        if (insn->rm == X86_SP) {
            insn->has_sib = true;
            insn->sib = bytes_u8(in);
            if (insn->mod == 0 && (insn->sib & 7) == X86_BP)
                displacement = 4;
        } else if (insn->mod == 0 && insn->rm == X86_BP) {
            displacement = 4;
        }
    }
    insn->displacement_size = (uint8_t)displacement;
    insn->displacement_at = (uint8_t)(in->at - code);
    bytes_skip(in, displacement);
    /* Widened only now: the SIB and %rip rules above go by the three low bits. */
    if (insn->rex & 4)
        insn->reg |= 8;
    if ((insn->rex & 1) && (insn->mod == 3 || !insn->has_sib))
        insn->rm |= 8;
}

static unsigned immediate_size(const struct x86_insn *insn, uint8_t what, struct prefixes prefixes)
{
    bool wide = insn->rex & 8;
    unsigned size = 0;
    if (what & I8)
        size += 1;
    if (what & I16)
        size += 2;
    if (what & I32)
        size += 4;
    if (what & IZ)
        size += prefixes.operand16 && !wide ? 2 : 4;
    if (what & IV)
        size += wide ? 8 : prefixes.operand16 ? 2 : 4;
    if (what & MOFFS)
        size += prefixes.address32 ? 4 : 8;
    /* test r/m, imm is the only form of F6 and F7 with an immediate */
    if (insn->map == X86_MAP_ONE && (insn->reg & 6) == 0) {
        if (insn->opcode == 0xf6)
            size = 1;
        else if (insn->opcode == 0xf7)
            size = prefixes.operand16 && !wide ? 2 : 4;
    }
    return size;
}

/* The shape of a VEX or EVEX instruction is that of its legacy cousin, but for vzeroupper. BAD: no such map.
 */
static uint8_t vex_shape(unsigned map, uint8_t opcode)
{
    switch (map) {
    case X86_MAP_0F:
        if (opcode == 0x77)
            return 0;
        return M | (two_byte[opcode] & I8);
    case X86_MAP_0F38:
    case 5: /* half-precision arithmetic */
    case 6:
        return M;
    case X86_MAP_0F3A:
        return M | I8;
    default:
        return BAD;
    }
}

/* Reads the bytes from C4, C5 or 62 up to the opcode. */
static uint8_t take_vex(struct x86_insn *insn, struct bytes *in, uint8_t first)
{
    unsigned map = X86_MAP_0F;
    insn->vex = true;
    if (first == 0xc5) {
        bytes_u8(in);
    } else if (first == 0xc4) {
        map = bytes_u8(in) & 0x1f;
        bytes_u8(in);
    } else {
        uint8_t p0 = bytes_u8(in);
        uint8_t p1 = bytes_u8(in);
        bytes_u8(in);
        map = p0 & 7;
        if ((p0 & 8) || !(p1 & 4)) /* bits that the encoding fixes */
            map = 0;
    }
    if (first != 0x62 && map > X86_MAP_0F3A)
        map = 0;
    insn->map = (uint8_t)map;
    insn->opcode = bytes_u8(in);
    return vex_shape(map, insn->opcode);
}

static uint8_t take_opcode(struct x86_insn *insn, struct bytes *in, uint8_t first)
{
    if (first == 0xc4 || first == 0xc5 || first == 0x62)
        return insn->rex ? BAD : take_vex(insn, in, first);
    insn->opcode = first;
    if (first != 0x0f)
        return one_byte[first];
    insn->opcode = bytes_u8(in);
    insn->map = X86_MAP_0F;
    if (insn->opcode == 0x38) {
        insn->map = X86_MAP_0F38;
        insn->opcode = bytes_u8(in);
        return M;
    }
    if (insn->opcode == 0x3a) {
        insn->map = X86_MAP_0F3A;
        insn->opcode = bytes_u8(in);
        return M | I8;
    }
    return two_byte[insn->opcode];
}

size_t x86_insn_decode(const uint8_t *code, size_t size, struct x86_insn *out)
{
    struct x86_insn insn = {0};
    struct prefixes prefixes = {false, false};
    struct bytes in = bytes_of(code, size < 15 ? size : 15);
    uint8_t byte = bytes_u8(&in);
    for (; !in.bad; byte = bytes_u8(&in)) {
        if (byte == 0x66)
            prefixes.operand16 = true;
        else if (byte == 0x67)
            prefixes.address32 = true;
        else if (byte != 0xf0 && byte != 0xf2 && byte != 0xf3 && byte != 0x2e && byte != 0x36 &&
                 byte != 0x3e && byte != 0x26 && byte != 0x64 && byte != 0x65)
            break;
    }
    if ((byte & 0xf0) == 0x40) {
        insn.rex = byte;
        byte = bytes_u8(&in);
    }
    insn.operand16 = prefixes.operand16;
    uint8_t what = take_opcode(&insn, &in, byte);
    if (in.bad || (what & BAD))
        return 0;
    if (what & M)
        take_modrm(&insn, &in, code);
    /* 8F with another reg field is AMD's XOP, which nobody emits */
    if (insn.map == X86_MAP_ONE && insn.opcode == 0x8f && (insn.reg & 7) != 0)
        return 0;
    insn.immediate_size = (uint8_t)immediate_size(&insn, what, prefixes);
    insn.immediate_at = (uint8_t)(in.at - code);
    if (!bytes_skip(&in, insn.immediate_size) || in.bad)
        return 0;
    insn.length = (uint8_t)(in.at - code);
    *out = insn;
    return insn.length;
}

static int64_t number_at(const uint8_t *code, unsigned at, unsigned size)
{
    uint64_t value = 0;
    if (size == 0 || size > 8)
        return 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)code[at + i] << (8 * i);
    unsigned unused = 64 - 8 * size;
    return (int64_t)(value << unused) >> unused;
}

int64_t x86_insn_displacement(const struct x86_insn *insn, const uint8_t *code)
{
    return number_at(code, insn->displacement_at, insn->displacement_size);
}

int64_t x86_insn_immediate(const struct x86_insn *insn, const uint8_t *code)
{
    return number_at(code, insn->immediate_at, insn->immediate_size);
}

bool x86_insn_is_jcc(const struct x86_insn *insn)
{
    if (insn->vex)
        return false;
    return (insn->map == X86_MAP_ONE && (insn->opcode & 0xf0) == 0x70) ||
           (insn->map == X86_MAP_0F && (insn->opcode & 0xf0) == 0x80);
}

bool x86_insn_is_call(const struct x86_insn *insn)
{
    return !insn->vex && insn->map == X86_MAP_ONE && insn->opcode == 0xe8;
}

bool x86_insn_is_ret(const struct x86_insn *insn)
{
    return !insn->vex && insn->map == X86_MAP_ONE && (insn->opcode == 0xc3 || insn->opcode == 0xc2);
}

bool x86_insn_branch(const struct x86_insn *insn, const uint8_t *code, uint64_t address, uint64_t *target_out)
{
    if (insn->vex)
        return false;
    bool plain =
        insn->map == X86_MAP_ONE && ((insn->opcode >= 0xe0 && insn->opcode <= 0xe3) || insn->opcode == 0xe8 ||
                                     insn->opcode == 0xe9 || insn->opcode == 0xeb);
    if (!plain && !x86_insn_is_jcc(insn))
        return false;
    *target_out = address + insn->length + (uint64_t)x86_insn_immediate(insn, code);
    return true;
}
