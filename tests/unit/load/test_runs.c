/* Sorting beyond memory: all come back, in order, equal ones as they were put. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "load/runs.h"

struct item {
    uint32_t key, number; /* number: in the order of putting */
};

static int by_key(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

static int by_key_and_number(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    int order = by_key(a, b);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static void sort(void *records, void *scratch, size_t count)
{
    (void)scratch;
    qsort(records, count, sizeof(struct item), by_key_and_number);
}

static const struct runs_options options = {
    .record_size = sizeof(struct item), .capacity = 100, .compare = by_key, .sort = sort, .beside = "/tmp/test_runs"};

struct seen {
    struct item last;
    uint32_t count, stop_at; /* 0: never */
};

static int visit(void *context, const void *record, struct error *err)
{
    struct seen *seen = context;
    if (seen->count > 0)
        assert_true(by_key_and_number(&seen->last, record) < 0);
    seen->last = *(const struct item *)record;
    seen->count++;
    return seen->stop_at && seen->count == seen->stop_at ? error_set(err, ERR_STOPPED, "enough") : 0;
}

static struct runs *make(uint32_t count)
{
    struct runs *runs = runs_new(&options);
    assert_non_null(runs);
    for (uint32_t i = 0; i < count; i++)
        runs_put(runs, &(struct item){i * 2654435761u % 977, i});
    return runs;
}

static void all_come_back_in_order(void **state)
{
    (void)state;
    /* None, within memory, just full, one more, many runs, more than is read from a run at once. */
    static const uint32_t counts[] = {0, 1, 99, 100, 101, 200, 12345, 300000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct runs *runs = make(counts[i]);
        struct seen seen = {.count = 0};
        struct error err;
        assert_int_equal(runs_each(runs, visit, &seen, &err), 0);
        assert_int_equal(seen.count, counts[i]);
        runs_free(runs);
    }
}

static void a_visitor_can_end_it(void **state)
{
    (void)state;
    for (uint32_t count = 50; count <= 5000; count *= 100) {
        struct runs *runs = make(count);
        struct seen seen = {.stop_at = 20};
        struct error err;
        assert_int_equal(runs_each(runs, visit, &seen, &err), ERR_STOPPED);
        assert_int_equal(seen.count, 20);
        runs_free(runs);
    }
}

static void a_file_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    struct runs_options nowhere = options;
    nowhere.beside = "/nonexistent/folder/x";
    struct runs *runs = runs_new(&nowhere);
    for (uint32_t i = 0; i < 101; i++)
        runs_put(runs, &(struct item){i, i});
    struct seen seen = {.count = 0};
    struct error err;
    assert_int_equal(runs_each(runs, visit, &seen, &err), ERR_NOT_FOUND);
    assert_int_equal(seen.count, 0);
    runs_free(runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_come_back_in_order),
        cmocka_unit_test(a_visitor_can_end_it),
        cmocka_unit_test(a_file_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
