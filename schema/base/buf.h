/*
 * A growable byte buffer, and the little-endian and varint encodings of everything that we write. Growth
 * failures are sticky: append without checking, then ask buf_failed() once.
 */
#ifndef GOTAPE_BASE_BUF_H
#define GOTAPE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* owned; NULL while empty */
    size_t size;
    size_t capacity;
    bool failed;
};

void buf_init(struct buf *self);
void buf_release(struct buf *self);
void buf_reset(struct buf *self); /* empties, keeps the memory, clears the failure */
bool buf_failed(const struct buf *self);

/* Makes room for `extra` more bytes. Returns 0, or -1 with the failure noted. */
int buf_reserve(struct buf *self, size_t extra);
void buf_put(struct buf *self, const void *data, size_t size);
void buf_put_u8(struct buf *self, uint8_t value);
void buf_put_u16(struct buf *self, uint16_t value);
void buf_put_u32(struct buf *self, uint32_t value);
void buf_put_u64(struct buf *self, uint64_t value);
void buf_put_varint(struct buf *self, uint64_t value); /* LEB128, at most 10 bytes */
void buf_put_zigzag(struct buf *self, int64_t value);  /* signed, as a varint */
void buf_put_string(struct buf *self, const char *s);  /* varint length + bytes, no terminator */
void buf_put_bytes(struct buf *self, const void *data, size_t size); /* varint length + bytes */
/* Appends formatted text without the terminator (which is kept behind the end, so that data is a C string).
 */
void buf_printf(struct buf *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline uint64_t zigzag_encode(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t zigzag_decode(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
