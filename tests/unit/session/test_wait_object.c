#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "code_table.h"
#include "format/event.h"
#include "go/probe_table.h"
#include "wait_object.h"

/* A made-up runtime: the numbers of reasons are those of this list. */
enum {
    CHAN_RECV,
    CHAN_SEND,
    NIL_CHAN,
    MUTEX,
    RW_READ,
    RW_WRITE,
    GROUP,
    COND,
    SEMACQUIRE,
    NET,
    SLEEP,
    SELECT,
    DURABLE
};
static const char *const reasons[] = {"chan receive",
                                      "chan send",
                                      "chan receive (nil chan)",
                                      "sync.Mutex.Lock",
                                      "sync.RWMutex.RLock",
                                      "sync.RWMutex.Lock",
                                      "sync.WaitGroup.Wait",
                                      "sync.Cond.Wait",
                                      "semacquire",
                                      "IO wait",
                                      "sleep",
                                      "select",
                                      "chan receive (durable)"};

static const struct go_layout layout = {.hchan_lock = 0x60, .polldesc_rg = 0x20, .polldesc_wg = 0x28};

struct park {
    uint64_t reason, lock, obj, bp1, pd;
    uint32_t hints;
    bool loses_semaphores;
};

static struct wait_object find(struct park p)
{
    struct wait_rules rules;
    uint64_t values[PROBE_VALUES_MAX] = {0};
    wait_rules_init(&rules, reasons, sizeof reasons / sizeof *reasons);
    rules.loses_semaphores = p.loses_semaphores;
    values[V_PARK_REASON] = p.reason;
    values[V_PARK_LOCK] = p.lock;
    values[V_PARK_OBJ] = p.obj;
    values[V_PARK_BP1] = p.bp1;
    values[V_PARK_PD] = p.pd;
    return wait_object_find(&rules, &layout, values, p.hints);
}

static void expect(struct park p, enum object_kind kind, uint64_t address, uint64_t value)
{
    struct wait_object found = find(p);
    assert_int_equal(found.address, address);
    assert_int_equal(found.value, value);
    if (address)
        assert_int_equal(found.kind, kind);
}

static void channels_by_their_lock(void **state)
{
    (void)state;
    expect((struct park){CHAN_RECV, .lock = 0x1060, .obj = 0x1000}, OBJECT_CHAN, 0x1000, 0);
    expect((struct park){CHAN_SEND, .lock = 0x2060}, OBJECT_CHAN, 0x2000, 0);
    expect((struct park){DURABLE, .lock = 0x2060}, OBJECT_CHAN, 0x2000, 0);
    expect((struct park){NIL_CHAN, .lock = 0}, OBJECT_UNKNOWN, 0, 0);
    expect((struct park){CHAN_RECV, .lock = 0x20}, OBJECT_UNKNOWN, 0, 0);
    expect((struct park){SELECT, .obj = 0xc000}, OBJECT_UNKNOWN, 0, 0);
}

static void locks_by_their_semaphore(void **state)
{
    (void)state;
    expect((struct park){MUTEX, .lock = 0x99, .obj = 0x1004}, OBJECT_MUTEX, 0x1000, 0);
    expect((struct park){MUTEX, .lock = 0x99, .obj = 0x1004, .hints = CHAIN_HAS_MUTEX | CHAIN_HAS_RWMUTEX},
           OBJECT_RWMUTEX, 0x1000, 0);
    expect((struct park){RW_READ, .lock = 0x99, .obj = 0x100c}, OBJECT_RWMUTEX, 0x1000, 0);
    expect((struct park){RW_WRITE, .lock = 0x99, .obj = 0x1008}, OBJECT_RWMUTEX, 0x1000, 0);
    expect((struct park){GROUP, .lock = 0x99, .obj = 0x1008}, OBJECT_WAITGROUP, 0x1000, 0);
    expect((struct park){COND, .lock = 0x1018, .obj = 0x1010}, OBJECT_COND, 0x1000, 0);
}

