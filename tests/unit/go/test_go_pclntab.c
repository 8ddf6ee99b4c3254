/* A function table made by hand, in the layouts of Go 1.18 and of Go 1.20 and later, whole and damaged. */
#include "go/go_pclntab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

enum { TEXT = 0x401000, OUTER = 0x40, INNER = 0x20 }; /* two functions, sizes of their code */

static void put_at(struct buf *out, size_t at, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        out->data[at + i] = (uint8_t)(value >> (8 * i));
}

static void align(struct buf *out, size_t to)
{
    while (out->size % to)
        buf_put_u8(out, 0);
}

/* One pair of a pc-value table. */
static void put_step(struct buf *out, int64_t difference, unsigned size)
{
    buf_put_zigzag(out, difference);
    buf_put_varint(out, size);
}

struct offsets {
    uint32_t outer_name, inner_name, call_name;
    uint32_t files, lines, other_files, other_lines, inlined;
};

static void put_function(struct buf *out, bool layout_118, uint32_t entry, uint32_t name, uint32_t files,
                         uint32_t lines, uint32_t inlined)
{
    buf_put_u32(out, entry);
    buf_put_u32(out, name);
    for (int i = 0; i < 3; i++)
        buf_put_u32(out, 0); /* args, deferreturn, pcsp */
    buf_put_u32(out, files);
    buf_put_u32(out, lines);
    buf_put_u32(out, 3); /* pcdata tables */
    buf_put_u32(out, 1); /* unit: the first entry of its file list */
    if (!layout_118)
        buf_put_u32(out, 7); /* startLine */
    buf_put_u8(out, 0);
    buf_put_u8(out, 0);
    buf_put_u8(out, 0);
    buf_put_u8(out, 4); /* funcdata */
    buf_put_u32(out, 0);
    buf_put_u32(out, 0);
    buf_put_u32(out, inlined);
    for (int i = 0; i < 3; i++)
        buf_put_u32(out, UINT32_MAX);
    buf_put_u32(out, inlined ? 4 : UINT32_MAX); /* the inline tree begins 4 bytes into gofunc */
}

static void put_strings(struct buf *out, struct offsets *at)
{
    size_t names = out->size;
    put_at(out, 0x20, names, 8);
    buf_put_u8(out, 0);
    at->outer_name = (uint32_t)(out->size - names);
    buf_put(out, "main.outer", 11);
    at->inner_name = (uint32_t)(out->size - names);
    buf_put(out, "main.inner", 11);
    at->call_name = (uint32_t)(out->size - names);
    buf_put(out, "main.call", 10);
    align(out, 4);
    put_at(out, 0x28, out->size, 8); /* file lists of the units */
    buf_put_u32(out, UINT32_MAX);
    buf_put_u32(out, 0);
    buf_put_u32(out, 6);
    put_at(out, 0x30, out->size, 8);
    buf_put(out, "/a.go", 6);
    buf_put(out, "/b.go", 6);
}

static void put_tables(struct buf *out, struct offsets *at)
{
    size_t tables = out->size;
    put_at(out, 0x38, tables, 8);
    buf_put_u8(out, 0);
    at->files =
        (uint32_t)(out->size - tables); /* 0, from 0x10 on 1 (the inlined call's file), from 0x20 on 0 */
    put_step(out, 1, 0x10);
    put_step(out, 1, 0x10);
    put_step(out, -1, 0x20);
    buf_put_u8(out, 0);
    at->lines = (uint32_t)(out->size - tables); /* 10, 99, 12 */
    put_step(out, 11, 0x10);
    put_step(out, 89, 0x10);
    put_step(out, -87, 0x20);
    buf_put_u8(out, 0);
    at->inlined = (uint32_t)(out->size - tables); /* -1, 0, -1 */
    put_step(out, 0, 0x10);
    put_step(out, 1, 0x10);
    put_step(out, -1, 0x20);
    buf_put_u8(out, 0);
    at->other_files = (uint32_t)(out->size - tables);
    put_step(out, 2, INNER);
    buf_put_u8(out, 0);
    at->other_lines = (uint32_t)(out->size - tables);
    put_step(out, 6, INNER);
    buf_put_u8(out, 0);
}

static void make_table(struct buf *out, bool layout_118)
{
    struct offsets at;
    buf_init(out);
    buf_put_u32(out, layout_118 ? GO_PCLNTAB_MAGIC_118 : GO_PCLNTAB_MAGIC_120);
    buf_put_u16(out, 0);
    buf_put_u8(out, 1);
    buf_put_u8(out, 8);
    buf_put_u64(out, 2);
    buf_put_u64(out, 2);
    while (out->size < GO_PCLNTAB_HEADER_SIZE)
        buf_put_u8(out, 0);
    put_strings(out, &at);
    put_tables(out, &at);
    align(out, 8);
    size_t functions = out->size;
    put_at(out, 0x40, functions, 8);
    for (int i = 0; i < 6; i++)
        buf_put_u32(out, 0); /* filled in below */
    put_at(out, functions + 4, out->size - functions, 4);
    put_function(out, layout_118, 0, at.outer_name, at.files, at.lines, at.inlined);
    put_at(out, functions + 8, OUTER, 4);
    put_at(out, functions + 12, out->size - functions, 4);
    put_function(out, layout_118, OUTER, at.inner_name, at.other_files, at.other_lines, 0);
    put_at(out, functions + 16, OUTER + INNER, 4);
    assert_false(buf_failed(out));
}

