/*
 * See probe_program.h. Straight-line code: the walk is unrolled, every way out knows its constants, so that the verifier
 * of every kernel from 6.0 on follows it.
 *
 * Registers: r6 pt_regs, r7 the slot (with frames), r8 pointer at hand, r9 frames so far; r0 to r5 as calls have them. In the
 * walk: r6 where the window begins in the target. When all is read: r6 the control of the ring, r8 the place of the record, r9
 * its size.
 */
#include "perf/probe_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perf/sample_decode.h"

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

/* Opcodes: class | size or operation | mode or source. */
enum {
    LOAD_U64 = 0x79,
    LOAD_U32 = 0x61,
    STORE_REG_U32 = 0x63,
    STORE_REG_U64 = 0x7b,
    STORE_IMM_U32 = 0x62,
    STORE_IMM_U64 = 0x7a,
    ATOMIC_U64 = 0xdb,   /* see below */
    WIDE_IMM = 0x18,     /* two instructions; source 1: the descriptor of a map, 2: its first value */
    ADD = 0x0f,
    SUBTRACT = 0x1f,
    AND_IMM = 0x57,
    JUMP_IF_SAME = 0x1d,
    JUMP_IF_ABOVE = 0x25,
    JUMP_IF_AT_MOST = 0xb5,
    JUMP_IF_AT_LEAST = 0x35,
    MOVE = 0xbf,
    MOVE_IMM = 0xb7,
    MOVE_IMM_U32 = 0xb4,
    ADD_IMM = 0x07,
    OR_IMM = 0x47,
    SHIFT_LEFT = 0x67,
    SHIFT_RIGHT = 0x77,
    SHIFT_RIGHT_SIGNED = 0xc7,
    JUMP = 0x05,
    JUMP_IF_IMM = 0x15,
    JUMP_UNLESS_IMM = 0x55,
    CALL = 0x85,
    EXIT = 0x95,
};

/* Immediates of ATOMIC_U64; the last one compares with r0, and leaves there what was. */
enum { ATOMIC_ADD = 0, ATOMIC_EXCHANGE = 0xe1, ATOMIC_COMPARE_EXCHANGE = 0xf1 };

/* Numbers of helpers, from <linux/bpf.h>. */
enum {
    HELPER_MAP_LOOKUP = 1,
    HELPER_TIME = 5,
    HELPER_CPU = 8,
    HELPER_THREAD = 14,
    HELPER_READ_USER = 112,
    HELPER_READ_KERNEL = 113,
    HELPER_THREAD_IN_NAMESPACE = 120,
};

enum {
    KEY_AT = -8,      /* on the stack: keys, inner pointers */
    FRAME_AT = -24,   /* saved frame pointer, return address */
    HEADER_AT = -32,  /* the first three words of the record */
    SIZE_AT = -28,
    TIME_AT = -40,
    THREAD_AT = -48,
    LOST_AT = -44,
    VALUES_END = -48, /* of the values; below them lies the window */
    STACK_END = -512,
    WINDOW_MAX = 384, /* bytes of the target's stack that are read at once */
    WINDOW_STEPS = 16, /* so many frames are looked for in it; deeper ones are read one by one, to keep programs short */
    PAGE_BYTES = 4096,
    SLOT_COUNT = 8,
    SLOT_WINDOW = 16,
    SLOT_FRAMES = 24,
    CONTROL_SHIFT = 7, /* bytes of a ring's control */
    TRIES = 4,         /* to reserve room: each that fails means that somebody else reserved some, or our fence */
    DEPTH_MAX = 8,
    REGISTER_IP = 128,
    REGISTER_BP = 32,
    WAYS_MAX = 64,
};

_Static_assert(SLOT_FRAMES + 8 * PROGRAM_FRAMES_MAX <= PROGRAM_SLOT_BYTES, "the frames fit");
_Static_assert((PROGRAM_FRAMES_MAX & (PROGRAM_FRAMES_MAX + 1)) == 0, "a mask");
_Static_assert(PROGRAM_RECORD_BYTES + 8 * (RECORD_VALUES_MAX + PROGRAM_FRAMES_MAX) <= PROGRAM_RECORD_MAX, "in a ring, too");
_Static_assert(sizeof(struct program_control) == 1 << CONTROL_SHIFT, "the shift finds the control");

