/*
 * Sorts more records than fit into memory: what is full is sorted and goes to a file without a name, and all such runs are
 * merged at the end. Records are plain memory of one size. Equal ones come in the order in which they were put.
 */
#ifndef GOTAPE_REPLAY_RUNS_H
#define GOTAPE_REPLAY_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct runs;

/* Less than, equal to, greater than 0, as for qsort(). */
typedef int runs_compare(const void *a, const void *b);
/* Sorts in memory, keeping the order of equal ones; scratch: room for as many records again. */
typedef void runs_sort(void *records, void *scratch, size_t count);
/* 0 to go on; negative ends it. */
typedef int runs_visit(void *context, const void *record, struct error *err);

struct runs_options {
    size_t record_size;
    size_t capacity; /* records in memory */
    runs_compare *compare;
    runs_sort *sort;
    const char *beside; /* path; the file is made in the same folder */
};

/* NULL when out of memory. Borrows what the options aim at. */
struct runs *runs_new(const struct runs_options *options);
void runs_free(struct runs *self);
/* Copies a record; a failure is told by runs_each(). */
void runs_put(struct runs *self, const void *record);
/* Visits all in order, once; nothing can be put any more. */
int runs_each(struct runs *self, runs_visit *visit, void *context, struct error *err);

#endif
