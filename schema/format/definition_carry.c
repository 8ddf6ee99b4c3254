#include "format/definition_carry.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "format/definition_codec.h"
#include "format/event_spec.h"

/* An epoch that began with more than this would soon be full. */
#define CARRIED_COST_MAX (6u << 20)

int definition_carry_begin(struct definition_carry *self, const struct definition_table *from,
                           struct definition_table *to, struct error *err)
{
    *self = (struct definition_carry){.from = from, .to = to};
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++) {
        self->count[kind] = intern_count(from->items[kind]) + 1;
        self->ids[kind] = calloc(self->count[kind], sizeof *self->ids[kind]);
        if (!self->ids[kind]) {
            definition_carry_end(self);
            return error_set(err, ERR_NOMEM, "out of memory for definitions");
        }
    }
    return 0;
}

void definition_carry_end(struct definition_carry *self)
{
    for (unsigned kind = 0; kind < DEF_KIND_COUNT; kind++)
        free(self->ids[kind]);
    *self = (struct definition_carry){0};
}

/* The translations need the table's item for what they refer to: their own is encoded last. */
static void carry_string(struct definition_carry *self, struct bytes *b)
{
    size_t length;
    const uint8_t *text = bytes_run(b, &length);
    definition_encode_string(definition_table_item(self->to), (const char *)text, text ? length : 0);
}

static void carry_location(struct definition_carry *self, struct bytes *b)
{
    struct def_frame frames[LOCATION_FRAMES_MAX];
    struct def_location location = {.pc = bytes_varint(b), .frames = frames};
    uint64_t count = bytes_varint(b);
    for (; location.frame_count < count && location.frame_count < LOCATION_FRAMES_MAX;
         location.frame_count++) {
        struct def_frame *frame = &frames[location.frame_count];
        frame->function = definition_carry_id(self, DEF_STRING, (uint32_t)bytes_varint(b));
        frame->file = definition_carry_id(self, DEF_STRING, (uint32_t)bytes_varint(b));
        frame->line = (uint32_t)bytes_varint(b);
    }
    definition_encode_location(definition_table_item(self->to), &location);
}

static void carry_stack(struct definition_carry *self, struct bytes *b)
{
    uint32_t locations[STACK_DEPTH_MAX];
    struct def_stack stack = {.flags = (uint32_t)bytes_varint(b), .locations = locations};
    uint64_t depth = bytes_varint(b);
    for (; stack.depth < depth && stack.depth < STACK_DEPTH_MAX; stack.depth++)
        locations[stack.depth] = definition_carry_id(self, DEF_LOCATION, (uint32_t)bytes_varint(b));
    definition_encode_stack(definition_table_item(self->to), &stack);
}

static void carry_object(struct definition_carry *self, struct bytes *b)
{
    struct def_object object = {.kind = (uint32_t)bytes_varint(b), .flags = (uint32_t)bytes_varint(b)};
    object.addr = bytes_varint(b);
    object.generation = (uint32_t)bytes_varint(b);
    object.type = definition_carry_id(self, DEF_STRING, (uint32_t)bytes_varint(b));
    object.capacity = bytes_varint(b);
    definition_encode_object(definition_table_item(self->to), &object);
}

static void carry_set(struct definition_carry *self, struct bytes *b)
{
    struct def_case cases[SELECT_CASES_MAX];
    struct def_set set = {.flags = (uint32_t)bytes_varint(b), .cases = cases};
    uint64_t count = bytes_varint(b);
    for (; set.case_count < count && set.case_count < SELECT_CASES_MAX; set.case_count++) {
        cases[set.case_count].object = definition_carry_id(self, DEF_OBJECT, (uint32_t)bytes_varint(b));
        cases[set.case_count].direction = (uint32_t)bytes_varint(b);
    }
    definition_encode_set(definition_table_item(self->to), &set);
}

static void (*const carriers[DEF_KIND_COUNT])(struct definition_carry *self, struct bytes *b) = {
    [DEF_STRING] = carry_string, [DEF_LOCATION] = carry_location, [DEF_STACK] = carry_stack,
    [DEF_OBJECT] = carry_object, [DEF_SET] = carry_set,
};

uint32_t definition_carry_id(struct definition_carry *self, enum def_kind kind, uint32_t id)
{
    size_t size;
    if (id == 0 || id >= self->count[kind])
        return 0;
    uint32_t known = self->ids[kind][id];
    if (known)
        return known - 1;
    const void *item = intern_get(self->from->items[kind], id, &size);
    uint32_t carried = 0;
    if (item && self->to->cost <= CARRIED_COST_MAX) {
        struct bytes b = bytes_of(item, size);
        carriers[kind](self, &b);
        carried = definition_table_put(self->to, kind);
    }
    self->dropped += carried == 0;
    self->ids[kind][id] = carried + 1;
    return carried;
}

/* Fields of the kinds that have no row hold no ids. */
static const struct {
    bool is_id;
    enum def_kind kind;
} definition_of[] = {
    [FIELD_STACK] = {true, DEF_STACK},   [FIELD_LOCATION] = {true, DEF_LOCATION},
    [FIELD_STRING] = {true, DEF_STRING}, [FIELD_OBJECT] = {true, DEF_OBJECT},
    [FIELD_SET] = {true, DEF_SET},       [FIELD_REASON] = {false, DEF_STRING},
};

void definition_carry_event(struct definition_carry *self, struct event *event)
{
    const struct event_spec *spec = event_spec_get(event->type);
    for (unsigned i = 0; spec && i < spec->field_count; i++) {
        unsigned kind = spec->fields[i].kind;
        if (kind < sizeof definition_of / sizeof *definition_of && definition_of[kind].is_id)
            event->f[i] = definition_carry_id(self, definition_of[kind].kind, (uint32_t)event->f[i]);
    }
}
