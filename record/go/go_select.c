/*
 * selectgo(cas0, order0, pc0, nsends, nrecvs int, block bool) takes its fourth and fifth argument in di and
 * si. A linear walk keeps the constants that these registers were last given; whatever else writes one of
 * them, any call, and any jump that lands between the constant and the call make it unknown.
 */
#include "go/go_select.h"

#include <string.h>

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

static bool is_jump_or_call(const struct x86_insn *insn)
{
    return !insn->vex && insn->map == X86_MAP_ONE &&
           (insn->opcode == 0xe9 || insn->opcode == 0xeb || x86_insn_is_ret(insn) || x86_insn_is_call(insn) ||
            (insn->opcode == 0xff && insn->reg >= 2 && insn->reg <= 5));
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
        if (is_jump_or_call(&insn))
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

/* ---- the order of the cases ---- */

#define STORES_MAX  256
#define CASE_SIZE   16 /* runtime.scase */
#define REGISTERS   16
#define NO_INDEX_SP 0x24 /* SIB: base %rsp, no index */

/* An address within the frame, as the distance from %rsp. */
struct frame_address {
    bool known;
    int64_t distance;
};

struct store {
    int64_t distance; /* to where */
    size_t at;        /* offset of the instruction */
    struct frame_address value;
};

struct frame_stores {
    struct store rows[STORES_MAX];
    unsigned count;
    bool too_many;
    struct frame_address registers[REGISTERS];
};

static bool in_frame(const struct x86_insn *insn)
{
    return insn->has_modrm && !insn->vex && insn->map == X86_MAP_ONE && (insn->rex & 8) && insn->mod != 3 &&
           insn->has_sib && insn->sib == NO_INDEX_SP && !(insn->rex & 3);
}

static void add_store(struct frame_stores *self, int64_t distance, size_t at, struct frame_address value)
{
    if (self->count == STORES_MAX) {
        self->too_many = true;
        return;
    }
    self->rows[self->count++] = (struct store){distance, at, value};
}

static const struct store *last_store(const struct frame_stores *self, int64_t distance)
{
    for (unsigned i = self->count; i-- > 0;) {
        if (self->rows[i].distance == distance)
            return &self->rows[i];
    }
    return NULL;
}

/* May it write the register of the reg field? Where that is a part of the opcode, in stores, comparisons and the long nop: no. */
static bool writes_reg(const struct x86_insn *insn)
{
    static const uint8_t others[] = {0x38, 0x39, 0x3a, 0x3b, 0x80, 0x81, 0x83, 0x84, 0x85, 0x88, 0x89, 0xc0,
                                     0xc1, 0xc6, 0xc7, 0xd0, 0xd1, 0xd2, 0xd3, 0xf6, 0xf7, 0xfe, 0xff};
    if (insn->vex || insn->map != X86_MAP_ONE)
        return insn->vex || insn->map != X86_MAP_0F || insn->opcode != 0x1f;
    return !memchr(others, insn->opcode, sizeof others);
}

static void follow_frame(struct frame_stores *self, const struct x86_insn *insn, const uint8_t *code,
                         size_t at)
{
    const struct frame_address unknown = {0};
    bool plain = !insn->vex && insn->map == X86_MAP_ONE;
    if (plain && insn->opcode >= 0xb8 && insn->opcode <= 0xbf) {
        self->registers[(insn->opcode & 7) | (insn->rex & 1 ? 8 : 0)] = unknown;
        return;
    }
    if (!insn->has_modrm || insn->reg >= REGISTERS || insn->rm >= REGISTERS)
        return;
    if (in_frame(insn)) {
        int64_t distance = x86_insn_displacement(insn, code);
        const struct store *stored;
        switch (insn->opcode) {
        case 0x89:
            add_store(self, distance, at, self->registers[insn->reg]);
            return;
        case 0xc7:
            add_store(self, distance, at, unknown);
            return;
        case 0x8d:
            self->registers[insn->reg] = (struct frame_address){true, distance};
            return;
        case 0x8b:
            stored = last_store(self, distance);
            self->registers[insn->reg] = stored ? stored->value : unknown;
            return;
        default:
            break;
        }
    }
    if (plain && insn->opcode == 0x89 && insn->mod == 3) {
        self->registers[insn->rm] = self->registers[insn->reg];
        return;
    }
    if (writes_reg(insn))
        self->registers[insn->reg] = unknown;
    if (writes_register_rm(insn))
        self->registers[insn->rm] = unknown;
}

/* Sends lie in source order, receives in its reverse: anything else is no order of this array. */
static bool is_plausible(const size_t at[], unsigned sends, unsigned total)
{
    for (unsigned i = 1; i < sends; i++) {
        if (at[i] <= at[i - 1])
            return false;
    }
    for (unsigned i = sends + 1; i < total; i++) {
        if (at[i] >= at[i - 1])
            return false;
    }
    return true;
}

static bool calls_the_same(const struct x86_insn *call, const uint8_t *code, size_t at, size_t call_end)
{
    struct x86_insn last;
    uint64_t mine, other;
    return x86_insn_decode(code + call_end - 5, 5, &last) &&
           x86_insn_branch(&last, code + call_end - 5, call_end - 5, &mine) &&
           x86_insn_branch(call, code + at, at, &other) && mine == other;
}

bool go_select_order(const uint8_t *code, size_t size, size_t call_end, unsigned sends, unsigned receives,
                     uint8_t places[GO_SELECT_ORDER_MAX])
{
    struct frame_stores stores = {.count = 0};
    struct x86_insn insn;
    size_t written[GO_SELECT_ORDER_MAX], at = 0, since = SIZE_MAX;
    if (sends > GO_SELECT_ORDER_MAX || receives > GO_SELECT_ORDER_MAX - sends || call_end < 5 ||
        call_end > size)
        return false;
    unsigned total = sends + receives;
    for (; at + 5 < call_end; at += insn.length) {
        if (!x86_insn_decode(code + at, size - at, &insn))
            return false;
        if (is_jump_or_call(&insn)) {
            /* Other calls come in between with -race: the frame is as it was behind them. */
            if (!x86_insn_is_call(&insn) || calls_the_same(&insn, code, at, call_end))
                stores.count = stores.too_many = 0;
            memset(stores.registers, 0, sizeof stores.registers);
        } else {
            follow_frame(&stores, &insn, code + at, at);
        }
    }
    const struct frame_address *cases = &stores.registers[X86_AX];
    if (at + 5 != call_end || stores.too_many || !cases->known)
        return false;
    for (unsigned i = 0; i < total; i++) {
        const struct store *store = last_store(&stores, cases->distance + CASE_SIZE * (int64_t)i);
        if (!store)
            return false;
        written[i] = store->at;
        if (store->at < since)
            since = store->at;
    }
    if (!is_plausible(written, sends, total) || (total && jumped_into(code, size, since, call_end - 5)))
        return false;
    for (unsigned i = 0; i < total; i++) {
        places[i] = 0;
        for (unsigned k = 0; k < total; k++)
            places[i] += written[k] < written[i];
    }
    return true;
}
