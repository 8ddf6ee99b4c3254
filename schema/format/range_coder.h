/*
 * An adaptive range coder: turns decisions with two outcomes into a fraction of a bit when the usual one comes, and
 * back. A probability adapts to what came in its context; both sides see the same and need no tables in the file.
 *
 * One code path serves both directions: range_code() takes the decision when encoding and gives it when decoding, so that a
 * model written once cannot differ. `decoding` is to be a constant where it is called. One of 16 values is told in one
 * step (range_nibble), which costs little more than a decision. Bits without any likelihood go into a plain row of bits
 * beside (range_raw), which costs nearly nothing.
 *
 * Decoding trusts nothing: behind the end come zeros, and `bad` of the cursors says so.
 */
#ifndef GOTAPE_FORMAT_RANGE_CODER_H
#define GOTAPE_FORMAT_RANGE_CODER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

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
    static const uint8_t rates[RANGE_SEEN + 1] = {1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5};
    return rates[seen];
}

/* How likely each of 16 values is. [0]: how often the context came; the others: how likely a value below i is, in
 * 32768ths. */
struct range_nibble {
    int16_t below[16];
};

#define NIBBLE_WHOLE 32768
#define NIBBLE_LEAST 4 /* no value is ever less likely than this */

struct range_coder {
    uint64_t low, range;       /* low: encoding; the distance of the code from it: decoding */
    uint64_t raw_bits;         /* of the row of raw bits, lowest first: those not yet written, or read ahead */
    unsigned raw_count;        /* how many of them are there */
    struct buf *out, *raw_out; /* encoding */
    size_t raw_begin;          /* encoding: where the row begins in raw_out */
    struct bytes *in, *raw_in; /* decoding */
};

/* Count of them, with all values alike. */
void range_nibbles_init(struct range_nibble *self, size_t count);

void range_encoder_init(struct range_coder *self, struct buf *out, struct buf *raw_out);
void range_encoder_finish(struct range_coder *self);
void range_decoder_init(struct range_coder *self, struct bytes *in, struct bytes *raw_in);

/* Decoding: not one raw bit is left but what fills up the last four bytes. */
bool range_decoder_is_at_end(const struct range_coder *self);

/* What does not happen in most calls. */
void range_encoder_carry(struct range_coder *self);
void range_decoder_raw_end(struct range_coder *self, unsigned count);

static inline __attribute__((always_inline)) void range_put(struct buf *out, uint32_t word)
{
    if (out->capacity - out->size < sizeof word) {
        buf_put_u32(out, word);
        return;
    }
    bytes_store(out->data + out->size, word, sizeof word);
    out->size += sizeof word;
}

static inline __attribute__((always_inline)) uint32_t range_get(struct bytes *in)
{
    if (in->end - in->at < (ptrdiff_t)sizeof(uint32_t))
        return bytes_u32(in);
    in->at += sizeof(uint32_t);
    return (uint32_t)bytes_load(in->at - sizeof(uint32_t), sizeof(uint32_t));
}

/* Goes on to the next four bytes when little is left of the range. */
static inline __attribute__((always_inline)) void range_refill(struct range_coder *self, bool decoding)
{
    if (self->range >= (uint64_t)1 << 32)
        return;
    if (decoding) {
        self->low = self->low << 32 | range_get(self->in);
    } else {
        range_put(self->out, (uint32_t)(self->low >> 32));
        self->low <<= 32;
    }
    self->range <<= 32;
}

