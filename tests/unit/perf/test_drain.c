/*
 * Rounds over rings in ordinary memory, where the test is kernel and program: records of both rings of a CPU leave in the order of
 * their times, what is not written yet holds up the rest, and so it does the time up to which all is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/perf_event.h>
#include <string.h>

#include "base/clock.h"
#include "perf/perf_session_impl.h"
#include "perf/probe_program.h"

enum { RING_BYTES = 4096, PID = 500, TID = 501, ID_THREAD = 7, CPUS = 2, RECORDS_MAX = 64 };

static struct perf_session session;
static struct session_ring rings[CPUS];
static struct perf_event_mmap_page pages[CPUS];
static _Alignas(8) uint8_t perf_data[CPUS][RING_BYTES];
static struct program_control controls[CPUS];
static _Alignas(8) uint8_t program_data[CPUS][RING_BYTES + PROGRAM_SLICE_ROOM];

static struct {
    struct {
        unsigned ring;
        enum record_kind kind;
        uint64_t time_ns, value, lost;
    } records[RECORDS_MAX];
    unsigned count;
    uint64_t complete_ns;
} seen;

static int set_up(void **state)
{
    (void)state;
    struct error err;
    const struct program_geometry geometry = {.bytes = RING_BYTES, .slice_bytes = RING_BYTES};
    memset(&session, 0, sizeof session);
    memset(rings, 0, sizeof rings);
    memset(pages, 0, sizeof pages);
    memset(controls, 0, sizeof controls);
    memset(program_data, 0, sizeof program_data);
    session.pid = PID;
    session.rings = rings;
    session.ring_count = CPUS;
    session.enabled = true;
    session.decoder.probe_count = 1;
    session.decoder.probes[0] = (struct sample_layout){.has_program = true, .program_values = 1};
    map_init(&session.decoder.events);
    map_init(&session.tid_by_first);
    cpu_scope_init(&session.scope);
    map_put(&session.decoder.events, ID_THREAD, SAMPLE_THREAD_EVENT);
    for (unsigned i = 0; i < CPUS; i++) {
        map_init(&rings[i].owners);
        assert_int_equal(perf_ring_attach(&rings[i].ring, &pages[i], perf_data[i], RING_BYTES, &err), 0);
        program_ring_attach(&rings[i].program, &controls[i], program_data[i], &geometry);
        program_ring_open(&rings[i].program);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CPUS; i++) {
        perf_ring_close(&rings[i].ring);
        map_release(&rings[i].owners);
    }
    map_release(&session.decoder.events);
    map_release(&session.tid_by_first);
    cpu_scope_release(&session.scope);
    return 0;
}

/* A switch in, as the kernel tells it. */
static void put_switch(unsigned cpu, uint64_t time_ns)
{
    struct {
        struct perf_event_header header;
        uint32_t pid, tid;
        uint64_t time_ns, id;
    } record = {{PERF_RECORD_SWITCH, 0, sizeof record}, PID, TID, time_ns, ID_THREAD};
    memcpy(perf_data[cpu] + pages[cpu].data_head % RING_BYTES, &record, sizeof record);
    pages[cpu].data_head += sizeof record;
}

static uint64_t reserve(unsigned cpu)
{
    uint64_t position = controls[cpu].head;
    assert_true(controls[cpu].open);
    controls[cpu].head += 32;
    return position;
}

static void fill(unsigned cpu, uint64_t position, uint64_t time_ns, uint64_t value)
{
    uint8_t *at = program_data[cpu] + position % RING_BYTES;
    const uint32_t who[2] = {TID, (uint32_t)controls[cpu].lost};
    memcpy(at + 8, &time_ns, 8);
    memcpy(at + 16, who, 8);
    memcpy(at + 24, &value, 8);
    memcpy(at, &(uint64_t){(uint64_t)32 << 32}, 8);
}

static void put_hit(unsigned cpu, uint64_t time_ns, uint64_t value)
{
    fill(cpu, reserve(cpu), time_ns, value);
}

static int take(void *context, unsigned ring, const struct record *record, struct error *err)
{
    (void)context;
    (void)err;
    assert_in_range(seen.count, 0, RECORDS_MAX - 1);
    seen.records[seen.count].ring = ring;
    seen.records[seen.count].kind = record->kind;
    seen.records[seen.count].time_ns = record->time_ns;
    seen.records[seen.count].lost = record->lost;
    seen.records[seen.count++].value = record->kind == RECORD_PROBE ? record->value[0] : 0;
    return 0;
}

static void drain(void)
{
    struct error err;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(perf_session_drain(&session, take, NULL, &seen.complete_ns, &err), 0);
}

static void assert_seen(unsigned index, enum record_kind kind, uint64_t time_ns)
{
    assert_true(index < seen.count);
    assert_int_equal(seen.records[index].kind, kind);
    assert_int_equal(seen.records[index].time_ns, time_ns);
}

