#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "go/go_binary_impl.h"

#define OLDEST_MINOR 18
#define NEWEST_MINOR 27

static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    return hash;
}

/* The build info has a section of its own; a file without section headers has it at the begin of its data. */
static int read_build_info(const struct go_elf *elf, struct go_buildinfo **out, struct error *err)
{
    const char *shown = go_elf_shown(elf);
    struct go_elf_section section;
    if (go_elf_section(elf, ".go.buildinfo", &section))
        return go_buildinfo_parse(section.data, section.size, shown, out, err);
    for (size_t i = 0; i < go_elf_segment_count(elf); i++) {
        const struct go_elf_segment *segment = go_elf_segment(elf, i);
        if (!segment->writable)
            continue;
        for (uint64_t at = 0; at + GO_BUILDINFO_MAGIC_SIZE <= segment->size; at += 16) {
            if (memcmp(segment->data + at, GO_BUILDINFO_MAGIC, GO_BUILDINFO_MAGIC_SIZE) == 0)
                return go_buildinfo_parse(segment->data + at, segment->size - at, shown, out, err);
        }
    }
    return error_set(err, ERR_NOT_FOUND, "%s is not a Go program (it has no Go build info)", shown);
}

static int check_version(const struct go_elf *elf, const struct go_build_info *info, struct error *err)
{
    const char *shown = go_elf_shown(elf);
    if (info->major == 0)
        return error_set(
            err, ERR_UNSUPPORTED,
            "%s was built with Go version '%s', which says no number; gotape needs Go 1.%d to 1.%d", shown,
            info->version, OLDEST_MINOR, NEWEST_MINOR);
    if (info->major == 1 && info->minor < OLDEST_MINOR)
        return error_set(err, ERR_UNSUPPORTED, "%s was built with %s; rebuild it with Go 1.%d to 1.%d", shown,
                         info->version, OLDEST_MINOR, NEWEST_MINOR);
    if (info->major != 1)
        return error_set(err, ERR_UNSUPPORTED,
                         "%s was built with %s, which is newer than this gotape knows (Go 1.%d to 1.%d); use "
                         "a newer gotape",
                         shown, info->version, OLDEST_MINOR, NEWEST_MINOR);
    return 0;
}

/* The slot of a name in the index: its own, or the free one where it belongs. Returns whether it is its own.
 */
static bool locate_name(const struct go_binary *self, const char *name, uint64_t *slot_out,
                        struct go_pclntab_function *function_out)
{
    const struct go_pclntab *table = &self->module.functions;
    uint64_t slot = hash_name(name), index;
    bool found = false;
    for (; !found && map_get(&self->names, slot, &index); slot += !found) {
        const char *its_name = NULL;
        if (go_pclntab_function(table, (size_t)index, function_out))
            its_name = go_pclntab_name(table, function_out->name);
        found = its_name && strcmp(its_name, name) == 0;
    }
    *slot_out = slot;
    return found;
}

static int index_names(struct go_binary *self, struct error *err)
{
    const struct go_pclntab *table = &self->module.functions;
    for (size_t i = 0; i < table->function_count; i++) {
        struct go_pclntab_function function, same;
        uint64_t slot;
        if (!go_pclntab_function(table, i, &function))
            return error_set(err, ERR_DAMAGED, "%s: Go's function table is damaged at function %zu",
                             go_elf_shown(self->elf), i);
        const char *name = go_pclntab_name(table, function.name);
        /* of several functions with one name (wrappers) the first is kept */
        if (!name || locate_name(self, name, &slot, &same))
            continue;
        if (map_put(&self->names, slot, i) != 0)
            return error_set(err, ERR_NOMEM, "out of memory while reading %s", go_elf_shown(self->elf));
    }
    return 0;
}

