/* The event codec: any events come back as they were, and what is unknown is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/chunk.h"
#include "format/event_codec.h"
#include "format/event_coding.h"
#include "format/event_model.h"
#include "format/event_spec.h"
#include "trace_memory.h"

#define COUNT 3000

/* Splits a payload into blocks for the decoder. Returns what the last block gave. */
/* Appends the block of these events. */
static int encode(struct event_codec *codec, const struct event *events, uint32_t count,
                  const struct trace_section *sections, uint32_t section_count, struct buf *out)
{
    struct event_log log = {0};
    struct error err;
    size_t place = 0;
    for (uint32_t i = 0; i < count; i++)
        assert_true(event_log_add(&log, &events[i], event_spec_get(events[i].type)->field_count));
    int rc = event_codec_encode(codec, &log, &place, count, sections, section_count, out, &err);
    assert_true(rc != 0 || place == log.size);
    event_log_release(&log);
    return rc;
}

static int split(const struct buf *raw, struct event_blocks *blocks)
{
    struct bytes b = bytes_of(raw->data, raw->size);
    int rc = 1;
    *blocks = (struct event_blocks){0};
    while (rc == 1 && bytes_left(&b) > 0) {
        uint64_t tag = bytes_varint(&b);
        rc = event_blocks_add(blocks, tag, bytes_slice(&b, bytes_varint(&b)));
    }
    return rc;
}

static int decode(struct event_codec *codec, const struct buf *raw, struct event_batch *batch)
{
    struct event_blocks blocks;
    struct error err;
    if (split(raw, &blocks) < 0)
        return ERR_DAMAGED;
    return event_codec_decode(codec, &blocks, batch, &err);
}

/* Encodes the events in sections of the given length and expects them back. */
static void round_trip(struct event_codec *codec, struct event *events, uint32_t count,
                       uint32_t section_length)
{
    struct trace_section sections[COUNT];
    uint32_t section_count = 0;
    struct event_batch batch = {0};
    struct buf raw;
    buf_init(&raw);
    for (uint32_t first = 0; first < count; first += section_length) {
        uint32_t length = count - first < section_length ? count - first : section_length;
        sections[section_count] =
            (struct trace_section){.ring = (uint16_t)(section_count * 7), .first = first, .count = length};
        for (uint32_t i = 0; i < length; i++)
            events[first + i].cpu = sections[section_count].ring;
        section_count++;
    }
    assert_int_equal(encode(codec, events, count, sections, section_count, &raw), 0);
    assert_int_equal(decode(codec, &raw, &batch), 0);
    assert_int_equal(batch.count, count);
    assert_int_equal(batch.section_count, section_count);
    assert_int_equal(batch.unknown, 0);
    for (uint32_t i = 0; i < section_count; i++) {
        assert_int_equal(batch.sections[i].ring, sections[i].ring);
        assert_int_equal(batch.sections[i].first, sections[i].first);
        assert_int_equal(batch.sections[i].count, sections[i].count);
    }
    for (uint32_t i = 0; i < count; i++)
        assert_memory_equal(&batch.events[i], &events[i], sizeof *events);
    event_batch_release(&batch);
    buf_release(&raw);
}

static void random_events_come_back(void **state)
{
    (void)state;
    static struct event events[COUNT];
    struct event_codec *codec = event_codec_new(NULL);
    assert_non_null(codec);
    srand(3);
    for (int round = 0; round < 12; round++) {
        for (unsigned i = 0; i < COUNT; i++) {
            events[i] = random_event(1 + (unsigned)rand() % (EVENT_TYPE_COUNT - 1), 0);
            events[i].time_ns = round % 3 == 0 ? random_number() : 1000000000 + i * 50;
            events[i].tid = round % 4 == 0 ? (uint32_t)random_number() : (uint32_t)rand() % 8;
            if (events[i].type == EV_THREAD_OUT && rand() % 2)
                events[i].f[THREAD_OUT_NEXT_TID] = (uint64_t)rand() % 8;
        }
        round_trip(codec, events, COUNT, round % 2 ? 1 : 700);
        round_trip(codec, events, 1, 1);
    }
    event_codec_free(codec);
}

/* A program as the model sees one: goroutines that are made, wait, wake each other and end, on two CPUs with threads that
 * change; `leave_out` is a type that was not recorded. */
