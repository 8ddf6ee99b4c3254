#include "format/trace_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "format/event_spec.h"
#include "format/trace_text_words.h"

/* A stack refers to locations, a set to objects: nothing is deeper. */
#define NESTING_MAX 2

struct parser {
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
    bool meta_changed;
    unsigned nesting;
    struct buf words[NESTING_MAX + 1];
};

/* Reads one line word by word. */
struct lexer {
    const char *at, *end;
    struct buf *word; /* the last word, unquoted, with a NUL behind it */
    bool quoted;
};

__attribute__((format(printf, 2, 3))) static int fail(struct parser *self, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(self->err, ERR_DAMAGED, "line %lu: %s", self->line, text);
}

static int no_memory(struct parser *self)
{
    return error_set(self->err, ERR_NOMEM, "line %lu: out of memory", self->line);
}

static struct lexer lexer_of_line(struct parser *self, size_t offset)
{
    const char *at = self->text + offset;
    const char *end = memchr(at, '\n', self->size - offset);
    return (struct lexer){
        .at = at, .end = end ? end : self->text + self->size, .word = &self->words[self->nesting]};
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The character behind a backslash. */
static void take_escape(struct lexer *lex)
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

static void skip_blanks(struct lexer *lex)
{
    while (lex->at < lex->end && is_blank(*lex->at))
        lex->at++;
}

/* The next word; false at the end of the line or at a comment. */
static bool next_word(struct lexer *lex)
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

static const char *word_text(const struct lexer *lex)
{
    return (const char *)lex->word->data;
}

static bool word_is(const struct lexer *lex, const char *text)
{
    return !lex->quoted && strcmp(word_text(lex), text) == 0;
}

/* The rest of the line as one text: as it stands, or unquoted. */
static void take_rest(struct lexer *lex, const char **text, size_t *length)
{
    skip_blanks(lex);
    if (lex->at < lex->end && *lex->at == '"' && next_word(lex)) {
        *text = word_text(lex);
        *length = lex->word->size;
        return;
    }
    const char *end = lex->end;
    while (end > lex->at && is_blank(end[-1]))
        end--;
    *text = lex->at;
    *length = (size_t)(end - lex->at);
}

static bool parse_number(const char *text, uint64_t *out)
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

/* The value of key=value when the word has this key. */
static bool has_key(const struct lexer *lex, const char *key, const char **value)
{
    size_t length = strlen(key);
    const char *text = word_text(lex);
    if (strncmp(text, key, length) != 0 || text[length] != '=')
        return false;
    *value = text + length + 1;
    return true;
}

/* ---- definitions ---- */

static int define_line(struct parser *self, enum def_kind kind, size_t offset, uint32_t *id_out);

/* From a number in the text (or `lost`) to an id of the trace. */
static int resolve(struct parser *self, enum def_kind kind, const char *text, uint32_t *out)
{
    uint64_t number, found;
    if (strcmp(text, "lost") == 0) {
        *out = TEXT_LOST_ID;
        return 0;
    }
    if (!parse_number(text, &number))
        return fail(self, "'%s' is not the number of a %s", text, text_kind_words[kind]);
    if (number == 0) {
        *out = 0;
        return 0;
    }
    if (map_get(&self->ids[kind], number, &found)) {
        *out = (uint32_t)found;
        return 0;
    }
    if (!map_get(&self->lines[kind], number, &found))
        return fail(self, "%s %" PRIu64 " is not defined", text_kind_words[kind], number);
    if (self->nesting == NESTING_MAX)
        return fail(self, "%s %" PRIu64 " refers to itself", text_kind_words[kind], number);
    self->nesting++;
    int rc = define_line(self, kind, (size_t)found, out);
    self->nesting--;
    return rc;
}

/* The id of a name: `-` is none. */
static int name_id(struct parser *self, bool quoted, const char *text, size_t length, uint32_t *out)
{
    if (!quoted && strcmp(text, "-") == 0)
        *out = 0;
    else if (!quoted && strcmp(text, "lost") == 0)
        *out = TEXT_LOST_ID;
    else
        *out = trace_writer_string(self->writer, text, length);
    return *out == 0 && (quoted || strcmp(text, "-") != 0) ? no_memory(self) : 0;
}

static bool take_flag(const struct lexer *lex, enum def_kind kind, uint32_t *flags)
{
    for (const struct text_flag *f = text_flags[kind]; f->flag; f++) {
        if (word_is(lex, f->word)) {
            *flags |= f->flag;
            return true;
        }
    }
    return false;
}

static int define_string(struct parser *self, struct lexer *lex, uint32_t *id_out)
{
    const char *text;
    size_t length;
    take_rest(lex, &text, &length);
    *id_out = trace_writer_string(self->writer, text, length);
    return 0;
}

/* FILE:LINE, the last word read. */
static int parse_line_number(struct parser *self, struct lexer *lex, struct def_frame *frame)
{
    char *colon = strrchr((char *)lex->word->data, ':');
    uint64_t line;
    if (!colon || !parse_number(colon + 1, &line) || line > UINT32_MAX)
        return fail(self, "'%s' is not FILE:LINE", word_text(lex));
    *colon = '\0';
    frame->line = (uint32_t)line;
    return name_id(self, lex->quoted, word_text(lex), (size_t)(colon - word_text(lex)), &frame->file);
}

static int define_location(struct parser *self, struct lexer *lex, uint32_t *id_out)
{
    struct def_frame frames[LOCATION_FRAMES_MAX];
    struct def_location location = {.frames = frames};
    const char *value;
    if (!next_word(lex) || !has_key(lex, "pc", &value) || !parse_number(value, &location.pc))
        return fail(self, "a location needs pc=ADDRESS");
    while (next_word(lex)) {
        if (location.frame_count == LOCATION_FRAMES_MAX)
            return fail(self, "a location has at most %d functions", LOCATION_FRAMES_MAX);
        struct def_frame *frame = &frames[location.frame_count++];
        int rc = name_id(self, lex->quoted, word_text(lex), lex->word->size, &frame->function);
        if (rc == 0 && !next_word(lex))
            rc = fail(self, "a function needs FILE:LINE behind it");
        if (rc == 0)
            rc = parse_line_number(self, lex, frame);
        if (rc != 0)
            return rc;
    }
    *id_out = trace_writer_location(self->writer, &location);
    return 0;
}

static int define_stack(struct parser *self, struct lexer *lex, uint32_t *id_out)
{
    uint32_t locations[STACK_DEPTH_MAX];
    struct def_stack stack = {.locations = locations};
    while (next_word(lex)) {
        if (take_flag(lex, DEF_STACK, &stack.flags))
            continue;
        if (stack.depth == STACK_DEPTH_MAX)
            return fail(self, "a stack has at most %d locations", STACK_DEPTH_MAX);
        int rc = resolve(self, DEF_LOCATION, word_text(lex), &locations[stack.depth++]);
        if (rc != 0)
            return rc;
    }
    *id_out = trace_writer_stack(self->writer, &stack);
    return 0;
}

static int parse_object_kind(struct parser *self, struct lexer *lex, uint32_t *out)
{
    uint64_t number;
    if (!next_word(lex))
        return fail(self, "an object needs its kind");
    for (unsigned kind = 0; trace_text_object_kind(kind); kind++) {
        if (word_is(lex, trace_text_object_kind(kind))) {
            *out = kind;
            return 0;
        }
    }
    if (!parse_number(word_text(lex), &number) || number > UINT32_MAX)
        return fail(self, "'%s' is no kind of object", word_text(lex));
    *out = (uint32_t)number;
    return 0;
}

static int define_object(struct parser *self, struct lexer *lex, uint32_t *id_out)
{
    struct def_object object = {0};
    int rc = parse_object_kind(self, lex, &object.kind);
    while (rc == 0 && next_word(lex)) {
        const char *value;
        uint64_t number = 0;
        if (take_flag(lex, DEF_OBJECT, &object.flags))
            continue;
        if (has_key(lex, "type", &value)) {
            rc = name_id(self, lex->quoted, value, lex->word->size - (size_t)(value - word_text(lex)),
                         &object.type);
        } else if (has_key(lex, "addr", &value) && parse_number(value, &number)) {
            object.addr = number;
        } else if (has_key(lex, "gen", &value) && parse_number(value, &number) && number <= UINT32_MAX) {
            object.generation = (uint32_t)number;
        } else if (has_key(lex, "cap", &value) && parse_number(value, &number)) {
            object.capacity = number;
            object.flags |= OBJECT_CAPACITY;
        } else {
            rc = fail(self, "'%s' says nothing about an object", word_text(lex));
        }
    }
    if (rc == 0)
        *id_out = trace_writer_object(self->writer, &object);
    return rc;
}

static int define_set(struct parser *self, struct lexer *lex, uint32_t *id_out)
{
    struct def_case cases[SELECT_CASES_MAX];
    struct def_set set = {.cases = cases};
    while (next_word(lex)) {
        if (take_flag(lex, DEF_SET, &set.flags))
            continue;
        if (set.case_count == SELECT_CASES_MAX)
            return fail(self, "a set has at most %d cases", SELECT_CASES_MAX);
        char *colon = strchr((char *)lex->word->data, ':');
        uint32_t direction = 0;
        if (colon)
            *colon = '\0';
        while (direction <= SELECT_RECV && strcmp(word_text(lex), text_directions[direction]) != 0)
            direction++;
        if (!colon || direction > SELECT_RECV)
            return fail(self, "a case is send:OBJECT, recv:OBJECT or any:OBJECT");
        struct def_case *c = &cases[set.case_count++];
        c->direction = direction;
        int rc = resolve(self, DEF_OBJECT, colon + 1, &c->object);
        if (rc != 0)
            return rc;
    }
    *id_out = trace_writer_set(self->writer, &set);
    return 0;
}

static int (*const definers[DEF_KIND_COUNT])(struct parser *, struct lexer *, uint32_t *) = {
    [DEF_STRING] = define_string, [DEF_LOCATION] = define_location, [DEF_STACK] = define_stack,
    [DEF_OBJECT] = define_object, [DEF_SET] = define_set,
};

static int define_line(struct parser *self, enum def_kind kind, size_t offset, uint32_t *id_out)
{
    struct lexer lex = lexer_of_line(self, offset);
    uint64_t number;
    uint32_t id = 0;
    next_word(&lex);
    if (!next_word(&lex) || !parse_number(word_text(&lex), &number) || number == 0)
        return fail(self, "a %s needs a number, from 1 upwards", text_kind_words[kind]);
    int rc = definers[kind](self, &lex, &id);
    if (rc != 0)
        return rc;
    if (id == 0 || map_put(&self->ids[kind], number, id) != 0 ||
        map_put(&self->lines[kind], number, offset) != 0)
        return no_memory(self);
    *id_out = id;
    return 0;
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

static int parse_field(struct parser *self, struct lexer *lex, const struct event_spec *spec, struct event *e)
{
    for (unsigned i = 0; i < spec->field_count; i++) {
        const char *value;
        enum def_kind kind;
        uint32_t id;
        if (!has_key(lex, spec->fields[i].name, &value))
            continue;
        if (id_kind(spec->fields[i].kind, &kind)) {
            int rc = resolve(self, kind, value, &id);
            if (rc == 0)
                e->f[i] = id;
            return rc;
        }
        if (!parse_number(value, &e->f[i]))
            return fail(self, "'%s' is not a number", value);
        return 0;
    }
    return fail(self, "'%s' has no field '%s'", spec->name, word_text(lex));
}

/* cpu=, tid= and the name. */
static int parse_event_start(struct parser *self, struct lexer *lex, struct event *e, uint64_t *cpu)
{
    const char *value;
    uint64_t number;
    while (next_word(lex)) {
        if (has_key(lex, "cpu", &value)) {
            if (!parse_number(value, &number) || number > UINT16_MAX)
                return fail(self, "'%s' is not a CPU", value);
            *cpu = number;
        } else if (has_key(lex, "tid", &value)) {
            if (!parse_number(value, &number) || number > UINT32_MAX)
                return fail(self, "'%s' is not a thread", value);
            e->tid = (uint32_t)number;
        } else {
            e->type = (uint16_t)event_spec_find(word_text(lex));
            return e->type ? 0 : fail(self, "there is no event '%s'", word_text(lex));
        }
    }
    return fail(self, "the line has no event");
}

/* A new epoch may have begun. */
static void check_epoch(struct parser *self)
{
    if (trace_writer_epoch(self->writer) == self->epoch)
        return;
    self->epoch = trace_writer_epoch(self->writer);
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++)
        map_reset(&self->ids[kind]);
}

static int parse_event(struct parser *self, struct lexer *lex)
{
    struct event e = {0};
    uint64_t cpu = 0;
    if (!parse_number(word_text(lex), &e.time_ns))
        return fail(self, "'%s' begins no line", word_text(lex));
    int rc = parse_event_start(self, lex, &e, &cpu);
    if (rc == 0 && trace_writer_is_full(self->writer)) {
        rc = trace_writer_flush(self->writer, self->err);
        check_epoch(self);
    }
    while (rc == 0 && next_word(lex))
        rc = parse_field(self, lex, event_spec_get(e.type), &e);
    if (rc != 0)
        return rc;
    trace_writer_section(self->writer, (uint16_t)cpu);
    trace_writer_event(self->writer, &e);
    return 0;
}

/* ---- lines ---- */

static int parse_meta(struct parser *self, struct lexer *lex)
{
    char key[256];
    const char *text;
    size_t length;
    if (!next_word(lex) || lex->word->size >= sizeof key)
        return fail(self, "meta needs a key of at most %zu bytes", sizeof key - 1);
    memcpy(key, word_text(lex), lex->word->size + 1);
    take_rest(lex, &text, &length);
    char *value = strndup(text, length);
    if (!value)
        return no_memory(self);
    const char *old = trace_meta_get(&self->meta, key);
    int rc = 0;
    if (!old || strcmp(old, value) != 0) {
        rc = trace_meta_set(&self->meta, key, value, self->err);
        self->meta_changed = true;
    }
    free(value);
    return rc;
}

static int write_meta(struct parser *self)
{
    if (!self->meta_changed)
        return 0;
    self->meta_changed = false;
    return trace_writer_meta(self->writer, &self->meta, self->err);
}

static int parse_epoch(struct parser *self)
{
    int rc = trace_writer_begin_epoch(self->writer, self->err);
    check_epoch(self);
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++)
        map_reset(&self->lines[kind]);
    return rc;
}