struct instruction {
    uint8_t code, registers;
    int16_t offset;
    int32_t immediate;
};

/* Jumps to a place further on. */
struct ways {
    size_t at[2 * PROGRAM_FRAMES_MAX + WAYS_MAX];
    unsigned count;
};

struct past_value {
    char text[96]; /* its expression */
    unsigned index;
};

struct maker {
    const struct program_input *in;
    struct buf *out;
    int values_at;         /* on the stack: value 0 */
    unsigned index;        /* of the next value */
    struct past_value past[RECORD_VALUES_MAX];
    unsigned past_count;
    struct ways failed;  /* nothing is known of the hit: to be told */
    struct ways nowhere; /* there is no place to tell it */
};

static const struct {
    const char *name;
    int offset; /* in struct pt_regs */
} registers[] = {
    {"r15", 0},  {"r14", 8},  {"r13", 16}, {"r12", 24}, {"bp", REGISTER_BP}, {"bx", 40},
    {"r11", 48}, {"r10", 56}, {"r9", 64},  {"r8", 72},  {"ax", 80},          {"cx", 88},
    {"dx", 96},  {"si", 104}, {"di", 112}, {"ip", REGISTER_IP}, {"flags", 144},      {"sp", 152},
};

static size_t emit(struct maker *self, uint8_t code, int to, int from, int offset, int64_t immediate)
{
    const struct instruction it = {code, (uint8_t)(to | from << 4), (int16_t)offset, (int32_t)immediate};
    size_t at = self->out->size;
    buf_put(self->out, &it, sizeof it);
    return at;
}

static void emit_wide(struct maker *self, int to, int kind, uint64_t immediate)
{
    emit(self, WIDE_IMM, to, kind, 0, (int32_t)(uint32_t)immediate);
    emit(self, 0, 0, 0, 0, (int32_t)(uint32_t)(immediate >> 32));
}

static void add_way(struct maker *self, struct ways *ways, size_t at)
{
    if (ways->count == sizeof ways->at / sizeof *ways->at)
        self->out->failed = true;
    else
        ways->at[ways->count++] = at;
}

/* All of them lead here. */
static void arrive(struct maker *self, struct ways *ways)
{
    for (unsigned i = 0; i < ways->count && !buf_failed(self->out); i++) {
        int16_t distance = (int16_t)((self->out->size - ways->at[i]) / sizeof(struct instruction) - 1);
        memcpy(self->out->data + ways->at[i] + offsetof(struct instruction, offset), &distance, sizeof distance);
    }
    ways->count = 0;
}

static void emit_map(struct maker *self, int to, int descriptor)
{
    emit_wide(self, to, 1, (uint32_t)descriptor);
}

/* ---- expressions ---- */

static int unknown(const char *text, struct error *err)
{
    return error_set(err, ERR_UNSUPPORTED, "no program for the fetch argument %s", text);
}

static int find_register(const char *name)
{
    for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++) {
        if (strcmp(registers[i].name, name) == 0)
            return registers[i].offset;
    }
    return -1;
}

/* "+8(INNER)": takes the offset off, and the parentheses. False: it is no such thing. */
static bool take_outer(char *text, int64_t *offset_out, char **inner_out)
{
    char *end;
    size_t length = strlen(text);
    if ((*text != '+' && *text != '-') || length < 4 || text[length - 1] != ')')
        return false;
    *offset_out = strtoll(text, &end, 10);
    if (end == text || *end != '(' || *offset_out < INT32_MIN || *offset_out > INT32_MAX)
        return false;
    text[length - 1] = '\0';
    *inner_out = end + 1;
    return true;
}

static const struct past_value *find_past(const struct maker *self, const char *text)
{
    for (unsigned i = 0; i < self->past_count; i++) {
        if (strcmp(self->past[i].text, text) == 0)
            return &self->past[i];
    }
    return NULL;
}

/* r0: 0 when it has been read. */
static void emit_read(struct maker *self, int to, int to_offset, unsigned size)
{
    emit(self, MOVE, R1, to, 0, 0);
    emit(self, ADD_IMM, R1, 0, 0, to_offset);
    emit(self, MOVE_IMM, R2, 0, 0, size);
    emit(self, MOVE, R3, R8, 0, 0);
    emit(self, CALL, 0, 0, 0, HELPER_READ_USER);
}

