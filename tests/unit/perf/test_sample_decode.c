/* Decoding of hand-made perf records: layouts, sign extension, call chains, and bytes that lie about their
 * length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/perf_event.h>
#include <string.h>

#include "base/buf.h"
#include "perf/probe_program.h"
#include "perf/sample_decode.h"

enum { ID_PROBE = 70, ID_CHAIN = 71, ID_THREAD = 72 };

static struct sample_decoder decoder;

static int set_up(void **state)
{
    (void)state;
    decoder = (struct sample_decoder){.probe_count = 3, .has_switch = true, .max_stack = 4};
    decoder.probes[0] = (struct sample_layout){
        .field_count = 4,
        .fields = {{.offset = 9, .width = 8, .elements = 1},
                   {.offset = 17, .width = 2, .elements = 3, .is_signed = true},
                   {.offset = 8, .width = 1, .elements = 1},
                   {.offset = 23, .width = 4, .elements = 1, .is_signed = true}},
    };
    decoder.probes[1] = (struct sample_layout){
        .call_chain = true, .field_count = 1, .fields = {{.offset = 8, .width = 4, .elements = 1}}};
    decoder.probes[2] = (struct sample_layout){.has_program = true, .program_values = 2, .call_chain = true};
    decoder.switches = (struct sample_switch_layout){
        .prev_state = {.offset = 8, .width = 8, .elements = 1, .is_signed = true},
        .prev_tid = {.offset = 0, .width = 4, .elements = 1, .is_signed = true},
        .next_tid = {.offset = 16, .width = 4, .elements = 1, .is_signed = true},
        .next_name_offset = 20,
        .next_name_size = 16,
    };
    map_init(&decoder.events);
    map_put(&decoder.events, ID_PROBE, 0);
    map_put(&decoder.events, ID_CHAIN, 1);
    map_put(&decoder.events, ID_THREAD, SAMPLE_THREAD_EVENT);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    map_release(&decoder.events);
    return 0;
}

static void put_header(struct buf *out, uint32_t type, uint16_t misc)
{
    buf_put_u32(out, type);
    buf_put_u16(out, misc);
    buf_put_u16(out, 0);
}

static void put_sample(struct buf *out, uint64_t id)
{
    put_header(out, PERF_RECORD_SAMPLE, PERF_RECORD_MISC_USER);
    buf_put_u64(out, id);
    buf_put_u32(out, 500);
    buf_put_u32(out, 501);
    buf_put_u64(out, 123456789);
}

static void put_trailer(struct buf *out, uint64_t id)
{
    buf_put_u32(out, 500);
    buf_put_u32(out, 501);
    buf_put_u64(out, 123456789);
    buf_put_u64(out, id);
}

/* Raw bytes with their length in front, padded so that both together are a multiple of 8. */
static void put_raw(struct buf *out, const struct buf *raw)
{
    uint32_t padded = (uint32_t)(raw->size + 4 + 7) / 8 * 8 - 4;
    buf_put_u32(out, padded);
    buf_put(out, raw->data, raw->size);
    for (uint32_t i = (uint32_t)raw->size; i < padded; i++)
        buf_put_u8(out, 0);
}

static int decode(struct buf *bytes, struct record *out)
{
    bytes->data[6] = (uint8_t)bytes->size;
    bytes->data[7] = (uint8_t)(bytes->size >> 8);
    return sample_decode(&decoder, bytes->data, bytes->size, out);
}

static void make_probe_raw(struct buf *raw)
{
    buf_put_u64(raw, 0); /* common fields */
    buf_put_u8(raw, 0xff);
    buf_put_u64(raw, 0x8877665544332211);
    buf_put_u16(raw, 0x7fff);
    buf_put_u16(raw, 0x8000);
    buf_put_u16(raw, 0xffff);
    buf_put_u32(raw, 0xfffffffe);
}

static void test_values_are_widened(void **state)
{
    (void)state;
    struct buf bytes, raw;
    struct record record;
    buf_init(&bytes);
    buf_init(&raw);
    make_probe_raw(&raw);
    put_sample(&bytes, ID_PROBE);
    put_raw(&bytes, &raw);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_PROBE);
    assert_int_equal(record.probe, 0);
    assert_int_equal(record.pid, 500);
    assert_int_equal(record.tid, 501);
    assert_int_equal(record.time_ns, 123456789);
    assert_int_equal(record.root_id, ID_PROBE);
    assert_true(record.value[0] == 0x8877665544332211);
    assert_true(record.value[1] == 0x7fff);
    assert_true(record.value[2] == (uint64_t)-0x8000);
    assert_true(record.value[3] == (uint64_t)-1);
    assert_true(record.value[4] == 0xff);
    assert_true(record.value[5] == (uint64_t)-2);
    assert_null(record.chain);
    buf_release(&bytes);
    buf_release(&raw);
}

