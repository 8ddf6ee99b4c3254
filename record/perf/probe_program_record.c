/* The way of a record into the ring of its CPU (program_ring.h). */
#include "perf/probe_program_impl.h"

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
void probe_program_record(struct maker *self, unsigned values, bool has_frames)
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
