/*
 * The rules are those of the runtime's own unwinder (runtime/traceback.go, unwinder.resolveInternal and next,
 * Go 1.18 to 1.27), for one stack: it never steps from a scheduler stack to that of a goroutine.
 */
#include "go/go_unwind.h"

#include "base/bytes.h"

/* No frame is larger than the largest stack (runtime/proc.go, maxstacksize: 1 GB). */
#define FRAME_MAX (1 << 30)

/* Whether the walk ends at this frame, and how. */
static bool is_end(const struct go_code *code, bool innermost, enum go_unwind_end *end_out)
{
    if (code->is_top) {
        *end_out = UNWIND_COMPLETE;
        return true;
    }
    if (code->switches_stack) {
        *end_out = innermost ? UNWIND_UNKNOWN_CODE : UNWIND_COMPLETE;
        return true;
    }
    /* popped: assembly that keeps it in a register meanwhile (syscall.rawVforkSyscall) */
    if (code->stack_delta == -8) {
        *end_out = UNWIND_UNKNOWN_CODE;
        return true;
    }
    if (code->stack_delta < 0 || code->stack_delta > FRAME_MAX || code->stack_delta % 8) {
        *end_out = UNWIND_BROKEN;
        return true;
    }
    return false;
}

size_t go_unwind(const struct go_binary *binary, uint64_t bias, uint64_t pc, uint64_t sp,
                 go_unwind_read_fn read, void *context, uint64_t *chain, size_t max,
                 enum go_unwind_end *end_out)
{
    struct go_code code;
    size_t count = 0;
    uint64_t return_at, lookup = pc;
    chain[count++] = pc;
    *end_out = UNWIND_UNKNOWN_CODE;
    while (go_binary_code(binary, lookup - bias, &code)) {
        uint8_t bytes[8];
        if (is_end(&code, count == 1, end_out))
            return count;
        *end_out = UNWIND_BROKEN;
        if (sp % 8 || __builtin_add_overflow(sp, (uint64_t)code.stack_delta, &return_at) ||
            return_at > UINT64_MAX - sizeof bytes)
            return count;
        *end_out = UNWIND_NO_MEMORY;
        if (!read(context, return_at, bytes, sizeof bytes))
            return count;
        bytes_peek(bytes, sizeof bytes, 0, 8, &pc);
        /* the instruction after a call may belong to another path, or to the next function */
        lookup = code.is_injected ? pc : pc - 1;
        *end_out = UNWIND_UNKNOWN_CODE;
        if (!go_binary_code(binary, lookup - bias, &code))
            return count;
        *end_out = UNWIND_LIMIT;
        if (count == max)
            return count;
        chain[count++] = pc;
        sp = return_at + 8;
        *end_out = UNWIND_UNKNOWN_CODE;
    }
    return count;
}
