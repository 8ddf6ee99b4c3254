/*
 * Offsets of struct members and addresses of package variables, from DWARF. The only file that knows libdw,
 * which also reads compressed sections and every DWARF version that Go wrote.
 */
#ifndef GOTAPE_RECORD_GO_DWARF_H
#define GOTAPE_RECORD_GO_DWARF_H

#include <stdbool.h>
#include <stdint.h>

#include "go/go_elf.h"

/* A question: where is structure.member? The answer is -1 when the structure has no such member, or when
 * there is no such structure. A member of an embedded structure is asked for there ("runtime.gobuf", "pc").
 */
struct go_dwarf_member {
    const char *structure, *member;
    bool optional; /* not worth a walk beyond the units of packages runtime, time and context */
    int offset;
};

struct go_dwarf_variable {
    const char *name; /* "runtime.gomaxprocs" */
    bool optional;
    uint64_t address; /* 0: not found */
};

/* Answers all questions in one walk over the units. ERR_UNSUPPORTED: the file has no DWARF. */
int go_dwarf_read(const struct go_elf *elf, struct go_dwarf_member *members, size_t member_count,
                  struct go_dwarf_variable *variables, size_t variable_count, struct error *err);

#endif
