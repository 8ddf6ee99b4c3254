#include "load/wait_sums.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "load/distinct.h"

/* Keys of one table in memory; some 12 MB. */
#define SUMS_MAX 100000u

struct sum {
    int64_t key[4];
    int64_t waits, open_waits, wakes, wait_ns, runnable_ns;
    int64_t longest_ns, longest_id;      /* ROW_NULL: none has a length */
    int64_t longest_wake_ns, last_wake_id; /* ROW_NULL: none was woken */
};

enum table { BY_PLACE, BY_GOROUTINE, BY_OBJECT, BY_WAKER, TABLE_COUNT };

struct sum_table {
    struct sum *sums; /* owned */
    uint32_t *slots;  /* owned: place in sums + 1; 0: free */
    uint32_t count, capacity, slot_count;
};

/* Groups of distinct.h: which count it is, and of what. */
enum people { WAITERS_OF_OBJECT = 1, WAKERS_OF_OBJECT, GOROUTINES_OF_SITE };
#define PEOPLE_SHIFT 60

struct wait_sums {
    struct row_writer *rows;
    const struct symbolizer *symbols;
    struct sum_table tables[TABLE_COUNT];
    struct distinct *people;
    bool failed;
};

struct wait_sums *wait_sums_new(struct store *store, struct row_writer *rows, const struct symbolizer *symbols)
{
    struct wait_sums *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rows = rows;
    self->symbols = symbols;
    self->people = distinct_new(store);
    if (self->people)
        return self;
    wait_sums_free(self);
    return NULL;
}

void wait_sums_free(struct wait_sums *self)
{
    if (!self)
        return;
    for (int i = 0; i < TABLE_COUNT; i++) {
        free(self->tables[i].sums);
        free(self->tables[i].slots);
    }
    distinct_free(self->people);
    free(self);
}

/* ---- tables ---- */

static int by_key(const void *a, const void *b)
{
    const struct sum *x = a, *y = b;
    for (int i = 0; i < 4; i++) {
        if (x->key[i] != y->key[i])
            return x->key[i] < y->key[i] ? -1 : 1;
    }
    return 0;
}

static void put_sum(struct wait_sums *self, enum table table, const struct sum *s)
{
    const int64_t *key = s->key;
    switch (table) {
    case BY_PLACE:
        row_writer_put(self->rows, ROW_WAIT_SUM,
                       (const int64_t[]){key[0], key[1], key[2], key[3], s->waits, s->open_waits, s->wakes, s->wait_ns,
                                         s->runnable_ns, s->longest_ns, s->longest_id, s->longest_wake_ns});
        break;
    case BY_GOROUTINE:
        row_writer_put(self->rows, ROW_GOROUTINE_SUM,
                       (const int64_t[]){key[0], key[1], key[2], s->waits, s->open_waits, s->wait_ns, s->runnable_ns, s->longest_ns,
                                         s->longest_id});
        break;
    case BY_OBJECT:
        row_writer_put(self->rows, ROW_OBJECT_SUM,
                       (const int64_t[]){key[0], key[1], s->waits, s->open_waits, s->wait_ns, s->longest_ns, s->last_wake_id});
        break;
    default:
        row_writer_put(self->rows, ROW_WAKE_SUM,
                       (const int64_t[]){key[0], key[1] >> 1, key[1] & 1, key[2], s->waits, s->wait_ns, s->longest_ns});
        break;
    }
}

static void write_table(struct wait_sums *self, enum table which)
{
    struct sum_table *table = &self->tables[which];
    if (table->count == 0)
        return;
    qsort(table->sums, table->count, sizeof *table->sums, by_key);
    for (uint32_t i = 0; i < table->count; i++)
        put_sum(self, which, &table->sums[i]);
    table->count = 0;
    memset(table->slots, 0, table->slot_count * sizeof *table->slots);
}

static uint64_t hash_of(const int64_t key[4])
{
    uint64_t hash = 0;
    for (int i = 0; i < 4; i++)
        hash = (hash ^ (uint64_t)key[i]) * 0x9e3779b97f4a7c15u ^ hash >> 29;
    return hash ^ hash >> 32;
}

static void link_sum(struct sum_table *table, uint32_t place)
{
    uint32_t slot = (uint32_t)hash_of(table->sums[place].key) & (table->slot_count - 1);
    while (table->slots[slot])
        slot = (slot + 1) & (table->slot_count - 1);
    table->slots[slot] = place + 1;
}

static bool grow(struct sum_table *table)
{
    uint32_t capacity = table->capacity ? 4 * table->capacity : 1024;
    struct sum *sums = realloc(table->sums, capacity * sizeof *sums);
    if (sums)
        table->sums = sums;
    uint32_t *slots = sums ? calloc(2 * (size_t)capacity, sizeof *slots) : NULL;
    if (!slots)
        return false;
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    table->slot_count = 2 * capacity;
    for (uint32_t i = 0; i < table->count; i++)
        link_sum(table, i);
    return true;
}

