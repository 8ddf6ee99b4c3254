/*
 * The programs of probes, run by a small interpreter of the instructions that they are made of, on registers and memory of
 * our own: the values, the walk, its ends, the slots, and the way into the ring.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "perf/probe_program.h"

enum { CONTROL = 70, SCRATCH = 71, DATA = 72, EMPTY = 73, CPUS = 4, STACK_BYTES = 512, STEPS_MAX = 4000, REGISTERS = 21 };
enum { PID = 4321, TID = 4325, RING_BYTES = 8192, SLICE_BYTES = 4096, SLICE_STRIDE = SLICE_BYTES + PROGRAM_SLICE_ROOM };
enum { AX = 10, BX = 5, BP = 4, R14 = 1, IP = 16, SP = 19 }; /* words of struct pt_regs */

struct machine {
    uint64_t regs[REGISTERS]; /* the target's */
    const uint8_t *memory;    /* the target's: from `base`, so many bytes; nothing else can be read */
    uint64_t base;
    size_t size;
    uint8_t scratch[PROGRAM_SCRATCH_SIZE];
    uint8_t record[2048];
    size_t record_size; /* 0: nothing was written */
    uint64_t record_time_ns, now_ns;
    uint32_t lost_before;
    unsigned outputs, faults, reads, tail_calls;
    unsigned rivals; /* so many times somebody else reserves room while we look at the clock */
    uint64_t cpu, pid;
    struct program_control controls[CPUS];
    _Alignas(8) uint8_t data[CPUS * (RING_BYTES / SLICE_BYTES) * SLICE_STRIDE];
    struct program_ring ring; /* of cpu 0 to CPUS - 1: that which is read */
};

struct instruction {
    uint8_t code, registers;
    int16_t offset;
    int32_t immediate;
};

static uint64_t read_user(struct machine *m, uint64_t to, uint64_t size, uint64_t from)
{
    void *out = (void *)(uintptr_t)to; /* NOLINT */
    m->reads++;
    if (from < m->base || from - m->base > m->size || size > m->size - (from - m->base)) {
        m->faults++;
        memset(out, 0, size);
        return (uint64_t)-14;
    }
    memcpy(out, m->memory + (from - m->base), size);
    return 0;
}

static uint64_t find_slice(struct machine *m, uint64_t key_at)
{
    uint32_t key;
    memcpy(&key, (const void *)(uintptr_t)key_at, sizeof key); /* NOLINT */
    assert_in_range(key, 0, sizeof m->data / SLICE_STRIDE - 1);
    return (uint64_t)(uintptr_t)(m->data + (size_t)key * SLICE_STRIDE);
}

/* Another program on this CPU, while ours does not run: it is done when ours goes on. */
static void reserve_otherwise(struct machine *m)
{
    struct program_control *control = &m->controls[m->cpu];
    uint64_t word = (uint64_t)PROGRAM_RECORD_BYTES << 32 | 9 | PROGRAM_FAILED;
    memcpy(m->data + m->cpu * (RING_BYTES / SLICE_BYTES) * SLICE_STRIDE + control->head, &word, sizeof word);
    control->head += PROGRAM_RECORD_BYTES;
}

