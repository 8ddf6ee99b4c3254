/* Variables found in the code of a program, held against its debug information and its living memory. */
#include "go/go_globals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "go/go_memory.h"
#include "go/go_process.h"
#include "go_builds.h"

static void check_against_dwarf(struct go_binary *binary, const char *version, const char *path)
{
    struct go_globals globals;
    (void)path;
    if (!go_globals_find(binary, &globals))
        fail_msg("Go %s: goroutines not found", version);
    assert_int_equal(globals.gomaxprocs, go_binary_gomaxprocs(binary));
    assert_int_equal(globals.numgc, go_binary_numgc(binary));
    assert_int_equal(globals.gc_controller, go_binary_gc_percent(binary));
    if (go_binary_memory_limit(binary))
        assert_int_equal(globals.gc_controller + 8, go_binary_memory_limit(binary));
}

static void test_plain_and_pie(void **state)
{
    (void)state;
    go_build_each(check_against_dwarf);
}

static void test_other_builds(void **state)
{
    static const struct {
        const char *version;
        enum go_build_kind kind;
    } builds[] = {{"1.21.13", BUILD_NO_OPT},
                  {"1.27.1", BUILD_NO_OPT},
                  {"1.26.8", BUILD_RACE},
                  {"1.24.11", BUILD_EXTERNAL_PIE}};
    unsigned done = 0;
    (void)state;
    for (unsigned i = 0; i < sizeof builds / sizeof *builds; i++) {
        struct go_binary *binary = go_build_open(builds[i].version, builds[i].kind);
        if (!binary)
            continue;
        check_against_dwarf(binary, builds[i].version, NULL);
        go_binary_close(binary);
        done++;
    }
    if (done == 0)
        skip();
}

/* The first of allgs is the main goroutine: its start function says so. */
static void check_live(struct go_binary *binary, const char *version, const char *path)
{
    struct go_child child;
    struct go_globals globals;
    struct go_process *process;
    struct error err = {0};
    uint64_t now, count, array, g, startpc, start, end;
    const struct go_layout *layout = go_binary_layout(binary);
    assert_true(go_globals_find(binary, &globals));
    assert_true(go_child_start(&child, path, "chans", NULL));
    assert_int_equal(fscanf(child.out, "main %lx\n", &now), 1);
    if (go_process_open(child.pid, binary, &process, &err) != 0)
        fail_msg("Go %s: %s", version, err.message);
    uint64_t bias = go_process_bias(process);
    assert_true(go_memory_read((struct go_memory){child.pid, -1}, globals.allglen + bias, &count, 8));
    assert_in_range(count, 4, 1000);
    assert_true(go_memory_read((struct go_memory){child.pid, -1}, globals.allgptr + bias, &array, 8));
    assert_true(go_memory_read((struct go_memory){child.pid, -1}, array, &g, 8));
    assert_true(go_memory_read((struct go_memory){child.pid, -1}, g + (unsigned)layout->g_startpc, &startpc, 8));
    assert_true(go_binary_function(binary, "runtime.main", &start, &end));
    assert_int_equal(startpc, start + bias);
    go_process_close(process);
    go_child_stop(&child);
}

static void test_live(void **state)
{
    (void)state;
    go_build_each(check_live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_pie),
        cmocka_unit_test(test_other_builds),
        cmocka_unit_test(test_live),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
