#include <inttypes.h>
#include <string.h>

#include "format/text_parser.h"
#include "format/trace_text.h"
#include "format/trace_text_words.h"

int text_define_resolve(struct text_parser *self, enum def_kind kind, const char *text, uint32_t *out)
{
    uint64_t number, found;
    if (strcmp(text, "lost") == 0) {
        *out = TEXT_LOST_ID;
        return 0;
    }
    if (!text_lexer_number(text, &number))
        return text_parser_fail(self, "'%s' is not the number of a %s", text, text_kind_words[kind]);
    if (number == 0) {
        *out = 0;
        return 0;
    }
    if (map_get(&self->ids[kind], number, &found)) {
        *out = (uint32_t)found;
        return 0;
    }
    if (!map_get(&self->lines[kind], number, &found))
        return text_parser_fail(self, "%s %" PRIu64 " is not defined", text_kind_words[kind], number);
    if (self->nesting == TEXT_NESTING_MAX)
        return text_parser_fail(self, "%s %" PRIu64 " refers to itself", text_kind_words[kind], number);
    self->nesting++;
    int rc = text_define_line(self, kind, (size_t)found, out);
    self->nesting--;
    return rc;
}

/* The id of a name: `-` is none. */
static int name_id(struct text_parser *self, bool quoted, const char *text, size_t length, uint32_t *out)
{
    if (!quoted && strcmp(text, "-") == 0)
        *out = 0;
    else if (!quoted && strcmp(text, "lost") == 0)
        *out = TEXT_LOST_ID;
    else
        *out = trace_writer_string(self->writer, text, length);
    return *out == 0 && (quoted || strcmp(text, "-") != 0) ? text_parser_no_memory(self) : 0;
}

static bool take_flag(const struct text_lexer *lex, enum def_kind kind, uint32_t *flags)
{
    for (const struct text_flag *f = text_flags[kind]; f->flag; f++) {
        if (text_lexer_is(lex, f->word)) {
            *flags |= f->flag;
            return true;
        }
    }
    return false;
}

static int define_string(struct text_parser *self, struct text_lexer *lex, uint32_t *id_out)
{
    const char *text;
    size_t length;
    text_lexer_rest(lex, &text, &length);
    *id_out = trace_writer_string(self->writer, text, length);
    return 0;
}

/* FILE:LINE, the last word read. */
static int parse_line_number(struct text_parser *self, struct text_lexer *lex, struct def_frame *frame)
{
    char *colon = strrchr((char *)lex->word->data, ':');
    uint64_t line;
    if (!colon || !text_lexer_number(colon + 1, &line) || line > UINT32_MAX)
        return text_parser_fail(self, "'%s' is not FILE:LINE", text_lexer_word(lex));
    *colon = '\0';
    frame->line = (uint32_t)line;
    return name_id(self, lex->quoted, text_lexer_word(lex), (size_t)(colon - text_lexer_word(lex)),
                   &frame->file);
}

static int define_location(struct text_parser *self, struct text_lexer *lex, uint32_t *id_out)
{
    struct def_frame frames[LOCATION_FRAMES_MAX];
    struct def_location location = {.frames = frames};
    const char *value;
    if (!text_lexer_next(lex) || !text_lexer_value(lex, "pc", &value) ||
        !text_lexer_number(value, &location.pc))
        return text_parser_fail(self, "a location needs pc=ADDRESS");
    while (text_lexer_next(lex)) {
        if (location.frame_count == LOCATION_FRAMES_MAX)
            return text_parser_fail(self, "a location has at most %d functions", LOCATION_FRAMES_MAX);
        struct def_frame *frame = &frames[location.frame_count++];
        int rc = name_id(self, lex->quoted, text_lexer_word(lex), lex->word->size, &frame->function);
        if (rc == 0 && !text_lexer_next(lex))
            rc = text_parser_fail(self, "a function needs FILE:LINE behind it");
        if (rc == 0)
            rc = parse_line_number(self, lex, frame);
        if (rc != 0)
            return rc;
    }
    *id_out = trace_writer_location(self->writer, &location);
    return 0;
}

static int define_stack(struct text_parser *self, struct text_lexer *lex, uint32_t *id_out)
{
    uint32_t locations[STACK_DEPTH_MAX];
    struct def_stack stack = {.locations = locations};
    while (text_lexer_next(lex)) {
        if (take_flag(lex, DEF_STACK, &stack.flags))
            continue;
        if (stack.depth == STACK_DEPTH_MAX)
            return text_parser_fail(self, "a stack has at most %d locations", STACK_DEPTH_MAX);
        int rc = text_define_resolve(self, DEF_LOCATION, text_lexer_word(lex), &locations[stack.depth++]);
        if (rc != 0)
            return rc;
    }
    *id_out = trace_writer_stack(self->writer, &stack);
    return 0;
}

