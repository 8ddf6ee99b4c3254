/* Whose records count in a CPU-wide session, and what the kernel is asked to keep out. */
#include "perf/cpu_scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void test_threads(void **state)
{
    struct cpu_scope scope;
    (void)state;
    cpu_scope_init(&scope);
    assert_false(cpu_scope_has(&scope, 7));
    assert_true(cpu_scope_add(&scope, 7));
    assert_true(cpu_scope_has(&scope, 7));
    cpu_scope_remove(&scope, 7);
    assert_false(cpu_scope_has(&scope, 7));
    cpu_scope_release(&scope);
}

static void test_filter(void **state)
{
    struct cpu_scope scope;
    char text[256], small[24];
    (void)state;
    cpu_scope_init(&scope);
    assert_false(cpu_scope_filter(&scope, "prev_comm", text, sizeof text));
    assert_true(cpu_scope_name(&scope, "api"));
    assert_false(cpu_scope_name(&scope, "api"));
    assert_true(cpu_scope_filter(&scope, "prev_comm", text, sizeof text));
    assert_string_equal(text, "prev_comm == \"api\"");
    assert_true(cpu_scope_name(&scope, "a (b) ~ worker"));
    assert_true(cpu_scope_filter(&scope, "next_comm", text, sizeof text));
    assert_string_equal(text, "next_comm == \"api\" || next_comm == \"a (b) ~ worker\"");
    assert_false(cpu_scope_filter(&scope, "next_comm", small, sizeof small));
    cpu_scope_release(&scope);
}

/* What a filter cannot say, it does not say: then nothing is kept out. */
static void test_no_filter(void **state)
{
    static const char *const names[] = {"a\"b", "a\\", "tab\t", ""};
    char text[512], name[16];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct cpu_scope scope;
        cpu_scope_init(&scope);
        assert_true(cpu_scope_name(&scope, "api"));
        assert_true(cpu_scope_name(&scope, names[i]));
        assert_true(scope.any_name);
        assert_false(cpu_scope_filter(&scope, "prev_comm", text, sizeof text));
        cpu_scope_release(&scope);
    }
    struct cpu_scope scope;
    cpu_scope_init(&scope);
    for (unsigned i = 0; i < CPU_SCOPE_NAMES_MAX; i++) {
        snprintf(name, sizeof name, "name-of-15-by%02u", i);
        assert_true(cpu_scope_name(&scope, name));
        assert_true(cpu_scope_filter(&scope, "prev_comm", text, sizeof text));
    }
    assert_true(cpu_scope_name(&scope, "one more"));
    assert_false(cpu_scope_name(&scope, "and one more"));
    assert_false(cpu_scope_filter(&scope, "prev_comm", text, sizeof text));
    cpu_scope_release(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_no_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
