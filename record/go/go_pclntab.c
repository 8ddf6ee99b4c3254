/*
 * Offsets in here are those of the Go source: struct pcHeader, functab, _func, inlinedCall, and the pc-value
 * tables (pairs of zigzag value difference and pc difference, both varints).
 */
#include "go/go_pclntab.h"

#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"

#define FUNCTAB_ENTRY         8
#define PCDATA_INL_TREE_INDEX 2
#define FUNCDATA_INL_TREE     3
#define INLINE_DEPTH_MAX      200 /* deeper is a loop in damaged data */

static uint32_t u32_at(const struct go_pclntab *self, size_t at)
{
    uint64_t value = 0;
    bytes_peek(self->data, self->size, at, 4, &value);
    return (uint32_t)value;
}

static bool read_offset(struct bytes *in, size_t size, size_t *out)
{
    uint64_t value = bytes_u64(in);
    *out = (size_t)value;
    return !in->bad && value <= size;
}

/* Bytes that the steps of an address count in (cmd/internal/sys, MinLC). */
enum { QUANTUM_AMD64 = 1, QUANTUM_ARM64 = 4 };

int go_pclntab_init(struct go_pclntab *self, const void *data, size_t size, struct error *err)
{
    struct bytes in = bytes_of(data, size);
    struct go_pclntab result = {.data = data, .size = size};
    uint32_t magic = bytes_u32(&in);
    uint16_t padding = bytes_u16(&in);
    uint8_t quantum = bytes_u8(&in);
    uint8_t pointer_size = bytes_u8(&in);
    if (in.bad || (magic != GO_PCLNTAB_MAGIC_120 && magic != GO_PCLNTAB_MAGIC_118))
        return error_set(err, ERR_DAMAGED, "Go's function table has an unknown format (magic 0x%08x)", magic);
    if (padding != 0 || (quantum != QUANTUM_AMD64 && quantum != QUANTUM_ARM64) || pointer_size != 8)
        return error_set(err, ERR_DAMAGED, "Go's function table is damaged (it is for another machine)");
    result.quantum = quantum;
    result.layout_118 = magic == GO_PCLNTAB_MAGIC_118;
    uint64_t functions = bytes_u64(&in);
    uint64_t files = bytes_u64(&in);
    bytes_u64(&in); /* textStart, gone in 1.26 and to be relocated before: the owner knows better */
    bool good = read_offset(&in, size, &result.names_at) && read_offset(&in, size, &result.units_at) &&
                read_offset(&in, size, &result.files_at) && read_offset(&in, size, &result.tables_at) &&
                read_offset(&in, size, &result.functions_at);
    /* one entry more than there are functions: the end of the last */
    if (!good || functions == 0 || functions >= (size - result.functions_at) / FUNCTAB_ENTRY || files > size)
        return error_set(err, ERR_DAMAGED, "Go's function table is damaged (%llu functions in %zu bytes)",
                         (unsigned long long)functions, size);
    result.function_count = (size_t)functions;
    result.file_count = (size_t)files;
    *self = result;
    return 0;
}

static uint64_t entry_of(const struct go_pclntab *self, size_t index)
{
    return self->text + u32_at(self, self->functions_at + index * FUNCTAB_ENTRY);
}

bool go_pclntab_function(const struct go_pclntab *self, size_t index, struct go_pclntab_function *out)
{
    if (index >= self->function_count)
        return false;
    uint64_t at = (uint64_t)self->functions_at + u32_at(self, self->functions_at + index * FUNCTAB_ENTRY + 4);
    size_t fixed = self->layout_118 ? 0x28 : 0x2c;
    if (at > self->size || fixed > self->size - at)
        return false;
    struct go_pclntab_function function = {
        .entry = entry_of(self, index),
        .end = entry_of(self, index + 1),
        .name = u32_at(self, at + 4),
        .stack = u32_at(self, at + 0x10),
        .files = u32_at(self, at + 0x14),
        .lines = u32_at(self, at + 0x18),
        .unit = u32_at(self, at + 0x20),
        .flags = self->data[at + fixed - 3],
    };
    uint32_t tables = u32_at(self, at + 0x1c);
    unsigned datas = self->data[at + fixed - 1];
    if (function.end < function.entry || tables > (self->size - at) / 4)
        return false;
    if (tables > PCDATA_INL_TREE_INDEX)
        function.inline_index = u32_at(self, at + fixed + 4 * PCDATA_INL_TREE_INDEX);
    if (datas > FUNCDATA_INL_TREE) {
        function.inline_tree = u32_at(self, at + fixed + 4 * (uint64_t)tables + 4 * FUNCDATA_INL_TREE);
        function.has_inline_tree = function.inline_tree < self->gofunc_size;
    }
    *out = function;
    return true;
}

bool go_pclntab_find(const struct go_pclntab *self, uint64_t address, size_t *index_out)
{
    size_t low = 0, high = self->function_count;
    if (address < entry_of(self, 0) || address >= entry_of(self, high))
        return false;
    /* the last entry that is not above the address */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (entry_of(self, middle) <= address)
            low = middle;
        else
            high = middle;
    }
    *index_out = low;
    return true;
}

static const char *string_at(const struct go_pclntab *self, size_t base, uint64_t offset)
{
    uint64_t at = base + offset;
    if (at >= self->size || !memchr(self->data + at, 0, self->size - at))
        return NULL;
    return (const char *)self->data + at;
}

const char *go_pclntab_name(const struct go_pclntab *self, uint32_t name)
{
    return string_at(self, self->names_at, name);
}

