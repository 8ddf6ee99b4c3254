/*
 * Where trace bytes come from: a file (mapped), or memory. Read-only; a file that shrinks while it is mapped
 * must not kill us, so the file source reads with pread and never maps.
 */
#ifndef GOTAPE_FORMAT_SOURCE_H
#define GOTAPE_FORMAT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct source;

/* Opens a file; "-" is standard input, which is copied to an unlinked temporary file. */
int source_open(const char *path, struct source **out, struct error *err);
/* Borrows the bytes: they must outlive the source. */
int source_of_memory(const void *data, size_t size, struct source **out, struct error *err);
void source_close(struct source *self);
uint64_t source_size(const struct source *self);
/* Reads up to `size` bytes at `offset`; *got_out is less only at the end. */
int source_read(struct source *self, uint64_t offset, void *data, size_t size, size_t *got_out,
                struct error *err);

#endif
