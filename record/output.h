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
    uint64_t room_checked_ns;
    uint64_t room_left; /* bytes free when the disk was found nearly full; UINT64_MAX: it is not */
    bool is_full;       /* only the end is still to be written, in the room that was set aside for it */
};

/* What is never used up: a disk that is filled to the last byte harms more than the recording. At most this, and at most a
 * twentieth of the file system. */
#define OUTPUT_ROOM_LEFT ((uint64_t)64 << 20)
/* Set aside for the last chunks of a file. */
#define OUTPUT_TAIL ((uint64_t)512 << 10)

/* Nothing is open. */
void output_init(struct output *self);
/* Opens for writing. "-" is standard output, refused when it is a terminal. An existing file is refused
 * without force. */
int output_open(const char *path, bool force, struct output *out, struct error *err);
/* Only the folder that `path` names a file in, for output_open_next(). */
int output_open_folder(const char *path, struct output *out, struct error *err);
/* From now on files are created, renamed and removed by the keeper. NULL: as before. */
void output_use_keeper(struct output *self, struct keeper *keeper);
/* What the names of all files of the recording begin with: the name without ".gotape". */
void output_stem(const struct output *self, char out[KEEPER_NAME_MAX]);
/* Finishes the file, if there is one, without waiting for the disk, and goes on with a new one beside it, by its base name.
 * Nothing has changed on an error of the creation; ERR_USAGE: the name is taken. */
int output_open_next(struct output *self, const char *base_name, struct error *err);
/* Removes an earlier file of this recording. */
int output_remove(struct output *self, const char *base_name, struct error *err);
/*
 * Appends one whole chunk. When the write fails half-way, the file is cut back to the chunks before. ERR_NO_SPACE when there
 * is no room: the chunk is not in the file, but the end of the trace can still be written. output_is_nearly_full() tells
 * that before it comes to this.
 */
int output_write(struct output *self, const void *data, size_t size, struct error *err);
bool output_is_nearly_full(const struct output *self);
/* Makes the data durable and puts it in its place. */
int output_finish(struct output *self, struct error *err);
/* Removes what was begun (a recording that failed before its first event). */
void output_discard(struct output *self);
/* Closes what is open. */
void output_release(struct output *self);

#endif
