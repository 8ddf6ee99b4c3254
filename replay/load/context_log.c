#include "load/context_log.h"

#include <stdlib.h>

#include "base/map.h"
#include "load/sync_object.h"

/* So many are kept in memory: those that have not ended, and the last ended ones, which may still be somebody's parent. Beyond
 * it, the ended ones are forgotten, and when that is not enough, all. */
#define CONTEXTS_MAX 200000

struct context {
    int64_t id, parent;
    uint64_t addr, created, goid, deadline, ended, ended_by;
    uint32_t stack, end_stack, done, error;
    unsigned char cause;
};

struct context_log {
    struct row_writer *rows;
    const struct symbolizer *symbols;
    struct map by_addr; /* → struct context *, owned */
    int64_t last;
    bool failed;
};

static const char *const causes[] = {[CONTEXT_CANCELED] = "canceled",
                                     [CONTEXT_DEADLINE_EXCEEDED] = "deadline",
                                     [CONTEXT_OTHER_ERROR] = "other"};

struct context_log *context_log_new(struct row_writer *rows, const struct symbolizer *symbols)
{
    struct context_log *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rows = rows;
    self->symbols = symbols;
    map_init(&self->by_addr);
    return self;
}

void context_log_free(struct context_log *self)
{
    size_t position = 0;
    const struct map_slot *slot;
    if (!self)
        return;
    while ((slot = map_next(&self->by_addr, &position)))
        free((void *)(uintptr_t)slot->value);
    map_release(&self->by_addr);
    free(self);
}

int context_log_check(const struct context_log *self, struct error *err)
{
    return self->failed ? error_set(err, ERR_NOMEM, "out of memory") : 0;
}

static void put(struct context_log *self, const struct context *c)
{
    row_writer_text(self->rows, ROW_CONTEXT, 11, c->ended ? causes[c->cause] : NULL);
    row_writer_text(self->rows, ROW_CONTEXT, 12, symbolizer_get_text(self->symbols, c->error));
    row_writer_put(self->rows, ROW_CONTEXT,
                   (const int64_t[]){c->id, (int64_t)c->addr, row_id((uint64_t)c->parent), row_id(c->created),
                                     row_id(c->goid), symbolizer_stack_column(c->stack), row_id(c->deadline),
                                     row_id(c->done), row_id(c->ended), row_id(c->ended_by),
                                     symbolizer_stack_column(c->end_stack), 0, 0});
}

static int by_id(const void *a, const void *b)
{
    const struct context *x = *(struct context *const *)a, *y = *(struct context *const *)b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* In the order of their ids; NULL when out of memory. */
static struct context **list_all(struct context_log *self)
{
    struct context **list = malloc((self->by_addr.count + 1) * sizeof(struct context *));
    size_t position = 0, n = 0;
    const struct map_slot *slot;
    if (!list) {
        self->failed = true;
        return NULL;
    }
    while ((slot = map_next(&self->by_addr, &position)))
        list[n++] = (struct context *)(uintptr_t)slot->value;
    qsort(list, n, sizeof *list, by_id);
    return list;
}

static void forget_some(struct context_log *self)
{
    struct context **list = list_all(self);
    size_t count = self->by_addr.count, ended = 0;
    for (size_t i = 0; list && i < count; i++)
        ended += list[i]->ended != 0;
    bool all = ended < count / 4;
    for (size_t i = 0; list && i < count; i++) {
        if (!list[i]->ended && !all)
            continue;
        if (!list[i]->ended)
            put(self, list[i]);
        map_delete(&self->by_addr, list[i]->addr);
        free(list[i]);
    }
    free(list);
}

static struct context *find(const struct context_log *self, uint64_t addr)
{
    uint64_t pointer;
    return map_get(&self->by_addr, addr, &pointer) ? (struct context *)(uintptr_t)pointer : NULL;
}

/* A new one, at an address that is free. NULL when out of memory. */
static struct context *add(struct context_log *self, uint64_t addr)
{
    if (self->by_addr.count >= CONTEXTS_MAX)
        forget_some(self);
    struct context *context = calloc(1, sizeof *context);
    if (!context || map_put(&self->by_addr, addr, (uintptr_t)context) < 0) {
        free(context);
        self->failed = true;
        return NULL;
    }
    context->id = ++self->last;
    context->addr = addr;
    return context;
}

static int64_t parent_of(struct context_log *self, uint64_t addr)
{
    struct context *parent = addr ? find(self, addr) : NULL;
    if (!parent && addr)
        parent = add(self, addr);
    return parent ? parent->id : 0;
}

static void on_context(struct context_log *self, const struct event *event)
{
    uint64_t addr = event->f[CONTEXT_ADDRESS];
    int64_t parent = event->f[CONTEXT_PARENT] != addr ? parent_of(self, event->f[CONTEXT_PARENT]) : 0;
    struct context *context = find(self, addr);
    if (context) {
        /* The collector took it, and gave its place to this one. */
        if (!context->ended)
            put(self, context);
        *context = (struct context){.id = ++self->last, .addr = addr};
    } else {
        context = add(self, addr);
    }
    if (!context)
        return;
    context->parent = parent;
    context->created = event->time_ns;
    context->goid = event->f[CONTEXT_GOID];
    context->stack = (uint32_t)event->f[CONTEXT_STACK];
    context->deadline = event->f[CONTEXT_DEADLINE] <= INT64_MAX ? event->f[CONTEXT_DEADLINE] : 0;
}

static void on_end(struct context_log *self, const struct event *event)
{
    uint64_t addr = event->f[CONTEXT_END_ADDRESS], cause = event->f[CONTEXT_END_CAUSE];
    struct context *context = find(self, addr);
    if (!context)
        context = add(self, addr);
    if (!context || context->ended)
        return;
    context->ended = event->time_ns;
    context->ended_by = event->f[CONTEXT_END_GOID];
    context->done = object_facts_unpack(event->f[CONTEXT_END_DONE]).id;
    context->cause = (unsigned char)(cause == CONTEXT_CANCELED || cause == CONTEXT_DEADLINE_EXCEEDED
                                         ? cause
                                         : CONTEXT_OTHER_ERROR);
    context->error = (uint32_t)event->f[CONTEXT_END_ERROR];
    context->end_stack = (uint32_t)event->f[CONTEXT_END_STACK];
    put(self, context);
}

void context_log_event(struct context_log *self, const struct event *event)
{
    if (event->f[CONTEXT_ADDRESS] == 0)
        return;
    if (event->type == EV_CONTEXT)
        on_context(self, event);
    else
        on_end(self, event);
}

void context_log_finish(struct context_log *self)
{
    struct context **list = list_all(self);
    size_t count = self->by_addr.count;
    for (size_t i = 0; list && i < count; i++) {
        if (!list[i]->ended)
            put(self, list[i]);
    }
    free(list);
}