static void unoptimised_builds_have_one_frame_more(void **state)
{
    (void)state;
    expect((struct park){MUTEX, .lock = 0x99, .obj = 0x99, .bp1 = 1, .pd = 0x1004}, OBJECT_MUTEX, 0x1000, 0);
    expect((struct park){MUTEX, .lock = 0x99, .obj = 0x99, .bp1 = 0, .pd = 0x1004}, OBJECT_UNKNOWN, 0, 0);
    expect((struct park){COND, .lock = 0x1018, .obj = 0, .bp1 = 1, .pd = 0x1010}, OBJECT_COND, 0x1000, 0);
    expect((struct park){COND, .lock = 0x1018, .obj = 0, .bp1 = 0, .pd = 0x1010}, OBJECT_UNKNOWN, 0, 0);
    expect((struct park){COND, .lock = 0x5555, .obj = 0x1010, .bp1 = 1, .pd = 0x77}, OBJECT_UNKNOWN, 0, 0);
}

static void a_bare_semaphore_is_told_by_the_stack(void **state)
{
    (void)state;
    expect((struct park){SEMACQUIRE, .lock = 0x99, .obj = 0x1008, .hints = CHAIN_HAS_WAITGROUP},
           OBJECT_WAITGROUP, 0x1000, 0);
    expect((struct park){SEMACQUIRE, .lock = 0x99, .obj = 0x1004, .hints = CHAIN_HAS_MUTEX}, OBJECT_MUTEX,
           0x1000, 0);
    expect((struct park){SEMACQUIRE, .lock = 0x99, .obj = 0x1008, .hints = CHAIN_HAS_RWMUTEX}, OBJECT_RWMUTEX,
           0x1000, 0);
    expect(
        (struct park){SEMACQUIRE, .lock = 0x99, .obj = 0x100c, .hints = CHAIN_HAS_RWMUTEX | CHAIN_HAS_RLOCK},
        OBJECT_RWMUTEX, 0x1000, 0);
    expect(
        (struct park){SEMACQUIRE, .lock = 0x99, .obj = 0x1004, .hints = CHAIN_HAS_RWMUTEX | CHAIN_HAS_MUTEX},
        OBJECT_RWMUTEX, 0x1000, 0);
    expect((struct park){SEMACQUIRE, .lock = 0x99, .obj = 0x1008}, OBJECT_SEMAPHORE, 0x1008, 0);
}

static void semaphores_without_a_place_are_not_guessed(void **state)
{
    (void)state;
    struct park park = {SEMACQUIRE,
                        .lock = 0x99,
                        .obj = 0x5555,
                        .bp1 = 1,
                        .pd = 0x1004,
                        .hints = CHAIN_HAS_MUTEX | CHAIN_HAS_PARKUNLOCK,
                        .loses_semaphores = true};
    expect(park, OBJECT_UNKNOWN, 0, 0);
    park.loses_semaphores = false;
    expect(park, OBJECT_MUTEX, 0x1000, 0);
    park.bp1 = 0;
    expect(park, OBJECT_UNKNOWN, 0, 0);
}

static void descriptors_must_agree_with_the_lock(void **state)
{
    (void)state;
    expect((struct park){NET, .lock = 0x1020, .bp1 = 1, .pd = 0x1000}, OBJECT_POLLDESC, 0x1000,
           NET_MODE_READ);
    expect((struct park){NET, .lock = 0x1028, .bp1 = 1, .pd = 0x1000}, OBJECT_POLLDESC, 0x1000,
           NET_MODE_WRITE);
    expect((struct park){NET, .lock = 0x1030, .bp1 = 1, .pd = 0x1000}, OBJECT_UNKNOWN, 0, 0);
    expect((struct park){NET, .lock = 0x1020, .bp1 = 0, .pd = 0x1000}, OBJECT_UNKNOWN, 0, 0);
}

static void sleep_has_a_duration_and_no_object(void **state)
{
    (void)state;
    expect((struct park){SLEEP, .obj = 5000000}, OBJECT_UNKNOWN, 0, 5000000);
    expect((struct park){200, .obj = 7, .lock = 8}, OBJECT_UNKNOWN, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_by_their_lock),
        cmocka_unit_test(locks_by_their_semaphore),
        cmocka_unit_test(unoptimised_builds_have_one_frame_more),
        cmocka_unit_test(a_bare_semaphore_is_told_by_the_stack),
        cmocka_unit_test(semaphores_without_a_place_are_not_guessed),
        cmocka_unit_test(descriptors_must_agree_with_the_lock),
        cmocka_unit_test(sleep_has_a_duration_and_no_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
