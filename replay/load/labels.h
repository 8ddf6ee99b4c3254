/*
 * Sets of pprof labels: from the texts of a trace, JSON objects of strings, to rows of `labels`, written at
 * first sight.
 */
#ifndef GOTAPE_REPLAY_LABELS_H
#define GOTAPE_REPLAY_LABELS_H

#include <stdint.h>

#include "base/error.h"
#include "load/row_writer.h"
#include "load/symbolize.h"
#include "store/store.h"

struct labels;

/* Borrows all. NULL on failure. */
struct labels *labels_new(struct store *store, struct row_writer *rows, const struct symbolizer *symbols,
                          struct error *err);
void labels_free(struct labels *self);
/* The row of a set by the number of its text (symbolizer_text); 0 when it is empty, or no JSON object. */
uint32_t labels_get(struct labels *self, uint64_t text);
/* 0, or the first failure since the beginning. */
int labels_check(const struct labels *self, struct error *err);

#endif
