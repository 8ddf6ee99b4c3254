/* The call chain of a hit: a slot for it, and the walk over the frame pointers. See probe_program.h. */
#include "perf/probe_program_impl.h"

/* r7: a slot of this CPU's element that nobody else is in. A thread that loses the CPU in a program keeps its slot. */
void probe_program_take_slot(struct maker *self)
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
void probe_program_walk(struct maker *self, unsigned values)
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