static uint32_t run_program(struct event *events, uint32_t most, unsigned leave_out)
{
    enum { GOROUTINES = 24 };
    uint64_t ready[GOROUTINES], parked[GOROUTINES], running[2] = {1, 2}, last = 2;
    unsigned ready_count = 0, parked_count = 0, count = 0;
    uint64_t time = 5000;
    while (count + 8 < most) {
        unsigned p = count / 100 % 2;
        const struct event common = {.time_ns = time += 1 + (uint64_t)rand() % 3000, .tid = 7 + p};
        struct event next = common;
        uint64_t self = running[p];
        unsigned what = (unsigned)rand() % 8;
        if (what == 0 && ready_count + parked_count < GOROUTINES - 4) {
            ready[ready_count++] = ++last;
            next = (struct event){.time_ns = time,
                                  .tid = 7 + p,
                                  .type = EV_CREATE,
                                  .f = {last, 0xc0000000 + last % 30, self, 1, 3, 4}};
        } else if (what < 4 && parked_count > 0) {
            uint64_t waker = rand() % 4 ? self : 0;
            ready[ready_count++] = parked[0];
            next.type = EV_READY;
            memcpy(next.f, (uint64_t[]){parked[0], waker, 5 + what}, 3 * sizeof *next.f);
            memmove(parked, parked + 1, --parked_count * sizeof *parked);
        } else if (what == 4) {
            next.type = EV_NET;
            memcpy(next.f, (uint64_t[]){0x7f0000 + self % 5, 'r', 0xc0000000 + self % 30, 0},
                   4 * sizeof *next.f);
        } else if (ready_count > 0) {
            bool ends = what == 5 && ready_count + parked_count > 4;
            if (!ends)
                parked[parked_count++] = self;
            next.type = ends ? EV_END : EV_PARK;
            memcpy(next.f, (uint64_t[]){self, 0xc0000000 + self % 30, 14, 3, 0, 8 + what},
                   (ends ? 1 : 6) * sizeof *next.f);
            events[count++] = next;
            running[p] = ready[rand() % 2 ? 0 : ready_count - 1];
            ready_count--;
            if (running[p] == ready[0])
                memmove(ready, ready + 1, ready_count * sizeof *ready);
            next = (struct event){.time_ns = time += 300,
                                  .tid = 7 + p,
                                  .type = EV_EXEC,
                                  .f = {running[p], 0xc0000000 + running[p] % 30, 0, p}};
        }
        if (next.type != EV_NONE && next.type != leave_out)
            events[count++] = next;
    }
    return count;
}

static void programs_come_back(void **state)
{
    (void)state;
    static struct event events[COUNT];
    struct event_codec *codec = event_codec_new(NULL);
    static const unsigned left_out[] = {EV_NONE, EV_EXEC, EV_READY, EV_CREATE, EV_PARK};
    srand(11);
    for (unsigned round = 0; round < 20; round++) {
        uint32_t count = run_program(events, round % 3 ? COUNT : 400, left_out[round % 5]);
        round_trip(codec, events, count, round % 2 ? 100 : 37);
    }
    event_codec_free(codec);
}

static void each_type_comes_back_alone(void **state)
{
    (void)state;
    static struct event events[COUNT];
    struct event_codec *codec = event_codec_new(NULL);
    srand(4);
    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++) {
        for (unsigned i = 0; i < 200; i++)
            events[i] = random_event(type, i % 2 ? 4 : 0);
        round_trip(codec, events, 200, 200);
    }
    event_codec_free(codec);
}

static void usual_events_cost_little(void **state)
{
    (void)state;
    static struct event events[COUNT];
    struct trace_section section = {.ring = 0, .first = 0, .count = COUNT};
    struct event_codec *codec = event_codec_new(NULL);
    struct buf raw;
    buf_init(&raw);
    /* One goroutine that parks at one place, again and again. */
    for (unsigned i = 0; i < COUNT; i++) {
        events[i] = (struct event){
            .time_ns = i * 8, .tid = 7, .type = EV_PARK, .f = {1000000, 0xc000000000, 14, 3, 0, 77}};
    }
    assert_int_equal(encode(codec, events, COUNT, &section, 1, &raw), 0);
    assert_true(raw.size < COUNT / 10);
    buf_release(&raw);
    event_codec_free(codec);
}