static void call(struct machine *m, int helper, uint64_t r[11])
{
    uint32_t numbers[2] = {TID, (uint32_t)m->pid};
    switch (helper) {
    case 1: /* map lookup */
        assert_true(r[1] == SCRATCH || r[1] == DATA);
        r[0] = r[1] == SCRATCH ? (uint64_t)(uintptr_t)m->scratch : find_slice(m, r[2]);
        break;
    case 12: /* tail call: there is nothing in the table */
        assert_int_equal(r[1], (uint64_t)(uintptr_t)m->regs);
        assert_int_equal(r[2], EMPTY);
        r[0] = (uint64_t)-EINVAL;
        m->tail_calls++;
        break;
    case 5: /* the clock */
        r[0] = m->now_ns++;
        if (m->rivals > 0) {
            m->rivals--;
            reserve_otherwise(m);
        }
        break;
    case 8: r[0] = m->cpu; break;
    case 14: r[0] = m->pid << 32 | TID; break;
    case 112: r[0] = read_user(m, r[1], r[2], r[3]); break;
    case 113: /* read_kernel */
        memcpy((void *)(uintptr_t)r[1], (const void *)(uintptr_t)r[3], r[2]); /* NOLINT */
        r[0] = 0;
        break;
    case 120: /* thread and process in a namespace */
        assert_int_equal(r[1], 5);
        assert_int_equal(r[2], 0xf0000001u);
        assert_int_equal(r[4], sizeof numbers);
        memcpy((void *)(uintptr_t)r[3], numbers, sizeof numbers); /* NOLINT */
        r[0] = 0;
        break;
    default: fail_msg("helper %d", helper);
    }
    for (int i = 1; i <= 5; i++)
        r[i] = 0xdead0000u + (unsigned)i;
}

static void *at(uint64_t base, int16_t offset)
{
    return (void *)(uintptr_t)(base + (uint64_t)(int64_t)offset); /* NOLINT */
}

static void exchange(const struct instruction *it, uint64_t r[11])
{
    unsigned to = it->registers & 15, from = it->registers >> 4;
    uint64_t old;
    memcpy(&old, at(r[to], it->offset), 8);
    uint64_t fresh = it->immediate == 0 ? old + r[from] : r[from];
    if (it->immediate != 0xf1 || old == r[0])
        memcpy(at(r[to], it->offset), &fresh, 8);
    switch (it->immediate) {
    case 0: break;                  /* add */
    case 0xe1: r[from] = old; break; /* exchange */
    case 0xf1: r[0] = old; break;    /* compare and exchange */
    default: fail_msg("atomic %#x", (unsigned)it->immediate);
    }
}

/* What the reader makes of it. */
static void read_ring(struct machine *m)
{
    struct program_record record;
    program_ring_look(&m->ring);
    program_ring_fence(&m->ring, 0);
    while (program_ring_peek(&m->ring, &record) == 1) {
        memcpy(m->record, record.bytes, record.size);
        m->record_size = record.size;
        m->record_time_ns = record.time_ns;
        m->lost_before = record.lost_before;
        m->outputs++;
        program_ring_take(&m->ring);
    }
    program_ring_commit(&m->ring);
    assert_false(program_ring_is_stuck(&m->ring));
}

