/* The code fragments are what Go compilers emitted (objdump of real programs), cut to the instructions that
 * matter. */
#include "go/probe_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "go/go_select.h"

#define CODE(bytes)                                                                                          \
    {                                                                                                        \
        (const uint8_t *)bytes, sizeof bytes - 1, 0x1000                                                     \
    }

static void test_entry(void **state)
{
    static const struct {
        struct code code;
        int offset; /* -1: none */
        const char *instruction;
    } rows[] = {
        /* near and far jbe, large frame, system stack, very large frame */
        {CODE("\x49\x3b\x66\x10\x76\x18\x55\x48\x89\xe5"), 6, "push %rbp"},
        {CODE("\x49\x3b\x66\x10\x0f\x86\xa1\x02\x00\x00\x55\x48\x89\xe5"), 10, "push %rbp"},
        {CODE("\x4c\x8d\x64\x24\xf0\x4d\x3b\x66\x10\x0f\x86\xbd\x00\x00\x00\x55"), 15, "push %rbp"},
        {CODE("\x49\x3b\x66\x18\x76\x18\x55"), 6, "push %rbp"},
        {CODE("\x4c\x8d\xa4\x24\x00\xff\xff\xff\x4d\x3b\x66\x10\x76\x10\x55"), 14, "push %rbp"},
        /* nosplit: no check */
        {CODE("\x55\x48\x89\xe5"), 0, "push %rbp"},
        /* a leaf without frame: cmp $0x72,%ecx; je */
        {CODE("\x83\xf9\x72\x74\x08\x81\xf9"), 3, "je"},
        /* something happens before the jump */
        {CODE("\x48\x89\xc8\x83\xf9\x72\x74\x08"), -1, NULL},
        /* the compiler before 1.21 has no push: near and far jbe, large frame */
        {CODE("\x49\x3b\x66\x10\x76\x18\x48\x83\xec\x20"), 4, "jbe"},
        {CODE("\x49\x3b\x66\x10\x0f\x86\xa1\x02\x00\x00\x48\x83\xc4\x80"), 4, "jbe"},
        {CODE("\x4c\x8d\x64\x24\xf0\x4d\x3b\x66\x10\x0f\x86\xbd\x00\x00\x00\x48\x81\xec"), 9, "jbe"},
        /* cut off */
        {CODE("\x49\x3b\x66\x10\x76"), -1, NULL},
        {CODE("\x49\x3b\x66\x10\x0f\x86\x01\x00\x00"), -1, NULL},
        {CODE("\x49\x3b\x66\x10"), -1, NULL},
        {CODE(""), -1, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place place;
        bool found = probe_site_entry(&rows[i].code, &place);
        if (found != (rows[i].offset >= 0))
            fail_msg("row %zu: found is %d", i, found);
        if (found) {
            assert_int_equal(place.offset, rows[i].offset);
            assert_string_equal(place.instruction, rows[i].instruction);
            assert_int_equal(place.may_restart, strcmp(rows[i].instruction, "jbe") == 0);
        }
    }
}

/* dec %edx; jne +18; cmpb $0,0xb1(%r14); je +8; movq $-1314,0x10(%r14); then the result and the end of the
 * frame */
#define TAIL(padding, jne, result)                                                                           \
    "\xff\xca" jne padding "\x41\x80\xbe\xb1\x00\x00\x00\x00\x74\x08\x49\xc7\x46\x10\xde\xfa\xff\xff" result \
    "\x48\x83\xc4\x50\x5d\xc3\xcc\xcc"

static void test_newproc_tail(void **state)
{
    static const struct {
        struct code code;
        int offset;
        const char *newg;
    } rows[] = {
        {CODE(TAIL("", "\x75\x12", "")), 2, "%ax"},
        {CODE(TAIL("", "\x75\x12", "\x48\x89\xc8")), 2, "%cx"},
        {CODE(TAIL("", "\x75\x12", "\x4c\x89\xc0")), 2, "%r8"},
        {CODE(TAIL("", "\x75\x12", "\x48\x8b\x44\x24\x18")), 2, "+24(%sp)"},
        {CODE(TAIL("", "\x75\x12", "\x48\x8b\x84\x24\x80\x00\x00\x00")), 2, "+128(%sp)"},
        {CODE(TAIL("\x66\x90", "\x75\x14", "")), 2, "%ax"},
        {CODE(TAIL("", "\x0f\x85\x12\x00\x00\x00", "")), 2, "%ax"},
        /* the last of two, and code behind the ret does not count */
        {CODE(TAIL("", "\x75\x12", "")
                  TAIL("", "\x75\x12", "\x48\x89\xc8") "\x41\x80\xbe\xb1\x00\x00\x00\x00"),
         2 + sizeof TAIL("", "\x75\x12", "") - 1, "%cx"},
        /* another field than preempt */
        {CODE("\xff\xca\x75\x12\x41\x80\xbe\xb2\x00\x00\x00\x00\x74\x08\x49\xc7\x46\x10\xde\xfa\xff\xff\xc3"),
         -1, ""},
        /* je instead of jne; a jne to elsewhere */
        {CODE(TAIL("", "\x74\x12", "")), -1, ""},
        {CODE(TAIL("", "\x75\x02", "")), -1, ""},
        {CODE(TAIL("", "\x75\x7f", "")), -1, ""},
        /* the result comes from nowhere that a fetch can name: mov (%rbx),%rax */
        {CODE(TAIL("", "\x75\x12", "\x48\x8b\x03")), -1, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct place place;
        char newg[32] = "";
        bool found = probe_site_newproc_tail(&rows[i].code, 0xb1, &place, newg, sizeof newg);
        if (found != (rows[i].offset >= 0))
            fail_msg("row %zu: found is %d", i, found);
        if (found) {
            assert_int_equal(place.offset, rows[i].offset);
            assert_string_equal(place.instruction, "jne");
            assert_string_equal(newg, rows[i].newg);
        }
    }
}

static void test_call(void **state)
{
    struct place place;
    /* mov $e8,%eax (no call); call 0x2000; call elsewhere */
    static const struct code one = CODE("\xb8\xe8\x00\x00\x00\xe8\xf6\x0f\x00\x00\xe8\x00\x00\x00\x00\xc3");
    static const struct code two = CODE("\xe8\xfb\x0f\x00\x00\xe8\xf6\x0f\x00\x00\xc3");
    (void)state;
    assert_true(probe_site_call(&one, 0x2000, &place));
    assert_int_equal(place.offset, 5);
    assert_false(probe_site_call(&one, 0x3000, &place));
    assert_false(probe_site_call(&two, 0x2000, &place));
}

static void test_gogo(void **state)
{
    struct place place;
    static const struct code gogo =
        CODE("\x48\x8b\x5c\x24\x08\x48\x8b\x53\x10\x48\x8b\x0a\xe9\x2f\xf1\xff\xff");
    static const struct code other =
        CODE("\x48\x8b\x5c\x24\x08\x48\x8b\x53\x18\x48\x8b\x0a\xe9\x2f\xf1\xff\xff");
    (void)state;
    assert_true(probe_site_gogo(&gogo, &place));
    assert_int_equal(place.offset, 12);
    assert_false(probe_site_gogo(&other, &place));
}

static void test_select_order(void **state)
{
    /* receive from a, send to b, receive from c: stored as b, c, a at 0x10, 0x20, 0x30 from %rsp */
#define RECEIVE_A "\x48\x89\x5c\x24\x30" /* mov %rbx,0x30(%rsp) */
#define SEND_B    "\x48\x89\x4c\x24\x10" /* mov %rcx,0x10(%rsp) */
#define RECEIVE_C "\x48\x89\x54\x24\x20" /* mov %rdx,0x20(%rsp) */
#define CASES     "\x48\x8d\x44\x24\x10" /* lea 0x10(%rsp),%rax */
#define CALL      "\xe8\x00\x00\x00\x00\x90"
    static const struct {
        struct code code;
        size_t call_end;
        bool found;
        uint8_t places[3];
    } rows[] = {
        {CODE(RECEIVE_A SEND_B RECEIVE_C CASES CALL), 25, true, {1, 2, 0}},
        {CODE(SEND_B RECEIVE_A RECEIVE_C CASES CALL), 25, true, {0, 2, 1}},
        /* what lay there before does not count, and a nil channel may be stored as a constant */
        {CODE(SEND_B RECEIVE_A "\x48\xc7\x44\x24\x10\x00\x00\x00\x00" RECEIVE_C CASES CALL),
         34,
         true,
         {1, 2, 0}},
        /* unoptimised: the address goes over %rcx and the frame */
        {CODE(RECEIVE_A SEND_B RECEIVE_C "\x48\x8d\x4c\x24\x10\x48\x89\x4c\x24\x70\x48\x8b\x44\x24\x70" CALL),
         35,
         true,
         {1, 2, 0}},
        /* a nop that only looks like an access; calls in between, as with -race */
        {CODE(RECEIVE_A SEND_B RECEIVE_C CASES "\x0f\x1f\x40\x00" CALL), 29, true, {1, 2, 0}},
        {CODE(RECEIVE_A "\xe8\x70\x00\x00\x00" SEND_B RECEIVE_C CASES CALL), 30, true, {1, 2, 0}},
        /* receives in an order in which they never lie */
        {CODE(RECEIVE_C SEND_B RECEIVE_A CASES CALL), 25, false, {0}},
        /* a store is missing; the array is not in the frame; another select, or a jump, comes in between */
        {CODE(RECEIVE_A SEND_B CASES CALL), 20, false, {0}},
        {CODE(RECEIVE_A SEND_B RECEIVE_C "\x48\x89\xc8" CALL), 23, false, {0}},
        {CODE(RECEIVE_A "\xe8\x14\x00\x00\x00" SEND_B RECEIVE_C CASES CALL), 30, false, {0}},
        {CODE("\x74\x05" RECEIVE_A SEND_B RECEIVE_C CASES CALL), 27, false, {0}},
        {CODE(RECEIVE_A SEND_B RECEIVE_C CASES CALL), 60, false, {0}},
    };
    uint8_t places[GO_SELECT_ORDER_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (go_select_order(rows[i].code.bytes, rows[i].code.size, rows[i].call_end, 1, 2, places) !=
            rows[i].found)
            fail_msg("row %zu: found is %d", i, !rows[i].found);
        if (rows[i].found)
            assert_memory_equal(places, rows[i].places, 3);
    }
    assert_false(go_select_order(rows[0].code.bytes, rows[0].code.size, 25, 9, 8, places));
}

static void test_select_constants(void **state)
{
    static const struct {
        struct code code;
        size_t call_end;
        int sends, receives; /* -1: not decodable */
    } rows[] = {
        /* mov $2,%edi; mov $1,%esi; xor %r8d,%r8d; call */
        {CODE("\xbf\x02\x00\x00\x00\xbe\x01\x00\x00\x00\x45\x31\xc0\xe8\x00\x00\x00\x00\x90"), 18, 2, 1},
        /* xor %edi,%edi; mov $12,%esi */
        {CODE("\x31\xff\xbe\x0c\x00\x00\x00\xe8\x00\x00\x00\x00\x90"), 12, 0, 12},
        /* mov $1,%edi; mov %rdi,%rsi */
        {CODE("\xbf\x01\x00\x00\x00\x48\x89\xfe\xe8\x00\x00\x00\x00\x90"), 13, 1, 1},
        /* movq $3,%rdi; xor %esi,%esi; a store of %rdi that changes nothing */
        {CODE("\x48\xc7\xc7\x03\x00\x00\x00\x31\xf6\xe8\x00\x00\x00\x00"), 14, 3, 0},
        /* from memory: reflect.Select */
        {CODE("\x48\x8b\x7c\x24\x18\xbe\x01\x00\x00\x00\xe8\x00\x00\x00\x00\x90"), 15, -1, -1},
        /* a call in between */
        {CODE("\xbf\x02\x00\x00\x00\xe8\x00\x00\x00\x00\xbe\x01\x00\x00\x00\xe8\x00\x00\x00\x00"), 20, -1,
         -1},
        /* a jump comes in between the constants and the call */
        {CODE("\x74\x0a\xbf\x02\x00\x00\x00\xbe\x01\x00\x00\x00\xe8\x00\x00\x00\x00\x90"), 17, -1, -1},
        /* the address is not behind a call */
        {CODE("\xbf\x02\x00\x00\x00\xbe\x01\x00\x00\x00\xe8\x00\x00\x00\x00\x90"), 14, -1, -1},
        {CODE("\xbf\x02\x00\x00\x00\xbe\x01\x00\x00\x00\xe8\x00\x00\x00\x00\x90"), 60, -1, -1},
        {CODE("\xbf\x02\x00\x00\x00\xbe\x01\x00\x00\x00\xe8\x00\x00\x00\x00\x90"), 0, -1, -1},
        /* arithmetic on one of them: add $1,%rdi */
        {CODE("\xbf\x02\x00\x00\x00\xbe\x01\x00\x00\x00\x48\x83\xc7\x01\xe8\x00\x00\x00\x00\x90"), 19, -1,
         -1},
        /* no number of cases */
        {CODE("\xbf\xff\xff\xff\x7f\xbe\x01\x00\x00\x00\xe8\x00\x00\x00\x00\x90"), 15, -1, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned sends = 77, receives = 77;
        bool found =
            go_select_decode(rows[i].code.bytes, rows[i].code.size, rows[i].call_end, &sends, &receives);
        if (found != (rows[i].sends >= 0))
            fail_msg("row %zu: found is %d", i, found);
        if (found) {
            assert_int_equal(sends, rows[i].sends);
            assert_int_equal(receives, rows[i].receives);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry),
        cmocka_unit_test(test_newproc_tail),
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_gogo),
        cmocka_unit_test(test_select_constants),
        cmocka_unit_test(test_select_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
