/*
 * Patterns of the Go 1.19 to 1.27 compilers (cmd/internal/obj/arm64/obj7.go, preprocess): stack check,
 * `str x30, [sp, #-N]!` or an equivalent for large frames, `stur x29, [sp, #-8]`, and at last
 * `sub x29, sp, #8`.
 */
#include "go/arm64_site.h"

#include "base/bytes.h"
#include "go/arm64_insn.h"

#define SUB_X29_SP_8   0xd10023fdu
#define PROLOGUE_WORDS 16          /* no prologue is longer */
#define BODY_WORDS     48          /* how far behind it a place is looked for */
#define LOAD_BYTE_X28  0x39400380u /* ldrb wN, [x28, #imm]: imm in bits 10 to 21 */

static bool word_at(const struct code *code, size_t index, uint32_t *out)
{
    uint64_t value;
    if (!bytes_peek(code->bytes, code->size, 4 * index, 4, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

static struct place place_at(size_t index, uint32_t word)
{
    return (struct place){.offset = 4 * index, .length = 4, .instruction = arm64_insn_name(word)};
}

/* The index behind the prologue; 0 when there is none. */
static size_t behind_prologue(const struct code *code)
{
    uint32_t word;
    for (size_t i = 0; i < PROLOGUE_WORDS && word_at(code, i, &word); i++) {
        if (word == SUB_X29_SP_8)
            return i + 1;
    }
    return 0;
}

/* cmp and cmn (also of registers), tst: they write nothing but flags. */
static bool is_comparison(uint32_t word)
{
    bool sets_flags_only = (word & 0x1f) == 31;
    return sets_flags_only && ((word & 0x3f000000) == 0x31000000 || (word & 0x3f000000) == 0x2b000000 ||
                               (word & 0x7f000000) == 0x6a000000 || (word & 0x7f800000) == 0x72000000);
}

static bool leaf_branch(const struct code *code, struct place *out)
{
    uint32_t word;
    for (size_t i = 0; i < PROLOGUE_WORDS && word_at(code, i, &word); i++) {
        enum arm64_kind kind = arm64_insn_decode(word, 0).kind;
        if (kind == ARM64_B_COND || kind == ARM64_CBZ || kind == ARM64_TBZ) {
            *out = place_at(i, word);
            return true;
        }
        if (!is_comparison(word))
            return false;
    }
    return false;
}

bool arm64_site_entry(const struct code *code, uint32_t arguments, struct place *out)
{
    size_t first = behind_prologue(code);
    uint32_t word;
    if (first == 0)
        return leaf_branch(code, out);
    for (size_t i = first; i < first + BODY_WORDS && word_at(code, i, &word); i++) {
        struct arm64_insn insn = arm64_insn_decode(word, code->address + 4 * i);
        if (insn.kind != ARM64_OTHER) {
            *out = place_at(i, word);
            return true;
        }
        if (insn.writes & arguments)
            return false;
    }
    return false;
}

bool arm64_site_newproc_tail(const struct code *code, int g_preempt, struct place *out)
{
    size_t count = code->size / 4, load = 0;
    uint32_t word;
    bool have_load = false;
    if (g_preempt < 0 || g_preempt > 0xfff)
        return false;
    for (size_t i = 1; i < count && word_at(code, i, &word); i++) {
        if ((word & ~31u) == (LOAD_BYTE_X28 | (uint32_t)g_preempt << 10)) {
            load = i;
            have_load = true;
        }
    }
    if (!have_load || !word_at(code, load - 1, &word))
        return false;
    struct arm64_insn branch = arm64_insn_decode(word, code->address + 4 * (load - 1));
    bool is_conditional = branch.kind == ARM64_B_COND || branch.kind == ARM64_CBZ;
    if (!is_conditional || branch.target <= code->address + 4 * load ||
        branch.target >= code->address + 4 * count)
        return false;
    *out = place_at(load - 1, word);
    /* Where it goes to, the frame is released and nothing is put into x0 any more. */
    for (size_t i = (size_t)(branch.target - code->address) / 4; i < count && word_at(code, i, &word); i++) {
        struct arm64_insn insn = arm64_insn_decode(word, code->address + 4 * i);
        if (insn.kind == ARM64_RET)
            return true;
        if (insn.kind != ARM64_OTHER || insn.writes & 1)
            return false;
    }
    return false;
}

bool arm64_site_gogo(const struct code *code, struct place *out)
{
    static const uint32_t pattern[] = {0xf94007e5, 0xf94008a6, 0xf94000c4}; /* ldr x5, [sp, #8]; ldr x6,
                                                                              [x5, #16]; ldr x4, [x6] */
    uint32_t word;
    for (size_t i = 0; i < sizeof pattern / sizeof *pattern; i++) {
        if (!word_at(code, i, &word) || word != pattern[i])
            return false;
    }
    if (!word_at(code, 3, &word) || arm64_insn_decode(word, 0).kind != ARM64_B)
        return false;
    *out = place_at(3, word);
    return true;
}

bool arm64_site_call(const struct code *code, uint64_t target, struct place *out)
{
    bool found = false;
    uint32_t word;
    for (size_t i = 0; word_at(code, i, &word); i++) {
        struct arm64_insn insn = arm64_insn_decode(word, code->address + 4 * i);
        if (insn.kind != ARM64_BL || insn.target != target)
            continue;
        if (found)
            return false;
        *out = place_at(i, word);
        found = true;
    }
    return found;
}