/* A goroutine is found where it waits, its g is known, and its calls follow each other: nothing of that is told again. */
static void a_cycle_is_learned(void **state)
{
    (void)state;
    static struct event events[COUNT];
    struct trace_section section = {.ring = 0, .first = 0, .count = COUNT};
    struct event_codec *codec = event_codec_new(NULL);
    struct buf raw;
    buf_init(&raw);
    for (unsigned i = 0; i < COUNT; i += 3) {
        uint64_t self = 20 + i / 3 % 5, other = 20 + (i / 3 + 1) % 5;
        struct event ready = {.type = EV_READY, .f = {other, self, 5}};
        struct event park = {.type = EV_PARK, .f = {self, 0xc000000000 + self * 0x380, 14, self, i, 6}};
        struct event exec = {.type = EV_EXEC, .f = {other, 0xc000000000 + other * 0x380, 1, 0}};
        events[i] = ready;
        events[i + 1] = park;
        events[i + 2] = exec;
        for (unsigned k = 0; k < 3; k++) {
            events[i + k].tid = 7;
            events[i + k].time_ns = 8 * (i + k); /* few enough bits to be learned, too */
        }
    }
    assert_int_equal(encode(codec, events, COUNT, &section, 1, &raw), 0);
    assert_true(raw.size < COUNT / 4);
    buf_release(&raw);
    event_codec_free(codec);
}

static void put_block(struct buf *raw, unsigned tag, const char *body, size_t size)
{
    chunk_put_block(raw, (enum block_tag)tag, body, size);
}

#define BLOCK(raw, tag, text) put_block(raw, tag, text, sizeof(text) - 1)

/* Blocks written by hand, as gotape(5) has them for version 1: exec, an event of the unknown type 100, end; one ring, one
 * thread. */
static void by_hand(struct buf *raw, const char *exec_columns, size_t size)
{
    buf_reset(raw);
    BLOCK(raw, BLOCK_SECTIONS, "\x05\x03");
    BLOCK(raw, BLOCK_ORDER, "\x02\x64\x07");
    BLOCK(raw, BLOCK_TIMES, "\xe8\x07\x00\x00\x01");
    BLOCK(raw, BLOCK_TIMES_LOW, "\x00\x14\x00");
    BLOCK(raw, BLOCK_TIDS, "\x01\x07\x01\x00\x00");
    put_block(raw, BLOCK_COLUMNS, exec_columns, size);
    BLOCK(raw, BLOCK_COLUMNS,
          "\x64\x01\x02"
          "xy");
    BLOCK(raw, BLOCK_COLUMNS, "\x07\x01\x01\x00");
}

static void unknown_types_and_columns_are_skipped(void **state)
{
    (void)state;
    struct event_codec *codec = event_codec_new(NULL);
    struct event_batch batch = {0};
    struct buf raw;
    buf_init(&raw);
    static const char too_long[] = "\x02\x04\x01\x12\x02\x80\x01\x01\x00\x02\x00\x00";
    static const char newer[] = "\x02\x05\x01\x12\x02\x80\x01\x01\x00\x01\x00\x03"
                                "abc";
    by_hand(&raw, too_long, sizeof too_long - 1);
    assert_int_equal(decode(codec, &raw, &batch), ERR_DAMAGED);
    /* A fifth column, of a later minor version. */
    by_hand(&raw, newer, sizeof newer - 1);
    assert_int_equal(decode(codec, &raw, &batch), 0);
    assert_int_equal(batch.count, 2);
    assert_int_equal(batch.unknown, 1);
    assert_int_equal(batch.section_count, 1);
    assert_int_equal(batch.sections[0].count, 2);
    const struct event exec = {.time_ns = 1000, .tid = 7, .type = EV_EXEC, .cpu = 5, .f = {18, 128, 0, 0}};
    const struct event end = {.time_ns = 1000 + 10 + 128, .tid = 7, .type = EV_END, .cpu = 5, .f = {18}};
    assert_memory_equal(&batch.events[0], &exec, sizeof exec);
    assert_memory_equal(&batch.events[1], &end, sizeof end);
    event_batch_release(&batch);
    event_codec_free(codec);
    buf_release(&raw);
}

/* A recorder of an earlier minor version knew fewer fields. */
static void missing_columns_are_zero(void **state)
{
    (void)state;
    struct event_codec *codec = event_codec_new(NULL);
    struct event_batch batch = {0};
    struct buf raw;
    buf_init(&raw);
    BLOCK(&raw, BLOCK_SECTIONS, "\x00\x01");
    BLOCK(&raw, BLOCK_ORDER, "\x05");
    BLOCK(&raw, BLOCK_TIMES, "\x00\x00");
    BLOCK(&raw, BLOCK_TIMES_LOW, "\x00");
    BLOCK(&raw, BLOCK_TIDS, "\x01\x07\x01");
    BLOCK(&raw, BLOCK_COLUMNS, "\x05\x01\x01\x22");
    assert_int_equal(decode(codec, &raw, &batch), 0);
    assert_int_equal(batch.events[0].f[READY_GOID], 0x22);
    assert_int_equal(batch.events[0].f[READY_WAKER], 0);
    event_batch_release(&batch);
    event_codec_free(codec);
    buf_release(&raw);
}

