/*
 * Text from a trace is any bytes: a name in the database may hold broken UTF-8 or terminal control sequences.
 * These helpers walk it one character at a time.
 */
#ifndef GOTAPE_QUERY_UTF8_H
#define GOTAPE_QUERY_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define UTF8_REPLACEMENT 0xfffdu

/* Decodes the character at `text`, of which `left` > 0 bytes remain. Returns the bytes it takes (at least 1);
 * an invalid sequence takes one byte and yields UTF8_REPLACEMENT. */
size_t utf8_next(const char *text, size_t left, uint32_t *code_out);
/* Appends one character. */
void utf8_put(struct buf *out, uint32_t code);
/* Columns on a terminal: one a character (wide and combining characters are not told apart). */
size_t utf8_width(const char *text, size_t size);
/* Bytes of the first `columns` characters. */
size_t utf8_prefix(const char *text, size_t size, size_t columns);
/* C0, DEL and C1 controls: never sent to a terminal. */
bool utf8_is_control(uint32_t code);

#endif
