#include "format/chunk_zstd.h"

#include <stdlib.h>

#include <zstd.h>

struct chunk_packer {
    ZSTD_CCtx *zstd;
};

struct chunk_unpacker {
    ZSTD_DCtx *zstd;
    struct buf stored;
};

struct chunk_packer *chunk_packer_new(int level, struct error *err)
{
    struct chunk_packer *self = calloc(1, sizeof *self);
    if (self)
        self->zstd = ZSTD_createCCtx();
    if (!self || !self->zstd ||
        ZSTD_isError(ZSTD_CCtx_setParameter(self->zstd, ZSTD_c_compressionLevel, level)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(self->zstd, ZSTD_c_checksumFlag, 1))) {
        chunk_packer_free(self);
        error_set(err, ERR_NOMEM, "out of memory for zstd level %d", level);
        return NULL;
    }
    return self;
}

void chunk_packer_free(struct chunk_packer *self)
{
    if (!self)
        return;
    ZSTD_freeCCtx(self->zstd);
    free(self);
}

int chunk_pack(struct chunk_packer *self, const void *raw, size_t size, size_t cut, struct buf *out,
               struct error *err)
{
    /* A block and its header more than without a cut. */
    size_t bound = ZSTD_compressBound(size) + ZSTD_compressBound(0);
    if (buf_reserve(out, bound) != 0)
        return error_set(err, ERR_NOMEM, "out of memory while packing a chunk");
    ZSTD_inBuffer in = {.src = raw, .size = cut};
    ZSTD_outBuffer packed = {.dst = out->data + out->size, .size = out->capacity - out->size};
    size_t rc = ZSTD_CCtx_reset(self->zstd, ZSTD_reset_session_only);
    if (!ZSTD_isError(rc))
        rc = ZSTD_CCtx_setPledgedSrcSize(self->zstd, size);
    if (!ZSTD_isError(rc) && cut > 0)
        rc = ZSTD_compressStream2(self->zstd, &packed, &in, ZSTD_e_flush);
    in.size = size;
    if (!ZSTD_isError(rc))
        rc = ZSTD_compressStream2(self->zstd, &packed, &in, ZSTD_e_end);
    if (ZSTD_isError(rc) || rc != 0 || in.pos != size)
        return error_set(err, ERR_NOMEM, "cannot pack a chunk: %s",
                         ZSTD_isError(rc) ? ZSTD_getErrorName(rc) : "no room");
    out->size += packed.pos;
    return 0;
}

struct chunk_unpacker *chunk_unpacker_new(struct error *err)
{
    struct chunk_unpacker *self = calloc(1, sizeof *self);
    if (self)
        self->zstd = ZSTD_createDCtx();
    if (!self || !self->zstd) {
        chunk_unpacker_free(self);
        error_set(err, ERR_NOMEM, "out of memory for zstd");
        return NULL;
    }
    buf_init(&self->stored);
    return self;
}

void chunk_unpacker_free(struct chunk_unpacker *self)
{
    if (!self)
        return;
    ZSTD_freeDCtx(self->zstd);
    buf_release(&self->stored);
    free(self);
}

int chunk_unpack(struct chunk_unpacker *self, struct source *source, uint64_t offset, size_t stored_size,
                 size_t raw_size, struct buf *out, struct error *err)
{
    buf_reset(out);
    buf_reset(&self->stored);
    /* One byte at least, so that there is a buffer to point at. */
    if (buf_reserve(&self->stored, stored_size + 1) != 0 || buf_reserve(out, raw_size + 1) != 0)
        return error_set(err, ERR_NOMEM, "out of memory for a chunk of %zu bytes", raw_size);
    size_t got;
    int rc = source_read(source, offset, self->stored.data, stored_size, &got, err);
    if (rc != 0)
        return rc;
    if (got != stored_size)
        return error_set(err, ERR_DAMAGED, "the file ends inside the payload");
    size_t frame = ZSTD_findFrameCompressedSize(self->stored.data, stored_size);
    if (ZSTD_isError(frame) || frame != stored_size)
        return error_set(err, ERR_DAMAGED, "the payload is not one zstd frame");
    size_t size = ZSTD_decompressDCtx(self->zstd, out->data, raw_size, self->stored.data, stored_size);
    if (ZSTD_isError(size))
        return error_set(err, ERR_DAMAGED, "the payload does not unpack: %s", ZSTD_getErrorName(size));
    if (size != raw_size)
        return error_set(err, ERR_DAMAGED, "the payload unpacks to %zu bytes instead of %zu", size, raw_size);
    out->size = size;
    return 0;
}