/* The value of a pointer goes to r8; where it cannot be had, or is NULL, the way leads to `nothing`. */
static int emit_pointer(struct maker *self, char *text, struct ways *nothing, unsigned depth, struct error *err)
{
    const struct past_value *past = find_past(self, text);
    int64_t offset;
    char *inner;
    if (depth == DEPTH_MAX)
        return unknown(text, err);
    if (*text == '%') {
        int at = find_register(text + 1);
        if (at < 0)
            return unknown(text, err);
        emit(self, LOAD_U64, R8, R6, at, 0);
    } else if (past) {
        emit(self, LOAD_U64, R8, R10, self->values_at + 8 * (int)past->index, 0);
    } else if (take_outer(text, &offset, &inner)) {
        int rc = emit_pointer(self, inner, nothing, depth + 1, err);
        if (rc != 0)
            return rc;
        emit(self, ADD_IMM, R8, 0, 0, offset);
        emit_read(self, R10, KEY_AT, 8);
        add_way(self, nothing, emit(self, JUMP_UNLESS_IMM, R0, 0, 0, 0));
        emit(self, LOAD_U64, R8, R10, KEY_AT, 0);
    } else {
        return unknown(text, err);
    }
    add_way(self, nothing, emit(self, JUMP_IF_IMM, R8, 0, 0, 0));
    return 0;
}

static void emit_narrow(struct maker *self, int reg, unsigned width, bool is_signed)
{
    unsigned unused = 64 - 8 * width;
    if (!unused)
        return;
    emit(self, SHIFT_LEFT, reg, 0, 0, unused);
    emit(self, is_signed ? SHIFT_RIGHT_SIGNED : SHIFT_RIGHT, reg, 0, 0, unused);
}

struct wanted {
    char expression[96];
    unsigned width, elements;
    bool is_signed;
};

/* What lies at r8 becomes the value; what hangs on nothing is 0. */
static void emit_value_in_memory(struct maker *self, const struct wanted *value, struct ways *nothing)
{
    int at = self->values_at + 8 * (int)self->index;
    struct ways done = {.count = 0};
    if (value->width < 8)
        emit(self, STORE_IMM_U64, R10, 0, at, 0);
    emit_read(self, R10, at, value->width * value->elements);
    if (self->index == 0)
        add_way(self, &self->failed, emit(self, JUMP_UNLESS_IMM, R0, 0, 0, 0));
    if (value->is_signed && value->width < 8) {
        emit(self, LOAD_U64, R1, R10, at, 0);
        emit_narrow(self, R1, value->width, true);
        emit(self, STORE_REG_U64, R10, R1, at, 0);
    }
    if (nothing->count == 0)
        return;
    add_way(self, &done, emit(self, JUMP, 0, 0, 0, 0));
    arrive(self, nothing);
    for (unsigned i = 0; i < value->elements; i++)
        emit(self, STORE_IMM_U64, R10, 0, at + 8 * (int)i, 0);
    if (self->index == 0)
        add_way(self, &self->failed, emit(self, JUMP, 0, 0, 0, 0));
    arrive(self, &done);
}

static int emit_memory(struct maker *self, const struct wanted *value, struct error *err)
{
    char text[96], *inner;
    int64_t offset;
    struct ways nothing = {.count = 0};
    memcpy(text, value->expression, sizeof text);
    if (strncmp(text, "@+", 2) == 0) {
        /* In the mapping of the probed file: as far from the probed instruction as in the file. */
        char *end;
        uint64_t at = strtoull(text + 2, &end, 10);
        int64_t distance = (int64_t)(at - self->in->file_offset);
        if (*end || end == text + 2 || distance < INT32_MIN || distance > INT32_MAX)
            return unknown(value->expression, err);
        emit(self, LOAD_U64, R8, R6, REGISTER_IP, 0);
        offset = distance;
    } else if (take_outer(text, &offset, &inner)) {
        int rc = emit_pointer(self, inner, &nothing, 0, err);
        if (rc != 0)
            return rc;
    } else {
        return unknown(value->expression, err);
    }
    emit(self, ADD_IMM, R8, 0, 0, offset);
    emit_value_in_memory(self, value, &nothing);
    return 0;
}

