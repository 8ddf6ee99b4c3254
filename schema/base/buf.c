#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *self)
{
    memset(self, 0, sizeof *self);
}

void buf_release(struct buf *self)
{
    free(self->data);
    buf_init(self);
}

void buf_reset(struct buf *self)
{
    self->size = 0;
    self->failed = false;
}

bool buf_failed(const struct buf *self)
{
    return self->failed;
}

int buf_reserve(struct buf *self, size_t extra)
{
    if (self->failed)
        return -1;
    if (self->capacity - self->size >= extra)
        return 0;
    size_t need = self->size + extra;
    if (need < extra)
        goto fail;
    size_t capacity = self->capacity ? self->capacity : 256;
    while (capacity < need) {
        if (capacity > SIZE_MAX / 2)
            goto fail;
        capacity *= 2;
    }
    uint8_t *data = realloc(self->data, capacity);
    if (!data)
        goto fail;
    self->data = data;
    self->capacity = capacity;
    return 0;
fail:
    self->failed = true;
    return -1;
}

void buf_put(struct buf *self, const void *data, size_t size)
{
    if (size == 0 || buf_reserve(self, size) != 0)
        return;
    memcpy(self->data + self->size, data, size);
    self->size += size;
}

void buf_put_u8(struct buf *self, uint8_t value)
{
    buf_put(self, &value, 1);
}

static void put_le(struct buf *self, uint64_t value, unsigned size)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    buf_put(self, bytes, size);
}

void buf_put_u16(struct buf *self, uint16_t value)
{
    put_le(self, value, 2);
}

void buf_put_u32(struct buf *self, uint32_t value)
{
    put_le(self, value, 4);
}

void buf_put_u64(struct buf *self, uint64_t value)
{
    put_le(self, value, 8);
}

void buf_put_varint(struct buf *self, uint64_t value)
{
    if (buf_reserve(self, 10) != 0)
        return;
    uint8_t *p = self->data + self->size;
    while (value >= 0x80) {
        *p++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *p++ = (uint8_t)value;
    self->size = (size_t)(p - self->data);
}

void buf_put_zigzag(struct buf *self, int64_t value)
{
    buf_put_varint(self, zigzag_encode(value));
}

void buf_put_bytes(struct buf *self, const void *data, size_t size)
{
    buf_put_varint(self, size);
    buf_put(self, data, size);
}

void buf_put_string(struct buf *self, const char *s)
{
    buf_put_bytes(self, s, strlen(s));
}

void buf_printf(struct buf *self, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length >= 0 && buf_reserve(self, (size_t)length + 1) == 0) {
        vsnprintf((char *)self->data + self->size, (size_t)length + 1, format, again);
        self->size += (size_t)length;
    }
    va_end(again);
}
