/*
 * Decodes perf records as the attributes of perf_open.c lay them out (<linux/perf_event.h>,
 * PERF_RECORD_SAMPLE):
 *
 *   sample:  header  identifier  pid,tid  time  [nr, ips…]  [raw size, raw bytes]
 *            and of a switch:  abi  [bp, sp, ip]  size  [stack bytes, dyn_size]
 *   others:  header  body  pid,tid  time  identifier                       (sample_id_all)
 *
 * Every length is checked against the record before it is used.
 */
#include "perf/sample_decode.h"

#include <linux/perf_event.h>
#include <string.h>

#include "base/bytes.h"
#include "perf/probe_program.h"

enum {
    TRAILER_SIZE = 24,      /* pid,tid + time + identifier */
    SAMPLE_FIXED_SIZE = 32, /* header + identifier + pid,tid + time */
};

/* TASK_REPORT bits of <linux/sched.h> since 4.14; the bit above them only says that the thread was preempted.
 */
#define PREV_STATE_MASK 0xffu

static uint32_t get_u32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

static uint64_t get_u64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

static bool get_field(const struct sample_field *field, unsigned element, const uint8_t *raw, size_t size,
                      uint64_t *out)
{
    uint64_t offset = field->offset + (uint64_t)element * field->width;
    if (field->width > 8 || offset > size || size - offset < field->width)
        return false;
    uint64_t value = bytes_load(raw + offset, field->width);
    if (field->is_signed && field->width < 8) {
        uint64_t sign = (uint64_t)1 << (8 * field->width - 1);
        value = (value ^ sign) - sign;
    }
    *out = value;
    return true;
}

static void copy_name(char out[16], const uint8_t *from, size_t size)
{
    size_t length = strnlen((const char *)from, size < 15 ? size : 15);
    memcpy(out, from, length);
    memset(out + length, 0, 16 - length);
}

/* Keeps the user part: the frames behind the last PERF_CONTEXT_USER, up to the next marker. */
static void take_chain(const struct sample_decoder *self, const uint8_t *at, uint64_t count,
                       struct record *out)
{
    const uint64_t *ips = (const uint64_t *)(const void *)at;
    uint64_t first = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (ips[i] == (uint64_t)PERF_CONTEXT_USER)
            first = i + 1;
    }
    if (!first)
        return;
    uint64_t end = first;
    while (end < count && ips[end] < (uint64_t)PERF_CONTEXT_MAX)
        end++;
    if (end == first)
        return;
    out->chain = ips + first;
    out->chain_length = (uint32_t)(end - first);
    out->chain_cut = self->max_stack && out->chain_length >= self->max_stack;
}

static bool take_values(const struct sample_layout *layout, const uint8_t *raw, size_t size,
                        struct record *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < layout->field_count; i++) {
        const struct sample_field *field = &layout->fields[i];
        for (unsigned k = 0; k < field->elements; k++) {
            if (n == RECORD_VALUES_MAX || !get_field(field, k, raw, size, &out->value[n]))
                return false;
            n++;
        }
    }
    return true;
}

static bool take_switch(const struct sample_switch_layout *layout, const uint8_t *raw, size_t size,
                        struct record *out)
{
    uint64_t prev, state, next;
    if (!get_field(&layout->prev_tid, 0, raw, size, &prev) ||
        !get_field(&layout->prev_state, 0, raw, size, &state) ||
        !get_field(&layout->next_tid, 0, raw, size, &next))
        return false;
    if (layout->next_name_offset > size || layout->next_name_size > size - layout->next_name_offset)
        return false;
    out->prev_state = (uint32_t)state & PREV_STATE_MASK;
    out->prev_first_tid = (uint32_t)prev;
    out->next_tid = (uint32_t)next;
    copy_name(out->name, raw + layout->next_name_offset, layout->next_name_size);
    return true;
}