static void run(struct machine *m, const struct buf *code)
{
    const struct instruction *program = (const void *)code->data;
    size_t count = code->size / sizeof *program, pc = 0;
    uint8_t *stack = malloc(STACK_BYTES);
    uint64_t r[11] = {[1] = (uint64_t)(uintptr_t)m->regs, [10] = (uint64_t)(uintptr_t)(stack + STACK_BYTES)};
    memset(stack, 0xaa, STACK_BYTES);
    m->record_size = 0;
    for (unsigned step = 0;; step++) {
        assert_true(step < STEPS_MAX);
        assert_true(pc < count);
        struct instruction it = program[pc++];
        unsigned to = it.registers & 15, from = it.registers >> 4;
        uint64_t immediate = (uint64_t)(int64_t)it.immediate;
        bool jumps = false;
        switch (it.code) {
        case 0x61:
            r[to] = 0;
            memcpy(&r[to], at(r[from], it.offset), 4);
            break;
        case 0x79: memcpy(&r[to], at(r[from], it.offset), 8); break;
        case 0x63: memcpy(at(r[to], it.offset), &r[from], 4); break;
        case 0x7b: memcpy(at(r[to], it.offset), &r[from], 8); break;
        case 0x62: memcpy(at(r[to], it.offset), &immediate, 4); break;
        case 0x7a: memcpy(at(r[to], it.offset), &immediate, 8); break;
        case 0xdb: exchange(&it, r); break;
        case 0x18:
            r[to] = (uint32_t)it.immediate | (uint64_t)(uint32_t)program[pc++].immediate << 32;
            if (from == 2) {
                assert_int_equal(r[to], CONTROL);
                r[to] = (uint64_t)(uintptr_t)m->controls;
            }
            break;
        case 0x0f: r[to] += r[from]; break;
        case 0x1f: r[to] -= r[from]; break;
        case 0x57: r[to] &= immediate; break;
        case 0x1d: jumps = r[to] == r[from]; break;
        case 0x25: jumps = r[to] > immediate; break;
        case 0xb5: jumps = r[to] <= immediate; break;
        case 0x35: jumps = r[to] >= immediate; break;
        case 0xbf: r[to] = r[from]; break;
        case 0xb7: r[to] = immediate; break;
        case 0xb4: r[to] = (uint32_t)immediate; break;
        case 0x07: r[to] += immediate; break;
        case 0x47: r[to] |= immediate; break;
        case 0x67: r[to] <<= immediate; break;
        case 0x77: r[to] >>= immediate; break;
        case 0xc7: r[to] = (uint64_t)((int64_t)r[to] >> immediate); break;
        case 0x05: jumps = true; break;
        case 0x15: jumps = r[to] == immediate; break;
        case 0x55: jumps = r[to] != immediate; break;
        case 0x85: call(m, it.immediate, r); break;
        case 0x95:
            assert_int_equal(r[0], 0);
            free(stack);
            read_ring(m);
            return;
        default: fail_msg("instruction %#x", it.code);
        }
        if (jumps) {
            assert_true(it.offset >= 0); /* only onwards */
            pc += (size_t)it.offset;
        }
    }
}

/* ---- helpers ---- */

static uint8_t memory[512];

static void put_u64(size_t offset, uint64_t value)
{
    memcpy(memory + offset, &value, sizeof value);
}

static const struct program_geometry geometry = {.bytes = RING_BYTES, .slice_bytes = SLICE_BYTES};

static void machine_on_cpu(struct machine *m, unsigned cpu)
{
    m->cpu = cpu;
    program_ring_attach(&m->ring, &m->controls[cpu], m->data + (size_t)cpu * (RING_BYTES / SLICE_BYTES) * SLICE_STRIDE,
                        &geometry);
    program_ring_open(&m->ring);
}

static struct machine *machine_new(void)
{
    static struct machine m;
    memset(memory, 0, sizeof memory);
    memset(&m, 0, sizeof m);
    m.memory = memory;
    m.base = 0x1000;
    m.size = sizeof memory;
    m.pid = PID;
    m.now_ns = 1000;
    machine_on_cpu(&m, 0);
    return &m;
}

static struct program_input input_for(const char *fetch, const char *const *names, const unsigned *elements, unsigned frames)
{
    return (struct program_input){.fetch = fetch,
                                  .values = names,
                                  .elements = elements,
                                  .probe = 9,
                                  .file_offset = 0x400,
                                  .frames = frames,
                                  .pid = PID,
                                  .geometry = geometry,
                                  .cpus = CPUS,
                                  .control = CONTROL,
                                  .data = DATA,
                                  .scratch = SCRATCH,
                                  .empty = EMPTY};
}

static void run_input(struct machine *m, const struct program_input *input)
{
    struct buf code;
    unsigned values = 0;
    struct error err;
    buf_init(&code);
    assert_int_equal(probe_program_make(input, &code, &values, &err), 0);
    run(m, &code);
    buf_release(&code);
}

static void make_and_run(struct machine *m, const char *fetch, const char *const *names, const unsigned *elements,
                         unsigned frames)
{
    const struct program_input input = input_for(fetch, names, elements, frames);
    run_input(m, &input);
}

static uint32_t header_of(const struct machine *m)
{
    uint32_t header;
    memcpy(&header, m->record, 4);
    return header;
}

