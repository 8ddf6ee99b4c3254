#include "go/arm64_insn.h"

#define BIT(register) ((register) == 31 ? 0u : 1u << (register)) /* 31: the zero register or sp */

static uint64_t offset_by(uint64_t address, uint32_t field, unsigned bits)
{
    uint64_t sign = 1ull << (bits - 1), value = field & ((1ull << bits) - 1);
    return address + 4 * ((value ^ sign) - sign);
}

struct branch_row {
    uint32_t mask, value;
    enum arm64_kind kind;
    unsigned shift, bits; /* of the offset in instructions; bits 0: none */
    const char *name;
};

static const struct branch_row rows[] = {
    {0xfc000000, 0x14000000, ARM64_B, 0, 26, "b"},
    {0xfc000000, 0x94000000, ARM64_BL, 0, 26, "bl"},
    {0xff000010, 0x54000000, ARM64_B_COND, 5, 19, "b.cond"},
    {0x7f000000, 0x34000000, ARM64_CBZ, 5, 19, "cbz"},
    {0x7f000000, 0x35000000, ARM64_CBZ, 5, 19, "cbnz"},
    {0x7f000000, 0x36000000, ARM64_TBZ, 5, 14, "tbz"},
    {0x7f000000, 0x37000000, ARM64_TBZ, 5, 14, "tbnz"},
    {0x9f000000, 0x10000000, ARM64_ADR, 0, 0, "adr"},
    {0x9f000000, 0x90000000, ARM64_ADR, 0, 0, "adrp"},
    {0xfffffc1f, 0xd61f0000, ARM64_BR, 0, 0, "br"},
    {0xfffffc1f, 0xd63f0000, ARM64_BR, 0, 0, "blr"},
    {0xfffffc1f, 0xd65f0000, ARM64_RET, 0, 0, "ret"},
};

static const struct branch_row *find(uint32_t word)
{
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        if ((word & rows[i].mask) == rows[i].value)
            return &rows[i];
    }
    return NULL;
}

/* Stores write no register but a base that moves and, of the exclusive ones, a status; loads and atomics
 * write what they load. */
static uint32_t memory_writes(uint32_t word)
{
    unsigned target = word & 31, base = word >> 5 & 31, second = word >> 10 & 31, status = word >> 16 & 31;
    bool is_vector = word >> 26 & 1, is_load = word >> 22 & 3;
    switch (word >> 27 & 7) {
    case 5: /* pairs */
        return BIT(base) | (!is_vector && (word >> 22 & 1) ? BIT(target) | BIT(second) : 0);
    case 7:
        if (word >> 24 & 1) /* unsigned offset: the base stays */
            return !is_vector && is_load ? BIT(target) : 0;
        if ((word >> 21 & 1) && (word >> 10 & 3) == 0) /* atomics */
            return BIT(target);
        return BIT(base) | (!is_vector && is_load ? BIT(target) : 0);
    case 3: /* load of a literal */
        return is_vector ? 0 : BIT(target);
    default: /* exclusives, compare and swap */
        return BIT(base) | BIT(target) | BIT(second) | BIT(status);
    }
}

static uint32_t writes_of(uint32_t word)
{
    switch (word >> 25 & 15) {
    case 4:
    case 6:
    case 12:
    case 14:
        return memory_writes(word);
    default: /* data processing, system: the lowest field, if anything */
        return BIT(word & 31);
    }
}

struct arm64_insn arm64_insn_decode(uint32_t word, uint64_t address)
{
    const struct branch_row *row = find(word);
    struct arm64_insn insn = {0};
    if (!row) {
        insn.writes = writes_of(word);
        return insn;
    }
    insn.kind = row->kind;
    if (row->bits) {
        insn.has_target = true;
        insn.target = offset_by(address, word >> row->shift, row->bits);
    }
    if (row->kind == ARM64_ADR)
        insn.writes = BIT(word & 31);
    return insn;
}

const char *arm64_insn_name(uint32_t word)
{
    const struct branch_row *row = find(word);
    return row ? row->name : "other";
}
