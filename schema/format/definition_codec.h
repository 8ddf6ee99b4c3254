/* Definitions ↔ bytes: the items of the blocks BLOCK_STRINGS … BLOCK_SETS. */
#ifndef GOTAPE_FORMAT_DEFINITION_CODEC_H
#define GOTAPE_FORMAT_DEFINITION_CODEC_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/error.h"
#include "format/definition_store.h"

/* Appends one item. What is beyond the limits of definitions.h is cut, with the flag that says so. */
void definition_encode_string(struct buf *out, const char *text, size_t length);
void definition_encode_location(struct buf *out, const struct def_location *location);
void definition_encode_stack(struct buf *out, const struct def_stack *stack);
void definition_encode_object(struct buf *out, const struct def_object *object);
void definition_encode_set(struct buf *out, const struct def_set *set);

/* Objects and sets as blocks of format 2 have them, near what came before in the block; from the encoded item. What was last is
 * 0 at the start of a block. */
#define NEAR_COLUMNS 6
#define NEAR_TYPES   64
void definition_encode_near_object(struct buf columns[NEAR_COLUMNS], const void *object, size_t size,
                                   uint64_t last_address[NEAR_TYPES]);
void definition_encode_near_set(struct buf *out, const void *set, size_t size, uint32_t *last_object);

/* An upper bound of what a reader needs to keep an item of this encoded size. */
size_t definition_cost(size_t encoded_size);

/* Adds the definitions of a block to the store; is_near: as the functions above have written them. ERR_DAMAGED when they make no sense or need too much memory.
 */
int definition_decode_block(enum def_kind kind, bool is_near, struct bytes body,
                            struct definition_store *store, uint32_t *first_out, uint32_t *count_out,
                            struct error *err);

#endif
