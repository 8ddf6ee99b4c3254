/* buf, bytes and crc32c: what is written is read back, and nothing is read past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/crc32c.h"

static const uint64_t numbers[] = {
    0,          1,           0x7f,       0x80,           0x3fff,   0x4000,
    0xffffffff, 0x100000000, UINT64_MAX, UINT64_MAX / 2, 1u << 31, 0x8000000000000000u};

static void written_is_read_back(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_put_u8(&b, 0xab);
    buf_put_u16(&b, 0x1234);
    buf_put_u32(&b, 0xdeadbeef);
    buf_put_u64(&b, 0x0123456789abcdef);
    buf_put_string(&b, "a string");
    buf_put_bytes(&b, "\0\1\2", 3);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        buf_put_varint(&b, numbers[i]);
        buf_put_zigzag(&b, (int64_t)numbers[i]);
    }
    assert_false(buf_failed(&b));
    assert_memory_equal(b.data, "\xab\x34\x12\xef\xbe\xad\xde\xef", 8);

    struct bytes c = bytes_of(b.data, b.size);
    size_t size;
    assert_int_equal(bytes_u8(&c), 0xab);
    assert_int_equal(bytes_u16(&c), 0x1234);
    assert_int_equal(bytes_u32(&c), 0xdeadbeef);
    assert_true(bytes_u64(&c) == 0x0123456789abcdef);
    assert_memory_equal(bytes_run(&c, &size), "a string", 8);
    assert_int_equal(size, 8);
    assert_memory_equal(bytes_run(&c, &size), "\0\1\2", 3);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_true(bytes_varint(&c) == numbers[i]);
        assert_true(bytes_zigzag(&c) == (int64_t)numbers[i]);
    }
    assert_int_equal(bytes_left(&c), 0);
    assert_false(c.bad);
    buf_release(&b);
    buf_release(&b);
}

static void reading_past_the_end_is_bad_and_stays_bad(void **state)
{
    (void)state;
    const uint8_t three[] = {1, 2, 3};
    struct bytes c = bytes_of(three, sizeof three);
    assert_int_equal(bytes_u32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(bytes_left(&c), 0);
    assert_int_equal(bytes_u8(&c), 0);
    assert_true(c.bad);

    c = bytes_of(three, sizeof three);
    assert_null(bytes_take(&c, UINT64_MAX));
    assert_true(c.bad);
    c = bytes_of(three, sizeof three);
    struct bytes slice = bytes_slice(&c, 4);
    assert_true(c.bad && slice.bad);
    assert_int_equal(bytes_left(&slice), 0);
    c = bytes_of(three, sizeof three);
    slice = bytes_slice(&c, 2);
    assert_int_equal(bytes_left(&slice), 2);
    assert_int_equal(bytes_left(&c), 1);
    c = bytes_of(NULL, 10);
    assert_int_equal(bytes_left(&c), 0);
    /* A run that claims more than there is. */
    size_t size = 99;
    c = bytes_of("\x05"
                 "ab",
                 3);
    assert_null(bytes_run(&c, &size));
    assert_int_equal(size, 0);
    assert_true(c.bad);
}

static void overlong_varints_are_bad(void **state)
{
    (void)state;
    const uint8_t largest[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    const uint8_t too_large[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    const uint8_t cut[] = {0x80, 0x80};
    struct bytes c = bytes_of(largest, sizeof largest);
    assert_true(bytes_varint(&c) == UINT64_MAX);
    assert_false(c.bad);
    c = bytes_of(too_large, sizeof too_large);
    assert_int_equal(bytes_varint(&c), 0);
    assert_true(c.bad);
    c = bytes_of(endless, sizeof endless);
    assert_int_equal(bytes_varint(&c), 0);
    assert_true(c.bad);
    c = bytes_of(cut, sizeof cut);
    assert_int_equal(bytes_varint(&c), 0);
    assert_true(c.bad);
}

static void peek_checks_its_range(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    uint64_t value = 77;
    assert_true(bytes_peek(data, sizeof data, 1, 8, &value));
    assert_true(value == 0x0908070605040302);
    assert_true(bytes_peek(data, sizeof data, 8, 1, &value));
    assert_int_equal(value, 9);
    value = 77;
    assert_false(bytes_peek(data, sizeof data, 2, 8, &value));
    assert_false(bytes_peek(data, sizeof data, UINT64_MAX, 1, &value));
    assert_false(bytes_peek(data, sizeof data, 9, 1, &value));
    assert_false(bytes_peek(data, sizeof data, 0, 9, &value));
    assert_int_equal(value, 77);
}

static void a_buffer_formats_and_grows(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    assert_int_equal(b.size, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(b.data[b.size], 0);
    assert_memory_equal(b.data, "0,1,2,", 6);
    size_t capacity = b.capacity;
    buf_reset(&b);
    assert_int_equal(b.size, 0);
    assert_int_equal(b.capacity, capacity);
    buf_release(&b);
}

static void a_failed_buffer_stays_failed(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_put(&b, "x", 1);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), -1);
    assert_true(buf_failed(&b));
    buf_put_u8(&b, 1);
    assert_int_equal(b.size, 1);
    assert_int_equal(buf_reserve(&b, 1), -1);
    buf_reset(&b);
    assert_false(buf_failed(&b));
    buf_release(&b);
}

static void zigzag_keeps_small_numbers_small(void **state)
{
    (void)state;
    assert_int_equal(zigzag_encode(0), 0);
    assert_int_equal(zigzag_encode(-1), 1);
    assert_int_equal(zigzag_encode(1), 2);
    assert_true(zigzag_encode(INT64_MIN) == UINT64_MAX);
    assert_true(zigzag_decode(UINT64_MAX) == INT64_MIN);
    assert_true(zigzag_decode(UINT64_MAX - 1) == INT64_MAX);
}

static void crc_is_that_of_the_standard(void **state)
{
    (void)state;
    uint8_t zeros[32] = {0};
    assert_int_equal(crc32c("123456789", 9), 0xe3069283);
    /* RFC 3720, B.4 */
    assert_int_equal(crc32c(zeros, sizeof zeros), 0x8a9136aa);
    assert_int_equal(crc32c("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_is_read_back),
        cmocka_unit_test(reading_past_the_end_is_bad_and_stays_bad),
        cmocka_unit_test(overlong_varints_are_bad),
        cmocka_unit_test(peek_checks_its_range),
        cmocka_unit_test(a_buffer_formats_and_grows),
        cmocka_unit_test(a_failed_buffer_stays_failed),
        cmocka_unit_test(zigzag_keeps_small_numbers_small),
        cmocka_unit_test(crc_is_that_of_the_standard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
