/*
 * Real programs of every supported Go version, plain and position-independent: what gotape reads from their
 * files is compared with what they print about themselves, and with what is known about that version's
 * runtime.
 */
#include "go/go_binary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "go/go_layout.h"
#include "go_builds.h"

static void check_build_info(struct go_binary *binary, const char *version, const char *path)
{
    const struct go_build_info *info = go_binary_build_info(binary);
    assert_int_equal(info->major, 1);
    assert_int_equal(info->minor, atoi(version + 2));
    assert_true(strncmp(info->version, "go", 2) == 0 && strcmp(info->version + 2, version) == 0);
    assert_string_equal(info->path, "example.com/gotape/program");
    assert_string_equal(info->main_path, "example.com/gotape/program");
    assert_int_equal(info->dep_count, 1);
    assert_string_equal(info->deps[0].path, "example.com/gotape/dep");
    assert_string_equal(info->deps[0].version, "v1.2.3");
    assert_string_equal(info->deps[0].replace_path, "./dep");
    assert_true(info->setting_count > 3);
    assert_true(strlen(go_binary_build_id(binary)) >= 20);
    assert_true(go_binary_is_go(path));
    /* Go 1.18 does not write -buildmode down */
    bool pie = strstr(path, "-pie") != NULL;
    assert_int_equal(go_binary_is_pie(binary), pie);
}

static void test_build_info(void **state)
{
    (void)state;
    go_build_each(check_build_info);
}

/* Offsets of the runtime's structures by version, -1 where the field did not exist. */
static const struct {
    int minor;
    int goid, status, startpc, gopc, waiting, coroarg, coroexit, sched_bp;
    int curg, p, id, lock, elemtype, timer, rg, wg;
    int elem, waitlink, c, parent;
} known_layout[] = {
    {18,   0x98, 0x90, 0x138, 0x128, 0x148, -1,   -1,   0x68, 0xc0, 0xd0,
     0xe8, 0x58, 0x20, -1,    0x18,  0x20,  0x18, 0x40, 0x50, -1},
    {19,   0x98, 0x90, 0x138, 0x128, 0x148, -1,   -1,   0x68, 0xc0, 0xd0,
     0xe8, 0x58, 0x20, -1,    0x18,  0x20,  0x18, 0x40, 0x50, -1},
    {20,   0x98, 0x90, 0x138, 0x128, 0x148, -1,   -1,   0x68, 0xc0, 0xd0,
     0xe8, 0x58, 0x20, -1,    0x18,  0x20,  0x18, 0x40, 0x50, -1},
    {21,   0x98, 0x90, 0x128, 0x118, 0x138, -1,   -1,   0x68, 0xc0, 0xd0,
     0xe8, 0x58, 0x20, -1,    0x20,  0x28,  0x18, 0x40, 0x50, 0x110},
    {22,   0x98, 0x90, 0x128, 0x118, 0x138, 0x170, 0xbb, 0x68, 0xc0, 0xd0,
     0xe8, 0x58, 0x20, -1,    0x20,  0x28,  0x18,  0x40, 0x50, 0x110},
    {23,   0xa0, 0x98, 0x130, 0x120, 0x140, 0x180, 0xc3, 0x68, 0xc0, 0xd0,
     0xe8, 0x60, 0x28, 0x20,  0x20,  0x28,  0x18,  0x40, 0x50, 0x118},
    {24,   0xa0, 0x98, 0x130, 0x120, 0x140, 0x180, 0xc3, 0x68, 0xc0, 0xd0,
     0xe8, 0x60, 0x28, 0x20,  0x20,  0x28,  0x18,  0x40, 0x50, 0x118},
    {25,   0x98, 0x90, 0x128, 0x118, 0x138, 0x178, 0xbb, 0x60, 0xb8, 0xc8,
     0xe0, 0x68, 0x28, 0x20,  0x20,  0x28,  0x18,  0x40, 0x50, 0x110},
    {26,   0x98, 0x90, 0x130, 0x120, 0x140, 0x180, 0xbb, 0x60, 0xb8, 0xd0,
     0xe8, 0x68, 0x28, 0x20,  0x20,  0x28,  0x20,  0x48, 0x60, 0x118},
    {27,   0x98, 0x90, 0x130, 0x120, 0x140, 0x180, 0xbb, 0x60, 0xb8, 0xd0,
     0xe8, 0x68, 0x28, 0x20,  0x20,  0x28,  0x20,  0x48, 0x60, 0x118},
};

