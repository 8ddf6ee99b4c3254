/*
 * Events of files of format 1: columns of fields for each event type, which zstd was to compress. Read only: the coder of
 * event_codec.h has taken its place. gotape(5) keeps the description.
 */
#ifndef GOTAPE_FORMAT_EVENT_COLUMNS_H
#define GOTAPE_FORMAT_EVENT_COLUMNS_H

#include "format/event_codec.h"

struct event_columns;

/* NULL when out of memory. */
struct event_columns *event_columns_new(void);
void event_columns_free(struct event_columns *self);

/* As event_codec_decode(), of the blocks of format 1. */
int event_columns_decode(struct event_columns *self, const struct event_blocks *blocks,
                         struct event_batch *out, struct error *err);

#endif
