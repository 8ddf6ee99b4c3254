/*
 * Gives equal byte strings the same small number: 1, 2, 3 … in the order of first sight (0 is never given).
 * The bytes are copied and stay at one address until the table is reset or released. Used for strings, call
 * chains, select sets.
 */
#ifndef GOTAPE_BASE_INTERN_H
#define GOTAPE_BASE_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intern;

struct intern *intern_new(void); /* NULL when out of memory */
void intern_free(struct intern *self);
void intern_reset(struct intern *self); /* forgets everything; numbering starts again at 1 */

/* The number of these bytes, and whether they were new. Returns 0 when out of memory. */
uint32_t intern_put(struct intern *self, const void *data, size_t size, bool *is_new_out);
/* The number of these bytes, 0 when they are unknown. */
uint32_t intern_find(const struct intern *self, const void *data, size_t size);
/* The bytes of a number; NULL when there is no such number. A NUL stands behind the last byte. */
const void *intern_get(const struct intern *self, uint32_t id, size_t *size_out);
uint32_t intern_count(const struct intern *self);
/* Bytes of memory held. */
size_t intern_memory(const struct intern *self);

#endif
