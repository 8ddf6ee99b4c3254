/*
 * Packs and unpacks chunk payloads. The only file that knows zstd is chunk_zstd.c. Contexts are reused from
 * chunk to chunk.
 */
#ifndef GOTAPE_FORMAT_CHUNK_ZSTD_H
#define GOTAPE_FORMAT_CHUNK_ZSTD_H

#include "base/buf.h"
#include "base/error.h"
#include "format/source.h"

struct chunk_packer;
struct chunk_unpacker;

struct chunk_packer *chunk_packer_new(int level, struct error *err); /* level 1 … 19 */
void chunk_packer_free(struct chunk_packer *self);
/* Appends one zstd frame with a content checksum. What stands before `cut` (0: nothing) gets blocks of its own in it, when it is
 * of another nature than the rest. */
int chunk_pack(struct chunk_packer *self, const void *raw, size_t size, size_t cut, struct buf *out,
               struct error *err);

struct chunk_unpacker *chunk_unpacker_new(struct error *err);
void chunk_unpacker_free(struct chunk_unpacker *self);
/*
 * Replaces the content of *out by what the frame at source[offset … offset + stored_size) unpacks to.
 * ERR_DAMAGED when that is not one whole frame of exactly raw_size bytes with a right checksum.
 */
int chunk_unpack(struct chunk_unpacker *self, struct source *source, uint64_t offset, size_t stored_size,
                 size_t raw_size, struct buf *out, struct error *err);

#endif
