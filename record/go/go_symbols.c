/* Elf64_Sym of the ELF specification: name @0, info @4, value @8, size @16; 24 bytes. */
#include "go/go_symbols.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { SYMBOL_SIZE = 24, AT_INFO = 4, AT_VALUE = 8, AT_SIZE = 16, TYPE_MASK = 15, TYPE_OBJECT = 1 };

/* Variables without bytes in the file (.bss) lie behind those that have some. */
static uint64_t first_writable(const struct go_elf *elf)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < go_elf_segment_count(elf); i++) {
        const struct go_elf_segment *segment = go_elf_segment(elf, i);
        if (segment->writable && segment->address < first)
            first = segment->address;
    }
    return first;
}

static bool read_symbol(const struct go_elf_section *symbols, const struct go_elf_section *strings,
                        uint64_t at, struct go_variable *out)
{
    uint64_t name, info;
    if (!bytes_peek(symbols->data, symbols->size, at, 4, &name) ||
        !bytes_peek(symbols->data, symbols->size, at + AT_INFO, 1, &info) ||
        !bytes_peek(symbols->data, symbols->size, at + AT_VALUE, 8, &out->address) ||
        !bytes_peek(symbols->data, symbols->size, at + AT_SIZE, 8, &out->size))
        return false;
    if ((info & TYPE_MASK) != TYPE_OBJECT || out->size == 0 || out->size > UINT64_MAX - out->address ||
        name >= strings->size)
        return false;
    out->name = (const char *)strings->data + name;
    return *out->name && memchr(out->name, 0, (size_t)(strings->size - name)) != NULL;
}

static int by_address(const void *a, const void *b)
{
    const struct go_variable *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

void go_symbols_load(const struct go_elf *elf, struct go_symbols *out)
{
    struct go_elf_section symbols, strings;
    *out = (struct go_symbols){NULL, 0};
    if (!go_elf_section(elf, ".symtab", &symbols) || !go_elf_section(elf, ".strtab", &strings))
        return;
    uint64_t from = first_writable(elf);
    size_t capacity = 0;
    for (uint64_t at = 0; at + SYMBOL_SIZE <= symbols.size; at += SYMBOL_SIZE) {
        struct go_variable variable;
        if (!read_symbol(&symbols, &strings, at, &variable) || variable.address < from)
            continue;
        if (out->count == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            struct go_variable *grown = realloc(out->variables, capacity * sizeof *grown);
            if (!grown)
                break;
            out->variables = grown;
        }
        out->variables[out->count++] = variable;
    }
    if (out->count)
        qsort(out->variables, out->count, sizeof *out->variables, by_address);
}

void go_symbols_release(struct go_symbols *self)
{
    free(self->variables);
    *self = (struct go_symbols){NULL, 0};
}

const struct go_variable *go_symbols_find(const struct go_symbols *self, uint64_t address)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->variables[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct go_variable *found = &self->variables[low - 1];
    return address - found->address < found->size ? found : NULL;
}
