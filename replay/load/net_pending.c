#include "load/net_pending.h"

#include <stdlib.h>

#define PENDING_MAX 65536

void net_pending_init(struct net_pending *self)
{
    map_init(&self->events);
}

void net_pending_release(struct net_pending *self)
{
    size_t position = 0;
    const struct map_slot *slot;
    while ((slot = map_next(&self->events, &position)))
        free((void *)(uintptr_t)slot->value);
    map_release(&self->events);
}

const struct event *net_pending_find(const struct net_pending *self, uint64_t key)
{
    uint64_t pointer;
    return map_get(&self->events, key, &pointer) ? (const struct event *)(uintptr_t)pointer : NULL;
}

bool net_pending_put(struct net_pending *self, uint64_t key, const struct event *event)
{
    uint64_t *kept = map_find(&self->events, key);
    if (kept) {
        *(struct event *)(uintptr_t)*kept = *event;
        return true;
    }
    if (self->events.count >= PENDING_MAX)
        return true;
    struct event *copy = malloc(sizeof *copy);
    if (!copy)
        return false;
    *copy = *event;
    if (map_put(&self->events, key, (uintptr_t)copy) == 0)
        return true;
    free(copy);
    return false;
}

bool net_pending_take(struct net_pending *self, uint64_t key, struct event *out)
{
    const struct event *kept = net_pending_find(self, key);
    if (!kept)
        return false;
    *out = *kept;
    net_pending_drop(self, key);
    return true;
}

void net_pending_drop(struct net_pending *self, uint64_t key)
{
    uint64_t pointer;
    if (map_get(&self->events, key, &pointer)) {
        free((void *)(uintptr_t)pointer);
        map_delete(&self->events, key);
    }
}