/* NULL when out of memory. */
static struct sum *find(struct wait_sums *self, enum table which, const int64_t key[4])
{
    struct sum_table *table = &self->tables[which];
    if (table->slots) {
        uint32_t slot = (uint32_t)hash_of(key) & (table->slot_count - 1), place;
        while ((place = table->slots[slot])) {
            if (memcmp(table->sums[place - 1].key, key, sizeof table->sums->key) == 0)
                return &table->sums[place - 1];
            slot = (slot + 1) & (table->slot_count - 1);
        }
    }
    if (table->count >= SUMS_MAX)
        write_table(self, which);
    if (table->count == table->capacity && !grow(table)) {
        self->failed = true;
        return NULL;
    }
    struct sum *sum = &table->sums[table->count];
    *sum = (struct sum){
        .longest_ns = ROW_NULL, .longest_id = ROW_NULL, .longest_wake_ns = ROW_NULL, .last_wake_id = ROW_NULL};
    memcpy(sum->key, key, sizeof sum->key);
    link_sum(table, table->count++);
    return sum;
}

/* ---- waits ---- */

static void add(struct sum *sum, int64_t id, const struct round_wait *wait)
{
    if (!sum)
        return;
    sum->waits++;
    sum->open_waits += wait->is_open;
    if (wait->wait_ns != ROW_NULL) {
        sum->wait_ns += wait->wait_ns;
        if (wait->wait_ns > sum->longest_ns) {
            sum->longest_ns = wait->wait_ns;
            sum->longest_id = id;
        }
    }
    if (!wait->wake)
        return;
    sum->wakes++;
    if (wait->run)
        sum->runnable_ns += (int64_t)(wait->run - wait->wake);
    if (wait->wait_ns > sum->longest_wake_ns)
        sum->longest_wake_ns = wait->wait_ns;
}

static void add_object(struct wait_sums *self, int64_t id, uint64_t goid, const struct round_wait *wait, uint32_t object,
                       bool may_have_ended_it)
{
    if (!object)
        return;
    struct sum *sum = find(self, BY_OBJECT, (const int64_t[4]){object, wait->is_system});
    add(sum, id, wait);
    if (sum && wait->wake && may_have_ended_it)
        sum->last_wake_id = id;
    distinct_put(self->people, (uint64_t)WAITERS_OF_OBJECT << PEOPLE_SHIFT | object, goid);
    if (wait->waker_goid)
        distinct_put(self->people, (uint64_t)WAKERS_OF_OBJECT << PEOPLE_SHIFT | object, wait->waker_goid);
}

/* A site has 32 bits, a reason some 14. */
#define SITE_SHIFT 28
#define KIND_MASK  ((1u << SITE_SHIFT) - 1)

static uint64_t group_of_site(uint32_t site, int64_t kind)
{
    return (uint64_t)GOROUTINES_OF_SITE << PEOPLE_SHIFT | (uint64_t)site << SITE_SHIFT | ((uint64_t)kind & KIND_MASK);
}

void wait_sums_add(struct wait_sums *self, int64_t id, uint64_t goid, const struct round_wait *wait,
                   const struct select_set *set)
{
    int64_t kind = (int64_t)wait->reason << 1 | wait->is_system;
    add(find(self, BY_PLACE,
             (const int64_t[4]){wait->object, symbolizer_stack_column(wait->stack), wait->reason, wait->is_system}),
        id, wait);
    add(find(self, BY_GOROUTINE, (const int64_t[4]){(int64_t)goid, wait->reason, wait->is_system}), id, wait);
    if (!wait->is_open)
        add(find(self, BY_WAKER,
                 (const int64_t[4]){wait->object, kind, symbolizer_stack_column(wait->waker_stack)}),
            id, wait);
    for (uint32_t i = 0; set && i < set->count; i++)
        add_object(self, id, goid, wait, set->cases[i].object, !wait->fired || wait->fired == i + 1);
    if (!set && wait->object > 0)
        add_object(self, id, goid, wait, (uint32_t)wait->object, true);
    uint32_t site = symbolizer_stack_facts(self->symbols, wait->stack).site;
    distinct_put(self->people, group_of_site(site, kind), goid);
}

/* ---- people ---- */

static void put_people(void *context, uint64_t group, uint64_t count)
{
    struct wait_sums *self = context;
    int64_t site[3], kind = (int64_t)(group & KIND_MASK);
    switch ((enum people)(group >> PEOPLE_SHIFT)) {
    case GOROUTINES_OF_SITE:
        symbolizer_site_columns(self->symbols, (uint32_t)(group >> SITE_SHIFT), site);
        row_writer_put(self->rows, ROW_SITE_PEOPLE,
                       (const int64_t[]){site[0], site[1], site[2], kind >> 1, kind & 1, (int64_t)count});
        break;
    default:
        row_writer_put(self->rows, ROW_OBJECT_PEOPLE,
                       (const int64_t[]){(uint32_t)group, group >> PEOPLE_SHIFT == WAKERS_OF_OBJECT, (int64_t)count});
        break;
    }
}

int wait_sums_finish(struct wait_sums *self, struct error *err)
{
    for (int i = 0; i < TABLE_COUNT; i++)
        write_table(self, (enum table)i);
    if (self->failed)
        return error_set(err, ERR_NOMEM, "out of memory");
    return distinct_each(self->people, put_people, self, err);
}
