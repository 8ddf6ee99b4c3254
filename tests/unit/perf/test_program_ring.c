/* A ring of probe programs in ordinary memory, with the test in the place of the programs: ends of slices, records that are not
 * written yet, fences, losses, and bytes that make no sense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/error.h"
#include "perf/program_ring.h"

enum { RING_BYTES = 8192, SLICE_BYTES = 4096, MEMORY = 2 * (SLICE_BYTES + PROGRAM_SLICE_ROOM) };

static struct program_control control;
static _Alignas(8) uint8_t memory[MEMORY];
static struct program_ring ring;
static uint64_t clock_now;

static int set_up(void **state)
{
    (void)state;
    const struct program_geometry geometry = {.bytes = RING_BYTES, .slice_bytes = SLICE_BYTES};
    memset(&control, 0, sizeof control);
    memset(memory, 0, sizeof memory);
    program_ring_attach(&ring, &control, memory, &geometry);
    program_ring_open(&ring);
    clock_now = 1000;
    return 0;
}

static uint8_t *place(uint64_t position)
{
    uint64_t at = position % RING_BYTES;
    return memory + at / SLICE_BYTES * (SLICE_BYTES + PROGRAM_SLICE_ROOM) + at % SLICE_BYTES;
}

/* As a program does it; false: there is no room. */
static bool reserve(uint32_t size, uint64_t *position_out)
{
    if (!control.open)
        return false;
    if (control.head + size - control.tail > RING_BYTES) {
        control.lost++;
        return false;
    }
    *position_out = control.head;
    control.head += size;
    return true;
}

static void fill(uint64_t position, uint32_t size, uint64_t time_ns, uint32_t lost, uint8_t byte)
{
    uint8_t *at = place(position);
    memset(at + PROGRAM_RECORD_BYTES, byte, size - PROGRAM_RECORD_BYTES);
    memcpy(at + 8, &time_ns, 8);
    memcpy(at + 20, &lost, 4);
    memcpy(at, &(uint64_t){(uint64_t)size << 32 | byte}, 8);
}

static bool put(uint32_t size, uint8_t byte)
{
    uint64_t position;
    if (!reserve(size, &position))
        return false;
    fill(position, size, clock_now++, (uint32_t)control.lost, byte);
    return true;
}

static void begin(void)
{
    program_ring_look(&ring);
    program_ring_fence(&ring, clock_now++);
}

static void take(uint32_t size, uint8_t byte)
{
    struct program_record record;
    assert_int_equal(program_ring_peek(&ring, &record), 1);
    assert_int_equal(record.size, size);
    assert_int_equal(record.bytes[0], byte);
    for (size_t i = PROGRAM_RECORD_BYTES; i < size; i++)
        assert_int_equal(record.bytes[i], byte);
    program_ring_take(&ring);
}

static void assert_end(void)
{
    struct program_record record;
    assert_int_equal(program_ring_peek(&ring, &record), 0);
}

static void assert_all_zero(void)
{
    for (size_t i = 0; i < MEMORY; i++)
        assert_int_equal(memory[i], 0);
}

static void test_geometry(void **state)
{
    (void)state;
    struct program_geometry geometry = program_geometry_of(4096);
    assert_int_equal(program_geometry_slices(&geometry), 1);
    assert_int_equal(program_geometry_stride(&geometry), 4096 + PROGRAM_SLICE_ROOM);
    geometry = program_geometry_of(1u << 30);
    assert_int_equal(program_geometry_slices(&geometry), 512);
    assert_true(geometry.slice_bytes + PROGRAM_SLICE_ROOM <= 4u << 20);
}

static void test_goes_round(void **state)
{
    (void)state;
    unsigned over_an_end = 0;
    for (unsigned round = 0; round < 300; round++) {
        const uint32_t sizes[] = {24 + 8 * (round % 150), 1400, 32, 24};
        for (unsigned i = 0; i < 4; i++) {
            over_an_end += control.head % SLICE_BYTES + sizes[i] > SLICE_BYTES;
            assert_true(put(sizes[i], (uint8_t)(1 + (round + i) % 200)));
        }
        begin();
        for (unsigned i = 0; i < 4; i++)
            take(sizes[i], (uint8_t)(1 + (round + i) % 200));
        assert_end();
        program_ring_commit(&ring);
        assert_int_equal(control.tail, control.head);
        assert_int_equal(program_ring_bound(&ring), ring.fence_ns);
        assert_int_equal(program_ring_untold(&ring), 0);
    }
    assert_true(over_an_end > 50);
    assert_all_zero();
}

/* A record that was reserved and is not written holds up what is behind it, and the time up to which all is known. */
static void test_waits_for_who_has_not_written(void **state)
{
    (void)state;
    uint64_t position;
    begin();
    assert_end();
    uint64_t whole = ring.fence_ns;
    put(40, 1);
    assert_true(reserve(48, &position));
    uint64_t its_time = clock_now++;
    put(32, 3);
    begin();
    take(40, 1);
    assert_end();
    assert_true(program_ring_is_stuck(&ring));
    assert_in_range(program_ring_bound(&ring), whole, its_time - 1);
    program_ring_commit(&ring);
    begin();
    begin();
    assert_end();
    assert_in_range(program_ring_bound(&ring), whole, its_time - 1);
    fill(position, 48, its_time, 0, 2);
    assert_false(program_ring_is_stuck(&ring));
    take(48, 2);
    take(32, 3);
    assert_end();
    assert_int_equal(program_ring_bound(&ring), ring.fence_ns);
    program_ring_commit(&ring);
    assert_all_zero();
}

