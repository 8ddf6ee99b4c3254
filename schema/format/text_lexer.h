/* Words of one line of the text form (trace_text.h has the rules). */
#ifndef GOTAPE_FORMAT_TEXT_LEXER_H
#define GOTAPE_FORMAT_TEXT_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct text_lexer {
    const char *at, *end; /* what is left of the line */
    struct buf *word;     /* borrowed: the last word, unquoted, with a NUL behind it */
    bool quoted;          /* some of the last word was */
};

/* Reads the next word; false at the end of the line or at a comment. */
bool text_lexer_next(struct text_lexer *lex);
/* The last word. */
const char *text_lexer_word(const struct text_lexer *lex);
/* True when it is this text, without quotes. */
bool text_lexer_is(const struct text_lexer *lex, const char *text);
/* The value of key=value when the last word has this key. */
bool text_lexer_value(const struct text_lexer *lex, const char *key, const char **value);
/* The rest of the line as one text: as it stands, or unquoted. Valid until the next word. */
void text_lexer_rest(struct text_lexer *lex, const char **text, size_t *length);
/* A decimal number or 0x…; false when it is something else or too large. */
bool text_lexer_number(const char *text, uint64_t *out);

#endif