static void check_layout(struct go_binary *binary, const char *version, const char *path)
{
    const struct go_layout *l = go_binary_layout(binary);
    (void)path;
    for (size_t i = 0; i < sizeof known_layout / sizeof *known_layout; i++) {
        if (known_layout[i].minor != atoi(version + 2))
            continue;
#define SAME(field, known) assert_int_equal(l->field, known_layout[i].known)
        SAME(g_goid, goid);
        SAME(g_status, status);
        SAME(g_startpc, startpc);
        SAME(g_gopc, gopc);
        SAME(g_waiting, waiting);
        SAME(g_coroarg, coroarg);
        SAME(g_coroexit, coroexit);
        SAME(g_sched_bp, sched_bp);
        SAME(g_parent_goid, parent);
        SAME(m_curg, curg);
        SAME(m_p, p);
        SAME(m_id, id);
        SAME(hchan_lock, lock);
        SAME(hchan_elemtype, elemtype);
        SAME(hchan_timer, timer);
        SAME(polldesc_rg, rg);
        SAME(polldesc_wg, wg);
        SAME(sudog_elem, elem);
        SAME(sudog_waitlink, waitlink);
        SAME(sudog_c, c);
#undef SAME
    }
    assert_int_equal(l->g_m, 0x30);
    assert_int_equal(l->g_sched_sp, 0x38);
    assert_int_equal(l->g_sched_pc, 0x40);
    assert_int_equal(l->g_waitreason, l->g_goid + 0x18);
    assert_int_equal(l->g_preempt, l->g_waitreason + 1);
    assert_int_equal(l->g_labels, l->g_startpc + 0x30);
    assert_int_equal(l->p_id, 0);
    assert_int_equal(l->hchan_qcount, 0);
    assert_int_equal(l->hchan_dataqsiz, 8);
    assert_int_equal(l->hchan_elemsize, 0x18);
    assert_int_equal(l->polldesc_fd, 8);
    assert_true(go_binary_gomaxprocs(binary) != 0);
}

static void test_layout(void **state)
{
    (void)state;
    go_build_each(check_layout);
}

/* Without DWARF the table says the same. */
static void check_table(struct go_binary *binary, const char *version, const char *path)
{
    struct go_layout known, dwarf = *go_binary_layout(binary);
    const struct go_build_info *info = go_binary_build_info(binary);
    struct go_layout_field field;
    (void)path;
    assert_int_equal(go_binary_layout_source(binary), LAYOUT_FROM_DWARF);
    assert_int_equal(go_layout_known(info->minor, info->patch, &known), LAYOUT_SAME_MINOR);
    for (size_t i = 0; go_layout_field(i, &field); i++) {
        int from_dwarf = *go_layout_offset(&dwarf, &field), from_table = *go_layout_offset(&known, &field);
        /* this program has no contexts */
        bool is_unused = from_dwarf < 0 && strstr(field.name, "ctx");
        if (from_dwarf != from_table && !is_unused)
            fail_msg("Go %s: %s is at %d, not at %d; run tools/gen_go_layout", version, field.name,
                     from_dwarf, from_table);
    }
}

static void test_table(void **state)
{
    (void)state;
    go_build_each(check_table);
}

static void test_stripped(void **state)
{
    unsigned done = 0;
    (void)state;
    for (unsigned i = 0; go_versions[i]; i++) {
        struct go_binary *plain = go_build_open(go_versions[i], BUILD_PLAIN);
        struct go_binary *stripped = go_build_open(go_versions[i], BUILD_STRIPPED);
        if (plain && stripped) {
            assert_int_equal(go_binary_layout_source(stripped), LAYOUT_FROM_TABLE);
            assert_int_equal(go_binary_layout(plain)->g_goid, go_binary_layout(stripped)->g_goid);
            assert_int_not_equal(go_binary_gomaxprocs(stripped), 0);
            assert_int_not_equal(go_binary_numgc(stripped), 0);
            done++;
        }
        go_binary_close(plain);
        go_binary_close(stripped);
    }
    if (done == 0)
        skip();
}

