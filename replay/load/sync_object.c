#include "load/sync_object.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

/* So many objects are kept in memory; then they are forgotten and looked up in the database, which has an
 * index for it from then on. */
#define OBJECTS_MAX 400000
/* And so many sets; then equal ones get rows again. */
#define SETS_MAX 50000

struct object {
    uint64_t addr;
    uint32_t generation;
    uint32_t id;
    uint32_t next; /* with the same hash: place + 1; 0: none */
    unsigned char kind;
    bool has_type, has_capacity, is_timer, is_doubtful;
};

struct sync_objects {
    struct store *store;
    struct row_writer *rows;
    struct anomaly_log *anomalies;
    struct symbolizer *symbols;
    struct object *objects; /* owned */
    uint32_t count, capacity;
    struct map places; /* hash of kind, address, generation → place + 1 of the first one */
    struct map epoch_objects, epoch_sets; /* id of the trace → packed facts, pointer to a set */
    struct map known_sets; /* hash of content → pointer to a set that has a row; owned references */
    uint32_t last_id, lost_id, last_set;
    struct store_statement *find; /* NULL while all objects are in memory */
    struct error failure;
};

static const char *const kind_names[OBJECT_KIND_COUNT] = {
    [OBJECT_UNKNOWN] = "unknown",   [OBJECT_CHAN] = "chan",           [OBJECT_MUTEX] = "mutex",
    [OBJECT_RWMUTEX] = "rwmutex",   [OBJECT_WAITGROUP] = "waitgroup", [OBJECT_COND] = "cond",
    [OBJECT_POLLDESC] = "polldesc", [OBJECT_SEMAPHORE] = "semaphore",
};

struct sync_objects *sync_objects_new(struct store *store, struct row_writer *rows,
                                      struct anomaly_log *anomalies, struct symbolizer *symbols,
                                      struct error *err)
{
    struct sync_objects *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    self->store = store;
    self->rows = rows;
    self->anomalies = anomalies;
    self->symbols = symbols;
    map_init(&self->places);
    map_init(&self->epoch_objects);
    map_init(&self->epoch_sets);
    map_init(&self->known_sets);
    return self;
}

void select_set_release(struct select_set *set)
{
    if (set && --set->references == 0)
        free(set);
}

static void forget_sets(struct map *sets)
{
    size_t position = 0;
    const struct map_slot *slot;
    while ((slot = map_next(sets, &position)))
        select_set_release((struct select_set *)(uintptr_t)slot->value);
    map_reset(sets);
}

void sync_objects_new_epoch(struct sync_objects *self)
{
    forget_sets(&self->epoch_sets);
    map_reset(&self->epoch_objects);
}

void sync_objects_free(struct sync_objects *self)
{
    if (!self)
        return;
    sync_objects_new_epoch(self);
    forget_sets(&self->known_sets);
    map_release(&self->known_sets);
    map_release(&self->epoch_sets);
    map_release(&self->epoch_objects);
    map_release(&self->places);
    store_finalize(self->find);
    free(self->objects);
    free(self);
}

int sync_objects_check(const struct sync_objects *self, struct error *err)
{
    if (self->failure.code < 0 && err)
        *err = self->failure;
    return self->failure.code;
}

static void out_of_memory(struct sync_objects *self)
{
    if (self->failure.code == 0)
        error_set(&self->failure, ERR_NOMEM, "out of memory");
}

uint64_t object_facts_pack(struct object_facts facts)
{
    return (uint64_t)facts.id | (uint64_t)facts.kind << 32 | (uint64_t)facts.is_timer << 40;
}

struct object_facts object_facts_unpack(uint64_t packed)
{
    return (struct object_facts){
        .id = (uint32_t)packed, .kind = (unsigned char)(packed >> 32), .is_timer = (packed >> 40 & 1) != 0};
}

/* ---- one object ---- */

static void write_object(struct sync_objects *self, const struct object *object, const char *type,
                         uint64_t capacity)
{
    row_writer_text(self->rows, ROW_OBJECT, 1, kind_names[object->kind]);
    row_writer_text(self->rows, ROW_OBJECT, 4, type);
    row_writer_put(self->rows, ROW_OBJECT,
                   (const int64_t[]){object->id, 0, (int64_t)object->addr, object->generation, 0,
                                     object->has_capacity ? (int64_t)capacity : ROW_NULL, object->is_timer,
                                     object->is_doubtful});
}

