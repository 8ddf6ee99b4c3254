#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "user_probe.h"

static void expect(const char *spec, const char *function, const char *values)
{
    struct user_probe probe;
    struct error err = {0};
    char text[1024] = "", names[256];
    size_t used = 0;
    if (user_probe_parse(spec, &probe, &err) != 0)
        fail_msg("%s: %s", spec, err.message);
    assert_ptr_equal(probe.spec, spec);
    assert_string_equal(probe.function, function);
    for (unsigned i = 0; i < probe.value_count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%s", i ? " " : "",
                                 probe.values[i].name, probe.values[i].fetch);
    assert_string_equal(text, values);
    user_probe_value_names(&probe, names, sizeof names);
    assert_true(strlen(names) <= strlen(values));
}

static void refuse(const char *spec, const char *word)
{
    struct user_probe probe;
    struct error err = {0};
    assert_int_equal(user_probe_parse(spec, &probe, &err), ERR_USAGE);
    if (!strstr(err.message, word))
        fail_msg("'%s' has no '%s'", err.message, word);
}

static void functions(void **state)
{
    (void)state;
    expect("main.handleOrder", "main.handleOrder", "");
    expect(" main.handleOrder() ", "main.handleOrder", "");
    expect("main.(*Server).handle", "main.(*Server).handle", "");
    expect("main.(*Server).handle(id=%bx)", "main.(*Server).handle", "id=%bx:u64");
    expect("net/http.(*conn).serve.func1", "net/http.(*conn).serve.func1", "");
    expect("main.generic[...]", "main.generic[...]", "");
}

static void values(void **state)
{
    (void)state;
    expect("main.handleOrder(id=+8(%ax):u64)", "main.handleOrder", "id=+8(%ax):u64");
    expect("f.g(a=%ax,b = -0x10(+8(%r10)):s32 , c=+0(%sp):x8)", "f.g",
           "a=%ax:u64 b=-0x10(+8(%r10)):s32 c=+0(%sp):x8");
    expect("f.g(a=%ax,b=%bx,c=%cx,d=%di,e=%si,f=%r8)", "f.g",
           "a=%ax:u64 b=%bx:u64 c=%cx:u64 d=%di:u64 e=%si:u64 f=%r8:u64");
}

static void names_of_values(void **state)
{
    (void)state;
    struct user_probe probe;
    struct error err = {0};
    char names[256];
    assert_int_equal(user_probe_parse("f.g(id=%ax,total=%bx)", &probe, &err), 0);
    user_probe_value_names(&probe, names, sizeof names);
    assert_string_equal(names, "id,total");
}

static void mistakes(void **state)
{
    (void)state;
    refuse("", "no function");
    refuse("(id=%ax)", "no function");
    refuse("main.f)", "without a '('");
    refuse("main.f id=%ax", "parentheses");
    refuse("main.f(%ax)", "NAME=EXPRESSION");
    refuse("main.f(1st=%ax)", "NAME=EXPRESSION");
    refuse("main.f(a-b=%ax)", "NAME=EXPRESSION");
    refuse("main.f(id=%ax,)", "missing");
    refuse("main.f(id=%ax,,b=%bx)", "NAME=EXPRESSION");
    refuse("main.f(id=%ax,id=%bx)", "two values are named id");
    refuse("main.f(id=%eax)", "registers are");
    refuse("main.f(id=%)", "registers are");
    refuse("main.f(id=)", "empty");
    refuse("main.f(id=@0x100)", "begins neither");
    refuse("main.f(id=$stack)", "begins neither");
    refuse("main.f(id=+(%ax))", "number");
    refuse("main.f(id=+8)", "needs (");
    refuse("main.f(id=+8(%ax)x)", "needs (");
    refuse("main.f(id=+8())", "empty");
    refuse("main.f(id=+99999999(%ax))", "too large");
    refuse("main.f(id=%ax:string)", "is no type");
    refuse("main.f(id=%ax:)", "is no type");
    refuse("main.f(a=%ax,b=%ax,c=%ax,d=%ax,e=%ax,f=%ax,g=%ax)", "more than 6");
    refuse("main.f(id=+1(+1(+1(+1(+1(+1(+1(+1(+1(+1(+1(%ax))))))))))))", "levels");
    refuse("main.f(id=+ 8(%ax))", "number");
    refuse("main.f(id=+8( %ax))", "blanks");
    refuse("main.f(a_name_that_is_longer_than_names_may_be=%ax)", "NAME=EXPRESSION");
    char longer[400];
    memset(longer, 'f', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    refuse(longer, "longer than");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions),
        cmocka_unit_test(values),
        cmocka_unit_test(names_of_values),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
