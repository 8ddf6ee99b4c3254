/* Rings are put together by time, each in its own order; nothing leaves before the watermark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "load/merge.h"

static uint64_t add(struct merge *merge, uint16_t ring, uint64_t time)
{
    struct error err;
    uint64_t step_back = 99;
    struct event event = {.time_ns = time, .cpu = ring, .type = EV_END};
    event.f[0] = time;
    assert_int_equal(merge_add(merge, ring, &event, &step_back, &err), 0);
    return step_back;
}

static void expect(struct merge *merge, uint64_t watermark, uint16_t ring, uint64_t time)
{
    struct event event;
    assert_true(merge_next(merge, watermark, &event));
    assert_int_equal(event.cpu, ring);
    assert_int_equal(event.time_ns, time);
}

static void expect_none(struct merge *merge, uint64_t watermark)
{
    struct event event;
    assert_false(merge_next(merge, watermark, &event));
}

static void by_time_up_to_the_watermark(void **state)
{
    (void)state;
    struct merge *merge = merge_new();
    add(merge, 3, 10);
    add(merge, 3, 40);
    add(merge, 0, 20);
    add(merge, 0, 30);
    expect_none(merge, 10);
    expect(merge, 31, 3, 10);
    expect(merge, 31, 0, 20);
    expect(merge, 31, 0, 30);
    expect_none(merge, 31);
    add(merge, 7, 35);
    expect(merge, UINT64_MAX, 7, 35);
    expect(merge, UINT64_MAX, 3, 40);
    expect_none(merge, UINT64_MAX);
    assert_int_equal(merge_count(merge), 0);
    merge_free(merge);
}

static void a_ring_keeps_its_order(void **state)
{
    (void)state;
    struct merge *merge = merge_new();
    assert_int_equal(add(merge, 0, 100), 0);
    assert_int_equal(add(merge, 0, 90), 10);
    assert_int_equal(add(merge, 0, 101), 0);
    add(merge, 1, 95);
    expect(merge, UINT64_MAX, 1, 95);
    struct event event;
    assert_true(merge_next(merge, UINT64_MAX, &event));
    assert_int_equal(event.f[0], 100);
    assert_true(merge_next(merge, UINT64_MAX, &event));
    assert_int_equal(event.f[0], 90);
    assert_int_equal(event.time_ns, 100);
    expect(merge, UINT64_MAX, 0, 101);
    merge_free(merge);
}

static void late_events_leave_at_once(void **state)
{
    (void)state;
    struct merge *merge = merge_new();
    add(merge, 0, 100);
    expect(merge, 200, 0, 100);
    add(merge, 1, 50);
    expect(merge, 200, 1, 50);
    merge_free(merge);
}

static void the_end_of_time(void **state)
{
    (void)state;
    struct merge *merge = merge_new();
    add(merge, 0, UINT64_MAX);
    expect_none(merge, UINT64_MAX - 1);
    expect(merge, UINT64_MAX, 0, UINT64_MAX);
    merge_free(merge);
}

/* Many rings, random steps, watermarks in between: what leaves is sorted and complete. */
static void many_events(void **state)
{
    (void)state;
    struct merge *merge = merge_new();
    uint64_t random = 12345, now = 0, last = 0, in = 0, out = 0, times[50] = {0};
    struct event event;
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 300; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint16_t ring = (uint16_t)(random >> 33) % 50;
            times[ring] = (times[ring] > now ? times[ring] : now) + (random >> 40) % 1000;
            add(merge, ring, times[ring]);
            in++;
        }
        now += 2000;
        while (merge_next(merge, now, &event)) {
            assert_true(event.time_ns >= last && event.time_ns < now);
            last = event.time_ns;
            out++;
        }
        assert_int_equal(merge_count(merge), in - out);
    }
    while (merge_next(merge, UINT64_MAX, &event)) {
        assert_true(event.time_ns >= last);
        last = event.time_ns;
        out++;
    }
    assert_int_equal(in, out);
    merge_free(merge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_time_up_to_the_watermark),
        cmocka_unit_test(a_ring_keeps_its_order),
        cmocka_unit_test(late_events_leave_at_once),
        cmocka_unit_test(the_end_of_time),
        cmocka_unit_test(many_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
