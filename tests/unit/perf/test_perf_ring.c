/* A ring in ordinary memory: records that wrap around, and headers that make no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/perf_event.h>
#include <string.h>

#include "perf/perf_ring.h"

enum { RING_BYTES = 256 };

static struct perf_event_mmap_page page;
static _Alignas(8) uint8_t data[RING_BYTES];

static void put(uint64_t *head, uint16_t size, uint8_t fill)
{
    struct perf_event_header header = {.type = PERF_RECORD_SAMPLE, .size = size};
    uint8_t bytes[RING_BYTES];
    memset(bytes, fill, sizeof bytes);
    memcpy(bytes, &header, sizeof header);
    for (unsigned i = 0; i < size; i++)
        data[(*head + i) % RING_BYTES] = bytes[i];
    *head += size;
}

static void test_wraps(void **state)
{
    (void)state;
    struct perf_ring ring;
    struct error err;
    const void *record;
    size_t size;
    uint64_t head = 0;
    memset(&page, 0, sizeof page);
    assert_int_equal(perf_ring_attach(&ring, &page, data, RING_BYTES, &err), 0);
    unsigned wrapped = 0;
    for (unsigned round = 0; round < 100; round++) {
        uint16_t sizes[] = {(uint16_t)(8 + 8 * (round % 7)), 72, 24};
        for (unsigned i = 0; i < 3; i++)
            put(&head, sizes[i], (uint8_t)(round + i));
        page.data_head = head;
        assert_int_equal(perf_ring_head(&ring), head);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(perf_ring_next(&ring, head, &record, &size), 1);
            assert_int_equal(size, sizes[i]);
            assert_int_equal((uintptr_t)record % 8, 0);
            const uint8_t *bytes = record;
            for (size_t k = 8; k < size; k++)
                assert_int_equal(bytes[k], (uint8_t)(round + i));
            wrapped += bytes < data || bytes >= data + RING_BYTES;
        }
        assert_int_equal(perf_ring_next(&ring, head, &record, &size), 0);
        assert_int_not_equal(page.data_tail, head);
        perf_ring_commit(&ring);
        assert_int_equal(page.data_tail, head);
    }
    assert_true(wrapped > 10);
    perf_ring_close(&ring);
    perf_ring_close(&ring);
}

static void refuse(uint16_t size, uint64_t available)
{
    struct perf_ring ring;
    struct error err;
    const void *record;
    size_t got;
    struct perf_event_header header = {.type = PERF_RECORD_SAMPLE, .size = size};
    memset(&page, 0, sizeof page);
    memset(data, 0, sizeof data);
    memcpy(data, &header, sizeof header);
    assert_int_equal(perf_ring_attach(&ring, &page, data, RING_BYTES, &err), 0);
    assert_int_equal(perf_ring_next(&ring, available, &record, &got), ERR_DAMAGED);
    assert_int_equal(perf_ring_next(&ring, available, &record, &got), 0); /* and goes on behind it */
    perf_ring_commit(&ring);
    assert_int_equal(page.data_tail, available);
    perf_ring_close(&ring);
}

static void test_refuses_bad_sizes(void **state)
{
    (void)state;
    refuse(0, 64);
    refuse(4, 64);
    refuse(12, 64);
    refuse(72, 64);
    refuse(8, 4);
    refuse(64, RING_BYTES + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wraps),
        cmocka_unit_test(test_refuses_bad_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