static int emit_value(struct maker *self, const struct wanted *value, struct error *err)
{
    const char *text = value->expression;
    int at = self->values_at + 8 * (int)self->index;
    if (self->index + value->elements > RECORD_VALUES_MAX || (value->elements > 1 && value->width != 8))
        return unknown(text, err);
    if (*text == '\\') {
        char *end;
        long number = strtol(text + 1, &end, 10);
        if (end == text + 1 || *end || number < INT32_MIN || number > INT32_MAX)
            return unknown(text, err);
        emit(self, STORE_IMM_U64, R10, 0, at, number);
    } else if (*text == '%') {
        int from = find_register(text + 1);
        if (from < 0 || value->elements > 1)
            return unknown(text, err);
        emit(self, LOAD_U64, R1, R6, from, 0);
        emit_narrow(self, R1, value->width, value->is_signed);
        emit(self, STORE_REG_U64, R10, R1, at, 0);
    } else {
        int rc = emit_memory(self, value, err);
        if (rc != 0)
            return rc;
    }
    if (value->width == 8 && value->elements == 1) {
        struct past_value *past = &self->past[self->past_count++];
        memcpy(past->text, text, sizeof past->text);
        past->index = self->index;
    }
    self->index += value->elements;
    return 0;
}

/* "name=EXPRESSION:x64[16]" */
static int parse_value(const char *text, const char *name, unsigned elements, struct wanted *out, struct error *err)
{
    size_t length = strlen(name);
    const char *colon = strrchr(text, ':');
    unsigned bits = 0, count = 1;
    char kind = 0;
    if (strncmp(text, name, length) != 0 || text[length] != '=' || !colon || colon < text + length)
        return unknown(text, err);
    int found = sscanf(colon + 1, "%c%u[%u]", &kind, &bits, &count);
    size_t size = (size_t)(colon - text) - length - 1;
    if (found < 2 || !strchr("usx", kind) || (bits != 8 && bits != 16 && bits != 32 && bits != 64) ||
        size >= sizeof out->expression || count != (elements ? elements : 1))
        return unknown(text, err);
    memset(out, 0, sizeof *out);
    memcpy(out->expression, text + length + 1, size);
    out->width = bits / 8;
    out->elements = count;
    out->is_signed = kind == 's';
    return 0;
}

static int each_value(struct maker *self, bool emits, unsigned *count_out, struct error *err)
{
    char *copy = strdup(self->in->fetch), *save = NULL;
    unsigned field = 0, count = 0;
    int rc = copy ? 0 : error_set(err, ERR_NOMEM, "out of memory");
    for (char *text = copy ? strtok_r(copy, " ", &save) : NULL; text && rc == 0; text = strtok_r(NULL, " ", &save), field++) {
        struct wanted value;
        if (field == RECORD_VALUES_MAX || !self->in->values[field])
            rc = unknown(text, err);
        if (rc == 0)
            rc = parse_value(text, self->in->values[field], self->in->elements[field], &value, err);
        if (rc == 0)
            count += value.elements;
        if (rc == 0 && emits)
            rc = emit_value(self, &value, err);
    }
    if (rc == 0 && field < RECORD_VALUES_MAX && self->in->values[field])
        rc = unknown(self->in->values[field], err);
    free(copy);
    *count_out = count;
    return rc;
}

/* ---- the whole ---- */

/* r7: a slot of this CPU's element that nobody else is in. A thread that loses the CPU in a program keeps its slot. */
static void emit_take_slot(struct maker *self)
{
    struct ways taken = {.count = 0};
    emit(self, STORE_IMM_U32, R10, 0, KEY_AT, 0);
    emit_map(self, R1, self->in->scratch);
    emit(self, MOVE, R2, R10, 0, 0);
    emit(self, ADD_IMM, R2, 0, 0, KEY_AT);
    emit(self, CALL, 0, 0, 0, HELPER_MAP_LOOKUP);
    add_way(self, &self->failed, emit(self, JUMP_IF_IMM, R0, 0, 0, 0));
    emit(self, MOVE, R7, R0, 0, 0);
    for (unsigned i = 0; i < PROGRAM_SLOTS; i++) {
        emit(self, MOVE_IMM, R1, 0, 0, 1);
        emit(self, ATOMIC_U64, R7, R1, 0, ATOMIC_EXCHANGE);
        add_way(self, &taken, emit(self, JUMP_IF_IMM, R1, 0, 0, 0));
        if (i + 1 < PROGRAM_SLOTS)
            emit(self, ADD_IMM, R7, 0, 0, PROGRAM_SLOT_BYTES);
    }
    add_way(self, &self->failed, emit(self, JUMP, 0, 0, 0, 0));
    arrive(self, &taken);
}