static uint64_t word_of(const struct machine *m, unsigned index)
{
    uint64_t word;
    memcpy(&word, m->record + PROGRAM_RECORD_BYTES + 8 * (size_t)index, 8);
    return word;
}

/* ---- values ---- */

static void test_registers_and_constants(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e", NULL};
    static const unsigned elements[6];
    struct machine *m = machine_new();
    m->regs[AX] = 0x11223344556677f0u;
    m->regs[BX] = 0xffffffff80000001u;
    make_and_run(m, "a=%ax:x64 b=%ax:u8 c=%bx:s32 d=\\2:u8 e=%bx:u32", names, elements, 0);
    assert_int_equal(m->record_size, PROGRAM_RECORD_BYTES + 5 * 8);
    assert_int_equal(header_of(m), 9);
    assert_int_equal(word_of(m, 0), 0x11223344556677f0u);
    assert_int_equal(word_of(m, 1), 0xf0);
    assert_int_equal(word_of(m, 2), 0xffffffff80000001u);
    assert_int_equal(word_of(m, 3), 2);
    assert_int_equal(word_of(m, 4), 0x80000001u);
    assert_int_equal(m->reads, 0);
}

static void test_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"g", "goid", "m", "curg", "cur", "small", "list", "out", NULL};
    static const unsigned elements[8] = {0, 1, 1, 1, 1, 1, 3, 1};
    struct machine *m = machine_new();
    m->regs[R14] = 0x1010;
    m->regs[IP] = 0x1100;
    put_u64(0x10 + 8, 77);      /* goid */
    put_u64(0x10 + 16, 0x1080); /* m */
    put_u64(0x80 - 8, 0x10c0);  /* curg, at a negative offset */
    put_u64(0xc0 + 8, 99);
    put_u64(0x20, 0x1080);
    memory[0xc0 + 20] = 0xfe;
    put_u64(0x100 + 0x20, 4242); /* 0x20 behind the probed instruction in the file */
    make_and_run(m,
                 "g=%r14:x64 goid=+8(%r14):u64 m=+16(%r14):x64 curg=-8(+16(%r14)):x64 cur=+8(-8(+16(%r14))):u64 "
                 "small=+20(-8(+16(%r14))):s8 list=+8(%r14):x64[3] out=@+1056:u64",
                 names, elements, 0);
    assert_int_equal(word_of(m, 0), 0x1010);
    assert_int_equal(word_of(m, 1), 77);
    assert_int_equal(word_of(m, 2), 0x1080);
    assert_int_equal(word_of(m, 3), 0x10c0);
    assert_int_equal(word_of(m, 4), 99);
    assert_int_equal(word_of(m, 5), (uint64_t)-2);
    assert_int_equal(word_of(m, 6), 77);
    assert_int_equal(word_of(m, 7), 0x1080);
    assert_int_equal(word_of(m, 9), 4242);
    assert_int_equal(m->faults, 0);
    assert_int_equal(m->reads, 7); /* one a value: what leads there was a value before */
}

static void test_nothing_hangs_on_a_null_pointer(void **state)
{
    (void)state;
    static const char *const names[] = {"goid", "curg", "cur", "deep", "list", NULL};
    static const unsigned elements[5] = {1, 1, 1, 1, 2};
    struct machine *m = machine_new();
    m->regs[R14] = 0x1010;
    put_u64(0x18, 5);
    make_and_run(m, "goid=+8(%r14):u64 curg=+0(%r14):x64 cur=+8(+0(%r14)):u64 deep=+8(+0(+0(%r14))):u32 list=+0(%ax):x64[2]",
                 names, elements, 0);
    assert_int_equal(word_of(m, 0), 5);
    for (unsigned i = 1; i < 6; i++)
        assert_int_equal(word_of(m, i), 0);
    assert_int_equal(m->faults, 0); /* not even tried */
    assert_int_equal(m->reads, 2);
}

