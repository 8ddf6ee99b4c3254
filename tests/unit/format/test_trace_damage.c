/* Damaged traces: never a crash, every good chunk is delivered, the damage is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "format/chunk_zstd.h"
#include "trace_memory.h"

#define CHUNKS_MAX 16

static struct buf sample, copy;
/* Chunk i of the sample is sample[at[i] … at[i + 1]). */
static size_t at[CHUNKS_MAX + 1];
static unsigned chunk_count;
static uint32_t events_in[CHUNKS_MAX];

static uint32_t events_in_all;

static void take_sample(void (*write)(struct buf *out))
{
    buf_init(&sample);
    buf_init(&copy);
    write(&sample);
    events_in_all = 0;
    chunk_count = 0;
    struct chunk_header header;
    for (size_t i = 0; i < sample.size; i += CHUNK_HEADER_SIZE + header.stored_size) {
        assert_true(chunk_header_decode(sample.data + i, &header));
        at[chunk_count] = i;
        events_in[chunk_count++] = (uint32_t)header.event_count;
        events_in_all += (uint32_t)header.event_count;
    }
    at[chunk_count] = sample.size;
    /* META EVENTS EVENTS | META EVENTS INDEX END */
    assert_int_equal(chunk_count, 7);
}

static int set_up(void **state)
{
    (void)state;
    take_sample(write_sample);
    return 0;
}

static int set_up_small(void **state)
{
    (void)state;
    take_sample(write_small_sample);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_release(&sample);
    buf_release(&copy);
    return 0;
}

static void copy_sample(void)
{
    buf_reset(&copy);
    buf_put(&copy, sample.data, sample.size);
}

static void append_chunk(unsigned i)
{
    buf_put(&copy, sample.data + at[i], at[i + 1] - at[i]);
}

/* Rewrites a header of the copy. */
static void change_header(size_t offset, void (*change)(struct chunk_header *header))
{
    struct chunk_header header;
    assert_true(chunk_header_decode(copy.data + offset, &header));
    change(&header);
    chunk_header_encode(&header, copy.data + offset);
}

static uint64_t total_damage(const struct trace_sum *sum)
{
    uint64_t total = 0;
    for (unsigned kind = 0; kind < DAMAGE_KIND_COUNT; kind++)
        total += sum->damage[kind];
    return total;
}

static void cut_anywhere(void **state)
{
    (void)state;
    for (size_t size = 0; size < sample.size; size++) {
        uint32_t expected = 0;
        unsigned whole = 0;
        for (; at[whole + 1] <= size; whole++)
            expected += events_in[whole];
        /* An exact copy, so that a sanitizer sees a read behind the end. */
        uint8_t *cut = malloc(size ? size : 1);
        memcpy(cut, sample.data, size);
        struct trace_sum sum = memory_read_all(cut, size);
        free(cut);
        assert_int_equal(sum.events, expected);
        assert_int_equal(sum.chunks, whole);
        assert_false(sum.has_end);
        if (size < 16)
            continue;
        bool at_border = size == at[whole] && whole > 0;
        assert_int_equal(sum.damage[at_border ? DAMAGE_NO_END : DAMAGE_TRUNCATED], 1);
        assert_int_equal(total_damage(&sum), 1);
    }
}

static void flip_any_bit(void **state)
{
    (void)state;
    const uint64_t hash = memory_read_all(sample.data, sample.size).hash;
    unsigned harmless = 0;
    copy_sample();
    for (size_t bit = 0; bit < sample.size * 8; bit++) {
        unsigned hit = 0;
        while (at[hit + 1] <= bit / 8)
            hit++;
        copy.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct trace_sum sum = memory_read_all(copy.data, copy.size);
        copy.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (total_damage(&sum) == 0) {
            assert_true(sum.hash == hash && sum.has_end);
            harmless++;
            continue;
        }
        assert_int_equal(sum.events, events_in_all - events_in[hit]);
        assert_int_equal(sum.chunks, 6);
        assert_int_equal(total_damage(&sum), hit == 6 ? 2 : 1);
        assert_int_equal(sum.damage[DAMAGE_HEADER] + sum.damage[DAMAGE_PAYLOAD], 1);
        assert_int_equal(sum.damage[DAMAGE_NO_END], hit == 6);
        assert_int_equal(sum.has_end, hit != 6);
    }
    /* A zstd frame has a few bits without meaning; the checksum is that of the content. */
    assert_true(harmless * 100 < sample.size * 8);
}

