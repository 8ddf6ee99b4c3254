/* The inside of a Go binary, shared by go_binary.c (opening, facts) and go_binary_code.c (what stands at an address). Nobody
 * else includes it. */
#ifndef GOTAPE_GO_BINARY_IMPL_H
#define GOTAPE_GO_BINARY_IMPL_H

#include "base/intern.h"
#include "base/map.h"
#include "go/go_binary.h"
#include "go/go_buildinfo.h"
#include "go/go_elf.h"
#include "go/go_globals.h"
#include "go/go_layout.h"
#include "go/go_module.h"
#include "go/go_symbols.h"

#define CODE_CACHE_BITS 12

/* One answer of go_binary_code; the next address with the same hash takes its place. */
struct code_slot {
    uint64_t address;
    struct go_code code;
};

struct go_binary {
    struct go_elf *elf;
    struct go_buildinfo *build_info;
    struct go_module module;
    struct go_layout layout;
    enum go_layout_source source;
    struct go_variables variables;
    char build_id[128];
    struct map names; /* hash of a function's name (probed upwards) → index in the function table */
    struct intern *shown_names; /* names that are shown otherwise than they are stored */
    struct go_symbols symbols;
    bool has_symbols;             /* they have been looked for */
    struct map selects;           /* return address → sends << 32 | receives, or UNDECODED */
    struct map select_orders;     /* return address → 4 bits for each place, or UNDECODED */
    struct code_slot *code_cache; /* 1 << CODE_CACHE_BITS; address 0: free */
};

#endif