/* PERF_SAMPLE_REGS_USER and PERF_SAMPLE_STACK_USER. A kernel thread, or one that is exiting, has neither. */
static bool take_user_state(const uint8_t *at, size_t left, struct record *out)
{
    if (left < 8)
        return false;
    uint64_t abi = get_u64(at);
    at += 8;
    left -= 8;
    if (abi != PERF_SAMPLE_REGS_ABI_NONE) {
        /* Registers come in the order of their numbers, which puts bp, sp, ip in this order on x86-64 and
         * arm64. */
        if (left < 24)
            return false;
        out->bp = get_u64(at);
        out->sp = get_u64(at + 8);
        out->ip = get_u64(at + 16);
        at += 24;
        left -= 24;
    }
    if (left < 8)
        return false;
    uint64_t size = get_u64(at);
    if (size == 0)
        return true;
    if (left < 16 || size > left - 16)
        return false;
    /* The kernel reserves `size` bytes and fills those that it could read without waiting. */
    uint64_t filled = get_u64(at + 8 + size);
    if (filled > size)
        return false;
    out->stack_size = abi == PERF_SAMPLE_REGS_ABI_NONE ? 0 : (uint32_t)filled;
    out->stack = out->stack_size ? at + 8 : NULL;
    return true;
}

static int decode_sample(const struct sample_decoder *self, const uint8_t *bytes, size_t size,
                         struct record *out)
{
    if (size < SAMPLE_FIXED_SIZE)
        return ERR_DAMAGED;
    uint64_t index;
    out->root_id = get_u64(bytes + 8);
    if (!map_get(&self->events, out->root_id, &index))
        return ERR_DAMAGED;
    out->pid = get_u32(bytes + 16);
    out->tid = out->by_tid = get_u32(bytes + 20);
    out->time_ns = get_u64(bytes + 24);
    out->probe = (unsigned)index;
    bool is_in = index == SAMPLE_SWITCH_IN_EVENT;
    bool is_thread_event = index == SAMPLE_THREAD_EVENT || is_in;
    if (is_thread_event ? !self->has_switch : index >= self->probe_count || self->probes[index].has_program)
        return ERR_DAMAGED;

    size_t at = SAMPLE_FIXED_SIZE;
    if (!is_thread_event && self->probes[index].call_chain) {
        if (size - at < 8)
            return ERR_DAMAGED;
        uint64_t count = get_u64(bytes + at);
        at += 8;
        if (count > (size - at) / 8)
            return ERR_DAMAGED;
        take_chain(self, bytes + at, count, out);
        at += 8 * (size_t)count;
    }
    if (size - at < 4)
        return ERR_DAMAGED;
    size_t raw_size = get_u32(bytes + at);
    at += 4;
    if (raw_size > size - at)
        return ERR_DAMAGED;
    const uint8_t *raw = bytes + at;
    if (!is_thread_event) {
        out->kind = RECORD_PROBE;
        return take_values(&self->probes[index], raw, raw_size, out) ? 0 : ERR_DAMAGED;
    }
    at += raw_size;
    out->kind = is_in ? RECORD_SWITCH_IN : RECORD_SWITCH_OUT;
    if (!take_switch(&self->switches, raw, raw_size, out))
        return ERR_DAMAGED;
    if (is_in)
        return 0;
    return take_user_state(bytes + at, size - at, out) ? 0 : ERR_DAMAGED;
}

static int decode_task(const uint8_t *body, size_t size, bool is_fork, struct record *out)
{
    if (size < 24)
        return ERR_DAMAGED;
    uint32_t pid = get_u32(body), parent_pid = get_u32(body + 4);
    uint32_t tid = get_u32(body + 8), parent_tid = get_u32(body + 12);
    out->kind = is_fork ? RECORD_FORK : RECORD_EXIT;
    out->pid = is_fork ? parent_pid : pid;
    out->tid = is_fork ? parent_tid : tid;
    out->new_pid = is_fork ? pid : 0;
    out->new_tid = is_fork ? tid : 0;
    return 0;
}

static int decode_other(const struct perf_event_header *header, const uint8_t *bytes, size_t size,
                        struct record *out)
{
    if (size < sizeof *header + TRAILER_SIZE)
        return ERR_DAMAGED;
    const uint8_t *body = bytes + sizeof *header, *trailer = bytes + size - TRAILER_SIZE;
    size_t body_size = size - sizeof *header - TRAILER_SIZE;
    out->pid = get_u32(trailer);
    out->tid = out->by_tid = get_u32(trailer + 4);
    out->time_ns = get_u64(trailer + 8);
    out->root_id = get_u64(trailer + 16);
    out->probe = SAMPLE_THREAD_EVENT;