static void test_merges_by_time(void **state)
{
    (void)state;
    put_switch(0, 100);
    put_hit(0, 110, 1);
    put_hit(0, 120, 2);
    put_switch(0, 130);
    put_switch(0, 140);
    put_hit(0, 150, 3);
    put_hit(1, 105, 4);
    drain();
    static const uint64_t times[] = {100, 110, 120, 130, 140, 150, 105};
    assert_int_equal(seen.count, 7);
    for (unsigned i = 0; i < 7; i++)
        assert_seen(i, times[i] % 100 == 0 || times[i] == 130 || times[i] == 140 ? RECORD_SWITCH_IN : RECORD_PROBE, times[i]);
    assert_int_equal(seen.records[5].value, 3);
    assert_int_equal(seen.records[6].ring, 1);
    assert_int_equal(session.stats.records, 7);
    assert_int_equal(session.stats.undecodable, 0);
    assert_int_equal(pages[0].data_tail, pages[0].data_head);
    assert_int_equal(controls[0].tail, controls[0].head);
}

/* The record of perf's was written after the fence: a program's may follow that is older. */
static void test_keeps_what_is_younger_than_the_round(void **state)
{
    (void)state;
    uint64_t later = clock_ns(CLOCK_MONOTONIC) + 3600000000000u;
    put_switch(0, 100);
    put_switch(0, later + 10);
    drain();
    assert_int_equal(seen.count, 1);
    put_hit(0, later, 1);
    drain();
    assert_int_equal(seen.count, 1);
    assert_seen(0, RECORD_PROBE, later);
    put_hit(0, later + 20, 1);
    drain();
    assert_int_equal(seen.count, 2);
    assert_seen(0, RECORD_SWITCH_IN, later + 10);
    assert_seen(1, RECORD_PROBE, later + 20);
    assert_int_equal(session.stats.records, 4);
}

static void test_waits_for_who_has_not_written(void **state)
{
    (void)state;
    drain();
    drain();
    uint64_t whole = clock_ns(CLOCK_MONOTONIC);
    put_hit(0, whole, 1);
    uint64_t position = reserve(0), its_time = clock_ns(CLOCK_MONOTONIC);
    put_hit(0, its_time + 1, 3);
    put_switch(0, its_time + 2);
    put_hit(1, its_time + 3, 4);
    drain();
    assert_int_equal(seen.count, 2); /* the other CPU's is not held up */
    assert_seen(0, RECORD_PROBE, whole);
    assert_int_equal(seen.records[1].ring, 1);
    for (unsigned i = 0; i < 3; i++) {
        drain();
        assert_int_equal(seen.count, 0);
        assert_true(seen.complete_ns <= its_time);
    }
    fill(0, position, its_time, 2);
    drain();
    assert_int_equal(seen.count, 3);
    assert_seen(0, RECORD_PROBE, its_time);
    assert_int_equal(seen.records[0].value, 2);
    assert_seen(1, RECORD_PROBE, its_time + 1);
    assert_seen(2, RECORD_SWITCH_IN, its_time + 2);
    drain();
    assert_true(seen.complete_ns > its_time + 3);
}

static void test_is_complete_up_to_the_round_before(void **state)
{
    (void)state;
    drain();
    assert_int_equal(seen.complete_ns, 0);
    uint64_t before = clock_ns(CLOCK_MONOTONIC);
    drain();
    uint64_t after = clock_ns(CLOCK_MONOTONIC);
    drain();
    assert_in_range(seen.complete_ns, before, after);
}

static void test_tells_losses_in_their_place(void **state)
{
    (void)state;
    put_hit(0, 100, 1);
    controls[0].lost = 4;
    put_switch(0, 110);
    put_hit(0, 120, 2);
    controls[0].lost = 6;
    drain();
    assert_int_equal(seen.count, 5);
    assert_seen(0, RECORD_PROBE, 100);
    assert_seen(1, RECORD_SWITCH_IN, 110);
    assert_seen(2, RECORD_LOST, 120);
    assert_int_equal(seen.records[2].lost, 4);
    assert_seen(3, RECORD_PROBE, 120);
    assert_int_equal(seen.records[4].kind, RECORD_LOST); /* without waiting for a record that tells it */
    assert_int_equal(seen.records[4].lost, 2);
    assert_int_equal(session.stats.lost, 6);
    drain();
    assert_int_equal(seen.count, 0);
}

/* At the end nobody waits for ever: what was not written is told as lost. */
static void test_ends_without_who_never_writes(void **state)
{
    (void)state;
    put_hit(0, 100, 1);
    reserve(0);
    put_switch(0, 120);
    session.enabled = false;
    program_ring_close(&rings[0].program);
    drain();
    assert_int_equal(seen.count, 3);
    assert_seen(0, RECORD_PROBE, 100);
    assert_seen(1, RECORD_SWITCH_IN, 120);
    assert_int_equal(seen.records[2].kind, RECORD_LOST);
    assert_int_equal(session.stats.lost, 1);
    drain();
    assert_int_equal(seen.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_merges_by_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keeps_what_is_younger_than_the_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waits_for_who_has_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_is_complete_up_to_the_round_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tells_losses_in_their_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ends_without_who_never_writes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
