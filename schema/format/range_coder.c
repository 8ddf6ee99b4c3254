#include "format/range_coder.h"

#define AIM (NIBBLE_WHOLE - 16 * NIBBLE_LEAST)

/* The chance of each value below i: all of it when that one came, but for the least of the others. */
#define ABOVE(i, value) (int16_t)(((i) > (value) ? AIM : 0) + (i) * NIBBLE_LEAST)
#define ROW(v)                                                                                               \
    {                                                                                                        \
        {                                                                                                    \
            ABOVE(0, v), ABOVE(1, v), ABOVE(2, v), ABOVE(3, v), ABOVE(4, v), ABOVE(5, v), ABOVE(6, v),       \
                ABOVE(7, v), ABOVE(8, v), ABOVE(9, v), ABOVE(10, v), ABOVE(11, v), ABOVE(12, v),             \
                ABOVE(13, v), ABOVE(14, v), ABOVE(15, v)                                                     \
        }                                                                                                    \
    }

const struct range_nibble range_aims[16] = {ROW(0), ROW(1), ROW(2),  ROW(3),  ROW(4),  ROW(5),  ROW(6),  ROW(7),
                                            ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15)};

const range_eight range_counts[RANGE_SEEN + 1] = {{1}, {1}, {1}, {1}, {1}, {1}, {1}, {1},
                                                  {1}, {1}, {1}, {1}, {1}, {1}, {1}, {0}};

void range_nibbles_init(struct range_nibble *self, size_t count)
{
    struct range_nibble even = {{0}};
    for (unsigned i = 1; i < 16; i++)
        even.below[i] = (int16_t)(i * (NIBBLE_WHOLE / 16));
    for (size_t i = 0; i < count; i++)
        self[i] = even;
}

void range_encoder_init(struct range_coder *self, struct buf *out, struct buf *raw_out)
{
    memset(self, 0, sizeof *self);
    self->range = UINT64_MAX;
    self->out = out;
    self->raw_out = raw_out;
    self->raw_begin = raw_out->size;
}

void range_encoder_carry(struct range_coder *self)
{
    struct buf *out = self->out;
    /* Numbers are little-endian, four bytes each: the carry goes into the lowest byte of the last one, and on. The first
     * number can take it: what was written is below the end of the range. */
    for (size_t word = out->size; word >= 4; word -= 4) {
        for (size_t i = word - 4; i < word; i++) {
            if (++out->data[i] != 0)
                return;
        }
    }
}

void range_encoder_finish(struct range_coder *self)
{
    buf_put_u32(self->out, (uint32_t)(self->low >> 32));
    buf_put_u32(self->out, (uint32_t)self->low);
    size_t size = self->raw_out->size - self->raw_begin;
    unsigned rest = (unsigned)(4 - size % 4);
    if (self->raw_count > 0 || rest < 4) {
        for (unsigned i = 0; i < rest; i++)
            buf_put_u8(self->raw_out, (uint8_t)(self->raw_bits >> (8 * i)));
    }
}

void range_decoder_init(struct range_coder *self, struct bytes *in, struct bytes *raw_in)
{
    memset(self, 0, sizeof *self);
    self->range = UINT64_MAX;
    self->in = in;
    self->raw_in = raw_in;
    self->low = (uint64_t)bytes_u32(in) << 32;
    self->low |= bytes_u32(in);
}

bool range_decoder_is_at_end(const struct range_coder *self)
{
    return bytes_left(self->in) == 0 && 8 * bytes_left(self->raw_in) + self->raw_count < 32;
}

/* Near the end no more is read than is needed. */
void range_decoder_raw_end(struct range_coder *self, unsigned count)
{
    while (self->raw_count < count) {
        self->raw_bits |= (uint64_t)bytes_u8(self->raw_in) << self->raw_count;
        self->raw_count += 8;
    }
}
