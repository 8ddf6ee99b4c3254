#include "object_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "fd_name.h"
#include "go/go_memory.h"

#define REREAD_NS   1000000000ull /* look at a channel again after this long where collections are not seen */
#define RETRY_NS    50000000ull   /* and sooner when the last look failed */
#define ENTRIES_MAX 65536u

/* A descriptor is closed and its pollDesc used again within one round of reading the rings: look that often, but at no
 * more of them in a round. */
#define DESCRIPTOR_NS       20000000ull
#define DESCRIPTORS_A_ROUND 256u
#define DESCRIPTOR_MAX      (1 << 24)

/* Asking the keeper costs two switches of threads. runtime.pollDesc.fdseq lies behind fd and counts the uses of a pollDesc
 * (netpoll.go, Go 1.21 to 1.27): while it stays, so does the descriptor, unless the program has dup2()ed over its number. */
#define FDSEQ_FIRST_GO 21
#define FDSEQ_LAST_GO  27
#define ASK_AGAIN_NS   1000000000u

struct entry {
    struct def_object def; /* def.type is filled in per epoch */
    uint64_t type_address;
    uint64_t read_ns, seen_ns;
    uint32_t seen_cycle, read_cycle;
    uint32_t epoch, id; /* id in that epoch; epoch 0: none yet */
    const char *type;   /* of a channel: owned by the process object; else of the entry: own_type */
    char *own_type;     /* owned; name of a variable or of a descriptor */
    int32_t fd;         /* of a pollDesc */
    uint64_t link_hash;
    uint64_t fdseq, asked_ns;
    bool is_final; /* not a socket whose other side may yet come */
};

/* A piece of the target's memory as it was in this round of reading the rings: the pollDescs of a program lie beside each
 * other (netpoll.go, pollCache), and one read does for several of them. */
#define PAGE_BYTES 4096u
#define PAGES      16u

struct page {
    uint64_t address; /* 0: none */
    uint8_t bytes[PAGE_BYTES];
};

struct object_table {
    struct go_binary *binary;
    struct go_process *process;
    struct keeper *keeper;
    uint32_t descriptors_left; /* in this round */
    struct page pages[PAGES];  /* of this round */
    bool in_round;
    struct trace_writer *writer;
    struct map index; /* key → entry number */
    struct entry *entries;
    uint32_t count, capacity;
    const struct gc_clock *clock;
    uint64_t unread;
};

struct object_table *object_table_new(struct go_binary *binary, struct go_process *process,
                                      const struct gc_clock *clock, struct keeper *keeper,
                                      struct trace_writer *writer)
{
    struct object_table *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->binary = binary;
    self->process = process;
    self->clock = clock;
    self->keeper = keeper;
    self->descriptors_left = DESCRIPTORS_A_ROUND;
    self->writer = writer;
    map_init(&self->index);
    return self;
}

/* Forgetting everything loses no fact that was written: an object seen again is defined again, with the doubt
 * marked. */
static void make_room(struct object_table *self)
{
    for (uint32_t i = 0; i < self->count; i++)
        free(self->entries[i].own_type);
    map_reset(&self->index);
    self->count = 0;
}

void object_table_free(struct object_table *self)
{
    if (!self)
        return;
    make_room(self);
    map_release(&self->index);
    free(self->entries);
    free(self);
}