/* The row of a release is that of the newest one before it. */
static void test_rows(void **state)
{
    struct go_layout layout, other;
    (void)state;
    assert_int_equal(go_layout_known(17, 0, &layout), LAYOUT_NO_ROW);
    assert_int_equal(go_layout_known(18, 0, &layout), LAYOUT_SAME_MINOR);
    assert_int_equal(go_layout_known(24, 5, &layout), LAYOUT_SAME_MINOR);
    assert_int_equal(go_layout_known(24, 6, &other), LAYOUT_SAME_MINOR);
    assert_int_equal(layout.g_goid, other.g_goid);
    assert_int_not_equal(layout.m_waitlock, other.m_waitlock);
    assert_int_equal(go_layout_known(24, 99, &layout), LAYOUT_SAME_MINOR);
    assert_int_equal(layout.m_waitlock, other.m_waitlock);
    assert_int_equal(go_layout_known(28, 0, &layout), LAYOUT_OLDER_MINOR);
    assert_int_equal(layout.g_goid, 0x98);
    for (size_t i = 1; i < go_layout_row_count; i++)
        assert_true(go_layout_rows[i - 1].minor * 1000 + go_layout_rows[i - 1].patch <
                    go_layout_rows[i].minor * 1000 + go_layout_rows[i].patch);
}

struct printed_frame {
    uint64_t address;
    unsigned line;
    char function[512], file[512];
};

static bool read_frame(FILE *from, struct printed_frame *out)
{
    char line[2048];
    return fgets(line, sizeof line, from) && sscanf(line, "pc %lx\t%u\t%511[^\t]\t%511[^\n]", &out->address,
                                                    &out->line, out->function, out->file) == 4;
}

static bool same_frame(const struct go_frame *ours, const struct printed_frame *theirs)
{
    return ours->line == theirs->line && strcmp(ours->function, theirs->function) == 0 &&
           strcmp(ours->file, theirs->file) == 0;
}

static uint64_t read_bias(const struct go_binary *binary, FILE *from)
{
    uint64_t now = 0, start = 0, end;
    assert_int_equal(fscanf(from, "main %lx\n", &now), 1);
    assert_true(go_binary_function(binary, "main.main", &start, &end));
    return now - start;
}

/* The stacks that the program prints: each logical frame has its own address there, so ours at one address
 * must be the runtime's at that one and the following. */
static void check_stacks(struct go_binary *binary, const char *version, const char *path)
{
    enum { STACK_MAX = 64 };
    static struct printed_frame stack[STACK_MAX];
    struct go_child child;
    size_t depth = 0, compared = 0, inlined = 0;
    assert_true(go_child_start(&child, path, "frames", NULL));
    uint64_t bias = read_bias(binary, child.out);
    for (;;) {
        bool more = depth < STACK_MAX && read_frame(child.out, &stack[depth]);
        if (more) {
            depth++;
            continue;
        }
        if (depth == 0)
            break;
        for (size_t i = 0; i < depth; i++) {
            struct go_frame frames[16];
            size_t count = go_binary_symbolize(binary, stack[i].address - bias, true, frames, 16);
            assert_true(count >= 1);
            inlined += count - 1;
            for (size_t k = 0; k < count && i + k < depth; k++, compared++) {
                if (!same_frame(&frames[k], &stack[i + k]))
                    fail_msg("Go %s: %#lx is %s %s:%u, the runtime says %s %s:%u", version, stack[i].address,
                             frames[k].function, frames[k].file, frames[k].line, stack[i + k].function,
                             stack[i + k].file, stack[i + k].line);
            }
        }
        depth = 0;
    }
    go_child_stop(&child);
    assert_true(compared > 50);
    assert_true(inlined > 5);
}

static void test_stacks(void **state)
{
    (void)state;
    go_build_each(check_stacks);
}

/* Every 97th address of the text. */
static void check_sweep(struct go_binary *binary, const char *version, const char *path)
{
    struct go_child child;
    struct printed_frame theirs;
    size_t compared = 0;
    assert_true(go_child_start(&child, path, "sweep", "97"));
    uint64_t bias = read_bias(binary, child.out);
    while (read_frame(child.out, &theirs)) {
        struct go_frame ours[16];
        size_t count = go_binary_symbolize(binary, theirs.address - bias, true, ours, 16);
        uint64_t start, end;
        const uint8_t *before = go_binary_bytes(binary, theirs.address - bias - 1, 1);
        /* a return address is never a function's first, so the two may differ there; wrappers we leave out */
        if ((go_binary_function(binary, theirs.function, &start, &end) && theirs.address - bias == start) ||
            (before && *before == 0xcc && theirs.address % 16 == 0))
            continue;
        if (strcmp(theirs.file, "<autogenerated>") == 0)
            continue;
        if (count == 0 || !same_frame(&ours[0], &theirs))
            fail_msg("Go %s: %#lx is %s %s:%u, the runtime says %s %s:%u", version, theirs.address,
                     count ? ours[0].function : "nothing", count ? ours[0].file : "",
                     count ? ours[0].line : 0, theirs.function, theirs.file, theirs.line);
        compared++;
    }
    go_child_stop(&child);
    assert_true(compared > 1000);
}

