/* Numbers through the range coder: how many bits they have and the upper ones by their chances, the rest as raw bits. */
#ifndef GOTAPE_FORMAT_RANGE_NUMBER_H
#define GOTAPE_FORMAT_RANGE_NUMBER_H

#include "format/range_coder.h"

#define NUMBER_TOP_BITS 3

struct range_number {
    struct range_chance length[128];
    struct range_chance top[65][1 << NUMBER_TOP_BITS];
};

/* `levels` bits from the highest down, each by its chance in a tree; chances has 2^levels elements. */
static inline __attribute__((always_inline)) unsigned range_tree(struct range_coder *coder, bool decoding,
                                                                 struct range_chance *chances,
                                                                 unsigned levels, unsigned value)
{
    unsigned node = 1;
    for (unsigned i = levels; i-- > 0;)
        node = node << 1 | range_code_even(coder, decoding, &chances[node], value >> i & 1);
    return node - (1u << levels);
}

/* What stands below the highest bit of a number of `length` bits, 2 to 64. */
static inline __attribute__((always_inline)) uint64_t range_tail(struct range_coder *coder, bool decoding,
                                                                 struct range_chance *top, unsigned length,
                                                                 uint64_t value)
{
    unsigned rest = length - 1, upper = rest < NUMBER_TOP_BITS ? rest : NUMBER_TOP_BITS;
    uint64_t result = (uint64_t)1 << upper;
    rest -= upper;
    result |= range_tree(coder, decoding, top, upper, (unsigned)(value >> rest) & ((1u << upper) - 1));
    if (rest > 32) {
        result = result << (rest - 32) | range_raw(coder, decoding, rest - 32, (uint32_t)(value >> 32));
        rest = 32;
    }
    return rest ? result << rest | range_raw(coder, decoding, rest, (uint32_t)value) : result;
}

static inline unsigned range_length(uint64_t value)
{
    return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

/* A number of up to 64 bits. Decoding what was never encoded gives 0. */
static inline __attribute__((always_inline)) uint64_t
range_number(struct range_coder *coder, bool decoding, struct range_number *chances, uint64_t value)
{
    unsigned length = range_tree(coder, decoding, chances->length, 7, range_length(value));
    if (length < 2 || length > 64)
        return length == 1;
    return range_tail(coder, decoding, chances->top[length], length, value);
}

#endif