static void test_what_cannot_be_read_is_0(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", NULL};
    static const unsigned elements[4] = {1, 1, 1, 1};
    struct machine *m = machine_new();
    m->regs[AX] = 0x9000;
    m->regs[BX] = 0x1000;
    put_u64(0, 3);
    make_and_run(m, "a=%ax:x64 b=+8(%ax):u64 c=+8(+0(%ax)):u64 d=+0(%bx):u16", names, elements, 0);
    assert_int_equal(word_of(m, 0), 0x9000);
    assert_int_equal(word_of(m, 1), 0);
    assert_int_equal(word_of(m, 2), 0);
    assert_int_equal(word_of(m, 3), 3);
}

static void test_without_its_first_value_a_hit_is_a_header(void **state)
{
    (void)state;
    static const char *const names[] = {"goid", "b", NULL};
    static const unsigned elements[2] = {1, 1};
    for (unsigned frames = 0; frames <= 4; frames += 4) {
        for (unsigned is_null = 0; is_null < 2; is_null++) {
            struct machine *m = machine_new();
            m->regs[AX] = is_null ? 0 : 0x9000;
            make_and_run(m, "goid=+8(%ax):u64 b=%bx:u64", names, elements, frames);
            assert_int_equal(m->outputs, 1);
            assert_int_equal(m->record_size, PROGRAM_RECORD_BYTES);
            assert_int_equal(header_of(m), 9 | PROGRAM_FAILED);
            assert_int_equal(m->scratch[0], 0); /* the slot is free again */
        }
    }
}

/* ---- the walk ---- */

static const char *const one_name[] = {"v", NULL};
static const unsigned one_element[1] = {1};

/* `count` frames above the probed function. */
static void put_frames(struct machine *m, unsigned count)
{
    m->regs[IP] = 0x400000;
    m->regs[BP] = count ? 0x1000 : 0;
    for (unsigned i = 0; i < count; i++) {
        put_u64(16 * (size_t)i, i + 1 < count ? 0x1000 + 16 * (i + 1) : 0);
        put_u64(16 * (size_t)i + 8, 0x400100 + i);
    }
}

static void test_walks_to_the_end(void **state)
{
    (void)state;
    for (unsigned count = 0; count < 6; count++) {
        struct machine *m = machine_new();
        put_frames(m, count);
        make_and_run(m, "v=\\7:u64", one_name, one_element, 20);
        assert_int_equal(PROGRAM_PROBE(header_of(m)), 9);
        assert_int_equal(PROGRAM_FRAMES(header_of(m)), 1 + count);
        assert_false(header_of(m) & PROGRAM_CUT);
        assert_int_equal(m->record_size, PROGRAM_RECORD_BYTES + 8 * (1 + 1 + count));
        assert_int_equal(word_of(m, 0), 7);
        assert_int_equal(word_of(m, 1), 0x400000);
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(word_of(m, 2 + i), 0x400100 + i);
        assert_int_equal(m->faults, 0); /* a frame pointer of 0 is the end */
        assert_int_equal(m->scratch[0], 0);
    }
}

/*
 * Frames all over two pages, the only ones that can be read: the last ones of the first page, one that lies in both, one at the
 * very end. Several are found in what is read at once.
 */