static void test_every_shorter_record_is_refused(void **state)
{
    (void)state;
    struct buf bytes, raw;
    struct record record;
    buf_init(&bytes);
    buf_init(&raw);
    make_probe_raw(&raw);
    put_sample(&bytes, ID_PROBE);
    put_raw(&bytes, &raw);
    size_t whole = bytes.size;
    for (size_t size = 8; size < whole; size++) {
        bytes.size = size;
        assert_int_equal(decode(&bytes, &record), ERR_DAMAGED);
    }
    for (size_t size = 0; size < 8; size++)
        assert_int_equal(sample_decode(&decoder, bytes.data, size, &record), ERR_DAMAGED);
    bytes.size = whole;
    assert_int_equal(decode(&bytes, &record), 0);
    /* A raw length that lies. */
    bytes.data[32] = 0xff;
    assert_int_equal(decode(&bytes, &record), ERR_DAMAGED);
    bytes.data[32] = 10; /* shorter than the fields reach */
    assert_int_equal(decode(&bytes, &record), ERR_DAMAGED);
    buf_release(&bytes);
    buf_release(&raw);
}

static void test_unknown_event_is_refused(void **state)
{
    (void)state;
    struct buf bytes, raw;
    struct record record;
    buf_init(&bytes);
    buf_init(&raw);
    make_probe_raw(&raw);
    put_sample(&bytes, 99);
    put_raw(&bytes, &raw);
    assert_int_equal(decode(&bytes, &record), ERR_DAMAGED);
    buf_release(&bytes);
    buf_release(&raw);
}

static int decode_chain(const uint64_t *ips, uint64_t count, uint64_t claimed, struct buf *bytes,
                        struct record *out)
{
    struct buf raw;
    buf_init(&raw);
    buf_reset(bytes);
    put_sample(bytes, ID_CHAIN);
    buf_put_u64(bytes, claimed);
    for (uint64_t i = 0; i < count; i++)
        buf_put_u64(bytes, ips[i]);
    buf_put_u64(&raw, 0);
    buf_put_u32(&raw, 42);
    put_raw(bytes, &raw);
    int rc = decode(bytes, out);
    buf_release(&raw);
    return rc;
}

static void test_call_chains(void **state)
{
    (void)state;
    const uint64_t user = (uint64_t)PERF_CONTEXT_USER, kernel = (uint64_t)PERF_CONTEXT_KERNEL;
    struct buf bytes;
    struct record record;
    buf_init(&bytes);

    const uint64_t plain[] = {user, 0x10, 0x20, 0x30};
    assert_int_equal(decode_chain(plain, 4, 4, &bytes, &record), 0);
    assert_int_equal(record.chain_length, 3);
    assert_true(record.chain[0] == 0x10 && record.chain[2] == 0x30);
    assert_false(record.chain_cut);
    assert_true(record.value[0] == 42);

    const uint64_t mixed[] = {kernel, 0xffffffff81000000,           user, 0x10,
                              0x20,   (uint64_t)PERF_CONTEXT_GUEST, 0x99};
    assert_int_equal(decode_chain(mixed, 7, 7, &bytes, &record), 0);
    assert_int_equal(record.chain_length, 2);
    assert_true(record.chain[0] == 0x10);

    const uint64_t deep[] = {user, 1, 2, 3, 4};
    assert_int_equal(decode_chain(deep, 5, 5, &bytes, &record), 0);
    assert_int_equal(record.chain_length, 4);
    assert_true(record.chain_cut);

    const uint64_t kernel_only[] = {kernel, 0xffffffff81000000};
    assert_int_equal(decode_chain(kernel_only, 2, 2, &bytes, &record), 0);
    assert_null(record.chain);
    assert_int_equal(decode_chain(&user, 1, 1, &bytes, &record), 0);
    assert_null(record.chain);
    assert_int_equal(decode_chain(NULL, 0, 0, &bytes, &record), 0);
    assert_null(record.chain);

    assert_int_equal(decode_chain(plain, 4, 100, &bytes, &record), ERR_DAMAGED);
    assert_int_equal(decode_chain(plain, 4, UINT64_MAX, &bytes, &record), ERR_DAMAGED);
    assert_int_equal(decode_chain(plain, 4, (UINT64_MAX >> 3) + 2, &bytes, &record), ERR_DAMAGED);
    buf_release(&bytes);
}

