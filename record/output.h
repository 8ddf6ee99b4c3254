/*
 * The file that a recording goes into: created 0600 (never through a link), given to the user behind sudo,
 * kept at a whole number of chunks when the disk is full. With `force` it is built under a temporary name and
 * renamed at the end.
 */
#ifndef GOTAPE_RECORD_OUTPUT_H
#define GOTAPE_RECORD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct output {
    int fd;
    bool is_pipe;
    char path[4096];      /* final name; "-" for standard output */
    char temporary[4096]; /* "" unless it is renamed at the end */
    uint64_t size;        /* bytes of whole chunks written */
};

/* Opens for writing. "-" is standard output, refused when it is a terminal. An existing file is refused
 * without force. */
int output_open(const char *path, bool force, struct output *out, struct error *err);
/* Appends one whole chunk. When the write fails half-way, the file is cut back to the chunks before. */
int output_write(struct output *self, const void *data, size_t size, struct error *err);
/* Makes the data durable and puts it in its place. */
int output_finish(struct output *self, struct error *err);
/* Removes what was begun (a recording that failed before its first event). */
void output_discard(struct output *self);

#endif
