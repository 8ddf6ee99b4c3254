#include "base/bytes.h"
#include "base/buf.h"

struct bytes bytes_of(const void *data, size_t size)
{
    const uint8_t *at = data;
    return (struct bytes){.at = at, .end = at ? at + size : NULL, .bad = false};
}

size_t bytes_left(const struct bytes *self)
{
    return (size_t)(self->end - self->at);
}

static void mark_bad(struct bytes *self)
{
    self->bad = true;
    self->at = self->end;
}

const uint8_t *bytes_take(struct bytes *self, uint64_t size)
{
    if (size > bytes_left(self)) {
        mark_bad(self);
        return NULL;
    }
    const uint8_t *data = self->at;
    self->at += size;
    return data;
}

bool bytes_skip(struct bytes *self, uint64_t size)
{
    return bytes_take(self, size) != NULL;
}

static uint64_t take_le(struct bytes *self, unsigned width)
{
    const uint8_t *p = bytes_take(self, width);
    return p ? bytes_load(p, width) : 0;
}

uint8_t bytes_u8(struct bytes *self)
{
    return (uint8_t)take_le(self, 1);
}

uint16_t bytes_u16(struct bytes *self)
{
    return (uint16_t)take_le(self, 2);
}

uint32_t bytes_u32(struct bytes *self)
{
    return (uint32_t)take_le(self, 4);
}

uint64_t bytes_u64(struct bytes *self)
{
    return take_le(self, 8);
}

uint64_t bytes_varint(struct bytes *self)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && self->at < self->end; shift += 7) {
        uint8_t byte = *self->at++;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    mark_bad(self);
    return 0;
}

int64_t bytes_zigzag(struct bytes *self)
{
    return zigzag_decode(bytes_varint(self));
}

struct bytes bytes_slice(struct bytes *self, uint64_t size)
{
    const uint8_t *data = bytes_take(self, size);
    struct bytes slice = bytes_of(data, data ? (size_t)size : 0);
    slice.bad = data == NULL;
    return slice;
}

const uint8_t *bytes_run(struct bytes *self, size_t *size_out)
{
    uint64_t size = bytes_varint(self);
    const uint8_t *data = bytes_take(self, size);
    *size_out = data ? (size_t)size : 0;
    return data;
}

bool bytes_peek(const void *data, size_t size, uint64_t offset, unsigned width, uint64_t *out)
{
    if (width > 8 || offset > size || size - offset < width)
        return false;
    *out = bytes_load((const uint8_t *)data + offset, width);
    return true;
}
