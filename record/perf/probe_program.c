/*
 * See probe_program.h. Straight-line code: the walk is unrolled, every way out knows its constants, so that the verifier
 * of every kernel from 6.0 on follows it.
 */
#include "perf/probe_program.h"

#include "perf/probe_program_impl.h"

/*
 * A call that leads nowhere, on a way that is hardly ever taken: a program with a tail call in it has its stack on that of the thread.
 * Since Linux 6.13 the stack of any other that needs 64 bytes is one for all threads of a CPU ("bpf: Support private stack for bpf
 * progs"): made for programs that are not preempted, so that a thread that loses the CPU amid ours would find there
 * what others have left. Seen as records of the wrong goroutine, on 6.18 and 7.3.
 */
static void emit_no_shared_stack(struct maker *self)
{
    emit(self, MOVE, R1, R6, 0, 0);
    emit_map(self, R2, self->in->empty);
    emit(self, MOVE_IMM, R3, 0, 0, 0);
    emit(self, CALL, 0, 0, 0, HELPER_TAIL_CALL);
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
    emit_no_shared_stack(self);
    emit_end(self);
    arrive(self, &ours);
    emit(self, STORE_REG_U32, R10, R0, THREAD_AT, 0);
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
    probe_program_record(self, 0, false);
}

int probe_program_make(const struct program_input *input, struct buf *out, unsigned *value_count_out, struct error *err)
{
    struct maker self = {.in = input, .out = out};
    bool has_walk = input->frames > 0;
    unsigned values = 0;
    if (input->frames > PROGRAM_FRAMES_MAX || input->probe > UINT16_MAX)
        return error_set(err, ERR_UNSUPPORTED, "no program walks %u frames", input->frames);
    int rc = probe_program_values(&self, false, &values, err);
    if (rc != 0)
        return rc;
    self.values_at = VALUES_END - 8 * (int)values;
    emit(&self, MOVE, R6, R1, 0, 0);
    emit_thread(&self);
    if (has_walk)
        probe_program_take_slot(&self);
    struct ways no_slot = self.failed;
    self.failed.count = 0;
    rc = probe_program_values(&self, true, &values, err);
    if (rc != 0)
        return rc;
    if (has_walk)
        probe_program_walk(&self, values);
    else
        emit_plain_header(&self, values);
    probe_program_record(&self, values, has_walk);
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
