/* Lengths were taken from objdump (binutils). */
#include "go/x86_insn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct sample {
    const char *bytes;
    size_t length;
};

#define S(bytes)                                                                                             \
    {                                                                                                        \
        bytes, sizeof bytes - 1                                                                              \
    }

static const struct sample samples[] = {
    S("\x55"),                                         /* push %rbp */
    S("\x41\x54"),                                     /* push %r12 */
    S("\x49\x3b\x66\x10"),                             /* cmp 0x10(%r14),%rsp */
    S("\x4d\x3b\x66\x10"),                             /* cmp 0x10(%r14),%r12 */
    S("\x4c\x8d\x64\x24\xf0"),                         /* lea -0x10(%rsp),%r12 */
    S("\x4c\x8d\xa4\x24\x00\xff\xff\xff"),             /* lea -0x100(%rsp),%r12 */
    S("\x0f\x86\xbd\x00\x00\x00"),                     /* jbe rel32 */
    S("\x76\x18"),                                     /* jbe rel8 */
    S("\x41\x80\xbe\xb1\x00\x00\x00\x00"),             /* cmpb $0,0xb1(%r14) */
    S("\x49\xc7\x46\x10\xde\xfa\xff\xff"),             /* movq $-0x522,0x10(%r14) */
    S("\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08"),     /* movabs $imm64,%rax */
    S("\x66\xb8\x01\x02"),                             /* mov $0x201,%ax */
    S("\xbf\x02\x00\x00\x00"),                         /* mov $2,%edi */
    S("\x31\xf6"),                                     /* xor %esi,%esi */
    S("\xe8\x48\xa2\xfa\xff"),                         /* call rel32 */
    S("\xff\xd0"),                                     /* call *%rax */
    S("\xff\x14\x25\x00\x10\x00\x00"),                 /* call *0x1000 (SIB without base) */
    S("\x48\x8d\x15\x21\xf7\x18\x00"),                 /* lea rip-relative,%rdx */
    S("\x80\x3d\xbb\xf7\x19\x00\x00"),                 /* cmpb $0,rip-relative */
    S("\x48\x81\x3d\x01\x02\x03\x04\x05\x06\x07\x08"), /* cmpq $imm32,rip-relative */
    S("\x66\x81\xf9\x01\x02"),                         /* cmp $imm16,%cx */
    S("\xf6\x40\x10\x01"),                             /* testb $1,0x10(%rax) */
    S("\xf6\xd8"),                                     /* neg %al */
    S("\x48\xf7\xc1\x01\x00\x00\x00"),                 /* test $1,%rcx */
    S("\x66\xf7\xc1\x01\x00"),                         /* test $1,%cx */
    S("\x48\xf7\xf1"),                                 /* div %rcx */
    S("\xf0\x48\x0f\xb1\x0a"),                         /* lock cmpxchg %rcx,(%rdx) */
    S("\x44\x0f\x11\x7c\x24\x50"),                     /* movups %xmm15,0x50(%rsp) */
    S("\x66\x0f\x1f\x84\x00\x00\x00\x00\x00"),         /* nopw 0(%rax,%rax,1) */
    S("\x66\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00"), /* data16 cs nopw */
    S("\xf3\x0f\xb8\xc1"),                             /* popcnt %ecx,%eax */
    S("\x66\x0f\x70\xc1\xee"),                         /* pshufd $0xee,%xmm1,%xmm0 */
    S("\x66\x0f\x38\x00\xc1"),                         /* pshufb %xmm1,%xmm0 */
    S("\x66\x0f\x3a\x63\xc1\x0c"),                     /* pcmpistri */
    S("\x0f\xba\xe0\x05"),                             /* bt $5,%eax */
    S("\x0f\x05"),                                     /* syscall */
    S("\x0f\x0b"),                                     /* ud2 */
    S("\xc5\xf8\x77"),                                 /* vzeroupper */
    S("\xc5\xfd\x6f\x0e"),                             /* vmovdqa (%rsi),%ymm1 */
    S("\xc5\xf9\x70\xc1\xee"),                         /* vpshufd $0xee */
    S("\xc4\xe2\x7d\x58\xc0"),                         /* vpbroadcastd */
    S("\xc4\xe3\x7d\x39\xc1\x01"),                     /* vextracti128 $1 */
    S("\xc4\xe2\xfb\xf6\xc2"),                         /* mulx %rdx,%rax,%rax */
    S("\x62\xf1\xfe\x48\x6f\x46\x01"),                 /* vmovdqu64 0x40(%rsi),%zmm0 */
    S("\x62\xf3\x75\x48\x25\xc2\x96"),                 /* vpternlogd $0x96 */
    S("\x62\xf1\x7d\x48\x7f\x84\x24\x00\x01\x00\x01"), /* vmovdqa32 %zmm0,0x1000100(%rsp) */
    S("\xc3"),                                         /* ret */
    S("\xcc"),                                         /* int3 */
};

