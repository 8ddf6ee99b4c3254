/* Many more goroutines than are kept whole: none of them changes by being squeezed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "load/goroutine_table.h"
#include "load/squeeze.h"

static void words_come_back(void **state)
{
    (void)state;
    uint64_t words[SQUEEZE_WORDS_MAX], back[SQUEEZE_WORDS_MAX];
    uint8_t bytes[SQUEEZE_SIZE(SQUEEZE_WORDS_MAX)];
    srand(1);
    for (int round = 0; round < 2000; round++) {
        size_t count = 1 + (size_t)rand() % SQUEEZE_WORDS_MAX;
        for (size_t i = 0; i < count; i++) {
            uint64_t random = (uint64_t)rand() * 0x9e3779b97f4a7c15u;
            switch (rand() % 4) {
            case 0:
                words[i] = 0;
                break;
            case 1:
                words[i] = i ? words[(size_t)rand() % i] : UINT64_MAX;
                break;
            case 2:
                words[i] = random >> rand() % 64;
                break;
            default:
                words[i] = random & 0xff00ff0000ff00ffu;
                break;
            }
        }
        size_t size = squeeze(words, count, bytes);
        assert_true(size <= SQUEEZE_SIZE(count));
        memset(back, 0xaa, sizeof back);
        unsqueeze(bytes, back, count);
        assert_memory_equal(back, words, count * sizeof *words);
    }
    memset(words, 0, sizeof words);
    assert_int_equal(squeeze(words, 80, bytes), 11);
    memset(words, 0xff, sizeof words);
    assert_int_equal(squeeze(words, 80, bytes), 11 + 9 + 79 * 2);
}

#define COUNT (3 * GOROUTINES_AWAKE_MAX)

static struct select_set *new_set(void)
{
    struct select_set *set = calloc(1, sizeof *set);
    assert_non_null(set);
    set->references = 1;
    return set;
}

static void many_goroutines_stay_as_they_are(void **state)
{
    (void)state;
    struct goroutine_table table;
    goroutine_table_init(&table);
    for (uint64_t i = 1; i <= COUNT; i++) {
        uint64_t before = 1;
        struct goroutine *goroutine = goroutine_table_add(&table, i * 3);
        assert_non_null(goroutine);
        goroutine->since = 1000000000 * i;
        goroutine->running_ns = i;
        goroutine->state = GOROUTINE_WAITING;
        goroutine->p = i % 2 ? (int64_t)i : INT64_MIN;
        goroutine->wait.set = i % 1000 == 0 ? new_set() : NULL;
        assert_int_equal(goroutine_table_map(&table, goroutine, 0xc000000000u + i * 0x1c0, &before), 0);
        assert_int_equal(before, 0);
    }
    assert_true(table.awake_count <= GOROUTINES_AWAKE_MAX);
    /* Backwards by goid, then by address in steps, so that most of them have to be woken. */
    for (uint64_t i = COUNT; i >= 1; i--) {
        struct goroutine *goroutine = goroutine_table_find(&table, i * 3);
        assert_non_null(goroutine);
        assert_int_equal(goroutine->since, 1000000000 * i);
        goroutine->running_ns += 5;
    }
    for (uint64_t step = 0, i = 1; step < COUNT; step++, i = (i + 7919) % COUNT) {
        const struct goroutine *goroutine = goroutine_table_find_g(&table, 0xc000000000u + i * 0x1c0);
        if (i == 0)
            continue;
        assert_non_null(goroutine);
        assert_int_equal(goroutine->goid, i * 3);
        assert_int_equal(goroutine->running_ns, i + 5);
        assert_int_equal(goroutine->p, i % 2 ? (int64_t)i : INT64_MIN);
        assert_int_equal(goroutine->wait.set != NULL, i % 1000 == 0);
    }
    assert_true(table.awake_count <= GOROUTINES_AWAKE_MAX);
    assert_null(goroutine_table_find(&table, 4));
    uint64_t *list = goroutine_table_list(&table);
    assert_non_null(list);
    for (uint64_t i = 1; i <= COUNT; i++)
        assert_int_equal(list[i - 1], i * 3);
    /* Half of them are removed, the table lets go of the others, with their sets. */
    for (uint64_t i = 1; i <= COUNT; i += 2)
        goroutine_table_remove(&table, goroutine_table_find(&table, i * 3));
    assert_int_equal(table.by_goid.count, COUNT / 2);
    assert_null(goroutine_table_find(&table, 3));
    assert_int_equal(goroutine_table_find(&table, 6)->running_ns, 2 + 5);
    assert_false(table.failed);
    free(list);
    goroutine_table_release(&table);
}

/* The last that died are kept whole: others hold pointers to them. */
static void the_dead_are_not_squeezed(void **state)
{
    (void)state;
    struct goroutine_table table;
    goroutine_table_init(&table);
    struct goroutine *dead = goroutine_table_add(&table, 1);
    assert_non_null(dead);
    dead->state = GOROUTINE_DEAD;
    dead->ended_ns = 77;
    assert_null(goroutine_table_bury(&table, dead));
    for (uint64_t i = 2; i <= COUNT; i++)
        assert_non_null(goroutine_table_add(&table, i));
    assert_ptr_equal(goroutine_table_find(&table, 1), dead);
    assert_int_equal(dead->ended_ns, 77);
    goroutine_table_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_come_back),
        cmocka_unit_test(many_goroutines_stay_as_they_are),
        cmocka_unit_test(the_dead_are_not_squeezed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
