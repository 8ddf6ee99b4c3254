/*
 * The definitions of one epoch, by kind and id, in bounded memory. Ids of a kind only grow; there may be
 * holes.
 */
#ifndef GOTAPE_FORMAT_DEFINITION_STORE_H
#define GOTAPE_FORMAT_DEFINITION_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/definitions.h"

/* A reader refuses an epoch that needs more; a writer never comes near. */
#define DEFINITIONS_MEMORY_MAX (32u << 20)
#define DEFINITION_ID_MAX      0x7fffffffu

struct definition_store;

struct definition_store *definition_store_new(void); /* NULL when out of memory */
void definition_store_free(struct definition_store *self);
void definition_store_reset(struct definition_store *self); /* forgets everything */

/* Room for a new definition, zeroed, of the struct that belongs to the kind (struct def_string …). NULL when
 * the id is not above all others of its kind, or memory or our limit is reached. Valid until the next add. */
void *definition_store_add(struct definition_store *self, enum def_kind kind, uint32_t id);
/* Memory for what a definition points at; lives until reset. NULL when memory or our limit is reached. */
void *definition_store_alloc(struct definition_store *self, size_t size);
/* NULL when unknown. Valid until the next add. */
const void *definition_store_get(const struct definition_store *self, enum def_kind kind, uint32_t id);
/* The largest id of the kind; 0: none. */
uint32_t definition_store_last_id(const struct definition_store *self, enum def_kind kind);
/* True when the last add or alloc failed for want of room, not for its id. */
bool definition_store_is_full(const struct definition_store *self);

#endif
