#include "code_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/map.h"
#include "proc_info.h"

#define CHAIN_MAX    256
#define MAPPINGS_MAX 16

struct stack_entry {
    uint32_t id, hints;
};

/*
 * A chain that was seen lately, found by a few of its frames, and compared with all of them: most chains come again soon, and
 * the whole of one is not hashed, nor copied.
 */
#define RECENT_BITS 9

struct recent_chain {
    const uint64_t *chain; /* owned by `chains`; NULL: none */
    uint32_t shape;        /* shape_of() */
    struct stack_entry stack;
};

/* A mapping without Go code whose name was looked up, so that /proc/PID/maps is not read for each address. */
struct mapping {
    uint64_t start, end;
    char name[64];
};

struct code_table {
    const struct go_binary *binary;
    struct trace_writer *writer;
    uint64_t bias;
    FILE *maps; /* owned; NULL: none */
    uint32_t epoch;
    struct map locations;       /* pc << 1 | is_return → id | hints << 32 */
    struct intern *chains;      /* raw chain → number */
    struct stack_entry *stacks; /* by number - 1 */
    uint32_t stack_capacity;
    struct recent_chain recent[1 << RECENT_BITS];
    struct mapping mappings[MAPPINGS_MAX];
    unsigned mapping_count;
};

static const struct {
    const char *prefix;
    uint32_t hint;
} hint_table[] = {
    {"sync.(*Mutex).", CHAIN_HAS_MUTEX},
    {"internal/sync.(*Mutex).", CHAIN_HAS_MUTEX},
    {"sync.(*RWMutex).RLock", CHAIN_HAS_RWMUTEX | CHAIN_HAS_RLOCK},
    {"sync.(*RWMutex).", CHAIN_HAS_RWMUTEX},
    {"sync.(*WaitGroup).", CHAIN_HAS_WAITGROUP},
};

struct code_table *code_table_new(const struct go_binary *binary, uint64_t bias, pid_t pid,
                                  struct trace_writer *writer)
{
    struct code_table *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->binary = binary;
    self->bias = bias;
    self->maps = proc_open_maps(pid);
    self->writer = writer;
    map_init(&self->locations);
    self->chains = intern_new();
    if (!self->chains) {
        code_table_free(self);
        return NULL;
    }
    return self;
}

void code_table_free(struct code_table *self)
{
    if (!self)
        return;
    map_release(&self->locations);
    intern_free(self->chains);
    free(self->stacks);
    if (self->maps)
        fclose(self->maps);
    free(self);
}

static void follow_epoch(struct code_table *self)
{
    uint32_t epoch = trace_writer_epoch(self->writer);
    if (self->epoch == epoch)
        return;
    self->epoch = epoch;
    map_reset(&self->locations);
    intern_reset(self->chains);
    memset(self->recent, 0, sizeof self->recent);
}

static uint32_t string_id(struct code_table *self, const char *text)
{
    return text && *text ? trace_writer_string(self->writer, text, strlen(text)) : 0;
}

static const char *mapping_name(struct code_table *self, uint64_t pc)
{
    for (unsigned i = 0; i < self->mapping_count; i++) {
        if (pc >= self->mappings[i].start && pc < self->mappings[i].end)
            return self->mappings[i].name;
    }
    if (self->mapping_count == MAPPINGS_MAX)
        self->mapping_count = 0;
    struct mapping *m = &self->mappings[self->mapping_count];
    char name[56];
    if (!self->maps || !proc_mapping_name(self->maps, pc, name, sizeof name, &m->start, &m->end))
        return "[unknown]";
    snprintf(m->name, sizeof m->name, name[0] == '[' ? "%s" : "[%s]", name);
    self->mapping_count++;
    return m->name;
}

static uint32_t hints_of(const char *function)
{
    for (unsigned i = 0; i < sizeof hint_table / sizeof *hint_table; i++) {
        if (strncmp(function, hint_table[i].prefix, strlen(hint_table[i].prefix)) == 0)
            return hint_table[i].hint;
    }
    return 0;
}

