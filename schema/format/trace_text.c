#include "format/trace_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/event_spec.h"
#include "format/trace_text_words.h"

/* Functions of a call chain shown behind an event. */
#define CHAIN_SHOWN 8

const char *const text_kind_words[] = {"string", "location", "stack", "object", "set"};
const char *const text_directions[3] = {"any", "send", "recv"};

static const struct text_flag no_flags[] = {{0, NULL}};
static const struct text_flag stack_flags[] = {{STACK_CUT, "cut"}, {0, NULL}};
static const struct text_flag object_flags[] = {
    {OBJECT_REUSE_DOUBT, "doubt"}, {OBJECT_UNREAD, "unread"}, {OBJECT_TIMER, "timer"}, {0, NULL}};
static const struct text_flag set_flags[] = {{SET_INCOMPLETE, "incomplete"}, {0, NULL}};
const struct text_flag *const text_flags[] = {no_flags, no_flags, stack_flags, object_flags, set_flags};

static const char *const object_kinds[OBJECT_KIND_COUNT] = {
    [OBJECT_UNKNOWN] = "unknown",   [OBJECT_CHAN] = "chan",           [OBJECT_MUTEX] = "mutex",
    [OBJECT_RWMUTEX] = "rwmutex",   [OBJECT_WAITGROUP] = "waitgroup", [OBJECT_COND] = "cond",
    [OBJECT_POLLDESC] = "polldesc", [OBJECT_SEMAPHORE] = "semaphore",
};

const char *trace_text_object_kind(unsigned kind)
{
    return kind < OBJECT_KIND_COUNT ? object_kinds[kind] : NULL;
}

/* ---- words ---- */

static bool is_plain(const char *text, size_t length, bool is_rest)
{
    if (length == 0 || text[0] == '"' || (is_rest && (text[0] == ' ' || text[length - 1] == ' ')))
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c == 0x7f || (!is_rest && (c == ' ' || c == '"' || c == '\\' || c == '#')))
            return false;
    }
    return true;
}

static void put_quoted(struct buf *out, const char *text, size_t length)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_printf(out, "\\n");
        else if (c == '\t')
            buf_printf(out, "\\t");
        else if (c < ' ' || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_put_u8(out, c);
    }
    buf_put_u8(out, '"');
}

static void put_rest(struct buf *out, const char *text, size_t length)
{
    if (is_plain(text, length, true))
        buf_put(out, text, length);
    else
        put_quoted(out, text, length);
}

/* A string by its id, as a word. */
static void put_name(struct buf *out, const struct trace_reader *reader, uint32_t id)
{
    size_t length = 0;
    const char *text = trace_reader_string(reader, id, &length);
    bool is_reserved =
        text && ((length == 1 && text[0] == '-') || (length == 4 && memcmp(text, "lost", 4) == 0));
    if (id == 0)
        buf_printf(out, "-");
    else if (!text)
        buf_printf(out, "lost");
    else if (is_plain(text, length, false) && !is_reserved)
        buf_put(out, text, length);
    else
        put_quoted(out, text, length);
}

static bool is_known(const struct trace_reader *reader, enum def_kind kind, uint64_t id)
{
    if (id > UINT32_MAX)
        return false;
    switch (kind) {
    case DEF_STRING:
        return trace_reader_string(reader, (uint32_t)id, NULL);
    case DEF_LOCATION:
        return trace_reader_location(reader, (uint32_t)id);
    case DEF_STACK:
        return trace_reader_stack(reader, (uint32_t)id);
    case DEF_OBJECT:
        return trace_reader_object(reader, (uint32_t)id);
    case DEF_SET:
        return trace_reader_set(reader, (uint32_t)id);
    case DEF_KIND_COUNT:
        break;
    }
    return false;
}

static void put_id(struct buf *out, const struct trace_reader *reader, enum def_kind kind, uint64_t id)
{
    if (id == 0 || !reader || is_known(reader, kind, id))
        buf_printf(out, "%" PRIu64, id);
    else
        buf_printf(out, "lost");
}

static void put_flags(struct buf *out, enum def_kind kind, uint32_t flags)
{
    for (const struct text_flag *f = text_flags[kind]; f->flag; f++) {
        if (flags & f->flag)
            buf_printf(out, " %s", f->word);
    }
}

/* ---- definitions ---- */

static void put_location(struct buf *out, const struct trace_reader *reader,
                         const struct def_location *location)
{
    buf_printf(out, " pc=0x%" PRIx64, location->pc);
    for (uint32_t i = 0; i < location->frame_count; i++) {
        buf_put_u8(out, ' ');
        put_name(out, reader, location->frames[i].function);
        buf_put_u8(out, ' ');
        put_name(out, reader, location->frames[i].file);
        buf_printf(out, ":%" PRIu32, location->frames[i].line);
    }
}

