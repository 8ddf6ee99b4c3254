#include "load/wait_sums.h"

#include <stdlib.h>

#include "load/distinct.h"
#include "load/lock_sums.h"
#include "load/sum_table.h"
#include "load/wait_blocks.h"
#include "load/sorted_index.h"
#include "state/wait_reason.h"

enum table { BY_PLACE, BY_GOROUTINE, BY_OBJECT, BY_WAKER, TABLE_COUNT };

/* Groups of distinct.h: which count it is, and of what. */
enum people { WAITERS_OF_OBJECT = 1, WAKERS_OF_OBJECT, GOROUTINES_OF_SITE };
#define PEOPLE_SHIFT 60

struct wait_sums {
    struct row_writer *rows;
    const struct symbolizer *symbols;
    struct sum_table tables[TABLE_COUNT];
    struct distinct *people;
    struct wait_blocks *blocks;
    struct lock_sums *locks;
    struct sorted_index *by_goid, *by_object;
};

/* ---- rows ---- */

static void put_place(void *context, const struct sum *s)
{
    struct wait_sums *self = context;
    row_writer_put(self->rows, ROW_WAIT_SUM,
                   (const int64_t[]){s->key[0], s->key[1], s->key[2], s->key[3], s->count, s->open_count,
                                     s->wakes, s->ns, s->runnable_ns, s->longest_ns, s->longest_id,
                                     s->longest_wake_ns});
}

static void put_goroutine(void *context, const struct sum *s)
{
    struct wait_sums *self = context;
    row_writer_put(self->rows, ROW_GOROUTINE_SUM,
                   (const int64_t[]){s->key[0], s->key[1], s->key[2], s->count, s->open_count, s->ns,
                                     s->runnable_ns, s->longest_ns, s->longest_id});
}

static void put_object(void *context, const struct sum *s)
{
    struct wait_sums *self = context;
    row_writer_put(self->rows, ROW_OBJECT_SUM,
                   (const int64_t[]){s->key[0], s->key[1], s->count, s->open_count, s->ns, s->longest_ns,
                                     s->last_wake_id});
}

static void put_waker(void *context, const struct sum *s)
{
    struct wait_sums *self = context;
    row_writer_put(self->rows, ROW_WAKE_SUM,
                   (const int64_t[]){s->key[0], s->key[1] >> 1, s->key[1] & 1, s->key[2], s->count, s->ns,
                                     s->longest_ns});
}

static sum_write *const writers[TABLE_COUNT] = {
    [BY_PLACE] = put_place, [BY_GOROUTINE] = put_goroutine, [BY_OBJECT] = put_object,
    [BY_WAKER] = put_waker,
};

struct wait_sums *wait_sums_new(struct store *store, struct row_writer *rows,
                                const struct symbolizer *symbols)
{
    struct wait_sums *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rows = rows;
    self->symbols = symbols;
    for (int i = 0; i < TABLE_COUNT; i++)
        sum_table_init(&self->tables[i], writers[i], self);
    self->people = distinct_new(store, "wait_people");
    self->blocks = wait_blocks_new();
    self->locks = lock_sums_new(store, rows, symbols);
    self->by_goid = sorted_index_new(store, "packed_wait_goid");
    self->by_object = sorted_index_new(store, "packed_wait_object");
    if (self->people && self->blocks && self->locks && self->by_goid && self->by_object)
        return self;
    wait_sums_free(self);
    return NULL;
}

void wait_sums_free(struct wait_sums *self)
{
    if (!self)
        return;
    for (int i = 0; i < TABLE_COUNT; i++)
        sum_table_release(&self->tables[i]);
    distinct_free(self->people);
    wait_blocks_free(self->blocks);
    lock_sums_free(self->locks);
    sorted_index_free(self->by_goid);
    sorted_index_free(self->by_object);
    free(self);
}

static struct sum *find(struct wait_sums *self, enum table which, const int64_t key[SUM_KEYS])
{
    return sum_table_find(&self->tables[which], key);
}

/* ---- waits ---- */

static void add(struct sum *sum, int64_t id, const struct round_wait *wait)
{
    if (!sum)
        return;
    sum_add(sum, id, wait->wait_ns);
    sum->open_count += wait->is_open;
    if (!wait->wake)
        return;
    sum->wakes++;
    if (wait->run)
        sum->runnable_ns += (int64_t)(wait->run - wait->wake);
    if (wait->wait_ns > sum->longest_wake_ns)
        sum->longest_wake_ns = wait->wait_ns;
}

static void add_object(struct wait_sums *self, int64_t id, uint64_t goid, const struct round_wait *wait,
                       uint32_t object, bool may_have_ended_it)
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
    return (uint64_t)GOROUTINES_OF_SITE << PEOPLE_SHIFT | (uint64_t)site << SITE_SHIFT |
           ((uint64_t)kind & KIND_MASK);
}

void wait_sums_add(struct wait_sums *self, int64_t id, uint64_t goid, const struct round_wait *wait,
                   const struct select_set *set)
{
    sorted_index_add(self->by_goid, (int64_t)goid, id);
    /* As indexes.sql says: for channels only, others are found by their sums. */
    if (wait->object != ROW_NULL && (wait->object < 0 || wait->direction))
        sorted_index_add(self->by_object, wait->object, id);
    int64_t kind = (int64_t)wait->reason << 1 | wait->is_system;
    uint64_t no_length_end = wait->run ? wait->run : wait->start;
    wait_blocks_add(self->blocks, id, wait->start,
                    wait->wait_ns != ROW_NULL ? wait->start + (uint64_t)wait->wait_ns : no_length_end,
                    wait->wait_ns);
    add(find(self, BY_PLACE,
             (const int64_t[4]){wait->object, symbolizer_stack_column(wait->stack), wait->reason,
                                wait->is_system}),
        id, wait);
    add(find(self, BY_GOROUTINE, (const int64_t[4]){(int64_t)goid, wait->reason, wait->is_system}), id, wait);
    if (!wait->is_open)
        add(find(self, BY_WAKER,
                 (const int64_t[4]){wait->object, kind, symbolizer_stack_column(wait->waker_stack)}),
            id, wait);
    if (!wait->is_system && (wait->class == WAIT_MUTEX || wait->class == WAIT_RWMUTEX))
        lock_sums_add(self->locks, id, goid, wait);
    if (!wait->is_system && wait->class == WAIT_GC)
        row_writer_put(self->rows, ROW_GC_WAIT, (const int64_t[]){id});
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
        row_writer_put(
            self->rows, ROW_OBJECT_PEOPLE,
            (const int64_t[]){(uint32_t)group, group >> PEOPLE_SHIFT == WAKERS_OF_OBJECT, (int64_t)count});
        break;
    }
}

int wait_sums_finish(struct wait_sums *self, struct error *err)
{
    for (int i = 0; i < TABLE_COUNT; i++) {
        sum_table_flush(&self->tables[i]);
        if (self->tables[i].failed)
            return error_set(err, ERR_NOMEM, "out of memory");
    }
    int rc = wait_blocks_finish(self->blocks, self->rows, err);
    if (rc == 0)
        rc = lock_sums_finish(self->locks, err);
    return rc < 0 ? rc : distinct_each(self->people, put_people, self, err);
}

int wait_sums_finish_indexes(struct wait_sums *self, struct error *err)
{
    int rc = sorted_index_finish(self->by_goid, err);
    return rc < 0 ? rc : sorted_index_finish(self->by_object, err);
}