static int parse_object_kind(struct text_parser *self, struct text_lexer *lex, uint32_t *out)
{
    uint64_t number;
    if (!text_lexer_next(lex))
        return text_parser_fail(self, "an object needs its kind");
    for (unsigned kind = 0; trace_text_object_kind(kind); kind++) {
        if (text_lexer_is(lex, trace_text_object_kind(kind))) {
            *out = kind;
            return 0;
        }
    }
    if (!text_lexer_number(text_lexer_word(lex), &number) || number > UINT32_MAX)
        return text_parser_fail(self, "'%s' is no kind of object", text_lexer_word(lex));
    *out = (uint32_t)number;
    return 0;
}

static int define_object(struct text_parser *self, struct text_lexer *lex, uint32_t *id_out)
{
    struct def_object object = {0};
    int rc = parse_object_kind(self, lex, &object.kind);
    while (rc == 0 && text_lexer_next(lex)) {
        const char *value;
        uint64_t number = 0;
        if (take_flag(lex, DEF_OBJECT, &object.flags))
            continue;
        if (text_lexer_value(lex, "type", &value)) {
            rc = name_id(self, lex->quoted, value, lex->word->size - (size_t)(value - text_lexer_word(lex)),
                         &object.type);
        } else if (text_lexer_value(lex, "addr", &value) && text_lexer_number(value, &number)) {
            object.addr = number;
        } else if (text_lexer_value(lex, "gen", &value) && text_lexer_number(value, &number) &&
                   number <= UINT32_MAX) {
            object.generation = (uint32_t)number;
        } else if (text_lexer_value(lex, "cap", &value) && text_lexer_number(value, &number)) {
            object.capacity = number;
            object.flags |= OBJECT_CAPACITY;
        } else {
            rc = text_parser_fail(self, "'%s' says nothing about an object", text_lexer_word(lex));
        }
    }
    if (rc == 0)
        *id_out = trace_writer_object(self->writer, &object);
    return rc;
}

static int define_set(struct text_parser *self, struct text_lexer *lex, uint32_t *id_out)
{
    struct def_case cases[SELECT_CASES_MAX];
    struct def_set set = {.cases = cases};
    while (text_lexer_next(lex)) {
        if (take_flag(lex, DEF_SET, &set.flags))
            continue;
        if (set.case_count == SELECT_CASES_MAX)
            return text_parser_fail(self, "a set has at most %d cases", SELECT_CASES_MAX);
        char *colon = strchr((char *)lex->word->data, ':');
        uint32_t direction = 0;
        if (colon)
            *colon = '\0';
        while (direction <= SELECT_RECV && strcmp(text_lexer_word(lex), text_directions[direction]) != 0)
            direction++;
        if (!colon || direction > SELECT_RECV)
            return text_parser_fail(self, "a case is send:OBJECT, recv:OBJECT or any:OBJECT");
        struct def_case *c = &cases[set.case_count++];
        c->direction = direction;
        int rc = text_define_resolve(self, DEF_OBJECT, colon + 1, &c->object);
        if (rc != 0)
            return rc;
    }
    *id_out = trace_writer_set(self->writer, &set);
    return 0;
}

static int (*const definers[DEF_KIND_COUNT])(struct text_parser *, struct text_lexer *, uint32_t *) = {
    [DEF_STRING] = define_string, [DEF_LOCATION] = define_location, [DEF_STACK] = define_stack,
    [DEF_OBJECT] = define_object, [DEF_SET] = define_set,
};

int text_define_line(struct text_parser *self, enum def_kind kind, size_t offset, uint32_t *id_out)
{
    struct text_lexer lex = text_parser_line(self, offset);
    uint64_t number;
    uint32_t id = 0;
    text_lexer_next(&lex);
    if (!text_lexer_next(&lex) || !text_lexer_number(text_lexer_word(&lex), &number) || number == 0)
        return text_parser_fail(self, "a %s needs a number, from 1 upwards", text_kind_words[kind]);
    int rc = definers[kind](self, &lex, &id);
    if (rc != 0)
        return rc;
    if (id == 0 || map_put(&self->ids[kind], number, id) != 0 ||
        map_put(&self->lines[kind], number, offset) != 0)
        return text_parser_no_memory(self);
    *id_out = id;
    return 0;
}
