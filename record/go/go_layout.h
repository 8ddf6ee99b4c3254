/* Fills struct go_layout (go_binary.h) and the addresses of runtime variables from DWARF, and checks that it
 * makes sense. */
#ifndef GOTAPE_RECORD_GO_LAYOUT_H
#define GOTAPE_RECORD_GO_LAYOUT_H

#include "go/go_binary.h"
#include "go/go_elf.h"

struct go_variables {
    uint64_t gomaxprocs; /* address of runtime.gomaxprocs (int32); 0: unknown */
    uint64_t numgc;      /* address of runtime.memstats.numgc (uint32, mstats.go); 0: unknown */
};

/* ERR_UNSUPPORTED: no DWARF, or DWARF without the runtime's types. */
int go_layout_read(const struct go_elf *elf, struct go_layout *out, struct go_variables *variables_out,
                   struct error *err);

#endif
