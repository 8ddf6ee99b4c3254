/*
 * A bounds-checked cursor over bytes that we do not trust: a trace, an ELF file, a ring, the target's memory.
 * Reading past the end returns zero and sets `bad`, which stays set: decode a whole structure, then check
 * once. Numbers are little-endian.
 */
#ifndef GOTAPE_BASE_BYTES_H
#define GOTAPE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

struct bytes bytes_of(const void *data, size_t size);
size_t bytes_left(const struct bytes *self);
bool bytes_skip(struct bytes *self, uint64_t size);
uint8_t bytes_u8(struct bytes *self);
uint16_t bytes_u16(struct bytes *self);
uint32_t bytes_u32(struct bytes *self);
uint64_t bytes_u64(struct bytes *self);
uint64_t bytes_varint(struct bytes *self);
int64_t bytes_zigzag(struct bytes *self);
/* The next `size` bytes without copying, or NULL with `bad` set. */
const uint8_t *bytes_take(struct bytes *self, uint64_t size);
/* A cursor over the next `size` bytes; this one moves past them. */
struct bytes bytes_slice(struct bytes *self, uint64_t size);
/* A length-prefixed (varint) run of bytes: *size_out is set, the pointer aims into the input. */
const uint8_t *bytes_run(struct bytes *self, size_t *size_out);
/* A little-endian unsigned number of 1 to 8 bytes, all of which are there. */
static inline uint64_t bytes_load(const uint8_t *at, unsigned width)
{
    uint64_t value = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (width == 8 || width == 4) {
        uint32_t small;
        memcpy(&small, at, sizeof small);
        value = small;
        if (width == 8)
            memcpy(&value, at, sizeof value);
        return value;
    }
#endif
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

/* Writes one. */
static inline void bytes_store(uint8_t *at, uint64_t value, unsigned width)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (width == 8 || width == 4) {
        uint32_t small = (uint32_t)value;
        if (width == 8)
            memcpy(at, &value, sizeof value);
        else
            memcpy(at, &small, sizeof small);
        return;
    }
#endif
    for (unsigned i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* A number at an offset from `data`; false when out of range. */
bool bytes_peek(const void *data, size_t size, uint64_t offset, unsigned width, uint64_t *out);

#endif
