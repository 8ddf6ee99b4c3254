/*
 * The programs of probes, run by a small interpreter of the instructions that they are made of, on registers and memory of
 * our own: the values, the walk, its ends, and the slots.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "perf/probe_program.h"

enum { RINGS = 70, SCRATCH = 71, FAILURES = 72, CPUS = 4, STACK_BYTES = 512, STEPS_MAX = 4000, REGISTERS = 21 };
enum { AX = 10, BX = 5, BP = 4, R14 = 1, IP = 16, SP = 19 }; /* words of struct pt_regs */

struct machine {
    uint64_t regs[REGISTERS]; /* the target's */
    const uint8_t *memory;    /* the target's: from `base`, so many bytes; nothing else can be read */
    uint64_t base;
    size_t size;
    uint8_t scratch[PROGRAM_SCRATCH_SIZE];
    uint8_t record[2048];
    size_t record_size; /* 0: nothing was written */
    unsigned outputs, faults, reads;
    int output_error; /* what writing comes to */
    uint64_t cpu, failures[CPUS];
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

static void call(struct machine *m, int helper, uint64_t r[11])
{
    switch (helper) {
    case 1: /* map lookup */
        assert_int_equal(r[1], SCRATCH);
        r[0] = (uint64_t)(uintptr_t)m->scratch;
        break;
    case 25: /* output */
        assert_int_equal(r[1], (uint64_t)(uintptr_t)m->regs);
        assert_int_equal(r[2], RINGS);
        assert_int_equal(r[3], 0xffffffffu);
        assert_in_range(r[5], 4, sizeof m->record);
        memcpy(m->record, (const void *)(uintptr_t)r[4], r[5]); /* NOLINT */
        m->record_size = r[5];
        m->outputs++;
        r[0] = (uint64_t)(int64_t)m->output_error;
        break;
    case 8:
        r[0] = m->cpu;
        break;
    case 112:
        r[0] = read_user(m, r[1], r[2], r[3]);
        break;
    default:
        fail_msg("helper %d", helper);
    }
    for (int i = 1; i <= 5; i++)
        r[i] = 0xdead0000u + (unsigned)i;
}

static void *at(uint64_t base, int16_t offset)
{
    return (void *)(uintptr_t)(base + (uint64_t)(int64_t)offset); /* NOLINT */
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
        uint64_t immediate = (uint64_t)(int64_t)it.immediate, old;
        bool jumps = false;
        switch (it.code) {
        case 0x79: memcpy(&r[to], at(r[from], it.offset), 8); break;
        case 0x63: memcpy(at(r[to], it.offset), &r[from], 4); break;
        case 0x7b: memcpy(at(r[to], it.offset), &r[from], 8); break;
        case 0x62: memcpy(at(r[to], it.offset), &immediate, 4); break;
        case 0x7a: memcpy(at(r[to], it.offset), &immediate, 8); break;
        case 0xdb: /* exchange, or add */
            memcpy(&old, at(r[to], it.offset), 8);
            if (it.immediate == 0)
                r[from] += old;
            memcpy(at(r[to], it.offset), &r[from], 8);
            if (it.immediate == 0xe1)
                r[from] = old;
            else
                assert_int_equal(it.immediate, 0);
            break;
        case 0x18:
            r[to] = (uint32_t)it.immediate | (uint64_t)(uint32_t)program[pc++].immediate << 32;
            if (from == 2) {
                assert_int_equal(r[to], FAILURES);
                r[to] = (uint64_t)(uintptr_t)m->failures;
            }
            break;
        case 0x0f: r[to] += r[from]; break;
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

static struct machine machine_new(void)
{
    memset(memory, 0, sizeof memory);
    return (struct machine){.memory = memory, .base = 0x1000, .size = sizeof memory};
}

static int make(const char *fetch, const char *const *names, const unsigned *elements, unsigned frames, bool has_exchange,
                struct buf *out, unsigned *values)
{
    const struct program_input input = {.fetch = fetch,
                                        .values = names,
                                        .elements = elements,
                                        .probe = 9,
                                        .file_offset = 0x400,
                                        .frames = frames,
                                        .rings = RINGS,
                                        .scratch = SCRATCH,
                                        .failures = FAILURES,
                                        .cpus = CPUS,
                                        .has_exchange = has_exchange};
    struct error err;
    buf_init(out);
    return probe_program_make(&input, out, values, &err);
}

static void make_and_run(struct machine *m, const char *fetch, const char *const *names, const unsigned *elements,
                         unsigned frames)
{
    struct buf code;
    unsigned values = 0;
    assert_int_equal(make(fetch, names, elements, frames, true, &code, &values), 0);
    run(m, &code);
    buf_release(&code);
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
    memcpy(&word, m->record + 4 + 8 * (size_t)index, 8);
    return word;
}

/* ---- values ---- */

static void test_registers_and_constants(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e", NULL};
    static const unsigned elements[6];
    struct machine m = machine_new();
    m.regs[AX] = 0x11223344556677f0u;
    m.regs[BX] = 0xffffffff80000001u;
    make_and_run(&m, "a=%ax:x64 b=%ax:u8 c=%bx:s32 d=\\2:u8 e=%bx:u32", names, elements, 0);
    assert_int_equal(m.record_size, 4 + 5 * 8);
    assert_int_equal(header_of(&m), 9);
    assert_int_equal(word_of(&m, 0), 0x11223344556677f0u);
    assert_int_equal(word_of(&m, 1), 0xf0);
    assert_int_equal(word_of(&m, 2), 0xffffffff80000001u);
    assert_int_equal(word_of(&m, 3), 2);
    assert_int_equal(word_of(&m, 4), 0x80000001u);
    assert_int_equal(m.reads, 0);
}

static void test_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"g", "goid", "m", "curg", "cur", "small", "list", "out", NULL};
    static const unsigned elements[8] = {0, 1, 1, 1, 1, 1, 3, 1};
    struct machine m = machine_new();
    m.regs[R14] = 0x1010;
    m.regs[IP] = 0x1100;
    put_u64(0x10 + 8, 77);      /* goid */
    put_u64(0x10 + 16, 0x1080); /* m */
    put_u64(0x80 - 8, 0x10c0);  /* curg, at a negative offset */
    put_u64(0xc0 + 8, 99);
    put_u64(0x20, 0x1080);
    memory[0xc0 + 20] = 0xfe;
    put_u64(0x100 + 0x20, 4242); /* 0x20 behind the probed instruction in the file */
    make_and_run(&m,
                 "g=%r14:x64 goid=+8(%r14):u64 m=+16(%r14):x64 curg=-8(+16(%r14)):x64 cur=+8(-8(+16(%r14))):u64 "
                 "small=+20(-8(+16(%r14))):s8 list=+8(%r14):x64[3] out=@+1056:u64",
                 names, elements, 0);
    assert_int_equal(word_of(&m, 0), 0x1010);
    assert_int_equal(word_of(&m, 1), 77);
    assert_int_equal(word_of(&m, 2), 0x1080);
    assert_int_equal(word_of(&m, 3), 0x10c0);
    assert_int_equal(word_of(&m, 4), 99);
    assert_int_equal(word_of(&m, 5), (uint64_t)-2);
    assert_int_equal(word_of(&m, 6), 77);
    assert_int_equal(word_of(&m, 7), 0x1080);
    assert_int_equal(word_of(&m, 9), 4242);
    assert_int_equal(m.faults, 0);
    assert_int_equal(m.reads, 7); /* one a value: what leads there was a value before */
}

static void test_nothing_hangs_on_a_null_pointer(void **state)
{
    (void)state;
    static const char *const names[] = {"goid", "curg", "cur", "deep", "list", NULL};
    static const unsigned elements[5] = {1, 1, 1, 1, 2};
    struct machine m = machine_new();
    m.regs[R14] = 0x1010;
    put_u64(0x18, 5);
    make_and_run(&m, "goid=+8(%r14):u64 curg=+0(%r14):x64 cur=+8(+0(%r14)):u64 deep=+8(+0(+0(%r14))):u32 list=+0(%ax):x64[2]",
                 names, elements, 0);
    assert_int_equal(word_of(&m, 0), 5);
    for (unsigned i = 1; i < 6; i++)
        assert_int_equal(word_of(&m, i), 0);
    assert_int_equal(m.faults, 0); /* not even tried */
    assert_int_equal(m.reads, 2);
}

static void test_what_cannot_be_read_is_0(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", NULL};
    static const unsigned elements[4] = {1, 1, 1, 1};
    struct machine m = machine_new();
    m.regs[AX] = 0x9000;
    m.regs[BX] = 0x1000;
    put_u64(0, 3);
    make_and_run(&m, "a=%ax:x64 b=+8(%ax):u64 c=+8(+0(%ax)):u64 d=+0(%bx):u16", names, elements, 0);
    assert_int_equal(word_of(&m, 0), 0x9000);
    assert_int_equal(word_of(&m, 1), 0);
    assert_int_equal(word_of(&m, 2), 0);
    assert_int_equal(word_of(&m, 3), 3);
}

static void test_without_its_first_value_a_hit_is_a_header(void **state)
{
    (void)state;
    static const char *const names[] = {"goid", "b", NULL};
    static const unsigned elements[2] = {1, 1};
    for (unsigned frames = 0; frames <= 4; frames += 4) {
        for (unsigned is_null = 0; is_null < 2; is_null++) {
            struct machine m = machine_new();
            m.regs[AX] = is_null ? 0 : 0x9000;
            make_and_run(&m, "goid=+8(%ax):u64 b=%bx:u64", names, elements, frames);
            assert_int_equal(m.outputs, 1);
            assert_int_equal(m.record_size, 4);
            assert_int_equal(header_of(&m), 9 | PROGRAM_FAILED);
            assert_int_equal(m.scratch[0], 0); /* the slot is free again */
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
        struct machine m = machine_new();
        put_frames(&m, count);
        make_and_run(&m, "v=\\7:u64", one_name, one_element, 20);
        assert_int_equal(PROGRAM_PROBE(header_of(&m)), 9);
        assert_int_equal(PROGRAM_FRAMES(header_of(&m)), 1 + count);
        assert_false(header_of(&m) & PROGRAM_CUT);
        assert_int_equal(m.record_size, 4 + 8 * (1 + 1 + count));
        assert_int_equal(word_of(&m, 0), 7);
        assert_int_equal(word_of(&m, 1), 0x400000);
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(word_of(&m, 2 + i), 0x400100 + i);
        assert_int_equal(m.faults, 0); /* a frame pointer of 0 is the end */
        assert_int_equal(m.scratch[0], 0);
    }
}

static void test_says_that_a_walk_is_cut(void **state)
{
    (void)state;
    struct machine m = machine_new();
    put_frames(&m, 5);
    make_and_run(&m, "v=\\7:u64", one_name, one_element, 5);
    assert_int_equal(PROGRAM_FRAMES(header_of(&m)), 5);
    assert_true(header_of(&m) & PROGRAM_CUT);
    make_and_run(&m, "v=\\7:u64", one_name, one_element, 6);
    assert_int_equal(PROGRAM_FRAMES(header_of(&m)), 6);
    assert_false(header_of(&m) & PROGRAM_CUT);
}

static void test_a_frame_pointer_that_leads_nowhere_ends_the_walk(void **state)
{
    (void)state;
    struct machine m = machine_new();
    put_frames(&m, 3);
    put_u64(16, 0x7777);
    make_and_run(&m, "v=\\7:u64", one_name, one_element, 20);
    assert_int_equal(PROGRAM_FRAMES(header_of(&m)), 3);
    assert_false(header_of(&m) & PROGRAM_CUT);
    assert_int_equal(m.faults, 1);
}

static void test_a_loop_ends_at_the_limit(void **state)
{
    (void)state;
    struct machine m = machine_new();
    put_frames(&m, 2);
    put_u64(16, 0x1000);
    make_and_run(&m, "v=\\7:u64", one_name, one_element, PROGRAM_FRAMES_MAX);
    assert_int_equal(PROGRAM_FRAMES(header_of(&m)), PROGRAM_FRAMES_MAX);
    assert_true(header_of(&m) & PROGRAM_CUT);
}

/* Threads that lost the CPU amid a program hold the first slots. */
static void test_takes_a_free_slot(void **state)
{
    (void)state;
    for (unsigned taken = 0; taken <= PROGRAM_SLOTS; taken++) {
        struct machine m = machine_new();
        put_frames(&m, 2);
        for (unsigned i = 0; i < taken; i++)
            memset(m.scratch + (size_t)i * PROGRAM_SLOT_BYTES, 0x55, PROGRAM_SLOT_BYTES);
        for (unsigned i = 0; i < taken; i++)
            memcpy(m.scratch + (size_t)i * PROGRAM_SLOT_BYTES, &(uint64_t){1}, 8);
        make_and_run(&m, "v=\\7:u64", one_name, one_element, 20);
        if (taken < PROGRAM_SLOTS) {
            assert_int_equal(PROGRAM_FRAMES(header_of(&m)), 3);
            assert_int_equal(m.scratch[(size_t)taken * PROGRAM_SLOT_BYTES], 0);
        } else {
            assert_int_equal(header_of(&m), 9 | PROGRAM_FAILED); /* lost, and told */
        }
        for (unsigned i = 0; i < taken; i++) {
            assert_int_equal(m.scratch[(size_t)i * PROGRAM_SLOT_BYTES], 1);
            assert_int_equal(m.scratch[(size_t)i * PROGRAM_SLOT_BYTES + 100], 0x55);
        }
    }
}

static void test_without_exchange_the_first_slot_serves(void **state)
{
    (void)state;
    struct machine m = machine_new();
    struct buf code;
    unsigned values;
    put_frames(&m, 2);
    assert_int_equal(make("v=\\7:u64", one_name, one_element, 20, false, &code, &values), 0);
    run(&m, &code);
    assert_int_equal(values, 1);
    assert_int_equal(PROGRAM_FRAMES(header_of(&m)), 3);
    buf_release(&code);
}

/* ---- failures ---- */

static void test_what_cannot_be_written_is_counted(void **state)
{
    (void)state;
    for (unsigned frames = 0; frames <= 4; frames += 4) {
        struct machine m = machine_new();
        put_frames(&m, 2);
        m.cpu = 2;
        make_and_run(&m, "v=\\7:u64", one_name, one_element, frames);
        m.output_error = -28; /* ENOSPC: the kernel counts it */
        make_and_run(&m, "v=\\7:u64", one_name, one_element, frames);
        assert_int_equal(m.failures[2], 0);
        m.output_error = -95; /* EOPNOTSUPP: the event is gone */
        make_and_run(&m, "v=\\7:u64", one_name, one_element, frames);
        make_and_run(&m, "v=\\7:u64", one_name, one_element, frames);
        assert_int_equal(m.failures[2], 2);
        m.cpu = CPUS; /* a CPU that came later */
        make_and_run(&m, "v=\\7:u64", one_name, one_element, frames);
        assert_int_equal(m.failures[0] + m.failures[1] + m.failures[2] + m.failures[3], 2);
        assert_int_equal(m.scratch[0], 0);
    }
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
        struct buf code;
        unsigned values = 0;
        if (make(fetches[i], one_name, one_element, 0, true, &code, &values) != ERR_UNSUPPORTED)
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
        cmocka_unit_test(test_says_that_a_walk_is_cut),
        cmocka_unit_test(test_a_frame_pointer_that_leads_nowhere_ends_the_walk),
        cmocka_unit_test(test_a_loop_ends_at_the_limit),
        cmocka_unit_test(test_takes_a_free_slot),
        cmocka_unit_test(test_without_exchange_the_first_slot_serves),
        cmocka_unit_test(test_what_cannot_be_written_is_counted),
        cmocka_unit_test(test_unknown_expressions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
