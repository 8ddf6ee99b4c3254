/* Instruction lengths, and the patterns that walk over code. */
#include <stdint.h>
#include <stdlib.h>

#include "go/go_select.h"
#include "go/probe_site.h"
#include "go/x86_insn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *data, size_t size)
{
    struct x86_insn insn, again;
    uint64_t target;
    size_t length = x86_insn_decode(data, size, &insn);
    if (length == 0)
        return;
    if (length > 15 || length > size || insn.length != length ||
        insn.immediate_at + insn.immediate_size > insn.length ||
        insn.displacement_at + insn.displacement_size > insn.length)
        abort();
    /* the length depends on the instruction's own bytes, and on all of them */
    if (x86_insn_decode(data, length, &again) != length || x86_insn_decode(data, length - 1, &again) != 0)
        abort();
    x86_insn_immediate(&insn, data);
    x86_insn_displacement(&insn, data);
    x86_insn_branch(&insn, data, 0x401000, &target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct code code = {data, size, 0x401000};
    struct place place;
    char newg[32];
    unsigned sends, receives;
    for (size_t at = 0; at < size; at++)
        check(data + at, size - at);
    if (probe_site_entry(&code, &place) && place.offset + place.length > size)
        abort();
    if (probe_site_newproc_tail(&code, 0xb1, &place, newg, sizeof newg) && place.offset + place.length > size)
        abort();
    if (probe_site_call(&code, 0x401000, &place) && place.offset + place.length > size)
        abort();
    if (probe_site_gogo(&code, &place) && place.offset + place.length > size)
        abort();
    go_select_decode(data, size, size, &sends, &receives);
    go_select_decode(data, size, size / 2, &sends, &receives);
    return 0;
}