static void missing_chunks_are_counted(void **state)
{
    (void)state;
    append_chunk(0);
    append_chunk(1);
    append_chunk(4);
    append_chunk(6);
    struct trace_sum sum = memory_read_all(copy.data, copy.size);
    assert_int_equal(sum.events, 80);
    assert_int_equal(sum.damage[DAMAGE_MISSING], 2);
    assert_int_equal(sum.missing, 3);
    assert_int_equal(total_damage(&sum), 2);
}

/* The definitions of a lost chunk are unknown, not another's; the next epoch is whole again. */
static void lost_definitions_are_unknown(void **state)
{
    (void)state;
    append_chunk(0);
    append_chunk(2);
    append_chunk(3);
    append_chunk(4);
    struct trace_reader *reader = memory_reader(copy.data, copy.size);
    struct trace_chunk chunk;
    struct error err;
    unsigned seen = 0;
    while (trace_reader_next(reader, &chunk, &err) == 1) {
        if (chunk.header.kind == CHUNK_EVENTS && seen++ == 0) {
            assert_null(trace_reader_string(reader, 1, NULL));
            assert_null(trace_reader_location(reader, 1));
            assert_true(chunk.new_ids[DEF_LOCATION].first > 1);
            assert_non_null(trace_reader_location(reader, chunk.new_ids[DEF_LOCATION].first));
        } else if (chunk.header.kind == CHUNK_EVENTS) {
            assert_string_equal(trace_reader_string(reader, 1, NULL), "main.worker");
        }
    }
    assert_int_equal(seen, 2);
    trace_reader_close(reader);
}

static void noise_between_chunks_is_skipped(void **state)
{
    (void)state;
    static const char noise[] = "*M\x18 not a header, though it begins like one \x57\x2a\x4d\x18";
    buf_put(&copy, noise, sizeof noise);
    for (unsigned i = 0; i < chunk_count; i++) {
        append_chunk(i);
        buf_put(&copy, noise, sizeof noise);
    }
    struct trace_sum sum = memory_read_all(copy.data, copy.size);
    assert_int_equal(sum.events, 120);
    assert_int_equal(sum.chunks, 7);
    assert_int_equal(sum.damage[DAMAGE_HEADER], 8);
    assert_int_equal(total_damage(&sum), 8);
    assert_int_equal(sum.missing, 0);
}

/* Bytes are missing inside a chunk: its length is wrong, and the next chunk is found inside. */
static void a_shortened_chunk_costs_only_itself(void **state)
{
    (void)state;
    for (unsigned hit = 0; hit < chunk_count; hit++) {
        buf_reset(&copy);
        for (unsigned i = 0; i < chunk_count; i++) {
            if (i == hit)
                buf_put(&copy, sample.data + at[i], at[i + 1] - at[i] - 9);
            else
                append_chunk(i);
        }
        struct trace_sum sum = memory_read_all(copy.data, copy.size);
        assert_int_equal(sum.events, events_in_all - events_in[hit]);
        assert_int_equal(sum.chunks, 6);
    }
}

