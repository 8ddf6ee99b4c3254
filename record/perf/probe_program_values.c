/* The values of a probe: from the text of its fetch arguments to instructions that read them. See probe_program.h. */
#include "perf/probe_program_impl.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    int offset; /* in struct pt_regs */
} registers[] = {
    {"r15", 0},  {"r14", 8},  {"r13", 16}, {"r12", 24}, {"bp", REGISTER_BP}, {"bx", 40},
    {"r11", 48}, {"r10", 56}, {"r9", 64},  {"r8", 72},  {"ax", 80},          {"cx", 88},
    {"dx", 96},  {"si", 104}, {"di", 112}, {"ip", REGISTER_IP}, {"flags", 144},      {"sp", 152},
};
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

int probe_program_values(struct maker *self, bool emits, unsigned *count_out, struct error *err)
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