struct pc_values {
    struct bytes in;
    uint64_t pc; /* the value holds below this address */
    uint32_t quantum;
    int32_t value;
    bool first;
};

static struct pc_values pc_values_of(const struct go_pclntab *self, uint64_t entry, uint32_t table)
{
    struct pc_values walk = {.pc = entry, .quantum = self->quantum, .value = -1, .first = true};
    uint64_t at = (uint64_t)self->tables_at + table;
    if (at < self->size)
        walk.in = bytes_of(self->data + at, self->size - at);
    return walk;
}

static bool pc_values_next(struct pc_values *walk)
{
    uint64_t difference = bytes_varint(&walk->in);
    if (walk->in.bad || (difference == 0 && !walk->first))
        return false;
    walk->first = false;
    walk->value = (int32_t)((uint32_t)walk->value + (uint32_t)zigzag_decode(difference & 0xffffffff));
    walk->pc += (uint64_t)(uint32_t)bytes_varint(&walk->in) * walk->quantum;
    return !walk->in.bad;
}

static int32_t pc_value(const struct go_pclntab *self, uint64_t entry, uint32_t table, uint64_t address)
{
    if (table == 0)
        return -1;
    struct pc_values walk = pc_values_of(self, entry, table);
    while (pc_values_next(&walk)) {
        if (address < walk.pc)
            return walk.value;
    }
    return -1;
}

int32_t go_pclntab_stack_delta(const struct go_pclntab *self, const struct go_pclntab_function *function,
                               uint64_t address)
{
    return pc_value(self, function->entry, function->stack, address);
}

static const char *file_of(const struct go_pclntab *self, const struct go_pclntab_function *function,
                           uint64_t address)
{
    int32_t number = pc_value(self, function->entry, function->files, address);
    if (number < 0)
        return "?";
    uint64_t at = self->units_at + 4 * ((uint64_t)function->unit + (uint32_t)number);
    uint64_t offset;
    if (!bytes_peek(self->data, self->size, at, 4, &offset) || offset == 0xffffffff)
        return "?";
    const char *file = string_at(self, self->files_at, offset);
    return file ? file : "?";
}

/* struct inlinedCall; false outside of the table. */
static bool inlined_call(const struct go_pclntab *self, const struct go_pclntab_function *function,
                         int32_t index, uint32_t *name_out, uint32_t *parent_out)
{
    size_t entry_size = self->layout_118 ? 20 : 16;
    uint64_t at = function->inline_tree + (uint64_t)(uint32_t)index * entry_size;
    uint64_t name, parent;
    if (!bytes_peek(self->gofunc, self->gofunc_size, at + (self->layout_118 ? 12 : 4), 4, &name) ||
        !bytes_peek(self->gofunc, self->gofunc_size, at + (self->layout_118 ? 16 : 8), 4, &parent))
        return false;
    *name_out = (uint32_t)name;
    *parent_out = (uint32_t)parent;
    return true;
}

size_t go_pclntab_frames(const struct go_pclntab *self, uint64_t address, struct go_pclntab_frame *frames,
                         size_t max)
{
    size_t index, count = 0;
    struct go_pclntab_function function;
    if (!go_pclntab_find(self, address, &index) || !go_pclntab_function(self, index, &function))
        return 0;
    for (unsigned depth = 0; count < max && depth < INLINE_DEPTH_MAX; depth++) {
        int32_t line = pc_value(self, function.entry, function.lines, address);
        int32_t inlined = -1;
        uint32_t name = function.name, parent = 0;
        if (function.has_inline_tree)
            inlined = pc_value(self, function.entry, function.inline_index, address);
        if (inlined >= 0 && !inlined_call(self, &function, inlined, &name, &parent))
            inlined = -1;
        frames[count].name = name;
        frames[count].file = file_of(self, &function, address);
        frames[count].line = line > 0 ? (uint32_t)line : 0;
        count++;
        if (inlined < 0)
            break;
        address = function.entry + parent;
    }
    return count;
}

void go_pclntab_each_inlined(const struct go_pclntab *self, const struct go_pclntab_function *function,
                             void (*fn)(void *context, uint32_t name), void *context)
{
    if (!function->has_inline_tree || function->inline_index == 0)
        return;
    struct pc_values walk = pc_values_of(self, function->entry, function->inline_index);
    int32_t seen = -1; /* the tree is numbered in the order of code, but for repeats */
    while (pc_values_next(&walk)) {
        uint32_t name, parent;
        for (; seen < walk.value; seen++) {
            if (!inlined_call(self, function, seen + 1, &name, &parent))
                return;
            fn(context, name);
        }
    }
}

bool go_pclntab_range(const struct go_pclntab *self, uint64_t *first_out, uint64_t *last_out)
{
    *first_out = entry_of(self, 0);
    *last_out = entry_of(self, self->function_count);
    return *first_out < *last_out;
}

struct name_check {
    const struct go_pclntab *table;
    bool fit;
};

static void check_name(void *context, uint32_t name)
{
    struct name_check *check = context;
    const struct go_pclntab *table = check->table;
    const char *text = go_pclntab_name(table, name);
    check->fit = check->fit && text && *text && (name == 0 || table->data[table->names_at + name - 1] == 0);
}

bool go_pclntab_names_fit(const struct go_pclntab *self)
{
    struct name_check check = {self, true};
    struct go_pclntab_function function;
    for (size_t i = 0; i < self->function_count && check.fit; i++) {
        if (go_pclntab_function(self, i, &function))
            go_pclntab_each_inlined(self, &function, check_name, &check);
    }
    return check.fit;
}
