/*
 * The inside of a probe's program in the making, shared by its parts: probe_program.c (the whole), probe_program_values.c,
 * probe_program_walk.c and probe_program_record.c. Nobody else includes it.
 *
 * Registers: r6 pt_regs, r7 the slot (with frames), r8 pointer at hand, r9 frames so far; r0 to r5 as calls have them. In the
 * walk: r6 where the window begins in the target. When all is read: r6 the control of the ring, r8 the place of the record, r9
 * its size.
 */
#ifndef GOTAPE_RECORD_PROBE_PROGRAM_IMPL_H
#define GOTAPE_RECORD_PROBE_PROGRAM_IMPL_H

#include <stddef.h>
#include <string.h>

#include "perf/probe_program.h"
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
    HELPER_TAIL_CALL = 12,
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
static inline size_t emit(struct maker *self, uint8_t code, int to, int from, int offset, int64_t immediate)
{
    const struct instruction it = {code, (uint8_t)(to | from << 4), (int16_t)offset, (int32_t)immediate};
    size_t at = self->out->size;
    buf_put(self->out, &it, sizeof it);
    return at;
}

static inline void emit_wide(struct maker *self, int to, int kind, uint64_t immediate)
{
    emit(self, WIDE_IMM, to, kind, 0, (int32_t)(uint32_t)immediate);
    emit(self, 0, 0, 0, 0, (int32_t)(uint32_t)(immediate >> 32));
}

static inline void add_way(struct maker *self, struct ways *ways, size_t at)
{
    if (ways->count == sizeof ways->at / sizeof *ways->at)
        self->out->failed = true;
    else
        ways->at[ways->count++] = at;
}

/* All of them lead here. */
static inline void arrive(struct maker *self, struct ways *ways)
{
    for (unsigned i = 0; i < ways->count && !buf_failed(self->out); i++) {
        int16_t distance = (int16_t)((self->out->size - ways->at[i]) / sizeof(struct instruction) - 1);
        memcpy(self->out->data + ways->at[i] + offsetof(struct instruction, offset), &distance, sizeof distance);
    }
    ways->count = 0;
}

static inline void emit_map(struct maker *self, int to, int descriptor)
{
    emit_wide(self, to, 1, (uint32_t)descriptor);
}
/* r0: 0 when it has been read. */
static inline void emit_read(struct maker *self, int to, int to_offset, unsigned size)
{
    emit(self, MOVE, R1, to, 0, 0);
    emit(self, ADD_IMM, R1, 0, 0, to_offset);
    emit(self, MOVE_IMM, R2, 0, 0, size);
    emit(self, MOVE, R3, R8, 0, 0);
    emit(self, CALL, 0, 0, 0, HELPER_READ_USER);
}
static inline void emit_end(struct maker *self)
{
    /* 0: perf shall write nothing of its own. */
    emit(self, MOVE_IMM, R0, 0, 0, 0);
    emit(self, EXIT, 0, 0, 0, 0);
}
/* The values, in their order, onto the stack; `emits` false: only counts them. */
int probe_program_values(struct maker *self, bool emits, unsigned *count_out, struct error *err);
/* r7: a slot for the frames. */
void probe_program_take_slot(struct maker *self);
static inline void emit_leave_slot(struct maker *self)
{
    emit(self, STORE_IMM_U64, R7, 0, 0, 0);
}
/* The frames into the slot, the header onto the stack, the size of the record into r9. */
void probe_program_walk(struct maker *self, unsigned values);
/* The header and the values are on the stack, the frames in the slot; r9 is the size. Ends the program. */
void probe_program_record(struct maker *self, unsigned values, bool has_frames);

#endif
