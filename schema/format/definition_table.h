/*
 * The definitions of the current epoch on the writing side: equal content gets the same id, and what is new
 * is written with the next chunk.
 */
#ifndef GOTAPE_FORMAT_DEFINITION_TABLE_H
#define GOTAPE_FORMAT_DEFINITION_TABLE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/intern.h"
#include "format/definition_codec.h"
#include "format/definitions.h"

struct definition_table {
    struct intern *items[DEF_KIND_COUNT]; /* encoded */
    uint32_t written[DEF_KIND_COUNT];     /* ids up to this one are in chunks */
    size_t pending_bytes;                 /* not yet written */
    size_t cost;                          /* what a reader needs to keep the epoch, at most */
    struct buf item;                      /* to encode into */
    struct buf block, columns[NEAR_COLUMNS];
};

int definition_table_init(struct definition_table *self, struct error *err);
void definition_table_release(struct definition_table *self);
/* Begins an epoch: forgets everything. */
void definition_table_reset(struct definition_table *self);

/* Empty, to encode a definition into. */
struct buf *definition_table_item(struct definition_table *self);
/* The id of what was encoded. 0: no memory, or more definitions than a reader takes. */
uint32_t definition_table_put(struct definition_table *self, enum def_kind kind);

/* True when a new epoch is due. */
bool definition_table_is_large(const struct definition_table *self);
/* Appends blocks of about `room` bytes of pending definitions. Returns 0 or ERR_NOMEM. */
int definition_table_write(struct definition_table *self, size_t room, struct buf *payload,
                           struct error *err);

#endif
