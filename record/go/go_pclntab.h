/*
 * The Go runtime's own table of functions and lines (.gopclntab; runtime/symtab.go and symtabinl.go of the Go
 * source define it). Every Go binary has it, also a stripped one. Pure: works on memory, trusts nothing,
 * fuzzed.
 */
#ifndef GOTAPE_RECORD_GO_PCLNTAB_H
#define GOTAPE_RECORD_GO_PCLNTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define GO_PCLNTAB_MAGIC_118   0xfffffff0u
#define GO_PCLNTAB_MAGIC_120   0xfffffff1u
#define GO_PCLNTAB_HEADER_SIZE 0x48

struct go_pclntab {
    const uint8_t *data; /* borrowed */
    size_t size;
    const uint8_t *gofunc; /* go:func.*, the base of the inline trees; borrowed, may be NULL */
    size_t gofunc_size;
    uint64_t text; /* runtime.text: what the offsets of functions start from */
    bool layout_118;
    uint8_t quantum; /* 1: amd64, 4: arm64 */
    size_t function_count, file_count;
    size_t names_at, units_at, files_at, tables_at, functions_at;
};

/* _func.flag (internal/abi/symtab.go, the same since Go 1.17). */
enum {
    GO_FUNCTION_TOP_FRAME = 1,    /* the outermost frame of a stack */
    GO_FUNCTION_STACK_SWITCH = 2, /* changes the stack pointer as no table can tell (FuncFlag_SPWRITE) */
};

struct go_pclntab_function {
    uint64_t entry, end;   /* addresses */
    uint32_t name;         /* offset, see go_pclntab_name */
    uint32_t files, lines; /* offsets of pc-value tables */
    uint32_t stack;        /* the same: how far the stack pointer is below the return address (_func.pcsp) */
    uint8_t flags;         /* GO_FUNCTION_* */
    uint32_t unit;
    uint32_t inline_index; /* pc-value table of the inline tree, 0: none */
    uint32_t inline_tree;  /* offset in gofunc */
    bool has_inline_tree;
};

/* One function at an address: innermost first, when inlined calls are expanded. */
struct go_pclntab_frame {
    uint32_t name;
    const char *file; /* "?" when unknown */
    uint32_t line;
};

/* The header alone: checks the magic and the sizes. `text` and `gofunc` are set later by the owner. */
int go_pclntab_init(struct go_pclntab *self, const void *data, size_t size, struct error *err);

/* False when the table is damaged there, or index >= function_count. */
bool go_pclntab_function(const struct go_pclntab *self, size_t index, struct go_pclntab_function *out);
/* Begin of the first function and end of the last. */
bool go_pclntab_range(const struct go_pclntab *self, uint64_t *first_out, uint64_t *last_out);
/* Does every inline tree lead to the begin of a name? They would not with a wrong `gofunc`. */
bool go_pclntab_names_fit(const struct go_pclntab *self);
/* The function whose code contains the address. */
bool go_pclntab_find(const struct go_pclntab *self, uint64_t address, size_t *index_out);
/* A NUL-terminated name within the table; NULL when the offset is wrong. */
const char *go_pclntab_name(const struct go_pclntab *self, uint32_t name);

/* As the runtime does: file and line of the innermost call come from the tables, those of its caller from the
 * place where it was inlined. Returns the number of frames, at most max. */
size_t go_pclntab_frames(const struct go_pclntab *self, uint64_t address, struct go_pclntab_frame *frames,
                         size_t max);

/* How many bytes the stack pointer at an address of the function's code is below the return address; negative
 * when the table does not say. */
int32_t go_pclntab_stack_delta(const struct go_pclntab *self, const struct go_pclntab_function *function,
                               uint64_t address);

/* Calls back with the name of each call that was inlined into a function. */
void go_pclntab_each_inlined(const struct go_pclntab *self, const struct go_pclntab_function *function,
                             void (*fn)(void *context, uint32_t name), void *context);

#endif
