/* What the parts of trace_text_parse() share: text_define.c has definitions, trace_text_parse.c the rest. */
#ifndef GOTAPE_FORMAT_TEXT_PARSER_H
#define GOTAPE_FORMAT_TEXT_PARSER_H

#include "base/map.h"
#include "format/text_lexer.h"
#include "format/trace_meta.h"
#include "format/trace_writer.h"

/* A stack refers to locations, a set to objects: nothing is deeper. */
#define TEXT_NESTING_MAX 2

struct text_parser {
    const char *text;
    size_t size;
    struct trace_writer *writer;
    struct error *err;
    unsigned long line;
    uint32_t epoch;                   /* of the ids below */
    struct map ids[DEF_KIND_COUNT];   /* number in the text → id in the trace */
    struct map lines[DEF_KIND_COUNT]; /* number in the text → where its line begins: the writer may change the
                                         epoch */
    struct trace_meta meta;
    bool in_meta; /* meta lines came that are not written yet */
    unsigned nesting;
    struct buf words[TEXT_NESTING_MAX + 1];
};

/* Sets the error, with the number of the line. Returns its code. */
int text_parser_fail(struct text_parser *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
int text_parser_no_memory(struct text_parser *self);
/* A lexer of the line that begins at this offset, with the buffer of the current nesting. */
struct text_lexer text_parser_line(struct text_parser *self, size_t offset);

/* Defines what the line at `offset` tells of; its first word is the kind. */
int text_define_line(struct text_parser *self, enum def_kind kind, size_t offset, uint32_t *id_out);
/* From a number in the text (or `lost`) to an id of the trace; defines it again when the epoch changed. */
int text_define_resolve(struct text_parser *self, enum def_kind kind, const char *text, uint32_t *out);

#endif
