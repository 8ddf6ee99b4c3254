/*
 * The linker names the sections .gopclntab (or .data.rel.ro.gopclntab in older position-independent files)
 * and .go.module (since 1.26). Externally linked older files have no such sections: then the table's magic,
 * and the pair of pointers {pcHeader, function names} that moduledata begins with, are searched for.
 */
#include "go/go_module.h"

#include <string.h>

#include "base/bytes.h"

static const struct {
    int first_minor;
    struct go_module_layout layout;
} layouts[] = {
    {27, {.text = 0xb0, .etext = 0xb8, .types = 0x128, .etypes = 0x138, .gofunc = 0x158}},
    {20, {.text = 0xb0, .etext = 0xb8, .types = 0x128, .etypes = 0x130, .gofunc = 0x140}},
    {18, {.text = 0xb0, .etext = 0xb8, .types = 0x118, .etypes = 0x120, .gofunc = 0x130}},
};

const struct go_module_layout *go_module_layout(int minor)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        if (minor >= layouts[i].first_minor)
            return &layouts[i].layout;
    }
    return NULL;
}

struct table_place {
    uint64_t address;
    const uint8_t *data;
    size_t size; /* to the end of its section or segment */
};

static bool looks_like_table(const uint8_t *data, size_t size)
{
    struct go_pclntab table;
    return go_pclntab_init(&table, data, size, NULL) == 0;
}

/* The magic at any 16-aligned place of the segments that hold no code. */
static bool scan_for_table(const struct go_elf *elf, struct table_place *out)
{
    /* the magic's upper bytes, padding, quantum, pointer size */
    const uint8_t tail[] = {0xff, 0xff, 0xff, 0, 0, go_elf_is_arm64(elf) ? 4 : 1, 8};
    for (size_t s = 0; s < go_elf_segment_count(elf); s++) {
        const struct go_elf_segment *segment = go_elf_segment(elf, s);
        if (segment->executable || segment->size < GO_PCLNTAB_HEADER_SIZE)
            continue;
        uint64_t first = (16 - segment->address % 16) % 16;
        for (uint64_t at = first; at <= segment->size - GO_PCLNTAB_HEADER_SIZE; at += 16) {
            const uint8_t *data = segment->data + at;
            if ((data[0] != 0xf1 && data[0] != 0xf0) || memcmp(data + 1, tail, sizeof tail) != 0)
                continue;
            if (!looks_like_table(data, segment->size - at))
                continue;
            *out = (struct table_place){segment->address + at, data, segment->size - at};
            return true;
        }
    }
    return false;
}

static bool find_table(const struct go_elf *elf, struct table_place *out)
{
    static const char *const names[] = {".gopclntab", ".data.rel.ro.gopclntab"};
    struct go_elf_section section;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (go_elf_section(elf, names[i], &section)) {
            *out = (struct table_place){section.address, section.data, section.size};
            return true;
        }
    }
    return scan_for_table(elf, out);
}

struct module_search {
    const struct go_elf *elf;
    uint64_t table, names; /* the pair that moduledata begins with */
    uint64_t found;
};

static bool is_module(const struct module_search *search, uint64_t address)
{
    uint64_t first, second;
    return go_elf_pointer(search->elf, address, &first) && first == search->table &&
           go_elf_pointer(search->elf, address + 8, &second) && second == search->names;
}

static bool try_relocation(void *context, uint64_t address, uint64_t value)
{
    struct module_search *search = context;
    if (value != search->table || !is_module(search, address))
        return false;
    search->found = address;
    return true;
}

static bool scan_for_module(struct module_search *search)
{
    for (size_t s = 0; s < go_elf_segment_count(search->elf); s++) {
        const struct go_elf_segment *segment = go_elf_segment(search->elf, s);
        if (!segment->writable)
            continue;
        for (uint64_t at = (8 - segment->address % 8) % 8; at + 16 <= segment->size; at += 8) {
            uint64_t first, second;
            bytes_peek(segment->data, segment->size, at, 8, &first);
            if (first != search->table)
                continue;
            bytes_peek(segment->data, segment->size, at + 8, 8, &second);
            if (second == search->names) {
                search->found = segment->address + at;
                return true;
            }
        }
    }
    return false;
}