static uint64_t define_location(struct code_table *self, uint64_t pc, bool is_return)
{
    struct go_frame found[LOCATION_FRAMES_MAX];
    struct def_frame frames[LOCATION_FRAMES_MAX];
    uint32_t hints = 0;
    size_t count = go_binary_symbolize(self->binary, pc - self->bias, is_return, found, LOCATION_FRAMES_MAX);
    for (size_t i = 0; i < count; i++) {
        frames[i] = (struct def_frame){string_id(self, found[i].function), string_id(self, found[i].file),
                                       found[i].line};
        hints |= hints_of(found[i].function);
    }
    if (count > 0 && strcmp(found[count - 1].function, "runtime.goparkunlock") == 0)
        hints |= CHAIN_HAS_PARKUNLOCK;
    if (count == 0) {
        frames[0] = (struct def_frame){.function = string_id(self, mapping_name(self, pc))};
        count = 1;
    }
    struct def_location location = {.pc = pc, .frame_count = (uint32_t)count, .frames = frames};
    return trace_writer_location(self->writer, &location) | (uint64_t)hints << 32;
}

static uint64_t location_and_hints(struct code_table *self, uint64_t pc, bool is_return)
{
    uint64_t key = pc << 1 | is_return, value;
    if (map_get(&self->locations, key, &value))
        return value;
    value = define_location(self, pc, is_return);
    map_put(&self->locations, key, value);
    return value;
}

uint32_t code_table_location(struct code_table *self, uint64_t pc, bool is_return)
{
    if (!pc)
        return 0;
    follow_epoch(self);
    return (uint32_t)location_and_hints(self, pc, is_return);
}

static struct stack_entry define_stack(struct code_table *self, const uint64_t *chain, uint32_t length,
                                       bool first_is_return, bool is_cut)
{
    uint32_t locations[CHAIN_MAX];
    struct stack_entry entry = {0};
    for (uint32_t i = 0; i < length; i++) {
        uint64_t value = location_and_hints(self, chain[i], i > 0 || first_is_return);
        locations[i] = (uint32_t)value;
        entry.hints |= (uint32_t)(value >> 32);
    }
    struct def_stack stack = {.flags = is_cut ? STACK_CUT : 0, .depth = length, .locations = locations};
    entry.id = trace_writer_stack(self->writer, &stack);
    return entry;
}

static uint32_t shape_of(uint32_t length, bool first_is_return, bool is_cut)
{
    return length << 2 | (uint32_t)is_cut << 1 | first_is_return;
}

static struct recent_chain *recent_place(struct code_table *self, const uint64_t *chain, uint32_t length, uint32_t shape)
{
    uint64_t hash = (chain[length - 1] + shape) * 0x9e3779b97f4a7c15u + chain[length / 2];
    hash = hash * 0xd6e8feb86659fd93u + chain[length / 4];
    hash = hash * 0xc2b2ae3d27d4eb4fu + chain[0];
    return &self->recent[hash * 0x9e3779b97f4a7c15u >> (64 - RECENT_BITS)];
}

/* False when out of memory. */
static bool find_stack(struct code_table *self, const uint64_t *chain, uint32_t length, uint32_t shape,
                       struct recent_chain *out)
{
    uint64_t key[CHAIN_MAX + 1];
    bool is_new;
    memcpy(key, chain, length * sizeof *chain);
    key[length] = shape;
    uint32_t number = intern_put(self->chains, key, (length + 1) * sizeof *key, &is_new);
    if (number == 0)
        return false;
    if (number > self->stack_capacity) {
        uint32_t capacity = self->stack_capacity ? 2 * self->stack_capacity : 1024;
        struct stack_entry *stacks = realloc(self->stacks, capacity * sizeof *stacks);
        if (!stacks)
            return false;
        self->stacks = stacks;
        self->stack_capacity = capacity;
    }
    if (is_new)
        self->stacks[number - 1] = define_stack(self, chain, length, (shape & 1) != 0, (shape & 2) != 0);
    const void *kept = intern_get(self->chains, number, NULL);
    *out = (struct recent_chain){.chain = kept, .shape = shape, .stack = self->stacks[number - 1]};
    return true;
}

uint32_t code_table_stack(struct code_table *self, const uint64_t *chain, uint32_t length,
                          bool first_is_return, bool is_cut, uint32_t *hints_out)
{
    if (hints_out)
        *hints_out = 0;
    if (length == 0)
        return 0;
    if (length > CHAIN_MAX) {
        length = CHAIN_MAX;
        is_cut = true;
    }
    follow_epoch(self);
    uint32_t shape = shape_of(length, first_is_return, is_cut);
    struct recent_chain *recent = recent_place(self, chain, length, shape);
    bool is_known = recent->chain && recent->shape == shape && memcmp(recent->chain, chain, length * sizeof *chain) == 0;
    if (!is_known && !find_stack(self, chain, length, shape, recent))
        return 0;
    if (hints_out)
        *hints_out = recent->stack.hints;
    return recent->stack.id;
}