/* A decision of which one outcome is the usual one. */
static inline __attribute__((always_inline)) bool range_code(struct range_coder *self, bool decoding,
                                                             struct range_chance *chance, bool bit)
{
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

/* Eight numbers at a time: compilers make one instruction of each step, on any processor that has such. */
typedef int16_t range_eight __attribute__((vector_size(16)));

/* What the chances move towards when a value came; [0] means nothing. */
extern const struct range_nibble range_aims[16];
/* How the count in front of the chances goes on. */
extern const range_eight range_counts[RANGE_SEEN + 1];

/* All values but this one become less likely, by as much as with a range_chance. */
static inline __attribute__((always_inline)) void range_nibble_learn(struct range_nibble *self,
                                                                     unsigned value)
{
    const range_eight chances = {0, -1, -1, -1, -1, -1, -1, -1}; /* and not the count in front of them */
    unsigned seen = (unsigned)self->below[0] & RANGE_SEEN;
    int rate = (int)range_rate(seen);
    range_eight low, high, low_aim, high_aim;
    memcpy(&low, self->below, sizeof low);
    memcpy(&high, self->below + 8, sizeof high);
    memcpy(&low_aim, range_aims[value].below, sizeof low_aim);
    memcpy(&high_aim, range_aims[value].below + 8, sizeof high_aim);
    low += ((low_aim - low) >> rate & chances) + range_counts[seen];
    high += (high_aim - high) >> rate;
    memcpy(self->below, &low, sizeof low);
    memcpy(self->below + 8, &high, sizeof high);
}

/* How many values but the first begin at this chance or before. */
static inline __attribute__((always_inline)) unsigned range_nibble_find(const struct range_nibble *self,
                                                                        int16_t at)
{
    range_eight below[2], first = {0, 1, 1, 1, 1, 1, 1, 1}, all = {1, 1, 1, 1, 1, 1, 1, 1};
    uint64_t sums[2];
    memcpy(below, self->below, sizeof below);
    first = ((below[0] <= at) & first) + ((below[1] <= at) & all);
    memcpy(sums, &first, sizeof sums);
    return (unsigned)((sums[0] + sums[1]) * 0x0001000100010001u >> 48);
}

/* One of 16 values, 0 to 15. */
static inline __attribute__((always_inline)) unsigned
range_nibble(struct range_coder *self, bool decoding, struct range_nibble *chances, unsigned value)
{
    uint64_t part = self->range / NIBBLE_WHOLE, begin = 0;
    if (decoding) {
        uint64_t at = self->low / part;
        value = range_nibble_find(chances, at < NIBBLE_WHOLE ? (int16_t)at : NIBBLE_WHOLE - 1);
    }
    if (value > 0)
        begin = part * (uint64_t)chances->below[value];
    uint64_t end = value < 15 ? part * (uint64_t)chances->below[value + 1] : self->range;
    if (decoding) {
        self->low -= begin;
    } else {
        self->low += begin;
        if (self->low < begin)
            range_encoder_carry(self);
    }
    self->range = end - begin;
    range_nibble_learn(chances, value);
    range_refill(self, decoding);
    return value;
}

/* `count` bits of a number, at most 32 at a time. Whole bytes come and go, however many there are: whether there is one can not be
 * foreseen. */
static inline __attribute__((always_inline)) uint32_t range_raw(struct range_coder *self, bool decoding,
                                                                unsigned count, uint32_t value)
{
    uint64_t mask = ((uint64_t)1 << count) - 1;
    if (decoding) {
        struct bytes *in = self->raw_in;
        if (in->end - in->at < (ptrdiff_t)sizeof(uint64_t)) {
            range_decoder_raw_end(self, count);
        } else {
            self->raw_bits |= bytes_load(in->at, 8) << self->raw_count;
            in->at += (63 - self->raw_count) / 8;
            self->raw_count |= 56;
        }
        value = (uint32_t)(self->raw_bits & mask);
        self->raw_bits >>= count;
        self->raw_count -= count;
        return value;
    }
    struct buf *out = self->raw_out;
    if (out->capacity - out->size < sizeof(uint64_t) && buf_reserve(out, sizeof(uint64_t)) != 0)
        return value;
    self->raw_bits |= (value & mask) << self->raw_count;
    self->raw_count += count;
    bytes_store(out->data + out->size, self->raw_bits, 8);
    out->size += self->raw_count / 8;
    self->raw_bits >>= self->raw_count & ~7u;
    self->raw_count &= 7;
    return value;
}

#endif