static bool find_module(struct module_search *search)
{
    struct go_elf_section section;
    if (go_elf_section(search->elf, ".go.module", &section) && is_module(search, section.address)) {
        search->found = section.address;
        return true;
    }
    go_elf_each_relocation(search->elf, try_relocation, search);
    return search->found != 0 || scan_for_module(search);
}

/* What the runtime itself verifies at its start (moduledataverify1 of runtime/symtab.go): minpc and maxpc, right
 * before text, are the ends of the function table. */
static bool agrees_with_table(const struct go_elf *elf, const struct go_module_layout *layout,
                              const struct go_module *module)
{
    const struct go_pclntab *table = &module->functions;
    uint64_t first, last, minpc, maxpc;
    return go_pclntab_range(table, &first, &last) &&
           go_elf_pointer(elf, module->address + (unsigned)layout->text - 16, &minpc) &&
           go_elf_pointer(elf, module->address + (unsigned)layout->text - 8, &maxpc) && minpc == first &&
           maxpc == last;
}

/* Of a newer Go than we know, what nothing else would contradict: the inline trees lead to names. */
static bool fits_newer(const struct go_elf *elf, const struct go_module *module)
{
    struct go_elf_section types;
    return go_elf_section(elf, ".go.type", &types) && types.address == module->types &&
           go_pclntab_names_fit(&module->functions);
}

static bool read_pointers(const struct go_elf *elf, const struct go_module_layout *layout,
                          struct go_module *out, uint64_t *gofunc_out)
{
    return go_elf_pointer(elf, out->address + (unsigned)layout->text, &out->text) &&
           go_elf_pointer(elf, out->address + (unsigned)layout->etext, &out->etext) &&
           go_elf_pointer(elf, out->address + (unsigned)layout->types, &out->types) &&
           go_elf_pointer(elf, out->address + (unsigned)layout->etypes, &out->etypes) &&
           go_elf_pointer(elf, out->address + (unsigned)layout->gofunc, gofunc_out);
}

int go_module_find(const struct go_elf *elf, int minor, struct go_module *out, struct error *err)
{
    const char *shown = go_elf_shown(elf);
    const struct go_module_layout *layout = go_module_layout(minor);
    if (!layout)
        return error_set(err, ERR_UNSUPPORTED, "%s was built with Go 1.%d, which is too old", shown, minor);
    struct table_place place;
    if (!find_table(elf, &place))
        return error_set(err, ERR_UNSUPPORTED,
                         "%s has no Go function table (.gopclntab): it was removed or packed; use the file "
                         "that `go build` "
                         "wrote",
                         shown);
    struct go_module module = {0};
    int rc = go_pclntab_init(&module.functions, place.data, place.size, err);
    if (rc != 0)
        return error_prefix(err, "%s: ", shown);
    struct module_search search = {.elf = elf, .table = place.address};
    search.names = place.address + module.functions.names_at;
    if (!find_module(&search))
        return error_set(err, ERR_UNSUPPORTED, "%s has no Go module data (runtime.firstmoduledata)", shown);
    module.address = search.found;
    uint64_t gofunc = 0;
    size_t left = 0;
    const uint8_t *gofunc_data = NULL;
    if (read_pointers(elf, layout, &module, &gofunc))
        gofunc_data = go_elf_at(elf, gofunc, &left);
    if (!gofunc_data || module.text >= module.etext || module.types >= module.etypes ||
        !go_elf_bytes(elf, module.text, module.etext - module.text) ||
        !go_elf_bytes(elf, module.types, module.etypes - module.types))
        return error_set(err, ERR_DAMAGED, "%s: Go's module data does not fit the file", shown);
    module.functions.text = module.text;
    module.functions.gofunc = gofunc_data;
    module.functions.gofunc_size = left;
    if (!agrees_with_table(elf, layout, &module) ||
        (minor > layouts[0].first_minor && !fits_newer(elf, &module)))
        return error_set(err, minor > layouts[0].first_minor ? ERR_UNSUPPORTED : ERR_DAMAGED,
                         "%s: Go's module data does not fit its function table", shown);
    *out = module;
    return 0;
}
