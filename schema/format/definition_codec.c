#include "format/definition_codec.h"

#include <string.h>

void definition_encode_string(struct buf *out, const char *text, size_t length)
{
    buf_put_bytes(out, text, length < STRING_SIZE_MAX ? length : STRING_SIZE_MAX);
}

void definition_encode_location(struct buf *out, const struct def_location *location)
{
    uint32_t count =
        location->frame_count < LOCATION_FRAMES_MAX ? location->frame_count : LOCATION_FRAMES_MAX;
    buf_put_varint(out, location->pc);
    buf_put_varint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_put_varint(out, location->frames[i].function);
        buf_put_varint(out, location->frames[i].file);
        buf_put_varint(out, location->frames[i].line);
    }
}

void definition_encode_stack(struct buf *out, const struct def_stack *stack)
{
    bool is_cut = stack->depth > STACK_DEPTH_MAX;
    uint32_t depth = is_cut ? STACK_DEPTH_MAX : stack->depth;
    buf_put_varint(out, stack->flags | (is_cut ? (uint32_t)STACK_CUT : 0));
    buf_put_varint(out, depth);
    for (uint32_t i = 0; i < depth; i++)
        buf_put_varint(out, stack->locations[i]);
}

void definition_encode_object(struct buf *out, const struct def_object *object)
{
    buf_put_varint(out, object->kind);
    buf_put_varint(out, object->flags);
    buf_put_varint(out, object->addr);
    buf_put_varint(out, object->generation);
    buf_put_varint(out, object->type);
    buf_put_varint(out, object->capacity);
}

void definition_encode_set(struct buf *out, const struct def_set *set)
{
    bool is_cut = set->case_count > SELECT_CASES_MAX;
    uint32_t count = is_cut ? SELECT_CASES_MAX : set->case_count;
    buf_put_varint(out, set->flags | (is_cut ? (uint32_t)SET_INCOMPLETE : 0));
    buf_put_varint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_put_varint(out, set->cases[i].object);
        buf_put_varint(out, set->cases[i].direction);
    }
}

size_t definition_cost(size_t encoded_size)
{
    return 128 + 4 * encoded_size;
}

static uint32_t take_u32(struct bytes *b)
{
    uint64_t value = bytes_varint(b);
    if (value > UINT32_MAX)
        b->bad = true;
    return (uint32_t)value;
}

/* A count of things of at least `least` bytes each; sets `bad` when there cannot be so many. */
static uint32_t take_count(struct bytes *b, uint32_t limit, size_t least)
{
    uint64_t count = bytes_varint(b);
    if (count > limit || count > bytes_left(b) / least) {
        b->bad = true;
        return 0;
    }
    return (uint32_t)count;
}

/* The decoders return NULL or what is wrong. */
static const char *const no_room = "more definitions than a reader keeps";

static const char *decode_string(struct bytes *b, struct definition_store *store, void *item)
{
    size_t length;
    const uint8_t *text = bytes_run(b, &length);
    if (!text || length > STRING_SIZE_MAX)
        return "a string of impossible length";
    char *copy = definition_store_alloc(store, length + 1);
    if (!copy)
        return no_room;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *(struct def_string *)item = (struct def_string){.text = copy, .length = (uint32_t)length};
    return NULL;
}

static const char *decode_location(struct bytes *b, struct definition_store *store, void *item)
{
    struct def_location location = {.pc = bytes_varint(b)};
    uint32_t count = take_count(b, LOCATION_FRAMES_MAX, 3);
    struct def_frame *frames = count ? definition_store_alloc(store, count * sizeof *frames) : NULL;
    if (count && !frames)
        return no_room;
    for (uint32_t i = 0; i < count; i++) {
        frames[i].function = take_u32(b);
        frames[i].file = take_u32(b);
        frames[i].line = take_u32(b);
    }
    location.frame_count = count;
    location.frames = frames;
    *(struct def_location *)item = location;
    return NULL;
}

static const char *decode_stack(struct bytes *b, struct definition_store *store, void *item)
{
    struct def_stack stack = {.flags = take_u32(b)};
    stack.depth = take_count(b, STACK_DEPTH_MAX, 1);
    uint32_t *locations = stack.depth ? definition_store_alloc(store, stack.depth * sizeof *locations) : NULL;
    if (stack.depth && !locations)
        return no_room;
    for (uint32_t i = 0; i < stack.depth; i++)
        locations[i] = take_u32(b);
    stack.locations = locations;
    *(struct def_stack *)item = stack;
    return NULL;
}

static const char *decode_object(struct bytes *b, struct definition_store *store, void *item)
{
    (void)store;
    struct def_object object = {.kind = take_u32(b), .flags = take_u32(b)};
    object.addr = bytes_varint(b);
    object.generation = take_u32(b);
    object.type = take_u32(b);
    object.capacity = bytes_varint(b);
    *(struct def_object *)item = object;
    return NULL;
}

static const char *decode_set(struct bytes *b, struct definition_store *store, void *item)
{
    struct def_set set = {.flags = take_u32(b)};
    set.case_count = take_count(b, SELECT_CASES_MAX, 2);
    struct def_case *cases =
        set.case_count ? definition_store_alloc(store, set.case_count * sizeof *cases) : NULL;
    if (set.case_count && !cases)
        return no_room;
    for (uint32_t i = 0; i < set.case_count; i++) {
        cases[i].object = take_u32(b);
        cases[i].direction = take_u32(b);
    }
    set.cases = cases;
    *(struct def_set *)item = set;
    return NULL;
}

/* What definitions of a block are told by (format 2): objects field by field, addresses from the last one of the same type;
 * sets by the distance of their objects. All is 0 at the start of a block. */
