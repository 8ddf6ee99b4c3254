#include "query/utf8.h"

/* The range of the second byte excludes overlong forms, surrogates and code points past U+10FFFF (Unicode,
 * table 3-7). */
static bool second_byte_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return (second & 0xc0) == 0x80;
    }
}

size_t utf8_next(const char *text, size_t left, uint32_t *code_out)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t length = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;
    *code_out = UTF8_REPLACEMENT;
    if (length == 1) {
        *code_out = s[0];
        return 1;
    }
    if (s[0] < 0xc2 || s[0] > 0xf4 || left < length || !second_byte_fits(s[0], s[1]))
        return 1;
    uint32_t code = s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 1;
        code = code << 6 | (s[i] & 0x3fu);
    }
    *code_out = code;
    return length;
}

void utf8_put(struct buf *out, uint32_t code)
{
    if (code < 0x80) {
        buf_put_u8(out, (uint8_t)code);
        return;
    }
    if (code < 0x800) {
        buf_put_u8(out, (uint8_t)(0xc0 | code >> 6));
    } else {
        if (code < 0x10000) {
            buf_put_u8(out, (uint8_t)(0xe0 | code >> 12));
        } else {
            buf_put_u8(out, (uint8_t)(0xf0 | code >> 18));
            buf_put_u8(out, (uint8_t)(0x80 | (code >> 12 & 0x3f)));
        }
        buf_put_u8(out, (uint8_t)(0x80 | (code >> 6 & 0x3f)));
    }
    buf_put_u8(out, (uint8_t)(0x80 | (code & 0x3f)));
}

size_t utf8_width(const char *text, size_t size)
{
    size_t width = 0;
    uint32_t code;
    for (size_t at = 0; at < size; at += utf8_next(text + at, size - at, &code))
        width++;
    return width;
}

size_t utf8_prefix(const char *text, size_t size, size_t columns)
{
    size_t at = 0;
    uint32_t code;
    for (; at < size && columns > 0; columns--)
        at += utf8_next(text + at, size - at, &code);
    return at;
}

bool utf8_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}