static void test_sweep(void **state)
{
    (void)state;
    go_build_each(check_sweep);
}

static void check_lookups(struct go_binary *binary, const char *version, const char *path)
{
    uint64_t start, end;
    struct go_frame frame;
    (void)version;
    (void)path;
    assert_false(go_binary_function(binary, "main.absent", &start, &end));
    assert_true(go_binary_function(binary, "runtime.gopark", &start, &end));
    assert_true(start < end);
    assert_int_equal(go_binary_symbolize(binary, start, false, &frame, 1), 1);
    assert_string_equal(frame.function, "runtime.gopark");
    /* as a return address the entry belongs to the function before */
    assert_int_equal(go_binary_symbolize(binary, start, true, &frame, 1), 1);
    assert_string_not_equal(frame.function, "runtime.gopark");
    assert_int_equal(go_binary_symbolize(binary, 0, false, &frame, 1), 0);
    assert_int_equal(go_binary_symbolize(binary, 0, true, &frame, 1), 0);
    assert_int_equal(go_binary_symbolize(binary, UINT64_MAX, false, &frame, 1), 0);
    assert_int_equal(go_binary_symbolize(binary, start, false, &frame, 0), 0);
    assert_null(go_binary_bytes(binary, start, SIZE_MAX));
    assert_null(go_binary_bytes(binary, UINT64_MAX - 4, 8));
}

struct hosts {
    unsigned keep, middle_in_frames;
};

static void count_host(void *context, size_t which, const char *into)
{
    struct hosts *hosts = context;
    if (which == 0)
        hosts->keep++;
    else if (strcmp(into, "main.frames") == 0)
        hosts->middle_in_frames++;
}

static void check_variables(struct go_binary *binary, const char *version, const char *path)
{
    uint64_t distance = 99, address = go_binary_gomaxprocs(binary);
    (void)version;
    (void)path;
    assert_string_equal(go_binary_variable(binary, address, &distance), "runtime.gomaxprocs");
    assert_int_equal(distance, 0);
    assert_string_equal(go_binary_variable(binary, address + 3, &distance), "runtime.gomaxprocs");
    assert_int_equal(distance, 3);
    const char *next = go_binary_variable(binary, address + 4, &distance);
    assert_true(!next || strcmp(next, "runtime.gomaxprocs") != 0);
    assert_null(go_binary_variable(binary, 0, &distance));
    assert_null(go_binary_variable(binary, UINT64_MAX, &distance));
    assert_null(go_binary_variable(binary, 0xc000012345, &distance));
}

static void test_variables(void **state)
{
    (void)state;
    go_build_each(check_variables);
}

static void check_inlined(struct go_binary *binary, const char *version, const char *path)
{
    static const char *const names[] = {"main.keep", "main.middle"};
    struct hosts hosts = {0};
    (void)version;
    (void)path;
    go_binary_each_inlined(binary, names, 2, count_host, &hosts);
    assert_true(hosts.middle_in_frames > 0);
    assert_int_equal(hosts.keep, 0); /* it is marked noinline */
}

static void test_inlined(void **state)
{
    (void)state;
    go_build_each(check_inlined);
}

static void test_lookups(void **state)
{
    (void)state;
    go_build_each(check_lookups);
}

static void refuse(const char *path, int code, const char *word)
{
    struct go_binary *binary;
    struct error err = {0};
    int rc = go_binary_open(path, "the program", &binary, &err);
    if (rc != code || !strstr(err.message, word) || !strstr(err.message, "the program"))
        fail_msg("%s: %d '%s', expected %d with '%s'", path, rc, err.message, code, word);
}