static void emit_leave_slot(struct maker *self)
{
    emit(self, STORE_IMM_U64, R7, 0, 0, 0);
}

static void emit_end(struct maker *self)
{
    /* 0: perf shall write nothing of its own. */
    emit(self, MOVE_IMM, R0, 0, 0, 0);
    emit(self, EXIT, 0, 0, 0, 0);
}

/* Ours, or nothing is told. */
static void emit_thread(struct maker *self)
{
    const struct program_input *in = self->in;
    struct ways ours = {.count = 0}, others = {.count = 0};
    if (in->namespace_inode) {
        /* u32 thread, u32 process; an error in any other namespace */
        emit_wide(self, R1, 0, in->namespace_device);
        emit_wide(self, R2, 0, in->namespace_inode);
        emit(self, MOVE, R3, R10, 0, 0);
        emit(self, ADD_IMM, R3, 0, 0, KEY_AT);
        emit(self, MOVE_IMM, R4, 0, 0, 8);
        emit(self, CALL, 0, 0, 0, HELPER_THREAD_IN_NAMESPACE);
        add_way(self, &others, emit(self, JUMP_UNLESS_IMM, R0, 0, 0, 0));
        emit(self, LOAD_U32, R1, R10, KEY_AT + 4, 0);
        emit(self, LOAD_U32, R0, R10, KEY_AT, 0);
    } else {
        emit(self, CALL, 0, 0, 0, HELPER_THREAD);
        emit(self, MOVE, R1, R0, 0, 0);
        emit(self, SHIFT_RIGHT, R1, 0, 0, 32);
    }
    add_way(self, &ours, emit(self, JUMP_IF_IMM, R1, 0, 0, in->pid));
    arrive(self, &others);
    emit_end(self);
    arrive(self, &ours);
    emit(self, STORE_REG_U32, R10, R0, THREAD_AT, 0);
}

static unsigned log2_of(uint64_t power)
{
    return (unsigned)__builtin_ctzll(power);
}

/* r6: the control of the ring of this CPU; the number of its first slice as a key. */
static void emit_find_ring(struct maker *self)
{
    emit(self, CALL, 0, 0, 0, HELPER_CPU);
    add_way(self, &self->nowhere, emit(self, JUMP_IF_AT_LEAST, R0, 0, 0, self->in->cpus));
    emit(self, MOVE, R1, R0, 0, 0);
    emit(self, SHIFT_LEFT, R1, 0, 0, log2_of(program_geometry_slices(&self->in->geometry)));
    emit(self, STORE_REG_U32, R10, R1, KEY_AT, 0);
    emit(self, SHIFT_LEFT, R0, 0, 0, CONTROL_SHIFT);
    emit_wide(self, R6, 2, (uint32_t)self->in->control);
    emit(self, ADD, R6, R0, 0, 0);
}

/* Room for r9 bytes, its time, and the losses up to then: r8 the position. The order is that of program_ring.h: head, then is it
 * open and is there room, then the time, then the exchange. */
