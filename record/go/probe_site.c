/*
 * Patterns of the Go 1.18 to 1.27 compilers. The stack check compares %rsp (or %r12, for large frames) with
 * stackguard0 at 0x10(%r14), or with 0x18(%r14) in functions that run on the system stack.
 */
#include "go/probe_site.h"

#include <stdio.h>
#include <string.h>

#include "go/x86_insn.h"

static bool has(const struct code *code, size_t at, const void *bytes, size_t count)
{
    return at <= code->size && count <= code->size - at && memcmp(code->bytes + at, bytes, count) == 0;
}

/* The jbe of a stack check; false when the function does not begin with one. */
static bool stack_check(const struct code *code, struct place *out)
{
    size_t at = 0;
    uint8_t rex = 0x49;
    if (has(code, 0, "\x4c\x8d\x64\x24", 4)) { /* lea -8-bit(%rsp), %r12 */
        at = 5;
        rex = 0x4d;
    } else if (has(code, 0, "\x4c\x8d\xa4\x24", 4)) { /* lea -32-bit(%rsp), %r12 */
        at = 8;
        rex = 0x4d;
    }
    const uint8_t compare[] = {rex, 0x3b, 0x66, 0x10};
    const uint8_t compare_system[] = {rex, 0x3b, 0x66, 0x18};
    if (!has(code, at, compare, sizeof compare) && !has(code, at, compare_system, sizeof compare_system))
        return false;
    at += sizeof compare;
    *out = (struct place){at, has(code, at, "\x76", 1) ? 2 : 6, "jbe", true};
    return (out->length == 2 || has(code, at, "\x0f\x86", 2)) && out->length <= code->size - at;
}

static bool is_comparison(const struct x86_insn *insn)
{
    if (insn->vex || insn->map != X86_MAP_ONE)
        return false;
    switch (insn->opcode) {
    case 0x80:
    case 0x81:
    case 0x83:
        return (insn->reg & 7) == 7;
    case 0x84:
    case 0x85:
    case 0xa8:
    case 0xa9:
        return true;
    default:
        return insn->opcode >= 0x38 && insn->opcode <= 0x3d;
    }
}

static const char *jcc_name(const struct x86_insn *insn)
{
    static const char *const names[16] = {"jo", "jno", "jb", "jae", "je", "jne", "jbe", "ja",
                                          "js", "jns", "jp", "jnp", "jl", "jge", "jle", "jg"};
    return names[insn->opcode & 15];
}

static bool leaf_jump(const struct code *code, struct place *out)
{
    struct x86_insn insn;
    for (size_t at = 0; at < code->size; at += insn.length) {
        if (!x86_insn_decode(code->bytes + at, code->size - at, &insn))
            return false;
        if (x86_insn_is_jcc(&insn)) {
            *out = (struct place){at, insn.length, jcc_name(&insn), false};
            return true;
        }
        if (!is_comparison(&insn))
            return false;
    }
    return false;
}

bool probe_site_entry(const struct code *code, struct place *out)
{
    struct place check;
    bool has_check = stack_check(code, &check);
    size_t at = has_check ? check.offset + check.length : 0;
    if (has(code, at, "\x55", 1)) {
        *out = (struct place){at, 1, "push %rbp", false};
        return true;
    }
    if (has_check)
        *out = check;
    return has_check || leaf_jump(code, out);
}

int probe_site_next_call(const struct code *code, uint64_t target, size_t from, struct place *out)
{
    struct x86_insn insn;
    for (size_t at = 0; at < code->size; at += insn.length) {
        uint64_t to;
        if (!x86_insn_decode(code->bytes + at, code->size - at, &insn))
            return -1;
        if (at >= from && x86_insn_is_call(&insn) &&
            x86_insn_branch(&insn, code->bytes + at, code->address + at, &to) && to == target) {
            *out = (struct place){at, insn.length, "call", false};
            return 1;
        }
    }
    return 0;
}

bool probe_site_call(const struct code *code, uint64_t target, struct place *out)
{
    struct place first, second;
    if (probe_site_next_call(code, target, 0, &first) != 1 ||
        probe_site_next_call(code, target, first.offset + first.length, &second) != 0)
        return false;
    *out = first;
    return true;
}

#define LOOK_BACK 4

