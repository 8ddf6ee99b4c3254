/* The range coder: any decisions, numbers and raw bits come back, carries included, and what is usual costs little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/range_number.h"

#define COUNT 20000

static void make_even(struct range_chance *chances, size_t count)
{
    for (size_t i = 0; i < count; i++)
        chances[i] = (struct range_chance){.zero = RANGE_EVEN};
}

static uint64_t random_64(void)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 5; i++)
        value = value << 15 ^ (uint64_t)rand();
    return value >> rand() % 64;
}

struct item {
    unsigned kind; /* 0: a decision, 1: one of 16, 2: a number, 3: raw bits */
    unsigned context, count;
    uint64_t value;
};

struct contexts {
    struct range_chance chances[64];
    struct range_nibble nibbles[64];
    struct range_number number;
};

static void make_all_even(struct contexts *c)
{
    make_even(c->chances, 64);
    range_nibbles_init(c->nibbles, 64);
    range_numbers_init(&c->number, 1);
}

static void code(struct range_coder *coder, bool decoding, const struct item *item, struct contexts *c,
                 uint64_t *out)
{
    switch (item->kind) {
    case 0:
        *out = range_code(coder, decoding, &c->chances[item->context], item->value & 1);
        break;
    case 1:
        *out = range_nibble(coder, decoding, &c->nibbles[item->context], item->value & 15);
        break;
    case 2:
        *out = range_number(coder, decoding, &c->number, item->value);
        break;
    default:
        *out = range_raw(coder, decoding, item->count, (uint32_t)item->value);
    }
}

static uint64_t expected_of(const struct item *item)
{
    static const uint64_t masks[] = {1, 15, UINT64_MAX};
    return item->value & (item->kind < 3 ? masks[item->kind] : ((uint64_t)1 << item->count) - 1);
}

static void everything_comes_back(void **state)
{
    (void)state;
    static struct item items[COUNT];
    static struct contexts contexts;
    struct buf code_out = {0}, raw_out = {0};
    struct range_coder coder;
    srand(7);
    for (unsigned round = 0; round < 20; round++) {
        uint64_t out = 0;
        make_all_even(&contexts);
        buf_reset(&code_out);
        buf_reset(&raw_out);
        range_encoder_init(&coder, &code_out, &raw_out);
        for (unsigned i = 0; i < COUNT; i++) {
            struct item *item = &items[i];
            *item = (struct item){.kind = (unsigned)rand() % 4,
                                  .context = (unsigned)rand() % 64,
                                  .count = 1 + (unsigned)rand() % 32,
                                  .value = round % 2 ? random_64() : (uint64_t)(rand() % 50 == 0)};
            code(&coder, false, item, &contexts, &out);
        }
        range_encoder_finish(&coder);
        make_all_even(&contexts);
        struct bytes in = bytes_of(code_out.data, code_out.size),
                     raw_in = bytes_of(raw_out.data, raw_out.size);
        range_decoder_init(&coder, &in, &raw_in);
        for (unsigned i = 0; i < COUNT; i++) {
            code(&coder, true, &items[i], &contexts, &out);
            assert_true(out == expected_of(&items[i]));
        }
        assert_false(in.bad || raw_in.bad);
        assert_int_equal(bytes_left(&in), 0);
        assert_true(range_decoder_is_at_end(&coder));
    }
    buf_release(&code_out);
    buf_release(&raw_out);
}

static void carries_go_through(void **state)
{
    (void)state;
    /* A code of nothing but ones: the next one carries through all of them. */
    struct buf code_out = {0}, raw_out = {0};
    static const uint8_t before[] = {4, 3, 2, 1, 255, 255, 255, 255, 255, 255, 255, 255};
    static const uint8_t after[] = {5, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    struct range_coder coder;
    range_encoder_init(&coder, &code_out, &raw_out);
    buf_put(&code_out, before, sizeof before);
    range_encoder_carry(&coder);
    assert_memory_equal(code_out.data, after, sizeof after);
    buf_release(&code_out);
}

/* Whatever comes, each of the 16 values stays possible, and the chances of all of them are the whole. */
static void no_value_becomes_impossible(void **state)
{
    (void)state;
    struct range_nibble nibble;
    range_nibbles_init(&nibble, 1);
    srand(3);
    for (unsigned i = 0; i < 200000; i++) {
        unsigned usual = i / 1000 % 16;
        range_nibble_learn(&nibble, rand() % 8 ? usual : (unsigned)rand() % 16);
        assert_int_equal(nibble.below[0], i + 1 < RANGE_SEEN ? i + 1 : RANGE_SEEN);
        for (unsigned k = 0; k < 16; k++) {
            int begin = k ? nibble.below[k] : 0, end = k < 15 ? nibble.below[k + 1] : NIBBLE_WHOLE;
            assert_true(end - begin >= NIBBLE_LEAST);
            assert_int_equal(range_nibble_find(&nibble, (int16_t)begin), k);
            assert_int_equal(range_nibble_find(&nibble, (int16_t)(end - 1)), k);
        }
    }
}

static void lengths_of_numbers(void **state)
{
    (void)state;
    /* Each length, its first and last number, and those that fill only what is not told by a chance. */
    struct buf code_out = {0}, raw_out = {0};
    struct range_number number;
    struct range_coder coder;
    range_numbers_init(&number, 1);
    range_encoder_init(&coder, &code_out, &raw_out);
    for (unsigned length = 0; length < 64; length++) {
        for (unsigned k = 0; k < 3; k++)
            range_number(&coder, false, &number, ((uint64_t)1 << length) - k);
    }
    range_encoder_finish(&coder);
    struct bytes in = bytes_of(code_out.data, code_out.size), raw_in = bytes_of(raw_out.data, raw_out.size);
    range_numbers_init(&number, 1);
    range_decoder_init(&coder, &in, &raw_in);
    for (unsigned length = 0; length < 64; length++) {
        for (unsigned k = 0; k < 3; k++)
            assert_true(range_number(&coder, true, &number, 0) == ((uint64_t)1 << length) - k);
    }
    assert_false(in.bad || raw_in.bad);
    buf_release(&code_out);
    buf_release(&raw_out);
}

static void the_usual_costs_little(void **state)
{
    (void)state;
    struct range_chance chance = {.zero = RANGE_EVEN};
    struct buf code_out = {0}, raw_out = {0};
    struct range_coder coder;
    range_encoder_init(&coder, &code_out, &raw_out);
    for (unsigned i = 0; i < COUNT; i++)
        range_code(&coder, false, &chance, 0);
    range_encoder_finish(&coder);
    assert_true(code_out.size < 32);
    assert_int_equal(raw_out.size, 0);
    buf_release(&code_out);
}

static void nothing_behind_the_end(void **state)
{
    (void)state;
    struct range_chance chance = {.zero = RANGE_EVEN};
    struct range_coder coder;
    struct bytes in = bytes_of("\xff\xff\xff\xff\xff", 5), raw_in = bytes_of("", 0);
    range_decoder_init(&coder, &in, &raw_in);
    assert_true(in.bad);
    for (unsigned i = 0; i < 1000; i++)
        range_code(&coder, true, &chance, 0);
    assert_int_equal(range_raw(&coder, true, 9, 0), 0);
    assert_true(raw_in.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),       cmocka_unit_test(carries_go_through),
        cmocka_unit_test(no_value_becomes_impossible), cmocka_unit_test(lengths_of_numbers),
        cmocka_unit_test(the_usual_costs_little),      cmocka_unit_test(nothing_behind_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
