/*
 * The container: a trace file is a sequence of chunks, each a zstd skippable frame (our header) followed by
 * one ordinary zstd frame with content checksum (the payload). Any zstd tests (zstd -t) and unpacks (zstd
 * -dc) the payloads. gotape(5) documents every byte.
 */
#ifndef GOTAPE_FORMAT_CHUNK_H
#define GOTAPE_FORMAT_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define CHUNK_MAGIC           "gotape\x1a\n"
#define CHUNK_HEADER_SIZE     160 /* with the 8 bytes of the skippable frame's own header */
#define CHUNK_VERSION_MAJOR   2   /* what is written; files of version 1 are read, too */
#define CHUNK_VERSION_MINOR   0
#define CHUNK_VERSION_OLDEST  1
#define CHUNK_RAW_SIZE_MAX    (16u << 20) /* a payload that claims more is damaged */
#define CHUNK_STORED_SIZE_MAX (CHUNK_RAW_SIZE_MAX + (1u << 20))
#define CHUNK_EVENTS_MAX      131072u /* the same for events */
#define CHUNK_SKIPPABLE_MAGIC 0x184D2A57u

enum chunk_kind {
    CHUNK_META = 1,   /* key and value strings (trace_meta.h) */
    CHUNK_EVENTS = 2, /* definitions, then columns of events */
    CHUNK_INDEX = 3,  /* where the chunks are: an accelerator, never needed */
    CHUNK_END = 4,    /* totals; its presence means that the recording ended cleanly */
};

/* A payload is a sequence of blocks: varint tag, varint length, body. Readers skip and count tags that they
 * do not know. */
enum block_tag {
    BLOCK_STRINGS = 1, /* definitions: first id, count, items; BLOCK_STRINGS + enum def_kind */
    BLOCK_LOCATIONS = 2,
    BLOCK_STACKS = 3,
    BLOCK_OBJECTS = 4,
    BLOCK_SETS = 5,
    BLOCK_META = 6, /* pairs of strings: key, value */
    /* Events in files of version 1. */
    BLOCK_SECTIONS = 7,   /* ring and event count of each section */
    BLOCK_ORDER = 8,      /* type of each event, over all sections */
    BLOCK_TIMES = 9,      /* time since the event before, without the low 8 bits */
    BLOCK_TIMES_LOW = 10, /* the low 8 bits: noise, which would spoil the compression of the rest */
    BLOCK_TIDS = 11,
    BLOCK_COLUMNS = 12, /* the fields of all events of one type */
    BLOCK_INDEX = 13,   /* an entry for each chunk before this one */
    /* From version 2 on. */
    BLOCK_CODED = 14,        /* events */
    BLOCK_NEAR_OBJECTS = 15, /* as BLOCK_OBJECTS, told by what came before */
    BLOCK_NEAR_SETS = 16,
};

struct chunk_clocks {
    uint64_t monotonic_ns, realtime_ns, boottime_ns; /* read together when the chunk was closed */
};

struct chunk_header {
    uint16_t kind; /* enum chunk_kind; readers skip and count kinds that they do not know */
    uint16_t major, minor;
    uint32_t epoch;                       /* definition epoch, 1, 2 … */
    uint64_t sequence;                    /* 0, 1, 2 …: a hole means that chunks are missing */
    uint64_t stored_size;                 /* bytes of the zstd frame behind the header */
    uint64_t raw_size;                    /* bytes of the payload */
    uint64_t first_time_ns, last_time_ns; /* of the events; 0 without events */
    uint64_t event_count;
    uint64_t lost_count;   /* records lost, as told by the EV_LOST events inside */
    uint64_t watermark_ns; /* no later chunk has an event before this time, but for late ones (NOTE_LATE) */
    struct chunk_clocks clocks;
    uint8_t trace_id[16];
};

void chunk_header_encode(const struct chunk_header *header, uint8_t out[CHUNK_HEADER_SIZE]);
/*
 * True when these CHUNK_HEADER_SIZE bytes are a header with a right checksum, of any version. Sizes and
 * counts are within the limits above when the major version is known.
 */
bool chunk_header_decode(const uint8_t *data, struct chunk_header *out);
/* True when at least the first bytes, up to 16, are those of a header. */
bool chunk_header_is_start(const uint8_t *data, size_t size);

/* A major version that this program reads. */
bool chunk_version_is_known(uint16_t major);

/* Appends a block. */
void chunk_put_block(struct buf *payload, enum block_tag tag, const void *body, size_t size);

#endif