/* The inline tree: main.call, called at offset 0x2c of main.outer. */
static void make_gofunc(struct buf *out, const struct go_pclntab *table)
{
    const char *name = "main.call";
    const char *names = (const char *)table->data + table->names_at;
    uint32_t name_at = 1 + 11 + 11;
    assert_string_equal(names + name_at, name);
    buf_init(out);
    buf_put_u32(out, 0);
    if (table->layout_118) {
        buf_put_u64(out, 0);
        buf_put_u32(out, 0);
    } else {
        buf_put_u32(out, 0);
    }
    buf_put_u32(out, name_at);
    buf_put_u32(out, 0x2c);
    buf_put_u32(out, 3);
    assert_false(buf_failed(out));
}

static void collect_name(void *context, uint32_t name)
{
    *(uint32_t *)context = name;
}

static void check_layout(bool layout_118)
{
    struct buf bytes, gofunc;
    struct go_pclntab table;
    struct go_pclntab_function function;
    struct go_pclntab_frame frames[4];
    struct error err = {0};
    size_t index;
    make_table(&bytes, layout_118);
    if (go_pclntab_init(&table, bytes.data, bytes.size, &err) != 0)
        fail_msg("%s", err.message);
    make_gofunc(&gofunc, &table);
    table.text = TEXT;
    table.gofunc = gofunc.data;
    table.gofunc_size = gofunc.size;
    assert_int_equal(table.function_count, 2);
    assert_true(go_pclntab_function(&table, 0, &function));
    assert_int_equal(function.entry, TEXT);
    assert_int_equal(function.end, TEXT + OUTER);
    assert_string_equal(go_pclntab_name(&table, function.name), "main.outer");
    uint32_t inlined = 0;
    go_pclntab_each_inlined(&table, &function, collect_name, &inlined);
    assert_string_equal(go_pclntab_name(&table, inlined), "main.call");
    assert_false(go_pclntab_function(&table, 2, &function));

    assert_int_equal(go_pclntab_frames(&table, TEXT + 0xf, frames, 4), 1);
    assert_string_equal(frames[0].file, "/a.go");
    assert_int_equal(frames[0].line, 10);
    /* the inlined call first, at its own file and line; its caller where the call stands */
    assert_int_equal(go_pclntab_frames(&table, TEXT + 0x10, frames, 4), 2);
    assert_string_equal(go_pclntab_name(&table, frames[0].name), "main.call");
    assert_string_equal(frames[0].file, "/b.go");
    assert_int_equal(frames[0].line, 99);
    assert_string_equal(go_pclntab_name(&table, frames[1].name), "main.outer");
    assert_string_equal(frames[1].file, "/a.go");
    assert_int_equal(frames[1].line, 12);
    assert_int_equal(go_pclntab_frames(&table, TEXT + 0x10, frames, 1), 1);
    assert_int_equal(go_pclntab_frames(&table, TEXT + OUTER, frames, 4), 1);
    assert_string_equal(frames[0].file, "/b.go");
    assert_int_equal(frames[0].line, 5);
    assert_false(go_pclntab_find(&table, TEXT - 1, &index));
    assert_false(go_pclntab_find(&table, TEXT + OUTER + INNER, &index));
    buf_release(&bytes);
    buf_release(&gofunc);
}

static void test_layouts(void **state)
{
    (void)state;
    check_layout(false);
    check_layout(true);
}

static void test_damage(void **state)
{
    struct buf bytes;
    struct go_pclntab table;
    struct go_pclntab_frame frames[4];
    struct error err = {0};
    (void)state;
    make_table(&bytes, false);
    assert_int_equal(go_pclntab_init(&table, bytes.data, GO_PCLNTAB_HEADER_SIZE - 1, &err), ERR_DAMAGED);
    for (size_t cut = 0; cut <= bytes.size; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        assert_non_null(copy);
        memcpy(copy, bytes.data, cut);
        if (go_pclntab_init(&table, copy, cut, &err) == 0) {
            table.text = TEXT;
            for (uint64_t at = TEXT; at < TEXT + OUTER + INNER; at += 8)
                go_pclntab_frames(&table, at, frames, 4);
        }
        free(copy);
    }
    bytes.data[0] = 0xfb; /* the layout of Go 1.2 */
    assert_int_equal(go_pclntab_init(&table, bytes.data, bytes.size, &err), ERR_DAMAGED);
    assert_non_null(strstr(err.message, "0xfffffffb"));
    bytes.data[0] = 0xf1;
    bytes.data[6] = 2; /* instructions of two bytes: neither amd64 nor arm64 */
    assert_int_equal(go_pclntab_init(&table, bytes.data, bytes.size, &err), ERR_DAMAGED);
    bytes.data[6] = 1;
    put_at(&bytes, 0x20, bytes.size + 1, 8);
    assert_int_equal(go_pclntab_init(&table, bytes.data, bytes.size, &err), ERR_DAMAGED);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layouts), cmocka_unit_test(test_damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