static void damaged_blocks_are_refused(void **state)
{
    (void)state;
    static struct event events[60];
    const struct trace_section section = {.ring = 1, .first = 0, .count = 60};
    struct event_codec *codec = event_codec_new(NULL);
    struct event_batch batch = {0};
    struct buf raw, copy;
    buf_init(&raw);
    buf_init(&copy);
    srand(5);
    for (unsigned i = 0; i < 60; i++) {
        events[i] = random_event(1 + i % (EVENT_TYPE_COUNT - 1), 9);
        events[i].time_ns = i * 1000;
    }
    assert_int_equal(encode(codec, events, 60, &section, 1, &raw), 0);
    unsigned refused = 0, taken_short = 0;
    for (size_t i = 0; i < raw.size; i++) {
        for (unsigned value = 0; value < 256; value += 51) {
            buf_reset(&copy);
            buf_put(&copy, raw.data, raw.size);
            copy.data[i] = (uint8_t)value;
            refused += decode(codec, &copy, &batch) != 0;
        }
        buf_reset(&copy);
        buf_put(&copy, raw.data, i);
        taken_short += decode(codec, &copy, &batch) == 0;
    }
    assert_true(refused > 100);
    /* Whole blocks of columns may be missing: their fields are 0 then. */
    assert_true(taken_short < EVENT_TYPE_COUNT);
    event_batch_release(&batch);
    event_codec_free(codec);
    buf_release(&raw);
    buf_release(&copy);
}

/* ---- version 2: what a later minor version may bring ---- */

struct wide_event {
    struct event event;
    uint64_t more[CODING_FIELDS_MAX - EVENT_FIELDS_MAX];
};

/* A block of these events, of one section, coded in these ways. */
static void by_model(struct buf *raw, const struct type_coding *codings, unsigned coding_count,
                     const struct wide_event *events, unsigned count)
{
    struct event_model *model = event_model_new();
    struct range_coder coder;
    struct buf body = {0}, code = {0}, bits = {0};
    event_model_reset(model, 0, count);
    buf_put_varint(&body, 0);
    buf_put_varint(&body, count);
    buf_put_varint(&body, coding_count);
    for (unsigned i = 0; i < coding_count; i++) {
        event_coding_put(&body, &codings[i]);
        assert_int_equal(event_model_add_type(model, &codings[i]), 0);
    }
    range_encoder_init(&coder, &code, &bits);
    for (unsigned i = 0; i < count; i++)
        event_model_encode(model, &coder, 3, &events[i].event);
    range_encoder_finish(&coder);
    buf_put_varint(&body, 1);
    buf_put_varint(&body, 3);
    buf_put_varint(&body, count);
    buf_put_bytes(&body, code.data, code.size);
    buf_put_bytes(&body, bits.data, bits.size);
    buf_reset(raw);
    chunk_put_block(raw, BLOCK_CODED, body.data, body.size);
    buf_release(&body);
    buf_release(&code);
    buf_release(&bits);
    event_model_free(model);
}

static void later_types_and_fields_are_skipped(void **state)
{
    (void)state;
    struct event_codec *codec = event_codec_new(NULL);
    struct event_batch batch = {0};
    struct buf raw;
    buf_init(&raw);
    struct type_coding codings[3] = {
        {.type = 200,
         .count = 3,
         .fields = {{0, CODING_DELTA, 0}, {12, CODING_THREAD, 0}, {2, CODING_FIELD, 12}}}};
    event_coding_choose(EV_END, &codings[1]);
    event_coding_choose(EV_READY, &codings[2]);
    codings[1].fields[codings[1].count++] =
        (struct coded_field){1, CODING_DELTA, 0}; /* a second field of end */
    codings[2].count = 2;                         /* and a writer that knew no goid of ready */
    struct wide_event events[300] = {0};
    for (unsigned i = 0; i < 300; i++) {
        struct event *e = &events[i].event;
        e->time_ns = 100 + i;
        e->tid = 7 + i % 2;
        e->type = i % 3 == 0 ? 200 : i % 3 == 1 ? EV_END : EV_READY;
        e->f[0] = e->type == EV_READY ? 0 : i * i;
        e->f[1] = i % 7;
        e->f[2] = i % 5;
        events[i].more[12 - EVENT_FIELDS_MAX] = i % 4;
    }
    by_model(&raw, codings, 3, events, 300);
    assert_int_equal(decode(codec, &raw, &batch), 0);
    assert_int_equal(batch.count, 200);
    assert_int_equal(batch.unknown, 100);
    for (unsigned i = 0; i < 200; i++) {
        struct event expected = events[i / 2 * 3 + 1 + i % 2].event;
        expected.cpu = 3;
        if (expected.type == EV_END)
            expected.f[1] = expected.f[2] = 0;
        assert_memory_equal(&batch.events[i], &expected, sizeof expected);
    }
    event_batch_release(&batch);
    event_codec_free(codec);
    buf_release(&raw);
}

