#include "load/place.h"

#include "format/event.h"

void place_table_init(struct place_table *self, struct row_writer *rows)
{
    *self = (struct place_table){.rows = rows};
    map_init(&self->seats);
    map_init(&self->places);
}

void place_table_release(struct place_table *self)
{
    map_release(&self->seats);
    map_release(&self->places);
}

/* The number of the key, a new one at its first sight; 0: out of memory. */
static uint64_t number(struct map *map, uint64_t key, bool *is_new)
{
    uint64_t found;
    *is_new = !map_get(map, key, &found);
    if (!*is_new)
        return found;
    return map_put(map, key, map->count + 1) == 0 ? map->count : 0;
}

static int64_t look_up(struct place_table *self, uint32_t tid, uint16_t cpu, int32_t p)
{
    bool is_new;
    uint64_t seat = number(&self->seats, (uint64_t)tid << 16 | cpu, &is_new);
    uint64_t row = seat ? number(&self->places, seat << 32 | (uint32_t)(p < 0 ? -1 : p), &is_new) : 0;
    if (!row) {
        self->failed = true;
        return ROW_NULL;
    }
    if (is_new)
        row_writer_put(self->rows, ROW_PLACE,
                       (const int64_t[]){(int64_t)row, row_id(tid), cpu == RING_RECORDER ? ROW_NULL : cpu, p < 0 ? ROW_NULL : p});
    return (int64_t)row;
}

/* Most are asked for again and again: three for each wait. */
int64_t place_table_get(struct place_table *self, uint32_t tid, uint16_t cpu, int32_t p)
{
    if (!tid && cpu == RING_RECORDER && p < 0)
        return ROW_NULL;
    struct known_place *place = &self->at_hand[(tid * 31u + cpu * 7u + (uint32_t)p) % PLACES_AT_HAND];
    if (place->row == 0 || place->tid != tid || place->cpu != cpu || place->p != p) {
        int64_t row = look_up(self, tid, cpu, p);
        if (row == ROW_NULL)
            return ROW_NULL;
        *place = (struct known_place){row, tid, p, cpu};
    }
    return place->row;
}