/* `stack` bytes of the user stack were asked for, and so many of them `filled`. */
static void make_switch(struct buf *bytes, uint64_t state, uint64_t abi, uint64_t stack, uint64_t filled)
{
    struct buf raw;
    buf_init(&raw);
    buf_reset(bytes);
    buf_put_u64(&raw, 333);
    buf_put_u64(&raw, state);
    buf_put_u32(&raw, 777);
    buf_put(&raw, "sixteen-letters!", 16);
    put_sample(bytes, ID_THREAD);
    put_raw(bytes, &raw);
    buf_put_u64(bytes, abi);
    if (abi) {
        buf_put_u64(bytes, 0xb);
        buf_put_u64(bytes, 0x5);
        buf_put_u64(bytes, 0x1);
    }
    buf_put_u64(bytes, stack);
    for (uint64_t i = 0; i < stack; i++)
        buf_put_u8(bytes, (uint8_t)i);
    if (stack)
        buf_put_u64(bytes, filled);
    buf_release(&raw);
}

static void test_switch_out(void **state)
{
    (void)state;
    struct buf bytes;
    struct record record;
    buf_init(&bytes);
    make_switch(&bytes, 2, PERF_SAMPLE_REGS_ABI_64, 0, 0);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_SWITCH_OUT);
    assert_int_equal(record.prev_state, 2);
    assert_int_equal(record.prev_first_tid, 333);
    assert_int_equal(record.next_tid, 777);
    assert_string_equal(record.name, "sixteen-letters"); /* always terminated */
    assert_true(record.bp == 0xb && record.sp == 0x5 && record.ip == 0x1);
    assert_null(record.stack);

    make_switch(&bytes, 0x100, PERF_SAMPLE_REGS_ABI_NONE, 0, 0); /* preempted, still runnable */
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.prev_state, 0);
    assert_true(record.ip == 0 && record.sp == 0);

    make_switch(&bytes, 1, PERF_SAMPLE_REGS_ABI_64, 0, 0);
    bytes.size -= 8;
    assert_int_equal(decode(&bytes, &record), ERR_DAMAGED);
    make_switch(&bytes, 1, PERF_SAMPLE_REGS_ABI_64, 0, 0);
    decoder.has_switch = false;
    assert_int_equal(decode(&bytes, &record), ERR_DAMAGED);
    buf_release(&bytes);
}

static void test_user_stack(void **state)
{
    (void)state;
    enum { REGISTERS = PERF_SAMPLE_REGS_ABI_64, NONE = PERF_SAMPLE_REGS_ABI_NONE };
    struct buf bytes;
    struct record record;
    buf_init(&bytes);
    make_switch(&bytes, 1, REGISTERS, 64, 64);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.stack_size, 64);
    assert_true(record.stack[0] == 0 && record.stack[63] == 63);
    assert_true(record.ip == 0x1);
    /* the page above was not there */
    make_switch(&bytes, 1, REGISTERS, 64, 24);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.stack_size, 24);
    make_switch(&bytes, 1, REGISTERS, 64, 0);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.stack_size, 0);
    assert_null(record.stack);
    /* nobody's stack pointer */
    make_switch(&bytes, 1, NONE, 64, 64);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_null(record.stack);

    make_switch(&bytes, 1, REGISTERS, 64, 65);
    assert_int_equal(decode(&bytes, &record), ERR_DAMAGED);
    make_switch(&bytes, 1, REGISTERS, 64, 64);
    for (size_t size = bytes.size - 8; size > bytes.size - 8 * 13; size -= 8) {
        struct buf shorter = bytes;
        shorter.size = size;
        assert_int_equal(decode(&shorter, &record), ERR_DAMAGED);
    }
    make_switch(&bytes, 1, REGISTERS, 64, 64);
    size_t size_at = bytes.size - 8 - 64 - 8;
    memset(bytes.data + size_at, 0xff, 8);
    assert_int_equal(decode(&bytes, &record), ERR_DAMAGED);
    buf_release(&bytes);
}

static void start_task(struct buf *bytes, uint32_t type)
{
    buf_reset(bytes);
    put_header(bytes, type, 0);
    buf_put_u32(bytes, 500); /* pid */
    buf_put_u32(bytes, 400); /* parent's pid */
    buf_put_u32(bytes, 502); /* tid */
    buf_put_u32(bytes, 401); /* parent's tid */
    buf_put_u64(bytes, 1);
    put_trailer(bytes, ID_THREAD);
}