static void test_reads_no_further_than_the_pages_of_the_frames(void **state)
{
    (void)state;
    enum { FIRST = 0x1000, END = 0x3000, FRAMES_MAX = 200 };
    static uint8_t stack[END - FIRST];
    static const unsigned distances[] = {16, 24, 152, 344, 368, 376, 408, 1600};
    for (size_t d = 0; d < sizeof distances / sizeof *distances; d++) {
        for (unsigned start = 0; start < 512; start += 8) {
            struct machine *m = machine_new();
            unsigned count = 0;
            memset(stack, 0, sizeof stack);
            m->memory = stack;
            m->base = FIRST;
            m->size = sizeof stack;
            m->regs[IP] = 0x400000;
            m->regs[BP] = FIRST + start;
            for (unsigned at = start, next; at + 16 <= sizeof stack && count < FRAMES_MAX; at = next) {
                next = at + distances[d] > sizeof stack - 16 && at + 32 <= sizeof stack ? sizeof stack - 16 : at + distances[d];
                uint64_t frame[2] = {next > sizeof stack - 16 ? 0 : FIRST + next, 0x400100 + count};
                memcpy(stack + at, frame, sizeof frame);
                count++;
            }
            make_and_run(m, "v=\\7:u64", one_name, one_element, PROGRAM_FRAMES_MAX);
            unsigned seen = PROGRAM_FRAMES(header_of(m)), wanted = 1 + count < PROGRAM_FRAMES_MAX ? 1 + count : PROGRAM_FRAMES_MAX;
            assert_int_equal(seen, wanted);
            for (unsigned i = 1; i < seen; i++)
                assert_int_equal(word_of(m, 1 + i), 0x400100 + i - 1);
            assert_int_equal(m->faults, 0);
            if (distances[d] <= 152 && seen > 20)
                assert_true(m->reads < seen - 10);
        }
    }
}

static void test_a_crooked_frame_pointer_ends_the_walk(void **state)
{
    (void)state;
    struct machine *m = machine_new();
    put_frames(m, 3);
    put_u64(16, 0x1024);
    make_and_run(m, "v=\\7:u64", one_name, one_element, 20);
    assert_int_equal(PROGRAM_FRAMES(header_of(m)), 3);
    assert_int_equal(m->faults, 0);
}

static void test_says_that_a_walk_is_cut(void **state)
{
    (void)state;
    struct machine *m = machine_new();
    put_frames(m, 5);
    make_and_run(m, "v=\\7:u64", one_name, one_element, 5);
    assert_int_equal(PROGRAM_FRAMES(header_of(m)), 5);
    assert_true(header_of(m) & PROGRAM_CUT);
    make_and_run(m, "v=\\7:u64", one_name, one_element, 6);
    assert_int_equal(PROGRAM_FRAMES(header_of(m)), 6);
    assert_false(header_of(m) & PROGRAM_CUT);
}

static void test_a_frame_pointer_that_leads_nowhere_ends_the_walk(void **state)
{
    (void)state;
    struct machine *m = machine_new();
    put_frames(m, 3);
    put_u64(16, 0x7777);
    make_and_run(m, "v=\\7:u64", one_name, one_element, 20);
    assert_int_equal(PROGRAM_FRAMES(header_of(m)), 3);
    assert_false(header_of(m) & PROGRAM_CUT);
    assert_int_equal(m->faults, 1);
}

static void test_a_loop_ends_at_the_limit(void **state)
{
    (void)state;
    struct machine *m = machine_new();
    put_frames(m, 2);
    put_u64(16, 0x1000);
    make_and_run(m, "v=\\7:u64", one_name, one_element, PROGRAM_FRAMES_MAX);
    assert_int_equal(PROGRAM_FRAMES(header_of(m)), PROGRAM_FRAMES_MAX);
    assert_true(header_of(m) & PROGRAM_CUT);
}

