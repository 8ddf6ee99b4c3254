/* map, intern and heap against a simple model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/intern.h"
#include "base/map.h"

#define KEYS 512

static void map_behaves_as_a_table_does(void **state)
{
    (void)state;
    uint64_t model[KEYS];
    bool present[KEYS] = {false};
    size_t count = 0;
    struct map map;
    map_init(&map);
    srand(1);
    for (int step = 0; step < 100000; step++) {
        /* Keys a power of two apart, as addresses are. */
        unsigned k = (unsigned)rand() % KEYS;
        uint64_t key = (uint64_t)k << 12, value = 0;
        switch (rand() % 3) {
        case 0:
            assert_int_equal(map_put(&map, key, (uint64_t)step), 0);
            count += !present[k];
            present[k] = true;
            model[k] = (uint64_t)step;
            break;
        case 1:
            assert_int_equal(map_delete(&map, key), present[k]);
            count -= present[k];
            present[k] = false;
            break;
        default:
            assert_int_equal(map_get(&map, key, &value), present[k]);
            assert_int_equal(map_find(&map, key) != NULL, present[k]);
            if (present[k])
                assert_int_equal(value, model[k]);
            break;
        }
        assert_int_equal(map.count, count);
    }
    size_t position = 0, seen = 0;
    for (const struct map_slot *slot; (slot = map_next(&map, &position)) != NULL; seen++) {
        assert_true(present[slot->key >> 12]);
        assert_int_equal(slot->value, model[slot->key >> 12]);
    }
    assert_int_equal(seen, count);
    map_release(&map);
    map_release(&map);
}

static void map_memory_follows_live_entries(void **state)
{
    (void)state;
    struct map map;
    map_init(&map);
    for (uint64_t i = 0; i < 100000; i++) {
        assert_int_equal(map_put(&map, i, i), 0);
        if (i >= 100)
            assert_true(map_delete(&map, i - 100));
    }
    assert_int_equal(map.count, 100);
    assert_true(map.capacity <= 256);
    map_reset(&map);
    assert_int_equal(map.count, 0);
    assert_null(map_find(&map, 99999));
    map_release(&map);
}

static void intern_gives_equal_bytes_one_number(void **state)
{
    (void)state;
    struct intern *intern = intern_new();
    const char *first = NULL;
    bool is_new;
    size_t size;
    char text[64];
    assert_non_null(intern);
    assert_int_equal(intern_find(intern, "x", 1), 0);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 20000; i++) {
            int length = snprintf(text, sizeof text, "function%u", i);
            assert_int_equal(intern_put(intern, text, (size_t)length, &is_new), i + 1);
            assert_int_equal(is_new, round == 0);
        }
        if (!first)
            first = intern_get(intern, 1, &size);
    }
    assert_int_equal(intern_count(intern), 20000);
    assert_ptr_equal(intern_get(intern, 1, &size), first);
    assert_string_equal(first, "function0");
    assert_int_equal(size, 9);
    assert_int_equal(intern_find(intern, "function777", 11), 778);
    assert_null(intern_get(intern, 0, &size));
    assert_null(intern_get(intern, 20001, &size));
    assert_true(intern_memory(intern) > 20000 * 10);
    intern_reset(intern);
    assert_int_equal(intern_count(intern), 0);
    assert_int_equal(intern_find(intern, "function777", 11), 0);
    assert_int_equal(intern_put(intern, "again", 5, NULL), 1);
    intern_free(intern);
    intern_free(NULL);
}

static void intern_takes_any_bytes(void **state)
{
    (void)state;
    struct intern *intern = intern_new();
    size_t size = 200 * 1024;
    uint8_t *large = malloc(size);
    assert_non_null(large);
    memset(large, 7, size);
    assert_int_equal(intern_put(intern, "", 0, NULL), 1);
    assert_int_equal(intern_put(intern, NULL, 0, NULL), 1);
    assert_int_equal(intern_put(intern, "\0", 1, NULL), 2);
    assert_int_equal(intern_put(intern, "\0\0", 2, NULL), 3);
    assert_int_equal(intern_put(intern, large, size, NULL), 4);
    large[size - 1] = 8;
    assert_int_equal(intern_put(intern, large, size, NULL), 5);
    assert_memory_equal(intern_get(intern, 5, NULL), large, size);
    intern_free(intern);
    free(large);
}

static void heap_gives_the_least_first(void **state)
{
    (void)state;
    struct heap heap;
    struct heap_item item = {0};
    heap_init(&heap);
    assert_null(heap_top(&heap));
    assert_false(heap_pop(&heap, &item));
    srand(2);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(heap_push(&heap, (uint64_t)rand() % 50, i), 0);
    uint64_t key = 0;
    uint32_t value = 0;
    for (int i = 0; i < 1000; i++) {
        assert_true(heap_pop(&heap, &item));
        assert_true(item.key > key || (item.key == key && (i == 0 || item.value > value)));
        key = item.key;
        value = item.value;
    }
    assert_null(heap_top(&heap));
    heap_release(&heap);
}

/* As the merge of rings uses it: the top moves on, the order of all stays right. */
static void heap_merges_runs(void **state)
{
    (void)state;
    struct heap heap;
    uint64_t next[7] = {0};
    unsigned taken = 0;
    uint64_t last = 0;
    heap_init(&heap);
    for (uint32_t run = 0; run < 7; run++)
        assert_int_equal(heap_push(&heap, next[run] = run, run), 0);
    while (heap_top(&heap)->key < 1000) {
        const struct heap_item top = *heap_top(&heap);
        assert_true(top.key >= last);
        assert_int_equal(top.key, next[top.value]);
        last = top.key;
        next[top.value] += 1 + top.value;
        heap_raise_top(&heap, next[top.value]);
        taken++;
    }
    assert_true(taken > 2000);
    assert_int_equal(heap.count, 7);
    heap_release(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_behaves_as_a_table_does),
        cmocka_unit_test(map_memory_follows_live_entries),
        cmocka_unit_test(intern_gives_equal_bytes_one_number),
        cmocka_unit_test(intern_takes_any_bytes),
        cmocka_unit_test(heap_gives_the_least_first),
        cmocka_unit_test(heap_merges_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
