#include "load/distinct.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "load/pair_sort.h"

#define SLOTS_FIRST 4096u
/* 48 MB, of which three quarters are used. */
#define SLOTS_MAX (1u << 21)
#define PAIRS_MAX (SLOTS_MAX / 4 * 3)

/* Slots lie far apart in memory: a pair waits until its slot has been fetched. */
#define WAITING_MAX 16u

struct distinct {
    struct store *store;
    struct pair waiting[WAITING_MAX];
    uint32_t waiting_count;
    const char *name;   /* borrowed: of the table that it spills to */
    struct pair *slots; /* group and member, both 0: free; owned; capacity is a power of two */
    uint32_t capacity, count;
    struct store_bulk *spill; /* NULL: all pairs are in memory */
    struct error failure;
};

struct distinct *distinct_new(struct store *store, const char *name)
{
    struct distinct *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->name = name;
    self->capacity = SLOTS_FIRST;
    self->slots = calloc(self->capacity, sizeof *self->slots);
    if (!self->slots) {
        free(self);
        return NULL;
    }
    return self;
}

void distinct_free(struct distinct *self)
{
    if (!self)
        return;
    store_bulk_free(self->spill);
    free(self->slots);
    free(self);
}

static uint64_t hash_of(uint64_t group, uint64_t member)
{
    return map_hash(group ^ map_hash(member));
}

static struct pair *find(struct pair *slots, uint32_t capacity, uint64_t group, uint64_t member)
{
    uint64_t place = hash_of(group, member) & (capacity - 1);
    while ((slots[place].key || slots[place].value) &&
           (slots[place].key != group || slots[place].value != member))
        place = (place + 1) & (capacity - 1);
    return &slots[place];
}

static void grow(struct distinct *self)
{
    uint32_t capacity = 2 * self->capacity;
    struct pair *slots = calloc(capacity, sizeof *slots);
    if (!slots) {
        error_set(&self->failure, ERR_NOMEM, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < self->capacity; i++) {
        const struct pair *pair = &self->slots[i];
        if (pair->key || pair->value)
            *find(slots, capacity, pair->key, pair->value) = *pair;
    }
    free(self->slots);
    self->slots = slots;
    self->capacity = capacity;
}

static int create_spill(struct distinct *self)
{
    char sql[128];
    snprintf(sql, sizeof sql, "CREATE TEMP TABLE %s (member_group INTEGER, member INTEGER)", self->name);
    int rc = store_exec(self->store, sql, &self->failure);
    return rc < 0 ? rc
                  : store_bulk_new(self->store, self->name, "member_group, member", 0, NULL, &self->spill,
                                   &self->failure);
}

/* A pair may be there several times. */
static void spill(struct distinct *self)
{
    if (!self->spill && create_spill(self) < 0)
        return;
    for (uint32_t i = 0; i < self->capacity; i++) {
        const struct pair *pair = &self->slots[i];
        if (!pair->key && !pair->value)
            continue;
        int64_t *row = store_bulk_row(self->spill, &self->failure);
        if (!row)
            return;
        row[0] = (int64_t)pair->key;
        row[1] = (int64_t)pair->value;
    }
    memset(self->slots, 0, self->capacity * sizeof *self->slots);
    self->count = 0;
}

static void put_now(struct distinct *self, uint64_t group, uint64_t member)
{
    struct pair *pair = find(self->slots, self->capacity, group, member);
    if (pair->key || pair->value || self->failure.code < 0)
        return;
    *pair = (struct pair){group, member};
    self->count++;
    if (self->count > PAIRS_MAX)
        spill(self);
    else if (self->count > self->capacity / 4 * 3)
        grow(self);
}

static void put_waiting(struct distinct *self)
{
    for (uint32_t i = 0; i < self->waiting_count; i++)
        put_now(self, self->waiting[i].key, self->waiting[i].value);
    self->waiting_count = 0;
}

void distinct_put(struct distinct *self, uint64_t group, uint64_t member)
{
    if (self->waiting_count == WAITING_MAX)
        put_waiting(self);
    __builtin_prefetch(&self->slots[hash_of(group, member) & (self->capacity - 1)]);
    self->waiting[self->waiting_count++] = (struct pair){group, member};
}

static void count_here(struct distinct *self, distinct_visit *visit, void *context)
{
    uint32_t count = 0;
    struct pair *scratch = malloc((self->count + 1) * sizeof *scratch);
    if (!scratch) {
        error_set(&self->failure, ERR_NOMEM, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < self->capacity; i++) {
        if (self->slots[i].key || self->slots[i].value)
            self->slots[count++] = self->slots[i];
    }
    pair_sort(self->slots, scratch, count);
    free(scratch);
    for (uint32_t i = 0, first = 0; i < count; i++) {
        if (i + 1 < count && self->slots[i + 1].key == self->slots[i].key)
            continue;
        visit(context, self->slots[i].key, i + 1 - first);
        first = i + 1;
    }
    memset(self->slots, 0, self->capacity * sizeof *self->slots);
    self->count = 0;
}

static int count_spilled(struct distinct *self, distinct_visit *visit, void *context, struct error *err)
{
    struct store_statement *query = NULL;
    char sql[160];
    spill(self);
    if (self->failure.code == 0)
        store_bulk_flush(self->spill, &self->failure);
    snprintf(sql, sizeof sql,
             "SELECT member_group, count(DISTINCT member) FROM temp.%s GROUP BY member_group", self->name);
    if (self->failure.code == 0)
        store_prepare(self->store, sql, NULL, &query, &self->failure);
    int rc = self->failure.code;
    while (rc == 0 && (rc = store_step(query, &self->failure)) == 1) {
        visit(context, (uint64_t)store_column_int(query, 0), (uint64_t)store_column_int(query, 1));
        rc = 0;
    }
    store_finalize(query);
    if (rc == 0) {
        store_bulk_free(self->spill);
        self->spill = NULL;
        snprintf(sql, sizeof sql, "DROP TABLE temp.%s", self->name);
        rc = store_exec(self->store, sql, &self->failure);
    }
    if (rc < 0 && err)
        *err = self->failure;
    return rc;
}

int distinct_each(struct distinct *self, distinct_visit *visit, void *context, struct error *err)
{
    put_waiting(self);
    if (self->failure.code == 0 && self->spill)
        return count_spilled(self, visit, context, err);
    if (self->failure.code == 0)
        count_here(self, visit, context);
    if (self->failure.code < 0 && err)
        *err = self->failure;
    return self->failure.code;
}
