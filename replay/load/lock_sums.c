#include "load/lock_sums.h"

#include <stdlib.h>
#include <string.h>

#include "load/runs.h"
#include "load/sum_table.h"

/* How many are kept of a lock's holders, and of all holders. */
#define HOLDERS_OF_LOCK 10
#define HOLDERS         1000

/* In memory while sorting. */
#define RECORDS_MAX 65536u

/* In place of the waker's stack: the wait is not over. */
#define OPEN_WAIT INT64_MAX

/* Waits of one goroutine for one lock that one goroutine ended at one place in the code. */
struct record {
    int64_t object, waker; /* ROW_NULL: none */
    uint64_t site;         /* of the stack */
    int64_t stack;         /* 0: none; or OPEN_WAIT */
    int64_t goid;
    int64_t count, ns, longest_ns; /* longest_ns ROW_NULL: none has a length */
};

/* A holder of a lock, or of any, at one place. */
struct holder {
    int64_t waker, site[3];
    int64_t count, ns, longest_ns;
};

/* The greatest of those that were offered, in order. */
struct top {
    struct holder *list; /* owned */
    size_t count, capacity;
};

struct lock_sums {
    struct row_writer *rows;
    const struct symbolizer *symbols;
    struct sum_table sums;
    struct runs *by_lock, *by_holder;
    struct top of_lock, of_all;
    struct record row, place, holder; /* what is being added up in each pass; count 0: nothing */
    int64_t places;                   /* holders of the current lock, with their places */
};

/* ---- order ---- */

static int compare(int64_t x, int64_t y)
{
    return (x > y) - (x < y);
}

static int by_holder(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    int order = compare(x->waker, y->waker);
    return order ? order : (x->site > y->site) - (x->site < y->site);
}

static int by_place(const void *a, const void *b)
{
    int order = compare(((const struct record *)a)->object, ((const struct record *)b)->object);
    return order ? order : by_holder(a, b);
}

static int by_all(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    int order = by_place(a, b);
    if (!order)
        order = compare(x->stack, y->stack);
    return order ? order : compare(x->goid, y->goid);
}

static void sort_by_all(void *records, void *scratch, size_t count)
{
    (void)scratch;
    qsort(records, count, sizeof(struct record), by_all);
}

static void sort_by_holder(void *records, void *scratch, size_t count)
{
    (void)scratch;
    qsort(records, count, sizeof(struct record), by_holder);
}

/* Longest first; what is equal in the order of who and where, nothing before something. */
static int by_length(const struct holder *x, const struct holder *y)
{
    int order = compare(y->ns, x->ns);
    if (!order)
        order = compare(x->waker, y->waker);
    for (int i = 0; i < 3 && !order; i++)
        order = compare(x->site[i], y->site[i]);
    return order;
}

static void top_offer(struct top *self, const struct holder *holder)
{
    size_t at = self->count;
    if (at == self->capacity && by_length(holder, &self->list[at - 1]) > 0)
        return;
    if (at < self->capacity)
        self->count++;
    else
        at--;
    for (; at > 0 && by_length(holder, &self->list[at - 1]) < 0; at--)
        self->list[at] = self->list[at - 1];
    self->list[at] = *holder;
}

/* ---- the parts ---- */

/* A sum goes to be sorted: the table may be full, and begin again. */
static void keep(void *context, const struct sum *s)
{
    struct lock_sums *self = context;
    bool is_open = s->key[2] == OPEN_WAIT;
    struct record record = {.object = s->key[0],
                            .waker = s->key[1],
                            .site = is_open ? 0 : symbolizer_stack_facts(self->symbols, (uint32_t)s->key[2]).site,
                            .stack = s->key[2],
                            .goid = s->key[3],
                            .count = s->count,
                            .ns = s->ns,
                            .longest_ns = s->longest_ns};
    runs_put(self->by_lock, &record);
}

struct lock_sums *lock_sums_new(struct store *store, struct row_writer *rows, const struct symbolizer *symbols)
{
    struct lock_sums *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rows = rows;
    self->symbols = symbols;
    sum_table_init(&self->sums, keep, self);
    struct runs_options options = {.record_size = sizeof(struct record),
                                   .capacity = RECORDS_MAX,
                                   .compare = by_all,
                                   .sort = sort_by_all,
                                   .beside = store_path(store)};
    self->by_lock = runs_new(&options);
    options.compare = by_holder;
    options.sort = sort_by_holder;
    self->by_holder = runs_new(&options);
    self->of_lock.capacity = HOLDERS_OF_LOCK;
    self->of_all.capacity = HOLDERS;
    self->of_lock.list = calloc(HOLDERS_OF_LOCK, sizeof *self->of_lock.list);
    self->of_all.list = calloc(HOLDERS, sizeof *self->of_all.list);
    if (self->by_lock && self->by_holder && self->of_lock.list && self->of_all.list)
        return self;
    lock_sums_free(self);
    return NULL;
}