static int parse_watermark(struct parser *self, struct lexer *lex)
{
    uint64_t time;
    if (!next_word(lex) || !parse_number(word_text(lex), &time))
        return fail(self, "watermark needs a time in ns");
    trace_writer_watermark(self->writer, time);
    return 0;
}

static int parse_line(struct parser *self, size_t offset)
{
    struct lexer lex = lexer_of_line(self, offset);
    if (!next_word(&lex))
        return 0;
    if (word_is(&lex, "meta"))
        return parse_meta(self, &lex);
    int rc = write_meta(self);
    if (rc != 0)
        return rc;
    if (word_is(&lex, "watermark"))
        return parse_watermark(self, &lex);
    if (word_is(&lex, "epoch"))
        return parse_epoch(self);
    if (word_is(&lex, "chunk")) {
        rc = trace_writer_flush(self->writer, self->err);
        check_epoch(self);
        return rc;
    }
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++) {
        uint32_t id;
        if (word_is(&lex, text_kind_words[kind]))
            return define_line(self, (enum def_kind)kind, offset, &id);
    }
    return parse_event(self, &lex);
}

int trace_text_parse(const char *text, size_t size, struct trace_writer *writer, struct error *err)
{
    struct parser self = {
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
    for (unsigned i = 0; i <= NESTING_MAX; i++)
        buf_release(&self.words[i]);
    trace_meta_release(&self.meta);
    return rc;
}