static void repeated_and_foreign_chunks_are_left_out(void **state)
{
    (void)state;
    struct buf other;
    buf_init(&other);
    append_chunk(0);
    append_chunk(1);
    append_chunk(1);
    append_chunk(0);
    append_chunk(2);
    write_sample(&other);
    size_t from = copy.size;
    buf_put(&copy, other.data, at[1]);
    struct chunk_header header;
    assert_true(chunk_header_decode(copy.data + from, &header));
    header.trace_id[0] ^= 1;
    header.sequence = 3;
    chunk_header_encode(&header, copy.data + from);
    append_chunk(3);
    struct trace_sum sum = memory_read_all(copy.data, copy.size);
    assert_int_equal(sum.events, 80);
    assert_int_equal(sum.damage[DAMAGE_HEADER], 3);
    assert_int_equal(sum.damage[DAMAGE_NO_END], 1);
    assert_int_equal(total_damage(&sum), 4);
    buf_release(&other);
}

static void make_kind_99(struct chunk_header *header)
{
    header->kind = 99;
    header->minor = 7;
}

static void make_major_3(struct chunk_header *header)
{
    header->major = 3;
    header->minor = 4;
    header->stored_size = UINT64_MAX;
}

static void unknown_kinds_are_skipped(void **state)
{
    (void)state;
    copy_sample();
    change_header(at[2], make_kind_99);
    struct trace_sum sum = memory_read_all(copy.data, copy.size);
    assert_int_equal(sum.events, 80);
    assert_int_equal(sum.damage[DAMAGE_UNKNOWN], 1);
    assert_int_equal(total_damage(&sum), 1);
}

static void unknown_major_versions_are_refused(void **state)
{
    (void)state;
    struct source *source;
    struct trace_reader *reader;
    struct error err;
    copy_sample();
    change_header(0, make_major_3);
    assert_int_equal(source_of_memory(copy.data, copy.size, &source, &err), 0);
    assert_int_equal(trace_reader_open(source, &reader, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "version 3.4"));
    source_close(source);
    copy_sample();
    change_header(at[2], make_major_3);
    struct trace_sum sum = memory_read_all(copy.data, copy.size);
    assert_int_equal(sum.events, 80);
    assert_int_equal(sum.damage[DAMAGE_UNKNOWN], 1);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    static char zeros[100000];
    static const char *const texts[] = {"", "x", "#!/bin/sh\n", "gotape\x1a\n"};
    struct source *source;
    struct trace_reader *reader;
    struct error err;
    for (size_t i = 0; i <= sizeof texts / sizeof *texts; i++) {
        const char *data = i < 4 ? texts[i] : zeros;
        size_t size = i < 4 ? strlen(texts[i]) : sizeof zeros;
        assert_int_equal(source_of_memory(data, size, &source, &err), 0);
        assert_int_equal(trace_reader_open(source, &reader, &err), ERR_DAMAGED);
        assert_non_null(strstr(err.message, "not a gotape trace"));
        source_close(source);
    }
}

/* A whole chunk with this payload, as chunk number `sequence` of the sample's trace. */
static void append_payload(const struct buf *payload, uint64_t sequence, uint64_t event_count)
{
    struct error err;
    struct chunk_packer *packer = chunk_packer_new(3, &err);
    struct buf packed;
    buf_init(&packed);
    assert_int_equal(chunk_pack(packer, payload->data, payload->size, 0, &packed, &err), 0);
    struct chunk_header header = {.kind = CHUNK_EVENTS,
                                  .major = 1,
                                  .minor = 9,
                                  .epoch = 1,
                                  .sequence = sequence,
                                  .stored_size = packed.size,
                                  .raw_size = payload->size,
                                  .event_count = event_count};
    memcpy(header.trace_id, "sixteen bytes id", 16);
    uint8_t bytes[CHUNK_HEADER_SIZE];
    chunk_header_encode(&header, bytes);
    buf_put(&copy, bytes, sizeof bytes);
    buf_put(&copy, packed.data, packed.size);
    buf_release(&packed);
    chunk_packer_free(packer);
}

