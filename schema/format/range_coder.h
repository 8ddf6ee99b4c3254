/*
 * An adaptive binary range coder: turns decisions with two outcomes into a fraction of a bit when the usual one comes, and
 * back. A probability adapts to what came in its context; both sides see the same and need no tables in the file.
 *
 * One code path serves both directions: range_code() takes the decision when encoding and gives it when decoding, so that a
 * model written once cannot differ. `decoding` is to be a constant where it is called. Bits without any likelihood go
 * into a plain row of bits beside (range_raw), which costs nearly nothing.
 *
 * What is encoded can be held back for a while, until it is known whether it has to be told at all.
 *
 * Decoding trusts nothing: behind the end come zeros, and `bad` of the cursors says so.
 */
#ifndef GOTAPE_FORMAT_RANGE_CODER_H
#define GOTAPE_FORMAT_RANGE_CODER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"

/* How likely a 0 is, in 65536ths, and how often the context came: the first times teach more than later ones. */
struct range_chance {
    uint16_t zero, seen;
};

#define RANGE_EVEN  32768u
#define RANGE_SEEN  15 /* more is not counted */
#define RANGE_LEAST 24 /* never less likely than this */

/* By how much a chance moves the nth time it is used: a part of 2 to the power of this, from a half to a 32nd. */
static inline unsigned range_rate(unsigned seen)
{
    return 32 - (unsigned)__builtin_clz(seen + 1);
}

#define RANGE_HELD_MAX 320

struct range_step {
    struct range_chance *chance; /* NULL: raw bits */
    uint32_t value;
    uint8_t count;
};

struct range_coder {
    uint64_t low, range;       /* low: encoding; the distance of the code from it: decoding */
    uint64_t raw_bits;         /* the row of raw bits, lowest first */
    unsigned raw_count;        /* how many of them are there */
    struct buf *out, *raw_out; /* encoding */
    struct bytes *in, *raw_in; /* decoding */
    bool holding;              /* encoding: what comes is put here */
    unsigned held_count;
    struct range_step held[RANGE_HELD_MAX];
};

void range_encoder_init(struct range_coder *self, struct buf *out, struct buf *raw_out);
void range_encoder_finish(struct range_coder *self);
void range_decoder_init(struct range_coder *self, struct bytes *in, struct bytes *raw_in);

/* From now on nothing is written, but at most RANGE_HELD_MAX calls are kept; then all of them are written, or forgotten. */
void range_encoder_hold(struct range_coder *self);
void range_encoder_release(struct range_coder *self);
void range_encoder_drop(struct range_coder *self);

/* What does not happen in most calls. */
void range_encoder_carry(struct range_coder *self);

/* Goes on to the next four bytes when little is left of the range. */
static inline __attribute__((always_inline)) void range_refill(struct range_coder *self, bool decoding)
{
    if (self->range >= (uint64_t)1 << 32)
        return;
    if (decoding) {
        self->low = self->low << 32 | bytes_u32(self->in);
    } else {
        buf_put_u32(self->out, (uint32_t)(self->low >> 32));
        self->low <<= 32;
    }
    self->range <<= 32;
}

/* A decision of which one outcome is the usual one. */
static inline __attribute__((always_inline)) bool range_code(struct range_coder *self, bool decoding,
                                                             struct range_chance *chance, bool bit)
{
    if (!decoding && self->holding) {
        self->held[self->held_count++] = (struct range_step){chance, bit, 1};
        return bit;
    }
    uint64_t bound = (self->range >> 16) * chance->zero;
    unsigned rate = range_rate(chance->seen);
    chance->seen = (uint16_t)(chance->seen + (chance->seen < RANGE_SEEN));
    if (decoding)
        bit = self->low >= bound;
    if (bit) {
        if (decoding) {
            self->low -= bound;
        } else {
            self->low += bound;
            if (self->low < bound)
                range_encoder_carry(self);
        }
        self->range -= bound;
        chance->zero = (uint16_t)(chance->zero - ((chance->zero - RANGE_LEAST) >> rate));
    } else {
        self->range = bound;
        chance->zero = (uint16_t)(chance->zero + ((UINT16_MAX - RANGE_LEAST - chance->zero) >> rate));
    }
    range_refill(self, decoding);
    return bit;
}

/* The same for one that goes either way: without branches, which would be guessed wrong. */
static inline __attribute__((always_inline)) unsigned
range_code_even(struct range_coder *self, bool decoding, struct range_chance *chance, unsigned bit)
{
    if (!decoding && self->holding) {
        self->held[self->held_count++] = (struct range_step){chance, bit, 1};
        return bit;
    }
    uint64_t bound = (self->range >> 16) * chance->zero;
    unsigned rate = range_rate(chance->seen), zero = chance->zero;
    chance->seen = (uint16_t)(chance->seen + (chance->seen < RANGE_SEEN));
    if (decoding)
        bit = self->low >= bound;
    uint64_t all = -(uint64_t)bit, step = bound & all;
    if (decoding) {
        self->low -= step;
    } else {
        self->low += step;
        if (self->low < step)
            range_encoder_carry(self);
    }
    self->range = bound + ((self->range - 2 * bound) & all);
    unsigned down = (zero - RANGE_LEAST) >> rate, up = (UINT16_MAX - RANGE_LEAST - zero) >> rate;
    chance->zero = (uint16_t)(zero + up - ((up + down) & (unsigned)all));
    range_refill(self, decoding);
    return bit;
}

/* `count` bits of a number, at most 32 at a time. */
static inline __attribute__((always_inline)) uint32_t range_raw(struct range_coder *self, bool decoding,
                                                                unsigned count, uint32_t value)
{
    uint64_t mask = ((uint64_t)1 << count) - 1;
    if (decoding) {
        if (self->raw_count < count) {
            self->raw_bits |= (uint64_t)bytes_u32(self->raw_in) << self->raw_count;
            self->raw_count += 32;
        }
        value = (uint32_t)(self->raw_bits & mask);
        self->raw_bits >>= count;
        self->raw_count -= count;
        return value;
    }
    if (self->holding) {
        self->held[self->held_count++] = (struct range_step){NULL, value, (uint8_t)count};
        return value;
    }
    self->raw_bits |= (value & mask) << self->raw_count;
    self->raw_count += count;
    if (self->raw_count >= 32) {
        buf_put_u32(self->raw_out, (uint32_t)self->raw_bits);
        self->raw_bits >>= 32;
        self->raw_count -= 32;
    }
    return value;
}

#endif