static uint64_t hash_of(const struct def_object *def)
{
    return map_hash(def->addr ^ map_hash((uint64_t)def->kind << 32 | def->generation));
}

static int forget_all(struct sync_objects *self)
{
    map_reset(&self->places);
    self->count = 0;
    if (self->find)
        return 0;
    if (store_exec(self->store, "CREATE INDEX IF NOT EXISTS object_addr ON object (addr, generation)",
                   &self->failure) < 0)
        return -1;
    return store_prepare(
        self->store,
        "SELECT id, type IS NOT NULL, capacity IS NOT NULL, is_timer, is_doubtful FROM object "
        "WHERE addr = ?1 AND generation = ?2 AND kind = ?3",
        NULL, &self->find, &self->failure);
}

/* Fills in what the database knows. 1 found, 0 not, negative: failed. */
static int find_in_database(struct sync_objects *self, const struct def_object *def, struct object *out)
{
    store_bind_int(self->find, 1, (int64_t)def->addr);
    store_bind_int(self->find, 2, def->generation);
    store_bind_static(self->find, 3, kind_names[out->kind]);
    int rc = store_step(self->find, &self->failure);
    if (rc == 1) {
        out->id = (uint32_t)store_column_int(self->find, 0);
        out->has_type = store_column_int(self->find, 1) != 0;
        out->has_capacity = store_column_int(self->find, 2) != 0;
        out->is_timer = store_column_int(self->find, 3) != 0;
        out->is_doubtful = store_column_int(self->find, 4) != 0;
    }
    store_reset(self->find, NULL);
    return rc;
}

/* An object in memory: found there, in the database, or new with id 0. NULL on failure. */
static struct object *remember(struct sync_objects *self, const struct def_object *def)
{
    uint64_t hash = hash_of(def), first = 0;
    map_get(&self->places, hash, &first);
    for (uint64_t place = first; place; place = self->objects[place - 1].next) {
        struct object *object = &self->objects[place - 1];
        if (object->addr == def->addr && object->generation == def->generation && object->kind == def->kind)
            return object;
    }
    if (self->count >= OBJECTS_MAX) {
        if (forget_all(self) < 0)
            return NULL;
        first = 0;
    }
    if (self->count == self->capacity) {
        uint32_t capacity = self->capacity ? 2 * self->capacity : 256;
        struct object *objects = realloc(self->objects, capacity * sizeof *objects);
        if (!objects) {
            out_of_memory(self);
            return NULL;
        }
        self->objects = objects;
        self->capacity = capacity;
    }
    struct object *object = &self->objects[self->count];
    *object = (struct object){.addr = def->addr,
                              .generation = def->generation,
                              .kind = (unsigned char)def->kind,
                              .next = (uint32_t)first};
    if (self->find && find_in_database(self, def, object) < 0)
        return NULL;
    self->count++;
    if (map_put(&self->places, hash, self->count) < 0) {
        out_of_memory(self);
        return NULL;
    }
    return object;
}

static struct object_facts lost_object(struct sync_objects *self, uint64_t id)
{
    anomaly_add(self->anomalies, ANOMALY_LOST_DEFINITION, ROW_NULL, ROW_NULL, ROW_NULL, 1,
                "object %llu is not defined", (unsigned long long)id);
    if (!self->lost_id) {
        struct object object = {
            .id = self->lost_id = ++self->last_id, .kind = OBJECT_UNKNOWN, .is_doubtful = true};
        write_object(self, &object, "<lost>", 0);
    }
    return (struct object_facts){.id = self->lost_id, .kind = OBJECT_UNKNOWN};
}

static struct object_facts resolve(struct sync_objects *self, const struct trace_reader *reader,
                                   const struct def_object *raw)
{
    struct def_object def = *raw;
    if (def.kind >= OBJECT_KIND_COUNT)
        def.kind = OBJECT_UNKNOWN;
    struct object *object = remember(self, &def);
    if (!object)
        return (struct object_facts){0};
    bool is_new = object->id == 0;
    bool brings_type = def.type && !object->has_type;
    bool brings_capacity = (def.flags & OBJECT_CAPACITY) && !object->has_capacity;
    bool brings_timer = (def.flags & OBJECT_TIMER) && !object->is_timer;
    bool brings_doubt = (def.flags & OBJECT_REUSE_DOUBT) && !object->is_doubtful;
    if (is_new)
        object->id = ++self->last_id;
    if (is_new || brings_type || brings_capacity || brings_timer || brings_doubt) {
        const char *type =
            brings_type ? symbolizer_get_text(self->symbols, symbolizer_text(self->symbols, reader, def.type))
                        : NULL;
        object->has_type |= brings_type;
        object->is_timer |= brings_timer;
        object->is_doubtful |= brings_doubt;
        /* The row keeps what it has where this one says NULL. */
        struct object row = *object;
        row.has_capacity = brings_capacity;
        write_object(self, &row, type, def.capacity);
        object->has_capacity |= brings_capacity;
    }
    return (struct object_facts){.id = object->id, .kind = object->kind, .is_timer = object->is_timer};
}