static void unknown_blocks_are_skipped_and_told(void **state)
{
    (void)state;
    struct buf payload;
    buf_init(&payload);
    chunk_put_block(&payload, (enum block_tag)200, "what is this", 12);
    chunk_put_block(&payload, BLOCK_STRINGS, "\x01\x01\x02hi", 5);
    append_payload(&payload, 0, 0);
    struct trace_reader *reader = memory_reader(copy.data, copy.size);
    struct trace_chunk chunk;
    struct error err;
    assert_int_equal(trace_reader_next(reader, &chunk, &err), 1);
    assert_int_equal(chunk.header.kind, CHUNK_EVENTS);
    assert_non_null(chunk.damage);
    assert_int_equal(chunk.damage->kind, DAMAGE_UNKNOWN);
    assert_int_equal(chunk.damage->count, 1);
    assert_string_equal(trace_reader_string(reader, 1, NULL), "hi");
    trace_reader_close(reader);
    buf_release(&payload);
}

/* Payloads that unpack but lie. */
static void senseless_payloads_are_damage(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        uint64_t events;
    } payloads[] = {
        {"\x01", 1, 0},                                        /* a tag without length */
        {"\x01\xff\xff\xff\xff\x0f", 6, 0},                    /* a block longer than the payload */
        {"\x01\x02\x00\x01", 4, 0},                            /* strings from 0 */
        {"\x01\x07\x01\xff\xff\xff\xff\x07\x00", 9, 0},        /* two thousand million strings */
        {"\x01\x08\xff\xff\xff\xff\x0f\x01\x01x", 10, 0},      /* ids behind the last */
        {"\x01\x04\x01\x01\x02x", 6, 0},                       /* a string longer than its block */
        {"\x03\x05\x01\x01\x00\x81\x04", 7, 0},                /* 513 locations in a stack */
        {"\x01\x04\x01\x01\x01x\x01\x04\x01\x01\x01y", 12, 0}, /* one id twice */
        {"\x06\x02\x01k", 4, 0},                               /* a key without value */
        {"\x0d\x01\x7f", 3, 0},                                /* an index of 127 entries in no bytes */
        {"\x07\x02\x00\x01", 4, 1},                            /* sections without events */
        {"", 0, 1},                                            /* an event that is not there */
    };
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        struct buf payload;
        buf_init(&payload);
        buf_put(&payload, payloads[i].bytes, payloads[i].size);
        buf_reset(&copy);
        append_payload(&payload, 0, payloads[i].events);
        struct trace_sum sum = memory_read_all(copy.data, copy.size);
        assert_int_equal(sum.damage[DAMAGE_PAYLOAD], 1);
        assert_int_equal(sum.chunks, 0);
        buf_release(&payload);
    }
}

/* Headers within headers, each claiming the rest of the file, must not take quadratic time. */
static void nested_headers_end_soon(void **state)
{
    (void)state;
    struct chunk_header header = {
        .kind = CHUNK_EVENTS, .major = 1, .epoch = 1, .stored_size = 2u << 20, .raw_size = 1000};
    uint8_t bytes[CHUNK_HEADER_SIZE];
    for (unsigned i = 0; i < 30000; i++) {
        header.sequence = i;
        chunk_header_encode(&header, bytes);
        buf_put(&copy, bytes, sizeof bytes);
    }
    struct trace_sum sum = memory_read_all(copy.data, copy.size);
    assert_int_equal(sum.events, 0);
    assert_true(total_damage(&sum) < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cut_anywhere, set_up_small, tear_down),
        cmocka_unit_test_setup_teardown(flip_any_bit, set_up_small, tear_down),
        cmocka_unit_test_setup_teardown(missing_chunks_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_definitions_are_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(noise_between_chunks_is_skipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_shortened_chunk_costs_only_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(repeated_and_foreign_chunks_are_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_kinds_are_skipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_major_versions_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_files_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_blocks_are_skipped_and_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(senseless_payloads_are_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nested_headers_end_soon, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