/* Who has read the head before the fence finds another one. */
static void test_the_fence_moves_the_head(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t head = control.head;
        begin();
        assert_true(control.head > head);
        assert_end();
        program_ring_commit(&ring);
    }
    while (put(504, 5))
        ;
    while (put(24, 6))
        ;
    uint64_t head = control.head;
    assert_true(head + 24 - control.tail > RING_BYTES); /* nobody gets in with this head */
    begin();
    assert_true(control.head - control.tail <= RING_BYTES);
    assert_int_equal(ring.limit, control.head);
}

static void test_tells_losses_where_they_were(void **state)
{
    (void)state;
    struct program_record record;
    while (put(1000, 1))
        ;
    put(1000, 1);
    put(1000, 1);
    assert_int_equal(control.lost, 3);
    assert_true(put(24, 2)); /* a small one finds room, and tells */
    begin();
    for (unsigned i = 0; i < 8; i++)
        take(1000, 1);
    assert_int_equal(program_ring_peek(&ring, &record), 1);
    assert_int_equal(record.lost_before, 3);
    program_ring_take(&ring);
    assert_end();
    assert_int_equal(program_ring_untold(&ring), 0);
    program_ring_commit(&ring);
    put(32, 4);
    control.lost += 5; /* none follows */
    begin();
    control.lost += 2; /* the next round's */
    assert_int_equal(program_ring_peek(&ring, &record), 1);
    assert_int_equal(record.lost_before, 0);
    program_ring_take(&ring);
    assert_end();
    assert_int_equal(program_ring_untold(&ring), 5);
    assert_int_equal(program_ring_untold(&ring), 0);
    put(32, 4);
    begin();
    assert_int_equal(program_ring_peek(&ring, &record), 1);
    assert_int_equal(record.lost_before, 2);
    program_ring_take(&ring);
    assert_int_equal(program_ring_untold(&ring), 0);
}

/* A record may tell of a loss that the look before it did not see. */
static void test_tells_no_loss_twice(void **state)
{
    (void)state;
    struct program_record record;
    control.lost = UINT32_MAX; /* the records have the lower half of the number */
    program_ring_look(&ring);
    assert_int_equal(program_ring_untold(&ring), UINT32_MAX);
    program_ring_look(&ring);
    control.lost += 3;
    put(24, 1);
    program_ring_fence(&ring, clock_now++);
    assert_int_equal(program_ring_peek(&ring, &record), 1);
    assert_int_equal(record.lost_before, 3);
    program_ring_take(&ring);
    assert_int_equal(program_ring_untold(&ring), 0);
    begin();
    assert_end();
    assert_int_equal(program_ring_untold(&ring), 0);
}

static void test_closed_nobody_reserves(void **state)
{
    (void)state;
    uint64_t head = control.head;
    put(24, 1);
    program_ring_close(&ring);
    assert_true(control.head > head + 24);
    assert_false(put(24, 2));
    assert_int_equal(control.lost, 0);
    begin();
    take(24, 1);
    assert_end();
    program_ring_open(&ring);
    assert_true(put(24, 3));
}

/* What was never written is lost, and so is all that follows: its writer may still be about. */
static void test_gives_up(void **state)
{
    (void)state;
    uint64_t position;
    put(40, 1);
    assert_true(reserve(1000, &position));
    for (unsigned i = 0; i < 5; i++)
        put(1000, 2);
    program_ring_close(&ring);
    begin();
    take(40, 1);
    assert_end();
    assert_true(program_ring_is_stuck(&ring));
    program_ring_abandon(&ring);
    assert_false(program_ring_is_stuck(&ring));
    assert_end();
    assert_all_zero();
    assert_int_equal(program_ring_untold(&ring), 1);
    assert_int_equal(program_ring_untold(&ring), 0);
    program_ring_open(&ring);
    assert_false(put(24, 1));
    begin();
    assert_end();
    assert_int_equal(program_ring_untold(&ring), 1);
    begin();
    assert_int_equal(program_ring_untold(&ring), 1);
}

static void refuse(uint64_t word, uint32_t reserved)
{
    struct program_record record;
    uint64_t position;
    set_up(NULL);
    put(40, 1);
    assert_true(reserve(reserved, &position));
    memcpy(place(position), &word, 8);
    put(40, 1);
    begin();
    take(40, 1);
    assert_int_equal(program_ring_peek(&ring, &record), ERR_DAMAGED);
    assert_end();
    assert_int_equal(control.open, 0);
    assert_all_zero();
    assert_int_equal(program_ring_untold(&ring), 1);
}

static void test_refuses_bad_sizes(void **state)
{
    (void)state;
    refuse(1, 40);                                              /* 0 */
    refuse((uint64_t)16 << 32, 40);                             /* less than a record */
    refuse((uint64_t)44 << 32, 40);                             /* no multiple of 8 */
    refuse((uint64_t)(PROGRAM_RECORD_MAX + 8) << 32, 3000);     /* too large */
    refuse((uint64_t)256 << 32, 40);                            /* beyond the fence */
    refuse((uint64_t)UINT32_MAX << 32 | 5, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_geometry, set_up),
        cmocka_unit_test_setup(test_goes_round, set_up),
        cmocka_unit_test_setup(test_waits_for_who_has_not_written, set_up),
        cmocka_unit_test_setup(test_the_fence_moves_the_head, set_up),
        cmocka_unit_test_setup(test_tells_losses_where_they_were, set_up),
        cmocka_unit_test_setup(test_tells_no_loss_twice, set_up),
        cmocka_unit_test_setup(test_closed_nobody_reserves, set_up),
        cmocka_unit_test_setup(test_gives_up, set_up),
        cmocka_unit_test_setup(test_refuses_bad_sizes, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
