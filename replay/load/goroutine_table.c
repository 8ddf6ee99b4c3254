#include "load/goroutine_table.h"

#include <stdlib.h>

#include "load/row_writer.h"

void goroutine_table_init(struct goroutine_table *self)
{
    *self = (struct goroutine_table){0};
    map_init(&self->by_goid);
    map_init(&self->by_g);
}

static void free_goroutine(struct goroutine *goroutine)
{
    select_set_release(goroutine->select);
    select_set_release(goroutine->wait.set);
    free(goroutine);
}

void goroutine_table_release(struct goroutine_table *self)
{
    size_t position = 0;
    const struct map_slot *slot;
    while ((slot = map_next(&self->by_goid, &position)))
        free_goroutine((struct goroutine *)(uintptr_t)slot->value);
    map_release(&self->by_goid);
    map_release(&self->by_g);
    goroutine_table_init(self);
}

struct goroutine *goroutine_table_find(const struct goroutine_table *self, uint64_t goid)
{
    uint64_t pointer;
    return map_get(&self->by_goid, goid, &pointer) ? (struct goroutine *)(uintptr_t)pointer : NULL;
}

struct goroutine *goroutine_table_find_g(const struct goroutine_table *self, uint64_t g)
{
    uint64_t goid;
    return map_get(&self->by_g, g, &goid) ? goroutine_table_find(self, goid) : NULL;
}

struct goroutine *goroutine_table_add(struct goroutine_table *self, uint64_t goid)
{
    struct goroutine *goroutine = calloc(1, sizeof *goroutine);
    if (!goroutine)
        return NULL;
    goroutine->goid = goid;
    goroutine->p = ROW_NULL;
    if (map_put(&self->by_goid, goid, (uintptr_t)goroutine) < 0) {
        free(goroutine);
        return NULL;
    }
    return goroutine;
}

int goroutine_table_map(struct goroutine_table *self, struct goroutine *goroutine, uint64_t g,
                        uint64_t *before_out)
{
    uint64_t before = 0;
    *before_out = 0;
    if (goroutine->g == g)
        return 0;
    if (map_get(&self->by_g, g, &before) && before != goroutine->goid)
        *before_out = before;
    goroutine_table_unmap(self, goroutine);
    goroutine->g = g;
    return map_put(&self->by_g, g, goroutine->goid);
}

void goroutine_table_unmap(struct goroutine_table *self, struct goroutine *goroutine)
{
    uint64_t owner;
    if (goroutine->g && map_get(&self->by_g, goroutine->g, &owner) && owner == goroutine->goid)
        map_delete(&self->by_g, goroutine->g);
    goroutine->g = 0;
}

struct goroutine *goroutine_table_bury(struct goroutine_table *self, struct goroutine *goroutine)
{
    if (goroutine->is_buried)
        return NULL;
    struct goroutine **grave = &self->graveyard[self->next_grave++ % GRAVEYARD_SIZE];
    struct goroutine *oldest = *grave;
    *grave = goroutine;
    goroutine->is_buried = true;
    if (oldest)
        oldest->is_buried = false;
    return oldest && oldest->state == GOROUTINE_DEAD ? oldest : NULL;
}

void goroutine_table_remove(struct goroutine_table *self, struct goroutine *goroutine)
{
    goroutine_table_unmap(self, goroutine);
    map_delete(&self->by_goid, goroutine->goid);
    free_goroutine(goroutine);
}

static int by_goid(const void *a, const void *b)
{
    const struct goroutine *x = *(struct goroutine *const *)a, *y = *(struct goroutine *const *)b;
    return x->goid < y->goid ? -1 : x->goid > y->goid;
}

struct goroutine **goroutine_table_list(const struct goroutine_table *self)
{
    struct goroutine **list =
        self->by_goid.count ? malloc(self->by_goid.count * sizeof(struct goroutine *)) : NULL;
    size_t position = 0, n = 0;
    const struct map_slot *slot;
    if (!list)
        return NULL;
    while ((slot = map_next(&self->by_goid, &position)))
        list[n++] = (struct goroutine *)(uintptr_t)slot->value;
    qsort(list, n, sizeof *list, by_goid);
    return list;
}
