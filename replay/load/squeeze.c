#include "load/squeeze.h"

#include <stdbool.h>
#include <string.h>

/*
 * First a bit for each word: it is not zero. Then for each of those a byte, of which bits tell which of its bytes are not zero, and
 * these; or 0 and which of the words before it is the same, counted from the first that is not zero.
 */
static bool same_before(const uint64_t *seen, size_t count, uint64_t word, size_t *place)
{
    for (*place = 0; *place < count; (*place)++) {
        if (seen[*place] == word)
            return true;
    }
    return false;
}

size_t squeeze(const uint64_t *data, size_t words, uint8_t *out)
{
    uint64_t seen[SQUEEZE_WORDS_MAX];
    size_t size = words / 8 + 1, count = 0, place;
    memset(out, 0, size);
    for (size_t i = 0; i < words; i++) {
        uint64_t word = data[i];
        if (!word)
            continue;
        out[i / 8] |= (uint8_t)(1u << i % 8);
        if (same_before(seen, count, word, &place)) {
            out[size++] = 0;
            out[size++] = (uint8_t)place;
            continue;
        }
        seen[count++] = word;
        uint8_t *mask = &out[size++];
        *mask = 0;
        for (unsigned byte = 0; byte < 8; byte++) {
            uint8_t value = (uint8_t)(word >> 8 * byte);
            if (!value)
                continue;
            *mask |= (uint8_t)(1u << byte);
            out[size++] = value;
        }
    }
    return size;
}

void unsqueeze(const uint8_t *in, uint64_t *data, size_t words)
{
    uint64_t seen[SQUEEZE_WORDS_MAX];
    const uint8_t *next = in + words / 8 + 1;
    size_t count = 0;
    for (size_t i = 0; i < words; i++) {
        data[i] = 0;
        if (!(in[i / 8] >> i % 8 & 1))
            continue;
        uint8_t mask = *next++;
        if (!mask) {
            data[i] = seen[*next++];
            continue;
        }
        for (unsigned byte = 0; byte < 8; byte++) {
            if (mask >> byte & 1)
                data[i] |= (uint64_t)*next++ << 8 * byte;
        }
        seen[count++] = data[i];
    }
}