/* DWARF knows best; without it, or where it lacks something, the table of Go's releases. */
static int read_layout(struct go_binary *self, struct error *err)
{
    const struct go_build_info *info = go_buildinfo_get(self->build_info);
    struct error why = {0};
    int rc = go_layout_read(self->elf, &self->layout, &self->variables, &why);
    self->source = LAYOUT_FROM_DWARF;
    if (rc == ERR_UNSUPPORTED) {
        enum go_layout_match match = go_layout_known(info->minor, info->patch, &self->layout);
        self->source = match == LAYOUT_SAME_MINOR ? LAYOUT_FROM_TABLE : LAYOUT_FROM_NEWEST_ROW;
        rc = match == LAYOUT_NO_ROW ? rc : 0;
    }
    if (rc != 0) {
        if (err)
            *err = why;
        return rc;
    }
    struct go_globals globals;
    if (go_elf_is_arm64(self->elf)) /* its code is not read */
        return 0;
    go_globals_find(self, &globals);
    if (self->variables.gomaxprocs == 0)
        self->variables.gomaxprocs = globals.gomaxprocs;
    if (self->variables.numgc == 0)
        self->variables.numgc = globals.numgc;
    if (self->variables.gc_percent == 0 && globals.gc_controller) {
        self->variables.gc_percent = globals.gc_controller;
        self->variables.memory_limit = info->minor >= 19 ? globals.gc_controller + 8 : 0;
    }
    return 0;
}

static int read_all(struct go_binary *self, const struct go_layout *layout, struct error *err)
{
    int rc = read_build_info(self->elf, &self->build_info, err);
    if (rc != 0)
        return rc;
    const struct go_build_info *info = go_buildinfo_get(self->build_info);
    rc = check_version(self->elf, info, err);
    if (rc == 0)
        rc = go_module_find(self->elf, info->minor, &self->module, err);
    if (rc != 0 && info->minor > NEWEST_MINOR) {
        /* not damaged, but laid out in a way that we do not know */
        if (err)
            err->code = ERR_UNSUPPORTED;
        error_prefix(err, "%s was built with %s, which is newer than this gotape knows (Go 1.%d to 1.%d): ",
                     go_elf_shown(self->elf), info->version, OLDEST_MINOR, NEWEST_MINOR);
        return ERR_UNSUPPORTED;
    }
    if (rc == 0)
        rc = index_names(self, err);
    self->source = LAYOUT_FROM_NEWEST_ROW;
    if (layout)
        self->layout = *layout;
    else if (rc == 0)
        rc = read_layout(self, err);
    go_elf_build_id(self->elf, self->build_id, sizeof self->build_id);
    return rc;
}

/* Takes the ELF object over, also when it fails. */
static int open_elf(struct go_elf *elf, const struct go_layout *layout, struct go_binary **out,
                    struct error *err)
{
    struct go_binary *self = calloc(1, sizeof *self);
    if (!self) {
        go_elf_close(elf);
        return error_set(err, ERR_NOMEM, "out of memory while reading a Go binary");
    }
    self->elf = elf;
    map_init(&self->names);
    map_init(&self->selects);
    map_init(&self->select_orders);
    self->shown_names = intern_new();
    self->code_cache = calloc((size_t)1 << CODE_CACHE_BITS, sizeof *self->code_cache);
    int rc = self->shown_names && self->code_cache
                 ? read_all(self, layout, err)
                 : error_set(err, ERR_NOMEM, "out of memory while reading %s", go_elf_shown(elf));
    if (rc != 0) {
        go_binary_close(self);
        return rc;
    }
    *out = self;
    return 0;
}

int go_binary_open_any(const char *path, const char *shown, struct go_binary **out, struct error *err)
{
    struct go_elf *elf;
    int rc = go_elf_open(path, shown, &elf, err);
    return rc == 0 ? open_elf(elf, NULL, out, err) : rc;
}

int go_binary_open(const char *path, const char *shown, struct go_binary **out, struct error *err)
{
    struct go_binary *binary;
    int rc = go_binary_open_any(path, shown, &binary, err);
    if (rc == 0 && go_binary_is_arm64(binary)) {
        go_binary_close(binary);
        return go_binary_refuse_arm64(shown, err);
    }
    if (rc == 0)
        *out = binary;
    return rc;
}

bool go_binary_is_arm64(const struct go_binary *self)
{
    return go_elf_is_arm64(self->elf);
}

int go_binary_refuse_arm64(const char *shown, struct error *err)
{
    return error_set(err, ERR_UNSUPPORTED,
                     "%s is built for arm64, for which gotape is experimental: --check finds the places of "
                     "its probes, but only "
                     "linux/amd64 programs can be recorded",
                     shown);
}

int go_binary_open_memory(const void *data, size_t size, const char *shown, const struct go_layout *layout,
                          struct go_binary **out, struct error *err)
{
    struct go_elf *elf;
    int rc = go_elf_open_memory(data, size, shown, &elf, err);
    return rc == 0 ? open_elf(elf, layout, out, err) : rc;
}