/* Threads that lost the CPU amid a program hold the first slots. */
static void test_takes_a_free_slot(void **state)
{
    (void)state;
    for (unsigned taken = 0; taken <= PROGRAM_SLOTS; taken++) {
        struct machine *m = machine_new();
        put_frames(m, 2);
        for (unsigned i = 0; i < taken; i++)
            memset(m->scratch + (size_t)i * PROGRAM_SLOT_BYTES, 0x55, PROGRAM_SLOT_BYTES);
        for (unsigned i = 0; i < taken; i++)
            memcpy(m->scratch + (size_t)i * PROGRAM_SLOT_BYTES, &(uint64_t){1}, 8);
        make_and_run(m, "v=\\7:u64", one_name, one_element, 20);
        if (taken < PROGRAM_SLOTS) {
            assert_int_equal(PROGRAM_FRAMES(header_of(m)), 3);
            assert_int_equal(m->scratch[(size_t)taken * PROGRAM_SLOT_BYTES], 0);
        } else {
            assert_int_equal(header_of(m), 9 | PROGRAM_FAILED); /* lost, and told */
        }
        for (unsigned i = 0; i < taken; i++) {
            assert_int_equal(m->scratch[(size_t)i * PROGRAM_SLOT_BYTES], 1);
            assert_int_equal(m->scratch[(size_t)i * PROGRAM_SLOT_BYTES + 100], 0x55);
        }
    }
}

/* ---- the ring ---- */

static void test_tells_when_and_who(void **state)
{
    (void)state;
    for (unsigned frames = 0; frames <= 4; frames += 4) {
        struct machine *m = machine_new();
        put_frames(m, 2);
        machine_on_cpu(m, 2);
        make_and_run(m, "v=\\7:u64", one_name, one_element, frames);
        uint32_t tid;
        memcpy(&tid, m->record + 16, sizeof tid);
        assert_int_equal(tid, TID);
        assert_int_equal(m->record_time_ns, 1000);
        assert_int_equal(m->outputs, 1);
        assert_int_equal(m->controls[0].head, 0);
        assert_true(m->controls[2].head > 0);
    }
}

/* A time that is older than a record which stands before it in the ring is not used. */
static void test_takes_a_new_time_when_somebody_was_faster(void **state)
{
    (void)state;
    for (unsigned rivals = 0; rivals <= 4; rivals++) {
        struct machine *m = machine_new();
        m->rivals = rivals;
        make_and_run(m, "v=\\7:u64", one_name, one_element, 0);
        if (rivals < 4) {
            assert_int_equal(m->outputs, rivals + 1);
            assert_int_equal(header_of(m), 9);
            assert_int_equal(m->record_time_ns, 1000 + rivals);
            assert_int_equal(m->controls[0].lost, 0);
        } else {
            assert_int_equal(m->outputs, 4);
            assert_int_equal(m->controls[0].lost, 1);
        }
    }
}

static void test_what_finds_no_room_is_counted(void **state)
{
    (void)state;
    for (unsigned frames = 0; frames <= 4; frames += 4) {
        struct machine *m = machine_new();
        struct program_control *control = &m->controls[0];
        put_frames(m, 2);
        control->head = control->tail + RING_BYTES - PROGRAM_RECORD_BYTES; /* too little by a value */
        m->ring.tail = control->head;
        make_and_run(m, "v=\\7:u64", one_name, one_element, frames);
        assert_int_equal(m->outputs, 0);
        assert_int_equal(control->lost, 1);
        assert_int_equal(m->scratch[0], 0);
        make_and_run(m, "v=\\7:u64", one_name, one_element, frames); /* the reader has given it back */
        assert_int_equal(m->outputs, 1);
        assert_int_equal(m->lost_before, 1);
        assert_int_equal(word_of(m, 0), 7);
    }
}

/* Closed, on a CPU that came later, or of another process: nothing at all. */
static void test_nothing_is_told(void **state)
{
    (void)state;
    for (unsigned frames = 0; frames <= 4; frames += 4) {
        struct machine *m = machine_new();
        put_frames(m, 2);
        m->cpu = CPUS;
        make_and_run(m, "v=\\7:u64", one_name, one_element, frames);
        m->cpu = 0;
        assert_int_equal(m->tail_calls, 0);
        m->pid = PID + 1;
        make_and_run(m, "v=\\7:u64", one_name, one_element, frames);
        assert_int_equal(m->tail_calls, 1); /* what keeps the stack on that of the thread, out of the usual way */
        m->pid = PID;
        program_ring_close(&m->ring);
        make_and_run(m, "v=\\7:u64", one_name, one_element, frames);
        assert_int_equal(m->outputs, 0);
        for (unsigned i = 0; i < CPUS; i++)
            assert_int_equal(m->controls[i].lost, 0);
        assert_int_equal(m->scratch[0], 0);
    }
}

