/*
 * The container: a trace file is a sequence of chunks, each a zstd skippable frame (our header) followed by one ordinary
 * zstd frame with content checksum (the payload). Any zstd tests (zstd -t) and unpacks (zstd -dc) the payloads. gotape(5)
 * documents every byte.
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
#define CHUNK_VERSION_MAJOR   1
#define CHUNK_VERSION_MINOR   0
#define CHUNK_RAW_SIZE_MAX    (32u << 20) /* a payload that claims more is damaged */
#define CHUNK_SKIPPABLE_MAGIC 0x184D2A57u

enum chunk_kind {
    CHUNK_META = 1,   /* key and value strings (trace_meta.h) */
    CHUNK_EVENTS = 2, /* definitions, then columns of events */
    CHUNK_INDEX = 3,  /* where the chunks are: an accelerator, never needed */
    CHUNK_END = 4,    /* totals; its presence means that the recording ended cleanly */
};

struct chunk_clocks {
    uint64_t monotonic_ns, realtime_ns, boottime_ns; /* read together when the chunk was closed */
};

struct chunk_header {
    uint16_t kind; /* enum chunk_kind; readers skip and count kinds that they do not know */
    uint16_t major, minor;
    uint32_t epoch;       /* definition epoch, 1, 2 … */
    uint64_t sequence;    /* 0, 1, 2 …: a hole means that chunks are missing */
    uint64_t stored_size; /* bytes of the zstd frame behind the header */
    uint64_t raw_size;    /* bytes of the payload */
    uint64_t first_time_ns, last_time_ns; /* of the events; 0 without events */
    uint64_t event_count;
    uint64_t lost_count;   /* records lost, as told by the EV_LOST events inside */
    uint64_t watermark_ns; /* no later chunk has an event before this time, but for late ones (NOTE_LATE) */
    struct chunk_clocks clocks;
    uint8_t trace_id[16];
};

#endif