/* Where newproc1 returns its g from: the instructions at `at` up to the release of the frame. */
static bool decode_result(const struct code *code, size_t at, char *out, size_t size)
{
    static const char *const names[16] = {"%ax", "%cx", "%dx",  "%bx",  "%sp",  "%bp",  "%si",  "%di",
                                          "%r8", "%r9", "%r10", "%r11", "%r12", "%r13", "%r14", "%r15"};
    struct x86_insn insn;
    for (unsigned i = 0; i < 6 && at < code->size; i++, at += insn.length) {
        const uint8_t *bytes = code->bytes + at;
        if (!x86_insn_decode(bytes, code->size - at, &insn) || insn.vex || insn.map != X86_MAP_ONE)
            return false;
        bool wide = insn.rex & 8;
        bool adjusts_stack = wide && (insn.opcode == 0x83 || insn.opcode == 0x81) && insn.mod == 3 &&
                             insn.reg == 0 && insn.rm == X86_SP;
        if (adjusts_stack || insn.opcode == 0x5d || x86_insn_is_ret(&insn)) {
            snprintf(out, size, "%%ax");
            return true;
        }
        if (wide && insn.opcode == 0x89 && insn.mod == 3 && insn.rm == X86_AX) {
            snprintf(out, size, "%s", names[insn.reg & 15]);
            return true;
        }
        if (wide && insn.opcode == 0x8b && insn.reg == X86_AX) {
            if (insn.mod == 3) {
                snprintf(out, size, "%s", names[insn.rm & 15]);
                return true;
            }
            if (!insn.has_sib || insn.sib != 0x24 || insn.displacement_size == 0)
                return false;
            snprintf(out, size, "%+lld(%%sp)", (long long)x86_insn_displacement(&insn, bytes));
            return true;
        }
    }
    return false;
}

/* The offset of the jne within the LOOK_BACK instructions before a comparison. */
static bool last_jne(const struct code *code, const size_t *before, struct place *out, uint64_t *target_out)
{
    for (unsigned i = 0; i < LOOK_BACK; i++) {
        struct x86_insn insn;
        if (before[i] >= code->size ||
            !x86_insn_decode(code->bytes + before[i], code->size - before[i], &insn) ||
            !x86_insn_is_jcc(&insn))
            continue;
        if ((insn.opcode & 15) != 5)
            return false;
        x86_insn_branch(&insn, code->bytes + before[i], code->address + before[i], target_out);
        *out = (struct place){before[i], insn.length, "jne", false};
        return true;
    }
    return false;
}

bool probe_site_newproc_tail(const struct code *code, int g_preempt, struct place *out, char *newg_out,
                             size_t size)
{
    const uint8_t compare[8] = {0x41, 0x80, 0xbe, (uint8_t)g_preempt, (uint8_t)(g_preempt >> 8)};
    size_t before[LOOK_BACK];        /* offsets of the latest instructions, newest first */
    size_t candidate[LOOK_BACK + 1]; /* the same at the latest comparison, itself last */
    size_t final[LOOK_BACK + 1];     /* of the latest comparison with a ret behind it */
    bool have_candidate = false, have_final = false;
    struct x86_insn insn;
    for (unsigned i = 0; i < LOOK_BACK; i++)
        before[i] = code->size;
    for (size_t at = 0; at < code->size; at += insn.length) {
        if (!x86_insn_decode(code->bytes + at, code->size - at, &insn))
            break;
        if (has(code, at, compare, sizeof compare)) {
            memcpy(candidate, before, sizeof before);
            candidate[LOOK_BACK] = at;
            have_candidate = true;
        }
        if (x86_insn_is_ret(&insn) && have_candidate) {
            memcpy(final, candidate, sizeof final);
            have_final = true;
        }
        memmove(before + 1, before, sizeof before - sizeof *before);
        before[0] = at;
    }
    uint64_t target;
    struct place place;
    if (!have_final || !last_jne(code, final, &place, &target))
        return false;
    /* it skips the comparison */
    if (target < code->address + final[LOOK_BACK] + sizeof compare || target >= code->address + code->size)
        return false;
    if (!decode_result(code, (size_t)(target - code->address), newg_out, size))
        return false;
    *out = place;
    return true;
}

bool probe_site_keeps_argument(const struct code *code)
{
    struct x86_insn insn;
    int64_t frame = 0; /* bytes between %rsp and the return address */
    for (size_t at = 0; at < code->size; at += insn.length) {
        const uint8_t *bytes = code->bytes + at;
        if (!x86_insn_decode(bytes, code->size - at, &insn))
            return false;
        if (insn.vex || insn.map != X86_MAP_ONE)
            continue;
        bool is_stack = (insn.rex & 8) && insn.mod == 3 && insn.rm == X86_SP;
        if (insn.opcode == 0x55)
            frame += 8;
        else if ((insn.opcode == 0x83 || insn.opcode == 0x81) && is_stack && insn.reg == 5)
            frame += x86_insn_immediate(&insn, bytes);
        else if (insn.opcode == 0x89 && (insn.rex & 8) && insn.mod != 3 && insn.reg == X86_AX &&
                 insn.has_sib && insn.sib == 0x24 && x86_insn_displacement(&insn, bytes) == frame + 8)
            return frame > 0;
    }
    return false;
}

bool probe_site_gogo(const struct code *code, struct place *out)
{
    static const uint8_t pattern[] = {0x48, 0x8b, 0x5c, 0x24, 0x08, 0x48, 0x8b,
                                      0x53, 0x10, 0x48, 0x8b, 0x0a, 0xe9};
    enum { JMP = 5 };
    if (!has(code, 0, pattern, sizeof pattern) || code->size < sizeof pattern - 1 + JMP)
        return false;
    *out = (struct place){sizeof pattern - 1, JMP, "jmp", false};
    return true;
}