static void test_numbers_of_a_namespace(void **state)
{
    (void)state;
    struct machine *m = machine_new();
    struct program_input input = input_for("v=\\7:u64", one_name, one_element, 0);
    input.namespace_device = 5;
    input.namespace_inode = 0xf0000001u;
    run_input(m, &input);
    assert_int_equal(m->outputs, 1);
    m->pid = PID + 1;
    run_input(m, &input);
    assert_int_equal(m->outputs, 1);
}

/* Records of all sizes, through both slices and over their ends again and again. */
static void test_goes_round_and_round(void **state)
{
    (void)state;
    struct machine *m = machine_new();
    for (unsigned i = 0; i < 1000; i++) {
        unsigned count = i % 20;
        put_frames(m, count);
        make_and_run(m, "v=\\7:u64", one_name, one_element, i % 3 ? 30 : 0);
        assert_int_equal(m->outputs, i + 1);
        assert_int_equal(word_of(m, 0), 7);
        assert_int_equal(PROGRAM_FRAMES(header_of(m)), i % 3 ? 1 + count : 0);
        if (i % 3 && count)
            assert_int_equal(word_of(m, 1 + count), 0x400100 + count - 1);
    }
    assert_true(m->controls[0].head > 10 * RING_BYTES);
    for (size_t i = 0; i < 2 * SLICE_STRIDE; i++)
        assert_int_equal(m->data[i], 0); /* all has been read */
}

/* ---- refusals ---- */

static void test_unknown_expressions_are_refused(void **state)
{
    (void)state;
    static const char *const fetches[] = {
        "v=$comm:string", "v=+0(%zz):u64", "v=%ax:u24", "v=%ax", "w=%ax:u64", "v=+8(%ax:u64", "v=+8%ax):u64",
        "v=@symbol:u64", "v=%ax:u64 w=%bx:u64", "", "v=+0(%ax):u32[4]", "v=%ax:u64[2]",
        "v=+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(%ax)))))))))):u64",
    };
    for (size_t i = 0; i < sizeof fetches / sizeof *fetches; i++) {
        const struct program_input input = input_for(fetches[i], one_name, one_element, 0);
        struct buf code;
        struct error err;
        unsigned values = 0;
        buf_init(&code);
        if (probe_program_make(&input, &code, &values, &err) != ERR_UNSUPPORTED)
            fail_msg("%s", fetches[i]);
        buf_release(&code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registers_and_constants),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_nothing_hangs_on_a_null_pointer),
        cmocka_unit_test(test_what_cannot_be_read_is_0),
        cmocka_unit_test(test_without_its_first_value_a_hit_is_a_header),
        cmocka_unit_test(test_walks_to_the_end),
        cmocka_unit_test(test_reads_no_further_than_the_pages_of_the_frames),
        cmocka_unit_test(test_a_crooked_frame_pointer_ends_the_walk),
        cmocka_unit_test(test_says_that_a_walk_is_cut),
        cmocka_unit_test(test_a_frame_pointer_that_leads_nowhere_ends_the_walk),
        cmocka_unit_test(test_a_loop_ends_at_the_limit),
        cmocka_unit_test(test_takes_a_free_slot),
        cmocka_unit_test(test_tells_when_and_who),
        cmocka_unit_test(test_takes_a_new_time_when_somebody_was_faster),
        cmocka_unit_test(test_what_finds_no_room_is_counted),
        cmocka_unit_test(test_nothing_is_told),
        cmocka_unit_test(test_numbers_of_a_namespace),
        cmocka_unit_test(test_goes_round_and_round),
        cmocka_unit_test(test_unknown_expressions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
