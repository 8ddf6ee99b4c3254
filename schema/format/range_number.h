/* Numbers through the range coder: how many bits they have and the upper ones by their chances, the rest as raw bits. */
#ifndef GOTAPE_FORMAT_RANGE_NUMBER_H
#define GOTAPE_FORMAT_RANGE_NUMBER_H

#include "format/range_coder.h"

/* Numbers below 2^30: half of how many bits they have, 0 to 14; from there on 15, and how many more as raw bits. */
#define NUMBER_LONG      30u
#define NUMBER_LONG_BITS 6

struct range_number {
    struct range_nibble length;
    struct range_nibble
        top[16]; /* for each length: whether it is odd, and the three bits below the highest */
};

static inline unsigned range_length(uint64_t value)
{
    return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

/* The bits below the upper ones: `rest` of them, at most 63. */
static inline uint64_t range_rest(struct range_coder *coder, bool decoding, uint64_t upper, unsigned rest,
                                  uint64_t value)
{
    if (rest > 32) {
        upper = upper << (rest - 32) | range_raw(coder, decoding, rest - 32, (uint32_t)(value >> 32));
        rest = 32;
    }
    return upper << rest | range_raw(coder, decoding, rest, (uint32_t)value);
}

/* One of 2^30 and more. Decoding what was never encoded gives 0. */
static inline uint64_t range_long(struct range_coder *coder, bool decoding, struct range_nibble *top,
                                  uint64_t value)
{
    unsigned length =
        NUMBER_LONG + range_raw(coder, decoding, NUMBER_LONG_BITS, range_length(value) - NUMBER_LONG);
    if (length > 64)
        return 0;
    uint64_t upper = 16 | range_nibble(coder, decoding, top, (unsigned)(value >> (length - 5)) & 15);
    return range_rest(coder, decoding, upper, length - 5, value);
}

/* A number of up to 64 bits; the chances of its length and of its upper bits for each length. */
static inline __attribute__((always_inline)) uint64_t
range_number_by(struct range_coder *coder, bool decoding, struct range_nibble *lengths,
                struct range_nibble *tops, uint64_t value)
{
    unsigned length = range_length(value);
    unsigned half = range_nibble(coder, decoding, lengths, length < NUMBER_LONG ? length / 2 : 15);
    struct range_nibble *top = &tops[half];
    if (half < 2)
        return range_nibble(coder, decoding, top, (unsigned)value);
    if (half == 15)
        return range_long(coder, decoding, top, value);
    unsigned upper = 0;
    if (!decoding)
        upper = (length & 1) << 3 | ((unsigned)(value >> (length - 4)) & 7);
    upper = range_nibble(coder, decoding, top, upper);
    length = 2 * half + (upper >> 3);
    upper = 8 | (upper & 7);
    return (uint64_t)upper << (length - 4) | range_raw(coder, decoding, length - 4, (uint32_t)value);
}

static inline uint64_t range_number(struct range_coder *coder, bool decoding, struct range_number *chances,
                                    uint64_t value)
{
    return range_number_by(coder, decoding, &chances->length, chances->top, value);
}

static inline void range_numbers_init(struct range_number *self, size_t count)
{
    for (size_t i = 0; i < count; i++)
        range_nibbles_init(&self[i].length, sizeof self[i] / sizeof(struct range_nibble));
}

#endif
