/*
 * abi.Type on 64-bit machines, Go 1.18 to 1.27: size @0, tflag @0x14, align @0x15, kind @0x17, name offset
 * @0x28. A name is a flag byte, a varint length and the text; offsets start at moduledata.types.
 */
#include "go/go_type.h"

#include <string.h>

#include "base/bytes.h"
#include "go/go_memory.h"

enum { TYPE_SIZE = 0x30, AT_TFLAG = 0x14, AT_ALIGN = 0x15, AT_KIND = 0x17, AT_NAME = 0x28 };
enum { TFLAG_EXTRA_STAR = 2, KIND_MASK = 0x1f, KIND_MAX = 26, NAME_MAX_SIZE = 4096 };

static bool plausible(const uint8_t *type, uint64_t size)
{
    unsigned align = type[AT_ALIGN];
    unsigned kind = type[AT_KIND] & KIND_MASK;
    return kind >= 1 && kind <= KIND_MAX && align >= 1 && align <= 64 && (align & (align - 1)) == 0 &&
           size < (uint64_t)1 << 48;
}

static bool read_name(const struct go_binary *binary, uint64_t name_offset, bool extra_star, char *out,
                      size_t size)
{
    uint64_t start, end;
    go_binary_types(binary, &start, &end);
    if (name_offset == 0 || name_offset >= end - start)
        return false;
    const uint8_t *data = go_binary_bytes(binary, start + name_offset, (size_t)(end - start - name_offset));
    if (!data)
        return false;
    struct bytes in = bytes_of(data, (size_t)(end - start - name_offset));
    size_t length;
    bytes_u8(&in); /* exported, has a tag, … */
    const uint8_t *text = bytes_run(&in, &length);
    if (!text || in.bad || length == 0 || length > NAME_MAX_SIZE || memchr(text, 0, length))
        return false;
    if (extra_star && text[0] == '*') {
        text++;
        length--;
    }
    if (length >= size)
        length = size - 1;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

bool go_type_read(const struct go_binary *binary, struct go_memory memory, uint64_t bias, uint64_t address,
                  struct go_type *out)
{
    uint64_t start, end, number, size;
    uint8_t type[TYPE_SIZE];
    go_binary_types(binary, &start, &end);
    bool in_file = address - bias >= start && address - bias < end;
    if (address % 8 != 0)
        return false;
    if (in_file) {
        const uint8_t *data = go_binary_bytes(binary, address - bias, sizeof type);
        if (!data)
            return false;
        memcpy(type, data, sizeof type);
    } else if (!go_memory_read(memory, address, type, sizeof type)) {
        return false;
    }
    bytes_peek(type, sizeof type, 0, 8, &size);
    bytes_peek(type, sizeof type, AT_NAME, 4, &number);
    if (!plausible(type, size))
        return false;
    out->size = size;
    /* reflect numbers the names that it makes downwards from -1 */
    if (!in_file && (int32_t)number < 0) {
        strcpy(out->name, GO_TYPE_MADE_BY_REFLECT);
        return true;
    }
    return read_name(binary, number, type[AT_TFLAG] & TFLAG_EXTRA_STAR, out->name, sizeof out->name);
}
