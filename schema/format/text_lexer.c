#include "format/text_lexer.h"

#include <string.h>

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The character behind a backslash. */
static void take_escape(struct text_lexer *lex)
{
    char c = *lex->at++;
    if (c == 'x' && lex->end - lex->at >= 2 && hex_digit(lex->at[0]) >= 0 && hex_digit(lex->at[1]) >= 0) {
        c = (char)(hex_digit(lex->at[0]) * 16 + hex_digit(lex->at[1]));
        lex->at += 2;
    } else {
        c = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c);
    }
    buf_put_u8(lex->word, (uint8_t)c);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct text_lexer *lex)
{
    while (lex->at < lex->end && is_blank(*lex->at))
        lex->at++;
}

bool text_lexer_next(struct text_lexer *lex)
{
    bool inside = false;
    skip_blanks(lex);
    buf_reset(lex->word);
    lex->quoted = false;
    if (lex->at == lex->end || *lex->at == '#')
        return false;
    while (lex->at < lex->end && (inside || !is_blank(*lex->at))) {
        char c = *lex->at++;
        if (c == '"') {
            inside = !inside;
            lex->quoted = true;
        } else if (c == '\\' && inside && lex->at < lex->end) {
            take_escape(lex);
        } else {
            buf_put_u8(lex->word, (uint8_t)c);
        }
    }
    if (buf_reserve(lex->word, 1) != 0)
        return false;
    lex->word->data[lex->word->size] = 0;
    return true;
}

const char *text_lexer_word(const struct text_lexer *lex)
{
    return (const char *)lex->word->data;
}

bool text_lexer_is(const struct text_lexer *lex, const char *text)
{
    return !lex->quoted && strcmp(text_lexer_word(lex), text) == 0;
}

void text_lexer_rest(struct text_lexer *lex, const char **text, size_t *length)
{
    skip_blanks(lex);
    if (lex->at < lex->end && *lex->at == '"' && text_lexer_next(lex)) {
        *text = text_lexer_word(lex);
        *length = lex->word->size;
        return;
    }
    const char *end = lex->end;
    while (end > lex->at && is_blank(end[-1]))
        end--;
    *text = lex->at;
    *length = (size_t)(end - lex->at);
}

bool text_lexer_number(const char *text, uint64_t *out)
{
    uint64_t base = 10, value = 0;
    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    }
    if (!*text)
        return false;
    for (; *text; text++) {
        int digit = hex_digit(*text);
        if (digit < 0 || (uint64_t)digit >= base || value > (UINT64_MAX - (uint64_t)digit) / base)
            return false;
        value = value * base + (uint64_t)digit;
    }
    *out = value;
    return true;
}

bool text_lexer_value(const struct text_lexer *lex, const char *key, const char **value)
{
    size_t length = strlen(key);
    const char *text = text_lexer_word(lex);
    if (strncmp(text, key, length) != 0 || text[length] != '=')
        return false;
    *value = text + length + 1;
    return true;
}
