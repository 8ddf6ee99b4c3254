/*
 * selectgo(cas0, order0, pc0, nsends, nrecvs int, block bool) takes its fourth and fifth argument in di and
 * si. A linear walk keeps the constants that these registers were last given; whatever else writes one of
 * them, any call, and any jump that lands between the constant and the call make it unknown.
 */
#include "go/go_select.h"

#include "go/x86_insn.h"

#define CASES_MAX 65536 /* selectgo's own limit */

struct constant {
    bool known;
    uint64_t value;
    size_t since; /* offset of the instruction that set it */
};

struct registers {
    struct constant di, si;
};

static struct constant *constant_of(struct registers *registers, unsigned number)
{
    if (number == X86_DI)
        return &registers->di;
    return number == X86_SI ? &registers->si : NULL;
}

static void set(struct constant *constant, uint64_t value, size_t at)
{
    if (constant)
        *constant = (struct constant){true, value, at};
}

static void forget(struct constant *constant)
{
    if (constant)
        constant->known = false;
}

/* Instructions that write none of their operands' registers: comparisons and stores. */
static bool writes_register_rm(const struct x86_insn *insn)
{
    if (insn->mod != 3 || insn->vex)
        return false;
    if (insn->map != X86_MAP_ONE)
        return true;
    return !((insn->opcode >= 0x38 && insn->opcode <= 0x3b) || insn->opcode == 0x84 || insn->opcode == 0x85);
}

static void follow(struct registers *registers, const struct x86_insn *insn, const uint8_t *code, size_t at)
{
    unsigned widened = insn->opcode & 7;
    if (insn->rex & 1)
        widened |= 8;
    if (!insn->vex && insn->map == X86_MAP_ONE) {
        if (insn->opcode >= 0xb8 && insn->opcode <= 0xbf) { /* mov $imm, %r */
            set(constant_of(registers, widened), (uint64_t)x86_insn_immediate(insn, code), at);
            return;
        }
        if (insn->opcode == 0xc7 && insn->mod == 3) { /* mov $imm, %r */
            set(constant_of(registers, insn->rm), (uint64_t)x86_insn_immediate(insn, code), at);
            return;
        }
        if ((insn->opcode == 0x31 || insn->opcode == 0x33) && insn->mod == 3 && insn->reg == insn->rm) {
            set(constant_of(registers, insn->reg), 0, at);
            return;
        }
        if (insn->opcode == 0x89 && insn->mod == 3) { /* mov %r, %r */
            const struct constant *from = constant_of(registers, insn->reg);
            struct constant *to = constant_of(registers, insn->rm);
            if (from && from->known)
                set(to, from->value, from->since < at ? from->since : at);
            else
                forget(to);
            return;
        }
        if (insn->opcode == 0x5e || insn->opcode == 0x5f) /* pop */
            forget(constant_of(registers, widened));
    }
    if (insn->has_modrm && !insn->vex) {
        /* as a destination or not: rarely a source just before the call */
        forget(constant_of(registers, insn->reg));
        if (writes_register_rm(insn))
            forget(constant_of(registers, insn->rm));
    }
}

/* Does a jump from anywhere in the function land behind `from`, and at or before `to`? */
static bool jumped_into(const uint8_t *code, size_t size, size_t from, size_t to)
{
    struct x86_insn insn;
    for (size_t at = 0; at < size; at += insn.length) {
        uint64_t target;
        if (!x86_insn_decode(code + at, size - at, &insn))
            return at < to; /* padding after the code is not decodable */
        if (x86_insn_branch(&insn, code + at, at, &target) && !x86_insn_is_call(&insn) && target > from &&
            target <= to)
            return true;
    }
    return false;
}

bool go_select_decode(const uint8_t *code, size_t size, size_t call_end, unsigned *sends_out,
                      unsigned *receives_out)
{
    struct registers registers = {0};
    struct x86_insn insn;
    size_t at = 0;
    if (call_end < 5 || call_end > size || code[call_end - 5] != 0xe8)
        return false;
    while (at + 5 < call_end) {
        if (!x86_insn_decode(code + at, size - at, &insn))
            return false;
        bool leaves = !insn.vex && insn.map == X86_MAP_ONE &&
                      (insn.opcode == 0xe9 || insn.opcode == 0xeb || x86_insn_is_ret(&insn) ||
                       x86_insn_is_call(&insn) || (insn.opcode == 0xff && insn.reg >= 2 && insn.reg <= 5));
        if (leaves)
            registers = (struct registers){0};
        else
            follow(&registers, &insn, code + at, at);
        at += insn.length;
    }
    if (at + 5 != call_end || !registers.di.known || !registers.si.known || registers.di.value > CASES_MAX ||
        registers.si.value > CASES_MAX)
        return false;
    size_t since = registers.di.since < registers.si.since ? registers.di.since : registers.si.since;
    if (jumped_into(code, size, since, at))
        return false;
    *sends_out = (unsigned)registers.di.value;
    *receives_out = (unsigned)registers.si.value;
    return true;
}
