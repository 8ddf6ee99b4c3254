#include "load/sorted_index.h"

#include <stdlib.h>

#include "load/pair_sort.h"
#include "load/runs.h"

/* In memory; a megabyte, which stays in the cache while it is sorted. */
#define ENTRIES_MAX 65536u

/* Keys are signed, and stored so that unsigned order is theirs. */
#define SIGN (1ull << 63)

struct sorted_index {
    struct store *store;
    const char *name;
    struct runs *entries;
    struct store_bulk *rows;
};

/* Ids need no comparing: equal keys come in the order in which they were put. */
static int by_key(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

struct sorted_index *sorted_index_new(struct store *store, const char *name)
{
    struct sorted_index *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->store = store;
    self->name = name;
    self->entries = runs_new(&(struct runs_options){.record_size = sizeof(struct pair),
                                                    .capacity = ENTRIES_MAX,
                                                    .compare = by_key,
                                                    .sort = pair_sort,
                                                    .beside = store_path(store)});
    if (self->entries)
        return self;
    sorted_index_free(self);
    return NULL;
}

void sorted_index_free(struct sorted_index *self)
{
    if (!self)
        return;
    runs_free(self->entries);
    store_bulk_free(self->rows);
    free(self);
}

void sorted_index_add(struct sorted_index *self, int64_t key, int64_t id)
{
    runs_put(self->entries, &(struct pair){(uint64_t)key ^ SIGN, (uint64_t)id});
}

static int write_row(void *context, const void *record, struct error *err)
{
    struct sorted_index *self = context;
    const struct pair *entry = record;
    int64_t *row = store_bulk_row(self->rows, err);
    if (!row)
        return err->code;
    row[0] = (int64_t)(entry->key ^ SIGN);
    row[1] = (int64_t)entry->value;
    return 0;
}

int sorted_index_finish(struct sorted_index *self, struct error *err)
{
    int rc = store_index_new(self->store, self->name, &self->rows, err);
    if (rc == 0)
        rc = runs_each(self->entries, write_row, self, err);
    if (rc == 0)
        rc = store_bulk_flush(self->rows, err);
    store_bulk_free(self->rows);
    self->rows = NULL;
    return rc < 0 ? rc : store_index_finish(self->store, self->name, err);
}