static void test_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct x86_insn insn;
        const uint8_t *code = (const uint8_t *)samples[i].bytes;
        size_t length = samples[i].length;
        if (x86_insn_decode(code, length, &insn) != length)
            fail_msg("sample %zu is not %zu bytes long", i, length);
        assert_int_equal(insn.length, length);
        /* every byte of an instruction is needed */
        for (size_t cut = 0; cut < length; cut++)
            assert_int_equal(x86_insn_decode(code, cut, &insn), 0);
    }
}

static void test_undefined(void **state)
{
    static const char *const undefined[] = {"\x06",
                                            "\x27",
                                            "\x60",
                                            "\x82\xc0\x01",
                                            "\x9a\x01\x02\x03\x04\x05\x06",
                                            "\xd4\x0a",
                                            "\xea",
                                            "\x0f\x04",
                                            "\x0f\x24\xc0",
                                            "\xc4\xe0\x7d\x58\xc0",
                                            "\x48\xc5\xf8\x77",
                                            "\x8f\xe9\x78\x80\xc0"};
    struct x86_insn insn;
    (void)state;
    for (size_t i = 0; i < sizeof undefined / sizeof *undefined; i++) {
        uint8_t code[16] = {0};
        memcpy(code, undefined[i], strlen(undefined[i]));
        if (x86_insn_decode(code, sizeof code, &insn) != 0)
            fail_msg("sample %zu is no instruction", i);
    }
    /* fifteen bytes are the limit */
    uint8_t prefixes[20];
    memset(prefixes, 0x66, sizeof prefixes);
    prefixes[19] = 0x90;
    assert_int_equal(x86_insn_decode(prefixes, sizeof prefixes, &insn), 0);
}

static void test_fields(void **state)
{
    struct x86_insn insn;
    uint64_t target;
    (void)state;
    const uint8_t load[] = {0x4c, 0x8b, 0x44, 0x24, 0xf8}; /* mov -8(%rsp),%r8 */
    assert_int_equal(x86_insn_decode(load, sizeof load, &insn), sizeof load);
    assert_int_equal(insn.reg, X86_R8);
    assert_int_equal(insn.rm, X86_SP);
    assert_int_equal(insn.sib, 0x24);
    assert_int_equal(x86_insn_displacement(&insn, load), -8);
    const uint8_t move[] = {0x49, 0x89, 0xf6}; /* mov %rsi,%r14 */
    assert_int_equal(x86_insn_decode(move, sizeof move, &insn), sizeof move);
    assert_int_equal(insn.mod, 3);
    assert_int_equal(insn.reg, X86_SI);
    assert_int_equal(insn.rm, X86_R14);
    const uint8_t jump[] = {0x0f, 0x85, 0xfa, 0xff, 0xff, 0xff}; /* jne to itself */
    assert_int_equal(x86_insn_decode(jump, sizeof jump, &insn), sizeof jump);
    assert_true(x86_insn_is_jcc(&insn));
    assert_true(x86_insn_branch(&insn, jump, 0x1000, &target));
    assert_int_equal(target, 0x1000);
    const uint8_t call[] = {0xe8, 0x00, 0x01, 0x00, 0x00};
    assert_int_equal(x86_insn_decode(call, sizeof call, &insn), sizeof call);
    assert_true(x86_insn_is_call(&insn));
    assert_true(x86_insn_branch(&insn, call, 0x1000, &target));
    assert_int_equal(target, 0x1105);
    const uint8_t ret[] = {0xc3};
    assert_int_equal(x86_insn_decode(ret, sizeof ret, &insn), 1);
    assert_true(x86_insn_is_ret(&insn));
    assert_false(x86_insn_branch(&insn, ret, 0x1000, &target));
    /* 85 as a VEX opcode is no jump */
    const uint8_t vex[] = {0xc5, 0xf8, 0x54, 0xc1};
    assert_int_equal(x86_insn_decode(vex, sizeof vex, &insn), sizeof vex);
    assert_false(x86_insn_is_jcc(&insn));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_undefined),
        cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
