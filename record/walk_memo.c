#include "walk_memo.h"

#include "base/bytes.h"

static size_t set_of(uint64_t key)
{
    return key * 0x9e3779b97f4a7c15u >> (64 - WALK_SETS_BITS);
}

static bool is_there(uint16_t at, size_t size)
{
    return (size_t)at + 8 <= size;
}

static bool is_same(const struct walk *walk, const uint8_t *stack, size_t size)
{
    uint32_t last = walk->length - 1;
    for (uint32_t i = 0; i < last; i++) {
        if (!is_there(walk->at[i], size) || bytes_load(stack + walk->at[i], 8) != walk->chain[i + 1])
            return false;
    }
    return !walk->is_cut || !is_there(walk->at[last], size);
}

const struct walk *walk_memo_find(const struct walk_memo *self, uint64_t key, const uint8_t *stack,
                                  size_t size)
{
    const struct walk *walks = self->walks[set_of(key)];
    for (unsigned way = 0; way < WALK_WAYS; way++) {
        if (walks[way].key == key && is_same(&walks[way], stack, size))
            return &walks[way];
    }
    return NULL;
}

struct walk *walk_memo_place(struct walk_memo *self, uint64_t key)
{
    size_t set = set_of(key);
    struct walk *walk = &self->walks[set][self->oldest[set]];
    self->oldest[set] = (uint8_t)((self->oldest[set] + 1) % WALK_WAYS);
    *walk = (struct walk){.key = key};
    return walk;
}
