#include "object_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define REREAD_NS   1000000000ull /* look at a channel again after this long */
#define RETRY_NS    50000000ull   /* and sooner when the last look failed */
#define ENTRIES_MAX 65536u

struct entry {
    struct def_object def; /* def.type is filled in per epoch */
    uint64_t type_address;
    uint64_t read_ns, seen_ns;
    uint32_t seen_cycle;
    uint32_t epoch, id; /* id in that epoch; epoch 0: none yet */
    const char *type;   /* owned by the process object */
};

struct object_table {
    struct go_process *process;
    struct trace_writer *writer;
    struct map index; /* key → entry number */
    struct entry *entries;
    uint32_t count, capacity;
    uint32_t cycles;
    uint64_t unread;
};

struct object_table *object_table_new(struct go_process *process, struct trace_writer *writer)
{
    struct object_table *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->process = process;
    self->writer = writer;
    map_init(&self->index);
    return self;
}

void object_table_free(struct object_table *self)
{
    if (!self)
        return;
    map_release(&self->index);
    free(self->entries);
    free(self);
}

/* User addresses have at most 57 bits: the kind fits above. */
static uint64_t key_of(enum object_kind kind, uint64_t address)
{
    return address ^ ((uint64_t)kind << 58);
}

/* Forgetting everything loses no fact that was written: an object seen again is defined again, with the doubt
 * marked. */
static void make_room(struct object_table *self)
{
    map_reset(&self->index);
    self->count = 0;
}

static struct entry *find_or_add(struct object_table *self, enum object_kind kind, uint64_t address)
{
    uint64_t key = key_of(kind, address), number;
    if (map_get(&self->index, key, &number))
        return &self->entries[number];
    if (self->count >= ENTRIES_MAX)
        make_room(self);
    if (self->count == self->capacity) {
        uint32_t capacity = self->capacity ? 2 * self->capacity : 256;
        struct entry *entries = realloc(self->entries, capacity * sizeof *entries);
        if (!entries)
            return NULL;
        self->entries = entries;
        self->capacity = capacity;
    }
    if (map_put(&self->index, key, self->count) != 0)
        return NULL;
    struct entry *entry = &self->entries[self->count++];
    *entry = (struct entry){.def = {.kind = kind, .addr = address, .generation = 1}};
    return entry;
}

static void read_chan(struct object_table *self, struct entry *entry, uint64_t now_ns)
{
    struct go_chan chan;
    bool known = entry->type != NULL;
    entry->read_ns = now_ns;
    if (!go_process_read_chan(self->process, entry->def.addr, &chan)) {
        if (!known) {
            self->unread++;
            entry->def.flags |= OBJECT_UNREAD;
        }
        return;
    }
    if (known && (chan.type_address != entry->type_address || chan.capacity != entry->def.capacity)) {
        entry->def.generation++;
        entry->def.flags = 0;
    }
    uint32_t flags =
        (entry->def.flags & OBJECT_REUSE_DOUBT) | OBJECT_CAPACITY | (chan.is_timer ? OBJECT_TIMER : 0);
    if (entry->type == chan.type && entry->def.capacity == chan.capacity && entry->def.flags == flags)
        return;
    entry->type = chan.type;
    entry->type_address = chan.type_address;
    entry->def.capacity = chan.capacity;
    entry->def.flags = flags;
    entry->epoch = 0;
}

static void note_sight(struct object_table *self, struct entry *entry, uint64_t time_ns)
{
    if (entry->seen_ns && self->cycles - entry->seen_cycle >= 2 && !(entry->def.flags & OBJECT_REUSE_DOUBT)) {
        entry->def.flags |= OBJECT_REUSE_DOUBT;
        entry->epoch = 0;
    }
    entry->seen_ns = time_ns;
    entry->seen_cycle = self->cycles;
}

static uint32_t define(struct object_table *self, struct entry *entry)
{
    uint32_t epoch = trace_writer_epoch(self->writer);
    if (entry->epoch != epoch) {
        entry->def.type =
            entry->type ? trace_writer_string(self->writer, entry->type, strlen(entry->type)) : 0;
        entry->id = trace_writer_object(self->writer, &entry->def);
        entry->epoch = epoch;
    }
    return entry->id;
}

uint32_t object_table_chan(struct object_table *self, uint64_t address, uint64_t time_ns)
{
    if (!address)
        return 0;
    struct entry *entry = find_or_add(self, OBJECT_CHAN, address);
    if (!entry)
        return 0;
    note_sight(self, entry, time_ns);
    uint64_t age = time_ns - entry->read_ns;
    if (entry->read_ns == 0 || (int64_t)age > (int64_t)(entry->type ? REREAD_NS : RETRY_NS))
        read_chan(self, entry, time_ns);
    return define(self, entry);
}

uint32_t object_table_plain(struct object_table *self, enum object_kind kind, uint64_t address,
                            uint64_t time_ns)
{
    if (!address)
        return 0;
    struct entry *entry = find_or_add(self, kind, address);
    if (!entry)
        return 0;
    note_sight(self, entry, time_ns);
    return define(self, entry);
}

void object_table_gc_cycles(struct object_table *self, uint32_t cycles)
{
    self->cycles = cycles;
}

uint64_t object_table_unread(const struct object_table *self)
{
    return self->unread;
}
