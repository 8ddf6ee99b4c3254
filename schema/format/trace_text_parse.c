#include "format/trace_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/event_spec.h"
#include "format/text_parser.h"
#include "format/trace_text_words.h"

int text_parser_fail(struct text_parser *self, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(self->err, ERR_DAMAGED, "line %lu: %s", self->line, text);
}

int text_parser_no_memory(struct text_parser *self)
{
    return error_set(self->err, ERR_NOMEM, "line %lu: out of memory", self->line);
}

struct text_lexer text_parser_line(struct text_parser *self, size_t offset)
{
    const char *at = self->text + offset;
    const char *end = memchr(at, '\n', self->size - offset);
    return (struct text_lexer){
        .at = at, .end = end ? end : self->text + self->size, .word = &self->words[self->nesting]};
}

/* ---- events ---- */

static bool id_kind(enum field_kind kind, enum def_kind *out)
{
    *out = kind == FIELD_STACK      ? DEF_STACK
           : kind == FIELD_LOCATION ? DEF_LOCATION
           : kind == FIELD_OBJECT   ? DEF_OBJECT
           : kind == FIELD_SET      ? DEF_SET
                                    : DEF_STRING;
    return *out != DEF_STRING || kind == FIELD_STRING;
}

static int parse_field(struct text_parser *self, struct text_lexer *lex, const struct event_spec *spec,
                       struct event *e)
{
    for (unsigned i = 0; i < spec->field_count; i++) {
        const char *value;
        enum def_kind kind;
        uint32_t id;
        if (!text_lexer_value(lex, spec->fields[i].name, &value))
            continue;
        if (id_kind(spec->fields[i].kind, &kind)) {
            int rc = text_define_resolve(self, kind, value, &id);
            if (rc == 0)
                e->f[i] = id;
            return rc;
        }
        if (!text_lexer_number(value, &e->f[i]))
            return text_parser_fail(self, "'%s' is not a number", value);
        return 0;
    }
    return text_parser_fail(self, "'%s' has no field '%s'", spec->name, text_lexer_word(lex));
}

/* cpu=, tid= and the name. */
static int parse_event_start(struct text_parser *self, struct text_lexer *lex, struct event *e, uint64_t *cpu)
{
    const char *value;
    uint64_t number;
    while (text_lexer_next(lex)) {
        if (text_lexer_value(lex, "cpu", &value)) {
            if (!text_lexer_number(value, &number) || number > UINT16_MAX)
                return text_parser_fail(self, "'%s' is not a CPU", value);
            *cpu = number;
        } else if (text_lexer_value(lex, "tid", &value)) {
            if (!text_lexer_number(value, &number) || number > UINT32_MAX)
                return text_parser_fail(self, "'%s' is not a thread", value);
            e->tid = (uint32_t)number;
        } else {
            e->type = (uint16_t)event_spec_find(text_lexer_word(lex));
            return e->type ? 0 : text_parser_fail(self, "there is no event '%s'", text_lexer_word(lex));
        }
    }
    return text_parser_fail(self, "the line has no event");
}

/* A new epoch may have begun. */
static void check_epoch(struct text_parser *self)
{
    if (trace_writer_epoch(self->writer) == self->epoch)
        return;
    self->epoch = trace_writer_epoch(self->writer);
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++)
        map_reset(&self->ids[kind]);
}

static int parse_event(struct text_parser *self, struct text_lexer *lex)
{
    struct event e = {0};
    uint64_t cpu = 0;
    if (!text_lexer_number(text_lexer_word(lex), &e.time_ns))
        return text_parser_fail(self, "'%s' begins no line", text_lexer_word(lex));
    int rc = parse_event_start(self, lex, &e, &cpu);
    if (rc == 0 && trace_writer_is_full(self->writer)) {
        rc = trace_writer_flush(self->writer, self->err);
        check_epoch(self);
    }
    while (rc == 0 && text_lexer_next(lex))
        rc = parse_field(self, lex, event_spec_get(e.type), &e);
    if (rc != 0)
        return rc;
    trace_writer_section(self->writer, (uint16_t)cpu);
    trace_writer_event(self->writer, &e);
    return 0;
}

/* ---- lines ---- */

static int parse_meta(struct text_parser *self, struct text_lexer *lex)
{
    char key[256];
    const char *text;
    size_t length;
    if (!text_lexer_next(lex) || lex->word->size >= sizeof key)
        return text_parser_fail(self, "meta needs a key of at most %zu bytes", sizeof key - 1);
    memcpy(key, text_lexer_word(lex), lex->word->size + 1);
    text_lexer_rest(lex, &text, &length);
    char *value = strndup(text, length);
    if (!value)
        return text_parser_no_memory(self);
    int rc = trace_meta_set(&self->meta, key, value, self->err);
    self->in_meta = true;
    free(value);
    return rc;
}

static int write_meta(struct text_parser *self)
{
    if (!self->in_meta)
        return 0;
    self->in_meta = false;
    return trace_writer_meta(self->writer, &self->meta, self->err);
}

static int parse_epoch(struct text_parser *self)
{
    int rc = trace_writer_begin_epoch(self->writer, self->err);
    check_epoch(self);
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++)
        map_reset(&self->lines[kind]);
    return rc;
}

static int parse_watermark(struct text_parser *self, struct text_lexer *lex)
{
    uint64_t time;
    if (!text_lexer_next(lex) || !text_lexer_number(text_lexer_word(lex), &time))
        return text_parser_fail(self, "watermark needs a time in ns");
    trace_writer_watermark(self->writer, time);
    return 0;
}

static int parse_line(struct text_parser *self, size_t offset)
{
    struct text_lexer lex = text_parser_line(self, offset);
    if (!text_lexer_next(&lex))
        return 0;
    if (text_lexer_is(&lex, "meta"))
        return parse_meta(self, &lex);
    int rc = write_meta(self);
    if (rc != 0)
        return rc;
    if (text_lexer_is(&lex, "watermark"))
        return parse_watermark(self, &lex);
    if (text_lexer_is(&lex, "epoch"))
        return parse_epoch(self);
    if (text_lexer_is(&lex, "chunk")) {
        rc = trace_writer_flush(self->writer, self->err);
        check_epoch(self);
        return rc;
    }
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++) {
        uint32_t id;
        if (text_lexer_is(&lex, text_kind_words[kind]))
            return text_define_line(self, (enum def_kind)kind, offset, &id);
    }
    return parse_event(self, &lex);
}

int trace_text_parse(const char *text, size_t size, struct trace_writer *writer, struct error *err)
{
    struct text_parser self = {
        .text = text, .size = size, .writer = writer, .err = err, .epoch = trace_writer_epoch(writer)};
    int rc = 0;
    trace_meta_init(&self.meta);
    for (size_t offset = 0; rc == 0 && offset < size;) {
        const char *end = memchr(text + offset, '\n', size - offset);
        self.line++;
        rc = parse_line(&self, offset);
        offset = end ? (size_t)(end - text) + 1 : size;
    }
    if (rc == 0)
        rc = write_meta(&self);
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++) {
        map_release(&self.ids[kind]);
        map_release(&self.lines[kind]);
    }
    for (unsigned i = 0; i <= TEXT_NESTING_MAX; i++)
        buf_release(&self.words[i]);
    trace_meta_release(&self.meta);
    return rc;
}