static void put_stack(struct buf *out, const struct trace_reader *reader, const struct def_stack *stack)
{
    put_flags(out, DEF_STACK, stack->flags);
    for (uint32_t i = 0; i < stack->depth; i++) {
        buf_put_u8(out, ' ');
        put_id(out, reader, DEF_LOCATION, stack->locations[i]);
    }
}

static void put_object(struct buf *out, const struct trace_reader *reader, const struct def_object *object)
{
    const char *kind = trace_text_object_kind(object->kind);
    if (kind)
        buf_printf(out, " %s", kind);
    else
        buf_printf(out, " %" PRIu32, object->kind);
    buf_printf(out, " addr=0x%" PRIx64 " gen=%" PRIu32, object->addr, object->generation);
    if (object->type) {
        buf_printf(out, " type=");
        put_name(out, reader, object->type);
    }
    if (object->flags & OBJECT_CAPACITY)
        buf_printf(out, " cap=%" PRIu64, object->capacity);
    put_flags(out, DEF_OBJECT, object->flags);
}

static void put_set(struct buf *out, const struct trace_reader *reader, const struct def_set *set)
{
    for (uint32_t i = 0; i < set->case_count; i++) {
        uint32_t direction = set->cases[i].direction;
        buf_printf(out, " %s:", text_directions[direction <= SELECT_RECV ? direction : 0]);
        put_id(out, reader, DEF_OBJECT, set->cases[i].object);
    }
    put_flags(out, DEF_SET, set->flags);
}

void trace_text_definition(struct buf *out, const struct trace_reader *reader, enum def_kind kind,
                           uint32_t id)
{
    if (!is_known(reader, kind, id))
        return;
    buf_printf(out, "%s %" PRIu32, text_kind_words[kind], id);
    switch (kind) {
    case DEF_STRING: {
        size_t length;
        const char *text = trace_reader_string(reader, id, &length);
        buf_put_u8(out, ' ');
        put_rest(out, text, length);
        break;
    }
    case DEF_LOCATION:
        put_location(out, reader, trace_reader_location(reader, id));
        break;
    case DEF_STACK:
        put_stack(out, reader, trace_reader_stack(reader, id));
        break;
    case DEF_OBJECT:
        put_object(out, reader, trace_reader_object(reader, id));
        break;
    case DEF_SET:
        put_set(out, reader, trace_reader_set(reader, id));
        break;
    case DEF_KIND_COUNT:
        break;
    }
    buf_put_u8(out, '\n');
}

/* ---- events ---- */

static bool id_kind(enum field_kind kind, enum def_kind *out)
{
    switch (kind) {
    case FIELD_STACK:
        *out = DEF_STACK;
        return true;
    case FIELD_LOCATION:
        *out = DEF_LOCATION;
        return true;
    case FIELD_STRING:
        *out = DEF_STRING;
        return true;
    case FIELD_OBJECT:
        *out = DEF_OBJECT;
        return true;
    case FIELD_SET:
        *out = DEF_SET;
        return true;
    default:
        return false;
    }
}

static void explain_location(struct buf *out, const struct trace_reader *reader, uint32_t id)
{
    const struct def_location *location = trace_reader_location(reader, id);
    if (!location)
        buf_printf(out, "lost");
    else if (location->frame_count == 0)
        buf_printf(out, "0x%" PRIx64, location->pc);
    else
        put_name(out, reader, location->frames[0].function);
}

static void explain_object(struct buf *out, const struct trace_reader *reader, uint32_t id)
{
    const struct def_object *object = trace_reader_object(reader, id);
    if (!object) {
        buf_printf(out, id ? "lost" : "nil");
        return;
    }
    const char *kind = trace_text_object_kind(object->kind);
    buf_printf(out, "%s 0x%" PRIx64, kind ? kind : "object", object->addr);
    if (object->type) {
        buf_put_u8(out, ' ');
        put_name(out, reader, object->type);
    }
}

static void explain(struct buf *out, const struct trace_reader *reader, enum def_kind kind, uint32_t id)
{
    switch (kind) {
    case DEF_STRING:
        put_name(out, reader, id);
        break;
    case DEF_LOCATION:
        explain_location(out, reader, id);
        break;
    case DEF_STACK: {
        const struct def_stack *stack = trace_reader_stack(reader, id);
        for (uint32_t i = 0; i < stack->depth && i < CHAIN_SHOWN; i++) {
            buf_printf(out, i ? " < " : "");
            explain_location(out, reader, stack->locations[i]);
        }
        buf_printf(out, stack->depth > CHAIN_SHOWN ? " < ..." : "");
        break;
    }
    case DEF_OBJECT:
        explain_object(out, reader, id);
        break;
    case DEF_SET: {
        const struct def_set *set = trace_reader_set(reader, id);
        for (uint32_t i = 0; i < set->case_count; i++) {
            uint32_t direction = set->cases[i].direction;
            buf_printf(out, "%s%s ", i ? ", " : "",
                       text_directions[direction <= SELECT_RECV ? direction : 0]);
            explain_object(out, reader, set->cases[i].object);
        }
        break;
    }
    case DEF_KIND_COUNT:
        break;
    }
}

