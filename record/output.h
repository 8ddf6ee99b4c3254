/*
 * The file that a recording goes into: created 0600 (never through a link, never an existing one), given to the user
 * behind sudo, kept at a whole number of chunks when the disk is full. With `force` it is built under a temporary name
 * and renamed at the end. The folder is opened once; everything afterwards is relative to it, and goes through the
 * keeper once there is one: the recorder itself has no right to the folder any more.
 */
#ifndef GOTAPE_RECORD_OUTPUT_H
#define GOTAPE_RECORD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "keeper.h"

struct output {
    int fd;
    int folder; /* -1: none, or closed */
    bool is_pipe;
    char path[4096];                 /* final name; "-" for standard output */
    char name[KEEPER_NAME_MAX];      /* its last part */
    char temporary[KEEPER_NAME_MAX]; /* in the same folder; "" unless it is renamed at the end */
    uint64_t size;                   /* bytes of whole chunks written */
    struct keeper *keeper;           /* borrowed; NULL: in this process */
};

/* Nothing is open. */
void output_init(struct output *self);
/* Opens for writing. "-" is standard output, refused when it is a terminal. An existing file is refused
 * without force. */
int output_open(const char *path, bool force, struct output *out, struct error *err);
/* From now on files are created, renamed and removed by the keeper. NULL: as before. */
void output_use_keeper(struct output *self, struct keeper *keeper);
/* What the names of all files of the recording begin with: the name without ".gotape". */
void output_stem(const struct output *self, char out[KEEPER_NAME_MAX]);
/* Finishes the file and goes on with a new one beside it, by its base name. Nothing has changed on an error of the
 * creation. */
int output_open_next(struct output *self, const char *base_name, struct error *err);
/* Removes an earlier file of this recording. */
int output_remove(struct output *self, const char *base_name, struct error *err);
/* Appends one whole chunk. When the write fails half-way, the file is cut back to the chunks before. */
int output_write(struct output *self, const void *data, size_t size, struct error *err);
/* Makes the data durable and puts it in its place. */
int output_finish(struct output *self, struct error *err);
/* Removes what was begun (a recording that failed before its first event). */
void output_discard(struct output *self);
/* Closes what is open. */
void output_release(struct output *self);

#endif