static void emit_reserve(struct maker *self)
{
    struct ways reserved = {.count = 0}, lost = {.count = 0};
    for (unsigned i = 0; i < TRIES; i++) {
        emit(self, LOAD_U64, R8, R6, offsetof(struct program_control, head), 0);
        emit(self, LOAD_U64, R1, R6, offsetof(struct program_control, open), 0);
        add_way(self, &self->nowhere, emit(self, JUMP_IF_IMM, R1, 0, 0, 0));
        emit(self, LOAD_U64, R2, R6, offsetof(struct program_control, tail), 0);
        emit(self, MOVE, R1, R8, 0, 0);
        emit(self, ADD, R1, R9, 0, 0);
        emit(self, SUBTRACT, R1, R2, 0, 0);
        add_way(self, &lost, emit(self, JUMP_IF_ABOVE, R1, 0, 0, (int64_t)self->in->geometry.bytes));
        emit(self, LOAD_U64, R1, R6, offsetof(struct program_control, lost), 0);
        emit(self, STORE_REG_U32, R10, R1, LOST_AT, 0);
        emit(self, CALL, 0, 0, 0, HELPER_TIME);
        emit(self, STORE_REG_U64, R10, R0, TIME_AT, 0);
        emit(self, MOVE, R1, R8, 0, 0);
        emit(self, ADD, R1, R9, 0, 0);
        emit(self, MOVE, R0, R8, 0, 0);
        emit(self, ATOMIC_U64, R6, R1, offsetof(struct program_control, head), ATOMIC_COMPARE_EXCHANGE);
        add_way(self, &reserved, emit(self, JUMP_IF_SAME, R0, R8, 0, 0));
    }
    arrive(self, &lost);
    emit(self, MOVE_IMM, R1, 0, 0, 1);
    emit(self, ATOMIC_U64, R6, R1, offsetof(struct program_control, lost), ATOMIC_ADD);
    add_way(self, &self->nowhere, emit(self, JUMP, 0, 0, 0, 0));
    arrive(self, &reserved);
}

/* r8: the place in memory. */
static void emit_find_place(struct maker *self)
{
    const struct program_geometry *geometry = &self->in->geometry;
    uint64_t slices = program_geometry_slices(geometry);
    if (slices > 1) {
        emit(self, MOVE, R1, R8, 0, 0);
        emit(self, SHIFT_RIGHT, R1, 0, 0, log2_of(geometry->slice_bytes));
        emit(self, AND_IMM, R1, 0, 0, (int64_t)slices - 1);
        emit(self, LOAD_U32, R2, R10, KEY_AT, 0);
        emit(self, ADD, R1, R2, 0, 0);
        emit(self, STORE_REG_U32, R10, R1, KEY_AT, 0);
    }
    emit_map(self, R1, self->in->data);
    emit(self, MOVE, R2, R10, 0, 0);
    emit(self, ADD_IMM, R2, 0, 0, KEY_AT);
    emit(self, CALL, 0, 0, 0, HELPER_MAP_LOOKUP);
    add_way(self, &self->nowhere, emit(self, JUMP_IF_IMM, R0, 0, 0, 0)); /* never */
    emit(self, AND_IMM, R8, 0, 0, (int64_t)geometry->slice_bytes - 8);
    emit(self, ADD, R8, R0, 0, 0);
}

/* The header and the values are on the stack, the frames in the slot; r9 is the size. */
static void emit_record(struct maker *self, unsigned values, bool has_frames)
{
    int values_end = PROGRAM_RECORD_BYTES + 8 * (int)values;
    emit(self, STORE_REG_U32, R10, R9, SIZE_AT, 0);
    emit_find_ring(self);
    emit_reserve(self);
    emit_find_place(self);
    if (has_frames) {
        emit(self, MOVE, R1, R8, 0, 0);
        emit(self, ADD_IMM, R1, 0, 0, values_end);
        emit(self, MOVE, R2, R9, 0, 0);
        emit(self, ADD_IMM, R2, 0, 0, -values_end);
        emit(self, MOVE, R3, R7, 0, 0);
        emit(self, ADD_IMM, R3, 0, 0, SLOT_FRAMES);
        emit(self, CALL, 0, 0, 0, HELPER_READ_KERNEL);
    }
    for (unsigned i = 0; i < values; i++) {
        emit(self, LOAD_U64, R1, R10, self->values_at + 8 * (int)i, 0);
        emit(self, STORE_REG_U64, R8, R1, PROGRAM_RECORD_BYTES + 8 * (int)i, 0);
    }
    static const int words[] = {THREAD_AT, TIME_AT, HEADER_AT}; /* the header comes last: it says that all is there */
    for (int i = 0; i < 3; i++) {
        emit(self, LOAD_U64, R1, R10, words[i], 0);
        emit(self, STORE_REG_U64, R8, R1, 16 - 8 * i, 0);
    }
    arrive(self, &self->nowhere);
    if (has_frames)
        emit_leave_slot(self);
    emit_end(self);
}