    switch (header->type) {
    case PERF_RECORD_LOST: /* id, count */
        if (body_size < 16)
            return ERR_DAMAGED;
        out->kind = RECORD_LOST;
        out->lost = get_u64(body + 8);
        return 0;
    case PERF_RECORD_LOST_SAMPLES: /* count */
        if (body_size < 8)
            return ERR_DAMAGED;
        out->kind = RECORD_LOST;
        out->lost = get_u64(body);
        return 0;
    case PERF_RECORD_FORK:
    case PERF_RECORD_EXIT:
        return decode_task(body, body_size, header->type == PERF_RECORD_FORK, out);
    case PERF_RECORD_COMM: /* pid, tid, name */
        if (body_size < 8)
            return ERR_DAMAGED;
        out->kind = RECORD_NAME;
        out->pid = get_u32(body);
        out->tid = get_u32(body + 4);
        out->is_exec = (header->misc & PERF_RECORD_MISC_COMM_EXEC) != 0;
        copy_name(out->name, body + 8, body_size - 8);
        return 0;
    case PERF_RECORD_SWITCH:
        /* Switches out come from sched_switch, which knows more. */
        if (!(header->misc & PERF_RECORD_MISC_SWITCH_OUT))
            out->kind = RECORD_SWITCH_IN;
        return 0;
    default:
        return 0;
    }
}

static void clear(struct record *out)
{
    /* All but value[], whose 256 bytes would cost more than the rest of the work. */
    out->kind = RECORD_SKIP;
    out->time_ns = out->root_id = out->lost = 0;
    out->pid = out->tid = out->by_tid = 0;
    out->probe = 0;
    out->chain = NULL;
    out->chain_length = 0;
    out->chain_cut = out->is_exec = false;
    out->prev_state = out->next_tid = out->prev_first_tid = out->new_pid = out->new_tid = 0;
    out->ip = out->sp = out->bp = 0;
    out->stack = NULL;
    out->stack_size = 0;
    memset(out->name, 0, sizeof out->name);
}

int sample_decode(const struct sample_decoder *self, const void *bytes, size_t size, struct record *out)
{
    struct perf_event_header header;
    clear(out);
    if (size < sizeof header)
        return ERR_DAMAGED;
    memcpy(&header, bytes, sizeof header);
    if (header.size != size)
        return ERR_DAMAGED;
    if (header.type == PERF_RECORD_SAMPLE)
        return decode_sample(self, bytes, size, out);
    return decode_other(&header, bytes, size, out);
}

int sample_decode_program(const struct sample_decoder *self, const void *bytes, size_t size, struct record *out)
{
    const uint8_t *at = bytes;
    clear(out);
    if (size < PROGRAM_RECORD_BYTES)
        return ERR_DAMAGED;
    uint32_t header = get_u32(at), probe = PROGRAM_PROBE(header);
    if (probe >= self->probe_count || !self->probes[probe].has_program)
        return ERR_DAMAGED;
    out->probe = probe;
    out->time_ns = get_u64(at + 8);
    out->tid = out->by_tid = get_u32(at + 16);
    if (header & PROGRAM_FAILED) {
        out->kind = RECORD_LOST;
        out->lost = 1;
        return 0;
    }
    size_t values = self->probes[probe].program_values, frames = PROGRAM_FRAMES(header);
    if (values > RECORD_VALUES_MAX || size < PROGRAM_RECORD_BYTES + 8 * (values + frames))
        return ERR_DAMAGED;
    out->kind = RECORD_PROBE;
    at += PROGRAM_RECORD_BYTES;
    memcpy(out->value, at, 8 * values);
    if (frames) {
        out->chain = (const uint64_t *)(const void *)(at + 8 * values);
        out->chain_length = (uint32_t)frames;
        out->chain_cut = (header & PROGRAM_CUT) != 0;
    }
    return 0;
}
