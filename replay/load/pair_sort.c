#include "load/pair_sort.h"

#include <string.h>

/* By one byte of the keys. */
static void sort_pass(const struct pair *from, struct pair *to, size_t count, unsigned shift)
{
    size_t places[256] = {0}, next = 0;
    for (size_t i = 0; i < count; i++)
        places[from[i].key >> shift & 0xff]++;
    for (int i = 0; i < 256; i++) {
        size_t here = places[i];
        places[i] = next;
        next += here;
    }
    for (size_t i = 0; i < count; i++)
        to[places[from[i].key >> shift & 0xff]++] = from[i];
}

/* Byte by byte from the lowest on, without those that all keys share. */
void pair_sort(void *pairs, void *scratch, size_t count)
{
    struct pair *from = pairs, *to = scratch;
    uint64_t differing = 0;
    for (size_t i = 0; i < count; i++)
        differing |= from[i].key ^ from[0].key;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if ((differing >> shift & 0xff) == 0)
            continue;
        sort_pass(from, to, count, shift);
        struct pair *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != pairs)
        memcpy(pairs, from, count * sizeof *from);
}
