/* Label sets laid out in this process's own memory, as Go lays them out, read back as another process's. */
#include "go/go_labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct go_string {
    const char *text;
    uint64_t length;
};

struct go_label {
    struct go_string key, value;
};

struct go_slice {
    struct go_label *items;
    uint64_t length, capacity;
};

struct bucket {
    uint8_t top[8];
    struct go_string keys[8], values[8];
    struct bucket *overflow;
};

struct hmap {
    uint64_t count;
    uint8_t flags, log_buckets;
    uint16_t overflow_count;
    uint32_t seed;
    struct bucket *buckets, *old_buckets;
    uint64_t evacuated;
};

static struct go_string string_of(const char *text)
{
    return (struct go_string){text, strlen(text)};
}

static void expect(int minor, const void *address, const char *json)
{
    struct buf out;
    buf_init(&out);
    buf_printf(&out, "before ");
    bool read = go_labels_read((struct go_memory){getpid(), -1}, minor, (uint64_t)(uintptr_t)address, &out);
    assert_int_equal(read, json != NULL);
    buf_put_u8(&out, 0);
    assert_memory_equal(out.data, "before ", 7);
    assert_string_equal((const char *)out.data + 7, json ? json : "");
    buf_release(&out);
}

static void lists(void **state)
{
    (void)state;
    struct go_label items[] = {{string_of("tenant_id"), string_of("video-a")},
                               {string_of("zone"), string_of("")}};
    struct go_slice slice = {items, 2, 2};
    expect(24, &slice, "{\"tenant_id\":\"video-a\",\"zone\":\"\"}");
    expect(27, &slice, "{\"tenant_id\":\"video-a\",\"zone\":\"\"}");
    slice.length = 0;
    expect(26, &slice, "{}");
}

static void lists_that_are_none(void **state)
{
    (void)state;
    struct go_label item = {string_of("a"), {(const char *)(uintptr_t)8, 5}};
    struct go_slice slice = {&item, 1, 1};
    expect(26, &slice, NULL);
    slice.length = 2; /* beyond its capacity */
    expect(26, &slice, NULL);
    slice = (struct go_slice){(void *)(uintptr_t)4096, 1, 1};
    expect(26, &slice, NULL);
    item.value = (struct go_string){"x", UINT64_MAX};
    slice = (struct go_slice){&item, 1, 1};
    expect(26, &slice, NULL);
    expect(26, NULL, NULL);
    expect(26, (void *)(uintptr_t)4096, NULL);
    expect(26, (const char *)&slice + 1, NULL);
    expect(21, (void *)(uintptr_t)4096, NULL);
}

static void maps(void **state)
{
    (void)state;
    struct bucket second = {.top = {9}, .keys = {string_of("a")}, .values = {string_of("1")}};
    struct bucket first = {.top = {0, 5, 255, 1},
                           .keys = {{NULL, 99}, string_of("c"), string_of("b")},
                           .values = {{NULL, 99}, string_of("3"), string_of("2")},
                           .overflow = &second};
    struct hmap map = {.count = 3, .buckets = &first};
    struct hmap *pointer = &map;
    expect(21, &pointer, "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}");
    expect(23, &pointer, "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}");
    pointer = NULL;
    expect(23, &pointer, "{}");
}

/* A cell that has moved is marked in the old array (2 to 4) and counts where it is now. */
static void maps_that_grow(void **state)
{
    (void)state;
    struct bucket old = {.top = {2, 7},
                         .keys = {string_of("x"), string_of("y")},
                         .values = {string_of("old"), string_of("2")}};
    struct bucket now[2] = {{.top = {7}, .keys = {string_of("x")}, .values = {string_of("1")}}};
    struct hmap map = {.count = 2, .log_buckets = 1, .buckets = now, .old_buckets = &old};
    struct hmap *pointer = &map;
    expect(22, &pointer, "{\"x\":\"1\",\"y\":\"2\"}");
    map.count = 3; /* one is missing: it is being written to, or is no map */
    expect(22, &pointer, NULL);
    map = (struct hmap){.count = 2, .log_buckets = 60, .buckets = now};
    expect(22, &pointer, NULL);
    old.overflow = &old; /* a ring */
    map = (struct hmap){.count = 1, .buckets = &old};
    expect(22, &pointer, NULL);
}

static void text_is_escaped(void **state)
{
    (void)state;
    struct go_label item = {string_of("a\"\\\n\x01"), string_of("\xc3\xa4\xff\xe2\x82")};
    struct go_slice slice = {&item, 1, 1};
    expect(26, &slice, "{\"a\\\"\\\\\\u000a\\u0001\":\"\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}");
}

static void much_is_cut(void **state)
{
    (void)state;
    static char longer[GO_LABEL_TEXT_MAX + 8];
    static struct go_label items[GO_LABELS_MAX + 3];
    memset(longer, 'v', sizeof longer - 1);
    memcpy(longer + GO_LABEL_TEXT_MAX - 1, "\xc3\xa4", 2);
    for (unsigned i = 0; i < GO_LABELS_MAX + 3; i++)
        items[i] = (struct go_label){string_of("k"), string_of(longer)};
    struct go_slice slice = {items, GO_LABELS_MAX + 3, GO_LABELS_MAX + 3};
    struct buf out;
    buf_init(&out);
    assert_true(go_labels_read((struct go_memory){getpid(), -1}, 26, (uint64_t)(uintptr_t)&slice, &out));
    assert_true(out.size <= GO_LABELS_JSON_MAX);
    size_t one = strlen("{\"k\":\"\"") + GO_LABEL_TEXT_MAX - 1;
    assert_true(out.size > one);
    assert_memory_equal(out.data + one - 2, "v\",\"k\":", 7);
    assert_int_equal(out.data[out.size - 1], '}');
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(lists_that_are_none),
        cmocka_unit_test(maps),
        cmocka_unit_test(maps_that_grow),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(much_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
