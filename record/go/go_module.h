/*
 * Where a Go binary keeps its function table and its first moduledata, and what they say: text, types, inline
 * trees. Works without symbols and on position-independent files as they lie on disk.
 */
#ifndef GOTAPE_RECORD_GO_MODULE_H
#define GOTAPE_RECORD_GO_MODULE_H

#include "go/go_elf.h"
#include "go/go_pclntab.h"

struct go_module {
    uint64_t address; /* of runtime.firstmoduledata */
    uint64_t text, etext;
    uint64_t types, etypes;
    struct go_pclntab functions; /* borrows from the ELF image */
};

/* Offsets within runtime.moduledata (runtime/symtab.go of the Go source). */
struct go_module_layout {
    int text, etext, types, etypes, gofunc;
};

/* The layout of Go 1.`minor`; NULL when we do not know that version. */
const struct go_module_layout *go_module_layout(int minor);

/* ERR_UNSUPPORTED: no function table or no moduledata; ERR_DAMAGED: they contradict each other. */
int go_module_find(const struct go_elf *elf, int minor, struct go_module *out, struct error *err);

#endif
