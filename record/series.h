/*
 * The files of one run: NAME.0001.gotape, NAME.0002.gotape … beside each other. Numbers that are taken are passed over, so that
 * nothing of an earlier run is replaced; with `keep` the oldest of this run is removed when there are more.
 */
#ifndef GOTAPE_RECORD_SERIES_H
#define GOTAPE_RECORD_SERIES_H

#include <stdint.h>

#include "output.h"

struct series {
    char stem[4096];   /* path without ".gotape" */
    unsigned next;     /* number of the next file, 1 … */
    unsigned *written; /* owned: numbers of the files of this run that are still there, in a ring; NULL: all are kept */
    unsigned keep, first, count;
    uint64_t removed, files;
};

/* `path`: what the user called the output, with or without ".gotape". Returns 0, ERR_NOMEM or ERR_USAGE. */
int series_init(struct series *self, const char *path, int64_t keep, struct error *err);
void series_release(struct series *self);
/* What the base names of all files begin with. */
void series_base_stem(const struct series *self, char *out, size_t size);
/* Goes on with the next file, and removes what is too old. The folder of `output` is open. */
int series_open(struct series *self, struct output *output, struct error *err);

#endif