static void codings_are_checked(void **state)
{
    (void)state;
    static const struct type_coding bad[] = {
        {.type = EV_NONE, .count = 0},
        {.type = 9, .count = 1, .fields = {{0, CODING_COUNT, 0}}},
        {.type = 9, .count = 1, .fields = {{0, 0, 0}}},
        {.type = 9, .count = 1, .fields = {{CODING_FIELDS_MAX, CODING_DELTA, 0}}},
        {.type = 9, .count = 2, .fields = {{1, CODING_DELTA, 0}, {1, CODING_DELTA, 0}}},
        {.type = 9, .count = 1, .fields = {{1, CODING_FIELD, 1}}},
        {.type = 9, .count = 2, .fields = {{1, CODING_FIELD, 2}, {2, CODING_DELTA, 0}}},
        {.type = 9, .count = 1, .fields = {{1, CODING_WOKEN, CODING_OF_THREAD}}},
    };
    struct type_coding coding;
    struct buf raw;
    buf_init(&raw);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_reset(&raw);
        event_coding_put(&raw, &bad[i]);
        struct bytes in = bytes_of(raw.data, raw.size);
        assert_false(event_coding_take(&in, &coding));
    }
    static const struct type_coding needless = {.type = 9, .count = 1, .fields = {{0, CODING_DELTA, 12}}};
    buf_reset(&raw);
    event_coding_put(&raw, &needless);
    struct bytes needless_in = bytes_of(raw.data, raw.size);
    assert_true(event_coding_take(&needless_in, &coding));
    assert_int_equal(coding.fields[0].of, CODING_OF_THREAD);
    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++) {
        struct type_coding chosen;
        if (!event_spec_get(type))
            continue;
        event_coding_choose(type, &chosen);
        assert_int_equal(chosen.count, event_spec_get(type)->field_count);
        for (unsigned cut = 0; cut < 2; cut++) {
            buf_reset(&raw);
            event_coding_put(&raw, &chosen);
            struct bytes in = bytes_of(raw.data, raw.size - cut);
            assert_int_equal(event_coding_take(&in, &coding), !cut);
        }
    }
    buf_release(&raw);
}

static void too_many_events_are_refused(void **state)
{
    (void)state;
    struct event_codec *codec = event_codec_new(NULL);
    struct event_batch batch = {0};
    struct buf raw;
    char *bytes = calloc(1, CHUNK_EVENTS_MAX + 1);
    buf_init(&raw);
    put_block(&raw, BLOCK_TIMES_LOW, bytes, CHUNK_EVENTS_MAX + 1);
    assert_int_equal(decode(codec, &raw, &batch), ERR_DAMAGED);
    assert_int_equal(batch.capacity, 0);
    /* A section that claims more than there is. */
    buf_reset(&raw);
    BLOCK(&raw, BLOCK_SECTIONS, "\x00\xff\xff\x03");
    BLOCK(&raw, BLOCK_TIMES_LOW, "\x00");
    assert_int_equal(decode(codec, &raw, &batch), ERR_DAMAGED);
    /* The same in version 2: no types, one section. */
    static const char *const claims[] = {"\x00\x81\x80\x08\x00\x01\x05\x81\x80\x08\x00\x00",
                                         "\x00\x03\x00\x01\x05\x04\x00\x00",
                                         "\x00\x03\x00\x01\x05\x03\x00\x00"};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        buf_reset(&raw);
        put_block(&raw, BLOCK_CODED, claims[i], i == 0 ? 12 : 8);
        assert_int_equal(decode(codec, &raw, &batch), ERR_DAMAGED);
        assert_true(batch.capacity <= 3);
    }
    free(bytes);
    event_batch_release(&batch);
    event_codec_free(codec);
    buf_release(&raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_events_come_back),
        cmocka_unit_test(programs_come_back),
        cmocka_unit_test(each_type_comes_back_alone),
        cmocka_unit_test(usual_events_cost_little),
        cmocka_unit_test(a_cycle_is_learned),
        cmocka_unit_test(later_types_and_fields_are_skipped),
        cmocka_unit_test(codings_are_checked),
        cmocka_unit_test(unknown_types_and_columns_are_skipped),
        cmocka_unit_test(missing_columns_are_zero),
        cmocka_unit_test(damaged_blocks_are_refused),
        cmocka_unit_test(too_many_events_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