void go_binary_close(struct go_binary *self)
{
    if (!self)
        return;
    go_buildinfo_free(self->build_info);
    map_release(&self->names);
    map_release(&self->selects);
    map_release(&self->select_orders);
    go_symbols_release(&self->symbols);
    intern_free(self->shown_names);
    free(self->code_cache);
    go_elf_close(self->elf);
    free(self);
}

bool go_binary_is_go(const char *path)
{
    struct go_elf *elf;
    struct go_buildinfo *info;
    if (go_elf_open(path, path, &elf, NULL) != 0)
        return false;
    bool is_go = read_build_info(elf, &info, NULL) == 0;
    if (is_go)
        go_buildinfo_free(info);
    go_elf_close(elf);
    return is_go;
}

const struct go_build_info *go_binary_build_info(const struct go_binary *self)
{
    return go_buildinfo_get(self->build_info);
}

const struct go_layout *go_binary_layout(const struct go_binary *self)
{
    return &self->layout;
}

enum go_layout_source go_binary_layout_source(const struct go_binary *self)
{
    return self->source;
}

const char *go_binary_layout_source_name(const struct go_binary *self)
{
    static const char *const names[] = {[LAYOUT_FROM_DWARF] = "DWARF",
                                        [LAYOUT_FROM_TABLE] = "table",
                                        [LAYOUT_FROM_NEWEST_ROW] = "table of the newest known Go",
                                        [LAYOUT_CALIBRATED] = "calibrated"};
    return names[self->source];
}

void go_binary_set_layout(struct go_binary *self, const struct go_layout *layout)
{
    self->layout = *layout;
    self->source = LAYOUT_CALIBRATED;
}

bool go_binary_is_pie(const struct go_binary *self)
{
    return go_elf_is_pie(self->elf);
}

const char *go_binary_build_id(const struct go_binary *self)
{
    return self->build_id;
}

uint64_t go_binary_load_address(const struct go_binary *self)
{
    return go_elf_load_address(self->elf);
}

void go_binary_identity(const struct go_binary *self, uint64_t *device_out, uint64_t *inode_out)
{
    go_elf_identity(self->elf, device_out, inode_out);
}

void go_binary_types(const struct go_binary *self, uint64_t *start_out, uint64_t *end_out)
{
    *start_out = self->module.types;
    *end_out = self->module.etypes;
}

uint64_t go_binary_gomaxprocs(const struct go_binary *self)
{
    return self->variables.gomaxprocs;
}

uint64_t go_binary_numgc(const struct go_binary *self)
{
    return self->variables.numgc;
}

uint64_t go_binary_gc_percent(const struct go_binary *self)
{
    return self->variables.gc_percent;
}

uint64_t go_binary_memory_limit(const struct go_binary *self)
{
    return self->variables.memory_limit;
}

uint64_t go_binary_start_nano(const struct go_binary *self)
{
    return self->variables.start_nano;
}

bool go_binary_function(const struct go_binary *self, const char *name, uint64_t *start, uint64_t *end)
{
    struct go_pclntab_function function;
    uint64_t slot;
    if (!locate_name(self, name, &slot, &function))
        return false;
    *start = function.entry;
    *end = function.end;
    return true;
}

const char *go_binary_variable(struct go_binary *self, uint64_t address, uint64_t *distance_out)
{
    if (!self->has_symbols)
        go_symbols_load(self->elf, &self->symbols);
    self->has_symbols = true;
    const struct go_variable *variable = go_symbols_find(&self->symbols, address);
    if (!variable)
        return NULL;
    *distance_out = address - variable->address;
    return variable->name;
}

void go_binary_each_function(const struct go_binary *self, void (*fn)(void *context, const char *name),
                             void *context)
{
    const struct go_pclntab *table = &self->module.functions;
    for (size_t i = 0; i < table->function_count; i++) {
        struct go_pclntab_function function;
        const char *name = NULL;
        if (go_pclntab_function(table, i, &function))
            name = go_pclntab_name(table, function.name);
        if (name)
            fn(context, name);
    }
}

const uint8_t *go_binary_bytes(const struct go_binary *self, uint64_t address, size_t size)
{
    return go_elf_bytes(self->elf, address, size);
}

bool go_binary_file_offset(const struct go_binary *self, uint64_t address, uint64_t *offset_out)
{
    return go_elf_file_offset(self->elf, address, offset_out);
}

bool go_binary_pointer(const struct go_binary *self, uint64_t address, uint64_t *value_out)
{
    return go_elf_pointer(self->elf, address, value_out);
}
