/*
 * The patterns are facts about the Go compiler's output for a few lines of the runtime, the same in 1.18 to
 * 1.27. Each looks at instructions with %rip-relative operands only, in the order in which the source has
 * them.
 */
#include "go/go_globals.h"

#include <string.h>

#include "go/x86_insn.h"

enum access { ACCESS_LOAD64, ACCESS_LOAD32, ACCESS_LEA, ACCESS_INC32, ACCESS_KINDS };

#define ACCESSES_MAX 64

/* What a function does with variables, in the order of its code. */
struct accesses {
    struct {
        enum access kind;
        uint64_t address;
    } rows[ACCESSES_MAX];
    unsigned count;
};

static bool access_of(const struct x86_insn *insn, enum access *kind_out)
{
    bool wide = insn->rex & 8;
    if (!insn->has_modrm || insn->mod != 0 || (insn->rm & 7) != X86_BP || insn->vex ||
        insn->map != X86_MAP_ONE || insn->operand16)
        return false;
    if (insn->opcode == 0x8b)
        *kind_out = wide ? ACCESS_LOAD64 : ACCESS_LOAD32;
    else if (insn->opcode == 0x8d && wide)
        *kind_out = ACCESS_LEA;
    else if (insn->opcode == 0xff && (insn->reg & 7) == 0 && !wide)
        *kind_out = ACCESS_INC32;
    else
        return false;
    return true;
}

static bool read_accesses(const struct go_binary *binary, const char *function, struct accesses *out)
{
    uint64_t start, end;
    out->count = 0;
    if (!go_binary_function(binary, function, &start, &end))
        return false;
    size_t size = (size_t)(end - start);
    const uint8_t *code = go_binary_bytes(binary, start, size);
    struct x86_insn insn;
    for (size_t at = 0; code && at < size && out->count < ACCESSES_MAX; at += insn.length) {
        enum access kind;
        if (!x86_insn_decode(code + at, size - at, &insn))
            break; /* padding after the code is not decodable */
        if (!access_of(&insn, &kind))
            continue;
        uint64_t address = start + at + insn.length + (uint64_t)x86_insn_displacement(&insn, code + at);
        out->rows[out->count].kind = kind;
        out->rows[out->count++].address = address;
    }
    return out->count > 0;
}

/* atomicAllG loads the length, then the pointer: forEachGRace has it inlined, unless nothing is. */
static bool find_goroutines(const struct go_binary *binary, struct go_globals *out)
{
    static const char *const functions[] = {"runtime.forEachGRace", "runtime.atomicAllG"};
    for (unsigned f = 0; f < sizeof functions / sizeof *functions; f++) {
        struct accesses accesses;
        uint64_t found[2];
        unsigned count = 0;
        read_accesses(binary, functions[f], &accesses);
        for (unsigned i = 0; i < accesses.count && count < 2; i++) {
            if (accesses.rows[i].kind == ACCESS_LOAD64 && accesses.rows[i].address % 8 == 0)
                found[count++] = accesses.rows[i].address;
        }
        if (count == 2 && found[0] != found[1]) {
            out->allglen = found[0];
            out->allgptr = found[1];
            return true;
        }
    }
    return false;
}

/* procresize reads gomaxprocs first of all, and takes its address when it stores the new value. */
static uint64_t find_gomaxprocs(const struct go_binary *binary)
{
    struct accesses accesses;
    read_accesses(binary, "runtime.procresize", &accesses);
    for (unsigned i = 0; i < accesses.count; i++) {
        if (accesses.rows[i].kind != ACCESS_LOAD32)
            continue;
        for (unsigned later = i + 1; later < accesses.count; later++) {
            if (accesses.rows[later].kind == ACCESS_LEA &&
                accesses.rows[later].address == accesses.rows[i].address)
                return accesses.rows[i].address;
        }
    }
    return 0;
}

/* gcMarkTermination increments memstats.numgc, and memstats.numforcedgc right behind it in memory. */
static uint64_t find_numgc(const struct go_binary *binary)
{
    struct accesses accesses;
    read_accesses(binary, "runtime.gcMarkTermination", &accesses);
    for (unsigned i = 0; i < accesses.count; i++) {
        for (unsigned k = 0; k < accesses.count; k++) {
            if (accesses.rows[i].kind == ACCESS_INC32 && accesses.rows[k].kind == ACCESS_INC32 &&
                accesses.rows[k].address == accesses.rows[i].address + 4)
                return accesses.rows[i].address;
        }
    }
    return 0;
}

/* gcinit hands the address of gcController to the method that sets its limits. */
static uint64_t find_gc_controller(const struct go_binary *binary)
{
    static const char *const methods[] = {"runtime.(*gcControllerState).init",
                                          "runtime.(*gcControllerState).setGCPercent"}; /* 1.18 */
    uint64_t start, end, method = 0, method_end, argument = 0, target;
    for (unsigned i = 0; i < sizeof methods / sizeof *methods && method == 0; i++) {
        if (!go_binary_function(binary, methods[i], &method, &method_end))
            method = 0;
    }
    if (method == 0 || !go_binary_function(binary, "runtime.gcinit", &start, &end))
        return 0;
    size_t size = (size_t)(end - start);
    const uint8_t *code = go_binary_bytes(binary, start, size);
    struct x86_insn insn;
    for (size_t at = 0; code && at < size; at += insn.length) {
        enum access kind;
        if (!x86_insn_decode(code + at, size - at, &insn))
            break;
        if (x86_insn_is_call(&insn)) {
            if (argument && x86_insn_branch(&insn, code + at, start + at, &target) && target == method)
                return argument;
            argument = 0;
        } else if (access_of(&insn, &kind) && kind == ACCESS_LEA && (insn.reg & 15) == X86_AX) {
            argument = start + at + insn.length + (uint64_t)x86_insn_displacement(&insn, code + at);
        }
    }
    return 0;
}

bool go_globals_find(const struct go_binary *binary, struct go_globals *out)
{
    struct go_globals found = {0};
    bool have_goroutines = find_goroutines(binary, &found);
    found.gomaxprocs = find_gomaxprocs(binary);
    found.numgc = find_numgc(binary);
    found.gc_controller = find_gc_controller(binary);
    *out = found;
    return have_goroutines;
}