struct object_facts sync_objects_get(struct sync_objects *self, const struct trace_reader *reader,
                                     uint64_t id)
{
    uint64_t known;
    if (id == 0)
        return (struct object_facts){0};
    if (map_get(&self->epoch_objects, id, &known))
        return object_facts_unpack(known);
    const struct def_object *def = id <= UINT32_MAX ? trace_reader_object(reader, (uint32_t)id) : NULL;
    struct object_facts facts = def ? resolve(self, reader, def) : lost_object(self, id);
    if (map_put(&self->epoch_objects, id, object_facts_pack(facts)) < 0)
        out_of_memory(self);
    return facts;
}

/* ---- sets ---- */

static uint64_t hash_of_set(const struct select_set *set)
{
    uint64_t hash = set->count;
    for (uint32_t i = 0; i < set->count; i++)
        hash = map_hash(hash ^ ((uint64_t)set->cases[i].object << 8 | set->cases[i].direction));
    return hash;
}

static bool is_same_set(const struct select_set *a, const struct select_set *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++)
        same = a->cases[i].object == b->cases[i].object && a->cases[i].direction == b->cases[i].direction;
    return same;
}

/* Gives the set its rows: those of an equal one, if it is remembered. */
static void give_rows(struct sync_objects *self, struct select_set *set)
{
    uint64_t hash = hash_of_set(set), known;
    bool is_taken = map_get(&self->known_sets, hash, &known);
    if (is_taken && is_same_set(set, (const struct select_set *)(uintptr_t)known)) {
        set->row = ((const struct select_set *)(uintptr_t)known)->row;
        return;
    }
    set->row = ++self->last_set;
    for (uint32_t i = 0; i < set->count; i++)
        row_writer_put(self->rows, ROW_OBJECT_SET,
                       (const int64_t[]){set->row, i, row_id(set->cases[i].object), set->cases[i].direction});
    if (self->known_sets.count >= SETS_MAX)
        forget_sets(&self->known_sets);
    if (is_taken)
        return;
    if (map_put(&self->known_sets, hash, (uintptr_t)set) < 0)
        out_of_memory(self);
    else
        set->references++;
}

struct select_set *sync_objects_get_set(struct sync_objects *self, const struct trace_reader *reader,
                                        uint64_t id)
{
    uint64_t known;
    struct select_set *set = NULL;
    if (map_get(&self->epoch_sets, id, &known)) {
        set = (struct select_set *)(uintptr_t)known;
    } else {
        const struct def_set *def = id && id <= UINT32_MAX ? trace_reader_set(reader, (uint32_t)id) : NULL;
        if (!def) {
            if (id)
                anomaly_add(self->anomalies, ANOMALY_LOST_DEFINITION, ROW_NULL, ROW_NULL, ROW_NULL, 1,
                            "select set %llu is not defined", (unsigned long long)id);
        } else if ((set = malloc(sizeof *set + def->case_count * sizeof set->cases[0]))) {
            set->references = 1;
            set->count = def->case_count;
            set->is_incomplete = (def->flags & SET_INCOMPLETE) != 0;
            for (uint32_t i = 0; i < def->case_count; i++) {
                struct object_facts facts = sync_objects_get(self, reader, def->cases[i].object);
                set->cases[i] =
                    (struct select_case){facts.id, (uint8_t)def->cases[i].direction, facts.is_timer};
            }
            give_rows(self, set);
        } else {
            out_of_memory(self);
        }
        if (map_put(&self->epoch_sets, id, (uintptr_t)set) < 0) {
            out_of_memory(self);
            select_set_release(set);
            return NULL;
        }
    }
    if (set)
        set->references++;
    return set;
}
