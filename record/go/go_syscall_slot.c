#include "go/go_syscall_slot.h"

#include <string.h>

#include "go/x86_insn.h"

/* `mov distance(%rsp), %rax` */
static bool loads_ax(const struct x86_insn *insn)
{
    return insn->map == X86_MAP_ONE && !insn->vex && insn->opcode == 0x8b && (insn->rex & 8) &&
           insn->mod != 0 && insn->mod != 3 && insn->reg == X86_AX && insn->rm == X86_SP && insn->has_sib &&
           insn->sib == 0x24;
}

static bool is_syscall(const struct x86_insn *insn)
{
    return insn->map == X86_MAP_0F && !insn->vex && insn->opcode == 0x05;
}

bool go_syscall_slot_decode(const uint8_t *code, size_t size, size_t *at_out, int32_t *distance_out)
{
    bool called = false, found = false;
    size_t load_at = 0;
    int32_t distance = 0;
    struct x86_insn insn;
    for (size_t at = 0; at < size; at += insn.length) {
        if (!x86_insn_decode(code + at, size - at, &insn) || x86_insn_is_ret(&insn))
            return false;
        bool is_call = x86_insn_is_call(&insn);
        if (called && (is_call || is_syscall(&insn))) {
            *at_out = load_at;
            *distance_out = distance;
            return found;
        }
        called = called || is_call;
        if (called && loads_ax(&insn)) {
            found = true;
            load_at = at;
            distance = (int32_t)x86_insn_displacement(&insn, code + at);
        }
    }
    return false;
}

bool go_syscall_slot(const struct go_binary *binary, const char *function, int32_t *distance_out)
{
    static const char *const keepers[] = {"syscall.Syscall", "syscall.Syscall6"};
    bool known = false;
    uint64_t start, end;
    size_t at;
    int32_t distance;
    struct go_code code;
    for (size_t i = 0; i < sizeof keepers / sizeof *keepers; i++)
        known = known || strcmp(function, keepers[i]) == 0;
    if (!known || !go_binary_function(binary, function, &start, &end))
        return false;
    const uint8_t *bytes = go_binary_bytes(binary, start, (size_t)(end - start));
    if (!bytes || !go_syscall_slot_decode(bytes, (size_t)(end - start), &at, &distance) ||
        !go_binary_code(binary, start + at, &code) || code.stack_delta < 0)
        return false;
    *distance_out = distance - code.stack_delta;
    return true;
}
