#include "load/call_sums.h"

#include <stdlib.h>
#include <string.h>

#include "load/distinct.h"
#include "load/sum_table.h"

/* The kernel has some 460 system calls. */
#define NAMES_MAX 1024

/* Groups of distinct.h: of a name, or of a name at a site. */
#define OF_SITE    (1ull << 60)
#define SITE_SHIFT 28
#define NAME_MASK  ((1u << SITE_SHIFT) - 1)

struct call_sums {
    struct row_writer *rows;
    const struct symbolizer *symbols;
    struct sum_table sums;
    struct distinct *people;
    const char *names[NAMES_MAX]; /* borrowed; number - 1 */
    uint32_t name_count;
    bool has_too_many;
};

static const char *name_of(const struct call_sums *self, uint64_t number)
{
    return number ? self->names[number - 1] : NULL;
}

static void put_sum(void *context, const struct sum *s)
{
    struct call_sums *self = context;
    row_writer_text(self->rows, ROW_SYSCALL_SUM, 0, name_of(self, (uint64_t)s->key[0]));
    row_writer_put(self->rows, ROW_SYSCALL_SUM,
                   (const int64_t[]){0, s->key[1], s->count, s->open_count, s->ns, s->longest_ns,
                                     s->longest_id, s->lost_p});
}

struct call_sums *call_sums_new(struct store *store, struct row_writer *rows,
                                const struct symbolizer *symbols)
{
    struct call_sums *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rows = rows;
    self->symbols = symbols;
    sum_table_init(&self->sums, put_sum, self);
    self->people = distinct_new(store, "syscall_pair");
    if (self->people)
        return self;
    call_sums_free(self);
    return NULL;
}

void call_sums_free(struct call_sums *self)
{
    if (!self)
        return;
    sum_table_release(&self->sums);
    distinct_free(self->people);
    free(self);
}

/* 0: none. */
static uint32_t number_of(struct call_sums *self, const char *name)
{
    if (!name)
        return 0;
    for (uint32_t i = 0; i < self->name_count; i++) {
        if (self->names[i] == name || strcmp(self->names[i], name) == 0)
            return i + 1;
    }
    if (self->name_count == NAMES_MAX) {
        self->has_too_many = true;
        return 0;
    }
    self->names[self->name_count] = name;
    return ++self->name_count;
}

void call_sums_add(struct call_sums *self, const struct call_sum_row *call)
{
    uint32_t name = number_of(self, call->name);
    struct sum *sum =
        sum_table_find(&self->sums, (const int64_t[SUM_KEYS]){name, symbolizer_stack_column(call->stack)});
    if (!sum)
        return;
    sum_add(sum, (int64_t)call->goid, call->ns);
    sum->open_count += call->is_open;
    if (call->lost_p != ROW_NULL)
        sum->lost_p = (sum->lost_p == ROW_NULL ? 0 : sum->lost_p) + call->lost_p;
    uint64_t site = symbolizer_stack_facts(self->symbols, call->stack).site;
    distinct_put(self->people, name, call->goid);
    distinct_put(self->people, OF_SITE | site << SITE_SHIFT | name, call->goid);
}

static void put_people(void *context, uint64_t group, uint64_t count)
{
    struct call_sums *self = context;
    int64_t site[3] = {ROW_NULL, ROW_NULL, ROW_NULL};
    if (group & OF_SITE)
        symbolizer_site_columns(self->symbols, (uint32_t)(group >> SITE_SHIFT), site);
    row_writer_text(self->rows, ROW_SYSCALL_PEOPLE, 0, name_of(self, group & NAME_MASK));
    row_writer_put(self->rows, ROW_SYSCALL_PEOPLE,
                   (const int64_t[]){0, (group & OF_SITE) != 0, site[0], site[1], site[2], (int64_t)count});
}

int call_sums_finish(struct call_sums *self, struct error *err)
{
    sum_table_flush(&self->sums);
    if (self->sums.failed)
        return error_set(err, ERR_NOMEM, "out of memory");
    if (self->has_too_many)
        return error_set(err, ERR_DAMAGED, "more than %d names of system calls", NAMES_MAX);
    return distinct_each(self->people, put_people, self, err);
}