/* What is left of the stack for the window; the frame pointer is to find 16 bytes in it. */
static int window_bytes(unsigned values)
{
    int left = VALUES_END - 8 * (int)values - STACK_END;
    return left > WINDOW_MAX ? WINDOW_MAX : left & ~15;
}

/* Through memory, after which it is any number to the verifier: what follows is looked at once, not for each way there. */
static void emit_forget(struct maker *self, int reg, int slot_at)
{
    emit(self, STORE_REG_U64, R7, reg, slot_at, 0);
    emit(self, LOAD_U64, reg, R7, slot_at, 0);
}

/*
 * The stack around r8, from r6 on, into the window. All of it lies in the page of the frame at r8, which is there, or begins with
 * the frame and goes on in the next page, where the frame does so too: a part of the stack that was never touched is not read.
 */
static void emit_read_window(struct maker *self, int at, int bytes, struct ways *done)
{
    struct ways keep = {.count = 0};
    emit(self, MOVE, R6, R8, 0, 0);
    emit(self, MOVE, R1, R8, 0, 0);
    emit(self, AND_IMM, R1, 0, 0, PAGE_BYTES - 1);
    add_way(self, &keep, emit(self, JUMP_IF_AT_MOST, R1, 0, 0, PAGE_BYTES - bytes));
    add_way(self, &keep, emit(self, JUMP_IF_ABOVE, R1, 0, 0, PAGE_BYTES - 16));
    emit(self, OR_IMM, R6, 0, 0, PAGE_BYTES - 1);
    emit(self, ADD_IMM, R6, 0, 0, 1 - bytes);
    arrive(self, &keep);
    emit_forget(self, R6, SLOT_WINDOW);
    emit(self, MOVE, R1, R10, 0, 0);
    emit(self, ADD_IMM, R1, 0, 0, at);
    emit(self, MOVE_IMM, R2, 0, 0, bytes);
    emit(self, MOVE, R3, R6, 0, 0);
    emit(self, CALL, 0, 0, 0, HELPER_READ_USER);
    add_way(self, done, emit(self, JUMP_UNLESS_IMM, R0, 0, 0, 0));
}

/* The frame at r8: r8 the frame pointer that was saved there, r1 the return address. */
static void emit_frame_in_window(struct maker *self, unsigned values, bool is_first, struct ways *done)
{
    int bytes = window_bytes(values), at = VALUES_END - 8 * (int)values - bytes;
    struct ways have = {.count = 0};
    if (!is_first) {
        emit(self, MOVE, R1, R8, 0, 0);
        emit(self, SUBTRACT, R1, R6, 0, 0);
        add_way(self, &have, emit(self, JUMP_IF_AT_MOST, R1, 0, 0, bytes - 16));
    }
    emit_read_window(self, at, bytes, done);
    emit(self, MOVE, R1, R8, 0, 0);
    emit(self, SUBTRACT, R1, R6, 0, 0);
    add_way(self, done, emit(self, JUMP_IF_ABOVE, R1, 0, 0, bytes - 16));
    arrive(self, &have);
    /* A frame pointer is a multiple of 8. */
    emit(self, MOVE, R2, R1, 0, 0);
    emit(self, AND_IMM, R2, 0, 0, 7);
    add_way(self, done, emit(self, JUMP_UNLESS_IMM, R2, 0, 0, 0));
    emit(self, AND_IMM, R1, 0, 0, 0x1f8);
    emit(self, MOVE, R2, R10, 0, 0);
    emit(self, ADD_IMM, R2, 0, 0, at);
    emit(self, ADD, R2, R1, 0, 0);
    emit(self, LOAD_U64, R8, R2, 0, 0);
    emit(self, LOAD_U64, R1, R2, 8, 0);
}

static void emit_frame(struct maker *self, struct ways *done)
{
    emit_read(self, R10, FRAME_AT, 16);
    add_way(self, done, emit(self, JUMP_UNLESS_IMM, R0, 0, 0, 0));
    emit(self, LOAD_U64, R8, R10, FRAME_AT, 0);
    emit(self, LOAD_U64, R1, R10, FRAME_AT + 8, 0);
}