struct near {
    struct bytes columns[NEAR_COLUMNS];
    uint64_t address[NEAR_TYPES];
    uint32_t object;
};

static const char *decode_near_object(struct near *near, void *item)
{
    struct bytes *c = near->columns;
    struct def_object object = {.kind = take_u32(&c[0]), .flags = take_u32(&c[1])};
    object.type = take_u32(&c[2]);
    object.capacity = bytes_varint(&c[3]);
    object.generation = take_u32(&c[4]);
    object.addr = near->address[object.type % NEAR_TYPES] + (uint64_t)bytes_zigzag(&c[5]);
    near->address[object.type % NEAR_TYPES] = object.addr;
    for (unsigned i = 0; i < NEAR_COLUMNS; i++) {
        if (c[i].bad)
            return "the columns of objects do not fit together";
    }
    *(struct def_object *)item = object;
    return NULL;
}

/* A set as it is, but for the objects. */
static const char *decode_near_set(struct near *near, struct bytes *b, struct definition_store *store,
                                   void *item)
{
    struct def_set set = {.flags = take_u32(b)};
    set.case_count = take_count(b, SELECT_CASES_MAX, 2);
    struct def_case *cases =
        set.case_count ? definition_store_alloc(store, set.case_count * sizeof *cases) : NULL;
    if (set.case_count && !cases)
        return no_room;
    for (uint32_t i = 0; i < set.case_count; i++) {
        near->object += (uint32_t)bytes_zigzag(b);
        cases[i].object = near->object;
        cases[i].direction = take_u32(b);
    }
    set.cases = cases;
    *(struct def_set *)item = set;
    return NULL;
}

void definition_encode_near_set(struct buf *out, const void *set, size_t size, uint32_t *last_object)
{
    struct bytes in = bytes_of(set, size);
    buf_put_varint(out, bytes_varint(&in));
    uint64_t count = bytes_varint(&in);
    buf_put_varint(out, count);
    for (uint64_t i = 0; i < count; i++) {
        uint32_t object = take_u32(&in);
        buf_put_zigzag(out, (int32_t)(object - *last_object));
        buf_put_varint(out, bytes_varint(&in));
        *last_object = object;
    }
}

void definition_encode_near_object(struct buf columns[NEAR_COLUMNS], const void *object, size_t size,
                                   uint64_t last_address[NEAR_TYPES])
{
    struct bytes in = bytes_of(object, size);
    uint64_t kind = bytes_varint(&in), flags = bytes_varint(&in), address = bytes_varint(&in);
    uint64_t generation = bytes_varint(&in), type = bytes_varint(&in), capacity = bytes_varint(&in);
    buf_put_varint(&columns[0], kind);
    buf_put_varint(&columns[1], flags);
    buf_put_varint(&columns[2], type);
    buf_put_varint(&columns[3], capacity);
    buf_put_varint(&columns[4], generation);
    buf_put_zigzag(&columns[5], (int64_t)(address - last_address[type % NEAR_TYPES]));
    last_address[type % NEAR_TYPES] = address;
}

/* Large enough for the struct of any kind. */
union any_definition {
    struct def_string string;
    struct def_location location;
    struct def_stack stack;
    struct def_object object;
    struct def_set set;
};

static const struct {
    const char *(*decode)(struct bytes *b, struct definition_store *store, void *item);
    size_t size;
} kinds[DEF_KIND_COUNT] = {
    [DEF_STRING] = {decode_string, sizeof(struct def_string)},
    [DEF_LOCATION] = {decode_location, sizeof(struct def_location)},
    [DEF_STACK] = {decode_stack, sizeof(struct def_stack)},
    [DEF_OBJECT] = {decode_object, sizeof(struct def_object)},
    [DEF_SET] = {decode_set, sizeof(struct def_set)},
};

static const char *decode_item(enum def_kind kind, struct near *near, struct bytes *body,
                               struct definition_store *store, void *item)
{
    if (!near)
        return kinds[kind].decode(body, store, item);
    return kind == DEF_OBJECT ? decode_near_object(near, item) : decode_near_set(near, body, store, item);
}

static bool near_is_used_up(const struct near *near)
{
    size_t left = 0;
    for (unsigned i = 0; i < NEAR_COLUMNS; i++)
        left += bytes_left(&near->columns[i]);
    return left == 0;
}

int definition_decode_block(enum def_kind kind, bool is_near, struct bytes body,
                            struct definition_store *store, uint32_t *first_out, uint32_t *count_out,
                            struct error *err)
{
    struct near near = {.object = 0};
    uint32_t first = take_u32(&body);
    uint32_t count = take_count(&body, DEFINITION_ID_MAX, 1);
    for (unsigned i = 0; is_near && kind == DEF_OBJECT && i < NEAR_COLUMNS; i++)
        near.columns[i] = bytes_slice(&body, bytes_varint(&body));
    if (body.bad || first == 0 || first > DEFINITION_ID_MAX - count)
        return error_set(err, ERR_DAMAGED, "definitions with impossible numbers");
    for (uint32_t i = 0; i < count; i++) {
        union any_definition item;
        const char *wrong = decode_item(kind, is_near ? &near : NULL, &body, store, &item);
        if (!wrong && body.bad)
            wrong = "a definition makes no sense";
        void *place = wrong ? NULL : definition_store_add(store, kind, first + i);
        if (!wrong && !place)
            wrong = definition_store_is_full(store) ? no_room : "a definition that was there before";
        if (wrong)
            return error_set(err, ERR_DAMAGED, "%s", wrong);
        memcpy(place, &item, kinds[kind].size);
    }
    if (bytes_left(&body) > 0 || !near_is_used_up(&near))
        return error_set(err, ERR_DAMAGED, "bytes are left over behind the last definition");
    *first_out = first;
    *count_out = count;
    return 0;
}
