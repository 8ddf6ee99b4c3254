/* Fills struct go_layout (go_binary.h) and the addresses of runtime variables from DWARF, and checks that it
 * makes sense. */
#ifndef GOTAPE_RECORD_GO_LAYOUT_H
#define GOTAPE_RECORD_GO_LAYOUT_H

#include "go/go_binary.h"
#include "go/go_elf.h"

/* Addresses of variables; 0: unknown. */
struct go_variables {
    uint64_t gomaxprocs;   /* runtime.gomaxprocs (int32) */
    uint64_t numgc;        /* runtime.memstats.numgc (uint32, mstats.go) */
    uint64_t gc_percent;   /* runtime.gcController.gcPercent (int32, mgcpacer.go) */
    uint64_t memory_limit; /* runtime.gcController.memoryLimit (int64, since 1.19) */
    uint64_t start_nano;   /* time.startNano (int64, time.go) */
};

/* ERR_UNSUPPORTED: no DWARF, or DWARF without the runtime's types. */
int go_layout_read(const struct go_elf *elf, struct go_layout *out, struct go_variables *variables_out,
                   struct error *err);

#endif
