/* Event formats as kernels print them, read through libtraceevent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "perf/tracepoint.h"

#define COMMON                                                                                               \
    "format:\n"                                                                                              \
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                                   \
    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                                   \
    "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"                           \
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"                                               \
    "\n"

static const char uprobe_format[] =
    "name: park\nID: 2001\n" COMMON "\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n"
    "\tfield:u64 goid;\toffset:16;\tsize:8;\tsigned:0;\n"
    "\tfield:u8 reason;\toffset:24;\tsize:1;\tsigned:0;\n"
    "\tfield:s32 p;\toffset:25;\tsize:4;\tsigned:1;\n"
    "\tfield:u64 arr[];\toffset:29;\tsize:128;\tsigned:0;\n"
    "\tfield:u16 two[2];\toffset:157;\tsize:4;\tsigned:0;\n"
    "\tfield:__data_loc char[] text;\toffset:161;\tsize:4;\tsigned:0;\n"
    "\n"
    "print fmt: \"(%lx) goid=%Lu reason=%u p=%d\", REC->__probe_ip, REC->goid, REC->reason, REC->p\n";

static const char switch_format[] =
    "name: sched_switch\nID: 372\n" COMMON "\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
    "\tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n"
    "\tfield:int prev_prio;\toffset:28;\tsize:4;\tsigned:1;\n"
    "\tfield:long prev_state;\toffset:32;\tsize:8;\tsigned:1;\n"
    "\tfield:char next_comm[16];\toffset:40;\tsize:16;\tsigned:0;\n"
    "\tfield:pid_t next_pid;\toffset:56;\tsize:4;\tsigned:1;\n"
    "\tfield:int next_prio;\toffset:60;\tsize:4;\tsigned:1;\n"
    "\n"
    "print fmt: \"prev_comm=%s %s\", REC->prev_comm, (REC->prev_state & 0xff) ? "
    "__print_flags(REC->prev_state & 0xff, "
    "\"|\", { 0x00000001, \"S\" }) : \"R\"\n";

static void test_probe_fields(void **state)
{
    (void)state;
    const struct sample_probe probe = {.name = "park",
                                       .format = uprobe_format,
                                       .values = {"p", "reason", "arr", "goid", "two"},
                                       .elements = {1, 0, 16, 1, 2},
                                       .call_chain = true};
    struct sample_layout layout;
    struct error err;
    assert_int_equal(tracepoint_parse_probe(&probe, &layout, &err), 0);
    assert_int_equal(layout.field_count, 5);
    assert_true(layout.call_chain);
    const struct sample_field wanted[] = {
        {.offset = 25, .width = 4, .elements = 1, .is_signed = true},
        {.offset = 24, .width = 1, .elements = 1},
        {.offset = 29, .width = 8, .elements = 16},
        {.offset = 16, .width = 8, .elements = 1},
        {.offset = 157, .width = 2, .elements = 2},
    };
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(layout.fields[i].offset, wanted[i].offset);
        assert_int_equal(layout.fields[i].width, wanted[i].width);
        assert_int_equal(layout.fields[i].elements, wanted[i].elements);
        assert_int_equal(layout.fields[i].is_signed, wanted[i].is_signed);
    }
}

static void refuse(const char *field, unsigned elements, const char *words)
{
    const struct sample_probe probe = {
        .name = "park", .format = uprobe_format, .values = {field}, .elements = {elements}};
    struct sample_layout layout;
    struct error err;
    assert_int_equal(tracepoint_parse_probe(&probe, &layout, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, words));
    assert_non_null(strstr(err.message, "park"));
}

static void test_probe_fields_of_another_shape(void **state)
{
    (void)state;
    refuse("absent", 1, "has no field absent");
    refuse("arr", 1, "is not 1 number");
    refuse("arr", 7, "is not 7 numbers");
    refuse("goid", 2, "is not 2 numbers");
    refuse("two", 4, "is not 4 numbers");
    refuse("text", 1, "is not 1 number");
    const struct sample_probe many = {
        .name = "park", .format = uprobe_format, .values = {"arr", "arr", "goid"}, .elements = {16, 16, 1}};
    struct sample_layout layout;
    struct error err;
    assert_int_equal(tracepoint_parse_probe(&many, &layout, &err), ERR_UNSUPPORTED);
    const struct sample_probe garbage = {.name = "junk", .format = "no format at all", .values = {"x"}};
    assert_int_equal(tracepoint_parse_probe(&garbage, &layout, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "junk"));
}

static void test_switch_fields(void **state)
{
    (void)state;
    struct sample_switch_layout layout;
    struct error err;
    assert_int_equal(tracepoint_parse_switch(switch_format, &layout, &err), 0);
    assert_int_equal(layout.prev_state.offset, 32);
    assert_int_equal(layout.prev_state.width, 8);
    assert_int_equal(layout.prev_tid.offset, 24);
    assert_int_equal(layout.next_tid.offset, 56);
    assert_int_equal(layout.next_tid.width, 4);
    assert_int_equal(layout.next_name_offset, 40);
    assert_int_equal(layout.next_name_size, 16);
    assert_int_equal(tracepoint_parse_switch(uprobe_format, &layout, &err), ERR_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe_fields),
        cmocka_unit_test(test_probe_fields_of_another_shape),
        cmocka_unit_test(test_switch_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
