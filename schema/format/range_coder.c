#include "format/range_coder.h"

#define AIM (NIBBLE_WHOLE - 16 * NIBBLE_LEAST)

const int16_t range_aims[31] = {0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,  0,
                                AIM, AIM, AIM, AIM, AIM, AIM, AIM, AIM, AIM, AIM, AIM, AIM, AIM, AIM, AIM};

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
    if (self->raw_count > 0)
        buf_put_u32(self->raw_out, (uint32_t)self->raw_bits);
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
