#include "format/chunk.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"

#define CRC_OFFSET (CHUNK_HEADER_SIZE - 4)

static void put_le(uint8_t *out, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

void chunk_header_encode(const struct chunk_header *header, uint8_t out[CHUNK_HEADER_SIZE])
{
    memset(out, 0, CHUNK_HEADER_SIZE);
    put_le(out, CHUNK_SKIPPABLE_MAGIC, 4);
    put_le(out + 4, CHUNK_HEADER_SIZE - 8, 4);
    memcpy(out + 8, CHUNK_MAGIC, 8);
    put_le(out + 16, header->kind, 2);
    put_le(out + 18, header->major, 2);
    put_le(out + 20, header->minor, 2);
    put_le(out + 24, header->epoch, 4);
    put_le(out + 32, header->sequence, 8);
    put_le(out + 40, header->stored_size, 8);
    put_le(out + 48, header->raw_size, 8);
    put_le(out + 56, header->first_time_ns, 8);
    put_le(out + 64, header->last_time_ns, 8);
    put_le(out + 72, header->event_count, 8);
    put_le(out + 80, header->lost_count, 8);
    put_le(out + 88, header->watermark_ns, 8);
    put_le(out + 96, header->clocks.monotonic_ns, 8);
    put_le(out + 104, header->clocks.realtime_ns, 8);
    put_le(out + 112, header->clocks.boottime_ns, 8);
    memcpy(out + 120, header->trace_id, sizeof header->trace_id);
    put_le(out + CRC_OFFSET, crc32c(out, CRC_OFFSET), 4);
}

bool chunk_header_is_start(const uint8_t *data, size_t size)
{
    uint8_t start[16];
    put_le(start, CHUNK_SKIPPABLE_MAGIC, 4);
    put_le(start + 4, CHUNK_HEADER_SIZE - 8, 4);
    memcpy(start + 8, CHUNK_MAGIC, 8);
    return memcmp(data, start, size < sizeof start ? size : sizeof start) == 0;
}

bool chunk_header_decode(const uint8_t *data, struct chunk_header *out)
{
    if (!chunk_header_is_start(data, CHUNK_HEADER_SIZE))
        return false;
    struct bytes b = bytes_of(data + CRC_OFFSET, 4);
    if (bytes_u32(&b) != crc32c(data, CRC_OFFSET))
        return false;
    struct chunk_header header = {0};
    b = bytes_of(data + 16, CRC_OFFSET - 16);
    header.kind = bytes_u16(&b);
    header.major = bytes_u16(&b);
    header.minor = bytes_u16(&b);
    bytes_skip(&b, 2);
    header.epoch = bytes_u32(&b);
    bytes_skip(&b, 4);
    header.sequence = bytes_u64(&b);
    header.stored_size = bytes_u64(&b);
    header.raw_size = bytes_u64(&b);
    header.first_time_ns = bytes_u64(&b);
    header.last_time_ns = bytes_u64(&b);
    header.event_count = bytes_u64(&b);
    header.lost_count = bytes_u64(&b);
    header.watermark_ns = bytes_u64(&b);
    header.clocks.monotonic_ns = bytes_u64(&b);
    header.clocks.realtime_ns = bytes_u64(&b);
    header.clocks.boottime_ns = bytes_u64(&b);
    memcpy(header.trace_id, bytes_take(&b, sizeof header.trace_id), sizeof header.trace_id);
    bool sane = header.stored_size <= CHUNK_STORED_SIZE_MAX && header.raw_size <= CHUNK_RAW_SIZE_MAX &&
                header.event_count <= CHUNK_EVENTS_MAX;
    if (chunk_version_is_known(header.major) && !sane)
        return false;
    *out = header;
    return true;
}

bool chunk_version_is_known(uint16_t major)
{
    return major >= CHUNK_VERSION_OLDEST && major <= CHUNK_VERSION_MAJOR;
}

void chunk_put_block(struct buf *payload, enum block_tag tag, const void *body, size_t size)
{
    buf_put_varint(payload, (uint64_t)tag);
    buf_put_bytes(payload, body, size);
}