void lock_sums_free(struct lock_sums *self)
{
    if (!self)
        return;
    sum_table_release(&self->sums);
    runs_free(self->by_lock);
    runs_free(self->by_holder);
    free(self->of_lock.list);
    free(self->of_all.list);
    free(self);
}

void lock_sums_add(struct lock_sums *self, int64_t id, uint64_t goid, const struct round_wait *wait)
{
    int64_t key[SUM_KEYS] = {wait->object > 0 ? wait->object : ROW_NULL, row_id(wait->waker_goid),
                             wait->is_open ? OPEN_WAIT : (int64_t)wait->waker_stack, (int64_t)goid};
    struct sum *sum = sum_table_find(&self->sums, key);
    if (sum)
        sum_add(sum, id, wait->wait_ns);
}

/* ---- the end ---- */

static void add_up(struct record *sum, const struct record *record)
{
    if (sum->count == 0) {
        *sum = *record;
        return;
    }
    sum->count += record->count;
    sum->ns += record->ns;
    if (record->longest_ns > sum->longest_ns)
        sum->longest_ns = record->longest_ns;
}

static struct holder holder_of(const struct lock_sums *self, const struct record *record)
{
    struct holder holder = {
        .waker = record->waker, .count = record->count, .ns = record->ns, .longest_ns = record->longest_ns};
    symbolizer_site_columns(self->symbols, (uint32_t)record->site, holder.site);
    return holder;
}

static void end_lock(struct lock_sums *self, int64_t object)
{
    for (size_t i = 0; i < self->of_lock.count; i++) {
        const struct holder *h = &self->of_lock.list[i];
        row_writer_put(self->rows, ROW_LOCK_HOLDER,
                       (const int64_t[]){object == ROW_NULL ? 0 : object, (int64_t)i + 1, h->waker, h->site[0],
                                         h->site[1], h->site[2], h->count, h->ns, self->places});
    }
    self->of_lock.count = 0;
    self->places = 0;
}

/* next: what follows; NULL at the end. */
static void end_place(struct lock_sums *self, const struct record *next)
{
    struct record *place = &self->place;
    if (place->count == 0)
        return;
    runs_put(self->by_holder, place);
    if (place->waker != ROW_NULL) {
        struct holder holder = holder_of(self, place);
        top_offer(&self->of_lock, &holder);
        self->places++;
    }
    if (!next || next->object != place->object)
        end_lock(self, place->object);
    place->count = 0;
}

static void end_row(struct lock_sums *self)
{
    const struct record *r = &self->row;
    bool is_open = r->stack == OPEN_WAIT;
    if (r->count == 0)
        return;
    row_writer_put(self->rows, ROW_LOCK_SUM,
                   (const int64_t[]){r->object, r->waker, is_open ? ROW_NULL : symbolizer_stack_column((uint32_t)r->stack),
                                     r->goid, is_open, r->count, r->ns, r->longest_ns});
    self->row.count = 0;
}

static int visit_lock(void *context, const void *record, struct error *err)
{
    struct lock_sums *self = context;
    const struct record *next = record;
    if (by_all(&self->row, next) != 0)
        end_row(self);
    add_up(&self->row, next);
    /* An open wait has no holder, and may be of a lock that has none: it ends no place. */
    if (next->stack != OPEN_WAIT) {
        if (by_place(&self->place, next) != 0)
            end_place(self, next);
        add_up(&self->place, next);
    }
    return row_writer_check(self->rows, err);
}

static void end_holder(struct lock_sums *self)
{
    if (self->holder.count == 0)
        return;
    struct holder holder = holder_of(self, &self->holder);
    top_offer(&self->of_all, &holder);
    self->holder.count = 0;
}

static int visit_holder(void *context, const void *record, struct error *err)
{
    struct lock_sums *self = context;
    (void)err;
    if (by_holder(&self->holder, record) != 0)
        end_holder(self);
    add_up(&self->holder, record);
    return 0;
}

int lock_sums_finish(struct lock_sums *self, struct error *err)
{
    sum_table_flush(&self->sums);
    if (self->sums.failed)
        return error_set(err, ERR_NOMEM, "out of memory");
    int rc = runs_each(self->by_lock, visit_lock, self, err);
    if (rc < 0)
        return rc;
    end_row(self);
    end_place(self, NULL);
    rc = runs_each(self->by_holder, visit_holder, self, err);
    if (rc < 0)
        return rc;
    end_holder(self);
    for (size_t i = 0; i < self->of_all.count; i++) {
        const struct holder *h = &self->of_all.list[i];
        row_writer_put(self->rows, ROW_HOLDER_SUM,
                       (const int64_t[]){h->waker, h->site[0], h->site[1], h->site[2], h->count, h->ns, h->longest_ns});
    }
    return 0;
}