/* The probed function, then whoever the frame pointers tell; the way ends at a frame pointer of 0. */
static void emit_walk(struct maker *self, unsigned values)
{
    struct ways done = {.count = 0};
    emit(self, LOAD_U64, R1, R6, REGISTER_IP, 0);
    emit(self, STORE_REG_U64, R7, R1, SLOT_FRAMES, 0);
    emit(self, LOAD_U64, R8, R6, REGISTER_BP, 0);
    for (unsigned i = 1; i < self->in->frames; i++) {
        emit(self, MOVE_IMM, R9, 0, 0, i);
        add_way(self, &done, emit(self, JUMP_IF_IMM, R8, 0, 0, 0));
        if (i <= WINDOW_STEPS)
            emit_frame_in_window(self, values, i == 1, &done);
        else
            emit_frame(self, &done);
        emit(self, STORE_REG_U64, R7, R1, SLOT_FRAMES + 8 * (int)i, 0);
    }
    emit(self, MOVE_IMM, R9, 0, 0, self->in->frames);
    add_way(self, &done, emit(self, JUMP_IF_IMM, R8, 0, 0, 0));
    emit(self, OR_IMM, R9, 0, 0, PROGRAM_CUT >> 16);
    arrive(self, &done);
    emit_forget(self, R9, SLOT_COUNT);
    emit(self, MOVE, R1, R9, 0, 0);
    emit(self, SHIFT_LEFT, R1, 0, 0, 16);
    emit(self, OR_IMM, R1, 0, 0, self->in->probe);
    emit(self, STORE_REG_U32, R10, R1, HEADER_AT, 0);
    emit(self, AND_IMM, R9, 0, 0, PROGRAM_FRAMES_MAX);
    emit(self, SHIFT_LEFT, R9, 0, 0, 3);
    emit(self, ADD_IMM, R9, 0, 0, PROGRAM_RECORD_BYTES + 8 * (int)values);
}

static void emit_plain_header(struct maker *self, unsigned values)
{
    emit(self, STORE_IMM_U32, R10, 0, HEADER_AT, self->in->probe);
    emit(self, MOVE_IMM, R9, 0, 0, PROGRAM_RECORD_BYTES + 8 * (int)values);
}

/* A record without values. */
static void emit_failure(struct maker *self)
{
    if (self->failed.count == 0)
        return;
    arrive(self, &self->failed);
    emit(self, STORE_IMM_U32, R10, 0, HEADER_AT, self->in->probe | PROGRAM_FAILED);
    emit(self, MOVE_IMM, R9, 0, 0, PROGRAM_RECORD_BYTES);
    emit_record(self, 0, false);
}

int probe_program_make(const struct program_input *input, struct buf *out, unsigned *value_count_out, struct error *err)
{
    struct maker self = {.in = input, .out = out};
    bool has_walk = input->frames > 0;
    unsigned values = 0;
    if (input->frames > PROGRAM_FRAMES_MAX || input->probe > UINT16_MAX)
        return error_set(err, ERR_UNSUPPORTED, "no program walks %u frames", input->frames);
    int rc = each_value(&self, false, &values, err);
    if (rc != 0)
        return rc;
    self.values_at = VALUES_END - 8 * (int)values;
    emit(&self, MOVE, R6, R1, 0, 0);
    emit_thread(&self);
    if (has_walk)
        emit_take_slot(&self);
    struct ways no_slot = self.failed;
    self.failed.count = 0;
    rc = each_value(&self, true, &values, err);
    if (rc != 0)
        return rc;
    if (has_walk)
        emit_walk(&self, values);
    else
        emit_plain_header(&self, values);
    emit_record(&self, values, has_walk);
    if (has_walk && self.failed.count) {
        arrive(&self, &self.failed);
        emit_leave_slot(&self);
        add_way(&self, &no_slot, emit(&self, JUMP, 0, 0, 0, 0));
    }
    if (has_walk)
        self.failed = no_slot;
    emit_failure(&self);
    if (buf_failed(out))
        return error_set(err, ERR_NOMEM, "out of memory, or a program of more than a few thousand steps");
    *value_count_out = values;
    return 0;
}