static void test_thread_records(void **state)
{
    (void)state;
    struct buf bytes;
    struct record record;
    buf_init(&bytes);
    start_task(&bytes, PERF_RECORD_FORK);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_FORK);
    assert_int_equal(record.pid, 400);
    assert_int_equal(record.tid, 401);
    assert_int_equal(record.new_pid, 500);
    assert_int_equal(record.new_tid, 502);
    assert_int_equal(record.time_ns, 123456789);

    start_task(&bytes, PERF_RECORD_EXIT);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_EXIT);
    assert_int_equal(record.tid, 502);
    assert_int_equal(record.by_tid, 501);
    bytes.size -= 8;
    assert_int_equal(decode(&bytes, &record), ERR_DAMAGED);

    buf_reset(&bytes);
    put_header(&bytes, PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC);
    buf_put_u32(&bytes, 500);
    buf_put_u32(&bytes, 503);
    buf_put(&bytes, "worker\0\0", 8);
    put_trailer(&bytes, ID_THREAD);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_NAME);
    assert_int_equal(record.tid, 503);
    assert_string_equal(record.name, "worker");
    assert_true(record.is_exec);

    buf_reset(&bytes);
    put_header(&bytes, PERF_RECORD_SWITCH, 0);
    put_trailer(&bytes, ID_THREAD);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_SWITCH_IN);
    assert_int_equal(record.root_id, ID_THREAD);
    bytes.data[5] = PERF_RECORD_MISC_SWITCH_OUT >> 8;
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_SKIP);

    buf_reset(&bytes);
    put_header(&bytes, PERF_RECORD_LOST, 0);
    buf_put_u64(&bytes, ID_PROBE);
    buf_put_u64(&bytes, 1234);
    put_trailer(&bytes, ID_PROBE);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_LOST);
    assert_int_equal(record.lost, 1234);

    buf_reset(&bytes);
    put_header(&bytes, PERF_RECORD_LOST_SAMPLES, 0);
    buf_put_u64(&bytes, 5);
    put_trailer(&bytes, ID_PROBE);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_LOST);
    assert_int_equal(record.lost, 5);

    buf_reset(&bytes);
    put_header(&bytes, 4711, 0); /* a type of a later kernel */
    put_trailer(&bytes, ID_PROBE);
    assert_int_equal(decode(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_SKIP);
    buf_release(&bytes);
}

/* What a program writes: `frames` in the header, so many words behind it. */
static void put_program(struct buf *bytes, uint32_t header, unsigned words)
{
    buf_reset(bytes);
    buf_put_u32(bytes, header);
    buf_put_u32(bytes, 24 + 8 * words);
    buf_put_u64(bytes, 123456789);
    buf_put_u32(bytes, 501);
    buf_put_u32(bytes, 77);
    for (unsigned i = 0; i < words; i++)
        buf_put_u64(bytes, 1000 + i);
}

static int decode_program(const struct buf *bytes, struct record *out)
{
    return sample_decode_program(&decoder, bytes->data, bytes->size, out);
}

static void test_programs(void **state)
{
    (void)state;
    struct buf bytes;
    struct record record;
    buf_init(&bytes);
    put_program(&bytes, 2 | 3 << 16, 2 + 3);
    assert_int_equal(decode_program(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_PROBE);
    assert_int_equal(record.probe, 2);
    assert_int_equal(record.tid, 501);
    assert_int_equal(record.time_ns, 123456789);
    assert_int_equal(record.root_id, 0);
    assert_int_equal(record.value[0], 1000);
    assert_int_equal(record.value[1], 1001);
    assert_int_equal(record.chain_length, 3);
    assert_false(record.chain_cut);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(record.chain[i], 1002 + i);
    size_t whole = bytes.size;
    for (size_t size = 0; size < whole; size++) {
        bytes.size = size;
        assert_int_equal(decode_program(&bytes, &record), ERR_DAMAGED);
    }

    put_program(&bytes, 2 | 1 << 16 | PROGRAM_CUT, 2 + 1);
    assert_int_equal(decode_program(&bytes, &record), 0);
    assert_int_equal(record.chain_length, 1);
    assert_true(record.chain_cut);
    put_program(&bytes, 2, 2);
    assert_int_equal(decode_program(&bytes, &record), 0);
    assert_null(record.chain);
    put_program(&bytes, 2 | PROGRAM_FAILED, 0);
    assert_int_equal(decode_program(&bytes, &record), 0);
    assert_int_equal(record.kind, RECORD_LOST);
    assert_int_equal(record.lost, 1);
    assert_int_equal(record.root_id, 0);

    put_program(&bytes, 2 | 4 << 16, 2 + 3); /* more frames than there are */
    assert_int_equal(decode_program(&bytes, &record), ERR_DAMAGED);
    put_program(&bytes, 1, 2); /* a probe that has no program */
    assert_int_equal(decode_program(&bytes, &record), ERR_DAMAGED);
    put_program(&bytes, 3, 2);
    assert_int_equal(decode_program(&bytes, &record), ERR_DAMAGED);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values_are_widened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_shorter_record_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_event_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_call_chains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_switch_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_user_stack, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_programs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_thread_records, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