static void test_refusals(void **state)
{
    static const struct {
        enum go_build_kind kind;
        const char *word;
    } rows[] = {{BUILD_ARM64, "arm64"}, {BUILD_386, "386"}};
    (void)state;
    refuse("/nonexistent/program", ERR_NOT_FOUND, "cannot open");
    refuse("/", ERR_NOT_FOUND, "not a file");
    refuse("/dev/null", ERR_NOT_FOUND, "not a file");
    refuse("CMakeLists.txt", ERR_NOT_FOUND, "not an ELF");
    refuse("/proc/self/exe", ERR_NOT_FOUND, "not a Go program");
    assert_false(go_binary_is_go("/proc/self/exe"));
    assert_false(go_binary_is_go("CMakeLists.txt"));
    assert_false(go_binary_is_go("/nonexistent/program"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *path = go_build("1.26.8", rows[i].kind);
        if (path)
            refuse(path, ERR_UNSUPPORTED, rows[i].word);
    }
}

static int open_bytes(const uint8_t *data, size_t size, struct error *err)
{
    static const struct go_layout layout;
    struct go_binary *binary;
    int rc = go_binary_open_memory(data, size, "program", &layout, &binary, err);
    if (rc == 0) {
        struct go_frame frames[8];
        uint64_t start, end;
        if (go_binary_function(binary, "runtime.gopark", &start, &end))
            go_binary_symbolize(binary, start, false, frames, 8);
        go_binary_close(binary);
    }
    return rc;
}

static size_t find_bytes(const uint8_t *data, size_t size, const char *what, size_t length)
{
    const uint8_t *at = memmem(data, size, what, length);
    assert_non_null(at);
    return (size_t)(at - data);
}

/* Versions outside of what we know are refused with both named. */
static void test_other_versions(void **state)
{
    static const struct {
        const char *version, *word;
    } rows[] = {
        {"go1.17.9", "rebuild"}, {"go1.28.0", "newer"}, {"go2.00.1", "newer"}, {"unknown!", "no number"}};
    struct error err = {0};
    size_t size = 0;
    (void)state;
    const char *path = go_build("1.26.8", BUILD_PLAIN);
    if (!path)
        skip();
    uint8_t *data = read_whole_file(path, &size);
    assert_non_null(data);
    size_t at = find_bytes(data, size, "\xff Go buildinf:", 14) + 33;
    assert_memory_equal(data + at, "go1.26.8", 8);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memcpy(data + at, rows[i].version, 8);
        assert_int_equal(open_bytes(data, size, &err), ERR_UNSUPPORTED);
        assert_non_null(strstr(err.message, rows[i].version));
        assert_non_null(strstr(err.message, rows[i].word));
    }
    memcpy(data + at, "go1.26.8", 8);
    assert_int_equal(open_bytes(data, size, &err), 0);
    /* without the magic it is no Go program */
    data[at - 33 + 1] = 'x';
    assert_int_equal(open_bytes(data, size, &err), ERR_NOT_FOUND);
    free(data);
}

static void test_damage(void **state)
{
    struct error err = {0};
    size_t size = 0;
    (void)state;
    const char *path = go_build("1.25.0", BUILD_PIE);
    if (!path)
        skip();
    uint8_t *data = read_whole_file(path, &size);
    assert_non_null(data);
    assert_int_equal(open_bytes(data, size, &err), 0);
    /* cut off: the last pages hold DWARF only, so most cuts must be noticed */
    for (size_t part = 1; part < 16; part++) {
        size_t cut = size / 16 * part;
        uint8_t *copy = malloc(cut);
        assert_non_null(copy);
        memcpy(copy, data, cut);
        int rc = open_bytes(copy, cut, &err);
        if (part < 8)
            assert_true(rc < 0);
        free(copy);
    }
    /* the function table's header, one byte after the other */
    size_t header = find_bytes(data, size, "\xf1\xff\xff\xff\x00\x00\x01\x08", 8);
    for (size_t i = 0; i < 0x48; i++) {
        uint8_t old = data[header + i];
        data[header + i] = 0xff;
        open_bytes(data, size, &err);
        data[header + i] = old;
    }
    data[header + 15] = 0x7f; /* function count */
    assert_int_equal(open_bytes(data, size, &err), ERR_DAMAGED);
    data[header + 15] = 0;
    /* ELF header */
    for (size_t i = 4; i < 64; i++) {
        uint8_t old = data[i];
        data[i] ^= 0xff;
        open_bytes(data, size, &err);
        data[i] = old;
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_build_info),     cmocka_unit_test(test_layout),
        cmocka_unit_test(test_table),          cmocka_unit_test(test_stripped),
        cmocka_unit_test(test_rows),           cmocka_unit_test(test_stacks),
        cmocka_unit_test(test_sweep),          cmocka_unit_test(test_lookups),
        cmocka_unit_test(test_inlined),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_other_versions), cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