/* User addresses have at most 57 bits: the kind fits above. */
static uint64_t key_of(enum object_kind kind, uint64_t address)
{
    return address ^ ((uint64_t)kind << 58);
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

static void read_chan(struct object_table *self, struct entry *entry, uint64_t time_ns)
{
    struct go_chan chan;
    uint32_t then, now;
    bool known = entry->type != NULL;
    entry->read_ns = time_ns;
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
    /* With a collection between the event and this look, it may be another channel already. */
    if (gc_clock_now(self->clock, &now)) {
        entry->read_cycle = now;
        if (!known && gc_clock_at(self->clock, time_ns, &then) && then != now)
            entry->def.flags |= OBJECT_REUSE_DOUBT;
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
    uint32_t cycle;
    if (!gc_clock_at(self->clock, time_ns, &cycle))
        cycle = entry->seen_cycle;
    if (entry->seen_ns && (int32_t)(cycle - entry->seen_cycle) >= 2 &&
        !(entry->def.flags & OBJECT_REUSE_DOUBT)) {
        entry->def.flags |= OBJECT_REUSE_DOUBT;
        entry->epoch = 0;
    }
    entry->seen_ns = time_ns;
    entry->seen_cycle = cycle;
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

/* A collection may have put another channel at the address. */
static bool wants_look(const struct object_table *self, const struct entry *entry, uint64_t time_ns)
{
    uint32_t cycle;
    int64_t age = (int64_t)(time_ns - entry->read_ns);
    if (entry->read_ns == 0 || !entry->type)
        return entry->read_ns == 0 || age > (int64_t)RETRY_NS;
    if (gc_clock_at(self->clock, time_ns, &cycle))
        return (int32_t)(cycle - entry->read_cycle) > 0;
    return age > (int64_t)REREAD_NS;
}

uint32_t object_table_chan(struct object_table *self, uint64_t address, uint64_t time_ns)
{
    if (!address)
        return 0;
    struct entry *entry = find_or_add(self, OBJECT_CHAN, address);
    if (!entry)
        return 0;
    note_sight(self, entry, time_ns);
    if (wants_look(self, entry, time_ns))
        read_chan(self, entry, time_ns);
    return define(self, entry);
}

/* Without memory it stays without a name. */
static void set_own_type(struct entry *entry, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return;
    free(entry->own_type);
    entry->own_type = copy;
    entry->type = copy;
    entry->epoch = 0;
}

static void name_variable(struct object_table *self, struct entry *entry)
{
    uint64_t distance;
    char text[512];
    const char *name =
        go_binary_variable(self->binary, entry->def.addr - go_process_bias(self->process), &distance);
    if (!name)
        return;
    if (distance)
        snprintf(text, sizeof text, "%s+0x%" PRIx64, name, distance);
    else
        snprintf(text, sizeof text, "%s", name);
    set_own_type(entry, text);
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

static bool has_fdseq(const struct go_binary *binary)
{
    const struct go_build_info *info = go_binary_build_info(binary);
    return info->major == 1 && info->minor >= FDSEQ_FIRST_GO && info->minor <= FDSEQ_LAST_GO;
}

/* As go_memory_read(), but the bytes may be from the beginning of this round. */
static bool read_in_round(struct object_table *self, uint64_t address, void *out, size_t size)
{
    uint64_t start = address / PAGE_BYTES * PAGE_BYTES;
    struct go_memory memory = go_process_memory(self->process);
    struct page *page = &self->pages[start / PAGE_BYTES % PAGES];
    if (!self->in_round || start == 0 || address - start > PAGE_BYTES - size)
        return go_memory_read(memory, address, out, size);
    if (page->address != start) {
        page->address = 0;
        if (!go_memory_read(memory, start, page->bytes, PAGE_BYTES))
            return false;
        page->address = start;
    }
    memcpy(out, page->bytes + (address - start), size);
    return true;
}

/* runtime.pollDesc.fd (netpoll.go). A pollDesc is used again for later descriptors, and a number for later sockets. */
static void look_at_descriptor(struct object_table *self, struct entry *entry, uint64_t now_ns)
{
    struct {
        uint64_t fd, fdseq;
    } use = {0};
    char link[FD_LINK_SIZE], name[FD_NAME_SIZE];
    int offset = go_binary_layout(self->binary)->polldesc_fd;
    if (self->descriptors_left == 0 || offset < 0)
        return;
    self->descriptors_left--;
    entry->read_ns = now_ns;
    bool counted = has_fdseq(self->binary);
    if (!read_in_round(self, entry->def.addr + (uint64_t)offset, &use,
                       counted ? sizeof use : sizeof use.fd) ||
        use.fd > DESCRIPTOR_MAX)
        return;
    if (counted && entry->type && entry->is_final && entry->fd == (int32_t)use.fd &&
        entry->fdseq == use.fdseq && now_ns - entry->asked_ns < ASK_AGAIN_NS)
        return;
    if (!self->keeper || !keeper_look_at_descriptor(self->keeper, (int)use.fd, link, name))
        return;
    entry->asked_ns = now_ns;
    entry->fdseq = use.fdseq;
    uint64_t hash = hash_text(link);
    bool is_same = entry->type && entry->fd == (int32_t)use.fd && entry->link_hash == hash;
    if (is_same && (entry->is_final || strcmp(name, entry->type) == 0))
        return;
    if (entry->type && !is_same) {
        entry->def.generation++;
        entry->def.flags = 0;
    }
    entry->fd = (int32_t)use.fd;
    entry->link_hash = hash;
    entry->is_final = strstr(name, "->") || strncmp(link, "socket:", 7) != 0;
    set_own_type(entry, name);
}

uint32_t object_table_plain(struct object_table *self, enum object_kind kind, uint64_t address,
                            uint64_t time_ns)
{
    if (!address)
        return 0;
    struct entry *entry = find_or_add(self, kind, address);
    if (!entry)
        return 0;
    bool is_new = entry->seen_ns == 0;
    if (kind != OBJECT_POLLDESC) /* these are not collected */
        note_sight(self, entry, time_ns);
    entry->seen_ns = time_ns;
    if (kind == OBJECT_POLLDESC) {
        if (is_new || (int64_t)(time_ns - entry->read_ns) > (int64_t)DESCRIPTOR_NS)
            look_at_descriptor(self, entry, time_ns);
    } else if (is_new) {
        name_variable(self, entry);
    }
    return define(self, entry);
}

void object_table_begin_round(struct object_table *self)
{
    self->descriptors_left = DESCRIPTORS_A_ROUND;
    for (unsigned i = 0; i < PAGES; i++)
        self->pages[i].address = 0;
    self->in_round = true;
}

void object_table_end_round(struct object_table *self)
{
    self->in_round = false;
}

uint64_t object_table_unread(const struct object_table *self)
{
    return self->unread;
}
