/* Names of package variables by address, from the symbol table (.symtab), which stripped programs do not have. */
#ifndef GOTAPE_RECORD_GO_SYMBOLS_H
#define GOTAPE_RECORD_GO_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "go/go_elf.h"

struct go_variable {
    uint64_t address, size;
    const char *name; /* "main.registry"; lives as long as the ELF object */
};

struct go_symbols {
    struct go_variable *variables; /* owned, by address */
    size_t count;
};

/* The variables in writable segments. Without a symbol table, or memory, there are none. */
void go_symbols_load(const struct go_elf *elf, struct go_symbols *out);
void go_symbols_release(struct go_symbols *self);

/* The variable that contains the address, or NULL. */
const struct go_variable *go_symbols_find(const struct go_symbols *self, uint64_t address);

#endif