static bool has_explanation(const struct trace_reader *reader, enum def_kind kind, uint64_t id)
{
    return is_known(reader, kind, id) &&
           (kind != DEF_STACK || trace_reader_stack(reader, (uint32_t)id)->depth > 0);
}

static void explain_fields(struct buf *out, const struct event *event, const struct event_spec *spec,
                           const struct trace_reader *reader)
{
    const char *separator = "  # ";
    for (unsigned i = 0; i < spec->field_count; i++) {
        enum def_kind kind;
        if (spec->fields[i].kind == FIELD_REASON) {
            char key[48];
            snprintf(key, sizeof key, "go.wait_reason.%" PRIu64, event->f[i]);
            const char *reason = trace_meta_get(trace_reader_meta(reader), key);
            if (reason) {
                buf_printf(out, "%s%s: ", separator, spec->fields[i].name);
                put_rest(out, reason, strlen(reason));
                separator = "; ";
            }
        } else if (id_kind(spec->fields[i].kind, &kind) && has_explanation(reader, kind, event->f[i])) {
            buf_printf(out, "%s%s: ", separator, spec->fields[i].name);
            explain(out, reader, kind, (uint32_t)event->f[i]);
            separator = "; ";
        }
    }
}

void trace_text_event(struct buf *out, const struct event *event, const struct trace_reader *reader)
{
    const struct event_spec *spec = event_spec_get(event->type);
    buf_printf(out, "%" PRIu64 " cpu=%u tid=%" PRIu32, event->time_ns, event->cpu, event->tid);
    if (!spec) {
        buf_printf(out, " # event type %u\n", event->type);
        return;
    }
    buf_printf(out, " %s", spec->name);
    for (unsigned i = 0; i < spec->field_count; i++) {
        enum def_kind kind;
        buf_printf(out, " %s=", spec->fields[i].name);
        if (id_kind(spec->fields[i].kind, &kind))
            put_id(out, reader, kind, event->f[i]);
        else
            buf_printf(out, spec->fields[i].kind == FIELD_ADDRESS ? "0x%" PRIx64 : "%" PRIu64, event->f[i]);
    }
    if (reader)
        explain_fields(out, event, spec, reader);
    buf_printf(out, "\n");
}

/* ---- chunks ---- */

static void put_meta(struct buf *out, const char *start, const struct trace_meta *meta)
{
    for (size_t i = 0; i < meta->count; i++) {
        const char *key = meta->pairs[i].key, *value = meta->pairs[i].value;
        buf_printf(out, "%s ", start);
        if (is_plain(key, strlen(key), false))
            buf_printf(out, "%s", key);
        else
            put_quoted(out, key, strlen(key));
        buf_put_u8(out, ' ');
        put_rest(out, value, strlen(value));
        buf_put_u8(out, '\n');
    }
}

void trace_text_chunk_begin(struct buf *out, const struct trace_reader *reader,
                            const struct trace_chunk *chunk)
{
    if (chunk->damage)
        buf_printf(out, "# damage at %" PRIu64 ", %" PRIu64 " bytes: %s\n", chunk->damage->offset,
                   chunk->damage->size, chunk->damage->message);
    if (chunk->new_epoch && chunk->header.epoch > 1)
        buf_printf(out, "epoch\n");
    if (chunk->meta)
        put_meta(out, chunk->header.kind == CHUNK_END ? "# end" : "meta", chunk->meta);
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++) {
        const struct trace_new_ids *ids = &chunk->new_ids[kind];
        for (uint32_t i = 0; i < ids->count; i++)
            trace_text_definition(out, reader, (enum def_kind)kind, ids->first + i);
    }
}

void trace_text_chunk_end(struct buf *out, const struct trace_chunk *chunk)
{
    if (chunk->header.kind != CHUNK_EVENTS && chunk->header.kind != CHUNK_META)
        return;
    if (chunk->header.watermark_ns && chunk->header.kind == CHUNK_EVENTS)
        buf_printf(out, "watermark %" PRIu64 "\n", chunk->header.watermark_ns);
    buf_printf(out, "chunk\n");
}

void trace_text_chunk(struct buf *out, const struct trace_reader *reader, const struct trace_chunk *chunk)
{
    trace_text_chunk_begin(out, reader, chunk);
    for (uint32_t i = 0; i < chunk->event_count; i++)
        trace_text_event(out, &chunk->events[i], reader);
    trace_text_chunk_end(out, chunk);
}
