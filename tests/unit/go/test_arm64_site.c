/* The code fragments are what Go compilers emitted for arm64 (cross-compiled programs), cut to what matters. */
#include "go/arm64_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "go/arm64_insn.h"

#define WORDS_MAX 24
#define X(n)      (1u << (n))

struct fragment {
    const char *name;
    uint32_t words[WORDS_MAX]; /* ends with 0 */
};

static struct code code_of(const struct fragment *fragment, uint8_t bytes[4 * WORDS_MAX])
{
    size_t count = 0;
    for (; count < WORDS_MAX && fragment->words[count]; count++) {
        for (unsigned i = 0; i < 4; i++)
            bytes[4 * count + i] = (uint8_t)(fragment->words[count] >> 8 * i);
    }
    return (struct code){bytes, 4 * count, 0x10000};
}

static void expect(const char *name, bool found, const struct place *place, const char *instruction,
                   size_t offset)
{
    if (found != (instruction != NULL))
        fail_msg("%s: found is %d", name, found);
    if (!found)
        return;
    assert_string_equal(place->instruction, instruction);
    assert_int_equal(place->offset, offset);
    assert_int_equal(place->length, 4);
    assert_false(place->may_restart);
}

static void test_entry(void **state)
{
    static const struct {
        struct fragment fragment;
        uint32_t arguments;
        const char *instruction;
        size_t offset;
    } rows[] = {
        {{"gopark 1.21",
          {0xf9400b90, 0xeb3063ff, 0x54000709, 0xf81e0ffe, 0xf81f83fd, 0xd10023fd, 0xf9401b85, 0xb98108a6,
           0x910004c6, 0xd503201f, 0xb90108a6, 0xf9401b85, 0xf94060a6, 0x398000db, 0x910240c7, 0xd503201f,
           0x88dffce7, 0x710008ff, 0x54000080}},
         X(0) | X(1) | X(2),
         "b.cond",
         0x48},
        {{"ready 1.26", {0xf9400b90, 0xeb3063ff, 0x54001269, 0xf81a0ffe, 0xf81f83fd, 0xd10023fd, 0xf90037e0,
                         0x3980001b, 0x91024003, 0xd503201f, 0x88dffc64, 0x9273f884, 0xf9401b85, 0xb98108a6,
                         0x910004c6, 0xd503201f, 0xb90108a6, 0xf9401b85, 0x7100109f, 0x54000861}},
         X(0),
         "b.cond",
         0x4c},
        {{"goexit0 1.26",
          {0xf9400b90, 0xeb3063ff, 0x54000129, 0xf81e0ffe, 0xf81f83fd, 0xd10023fd, 0x9400000a}},
         X(0),
         "bl",
         0x18},
        {{"goschedImpl 1.27",
          {0xf9400b90, 0xeb3063ff, 0x540018c9, 0xf81a0ffe, 0xf81f83fd, 0xd10023fd, 0xf90037e0, 0x3901c3e1,
           0xf9401803, 0xf9406863, 0xf9002be3, 0xd0000dfb}},
         X(0) | X(1),
         "adrp",
         0x2c},
        {{"the same, but x3 is an argument",
          {0xf9400b90, 0xeb3063ff, 0x540018c9, 0xf81a0ffe, 0xf81f83fd, 0xd10023fd, 0xf90037e0, 0x3901c3e1,
           0xf9401803, 0xf9406863, 0xf9002be3, 0xd0000dfb}},
         X(0) | X(3),
         NULL,
         0},
        {{"netpollready 1.21, a leaf", {0x7101c85f, 0x54000060}}, X(1) | X(2), "b.cond", 4},
        {{"a leaf that does something first", {0x91024003, 0x54000060}}, X(1), NULL, 0},
        {{"cut off", {0xf9400b90, 0xeb3063ff, 0x54000129, 0xf81e0ffe, 0xf81f83fd, 0xd10023fd}},
         X(0),
         NULL,
         0},
        {{"nothing", {0}}, 0, NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[4 * WORDS_MAX];
        struct code code = code_of(&rows[i].fragment, bytes);
        struct place place;
        bool found = arm64_site_entry(&code, rows[i].arguments, &place);
        expect(rows[i].fragment.name, found, &place, rows[i].instruction, rows[i].offset);
    }
}

static void test_newproc_tail(void **state)
{
    static const struct {
        struct fragment fragment;
        int g_preempt;
        const char *instruction;
        size_t offset;
    } rows[] = {
        {{"1.26",
          {0xb9010823, 0x7100045f, 0x540000a1, 0x3942c781, 0x36000061, 0x9280a421, 0xf9000b81, 0xf85f83fd,
           0xf84607fe, 0xd65f03c0}},
         177,
         "b.cond",
         8},
        {{"1.27",
          {0xd1000442, 0xb9010822, 0x350000a2, 0x3942c781, 0x36000061, 0x9280a421, 0xf9000b81, 0xf85f83fd,
           0xf84607fe, 0xd65f03c0}},
         177,
         "cbnz",
         8},
        {{"another field",
          {0xb9010823, 0x7100045f, 0x540000a1, 0x3942c781, 0x36000061, 0x9280a421, 0xf9000b81, 0xf85f83fd,
           0xf84607fe, 0xd65f03c0}},
         185,
         NULL,
         0},
        /* mov x0, x1 before the ret */
        {{"x0 is not ready",
          {0xb9010823, 0x7100045f, 0x540000a1, 0x3942c781, 0x36000061, 0x9280a421, 0xf9000b81, 0xaa0103e0,
           0xf84607fe, 0xd65f03c0}},
         177,
         NULL,
         0},
        {{"no ret",
          {0xb9010823, 0x7100045f, 0x540000a1, 0x3942c781, 0x36000061, 0x9280a421, 0xf9000b81, 0xf85f83fd}},
         177,
         NULL,
         0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[4 * WORDS_MAX];
        struct code code = code_of(&rows[i].fragment, bytes);
        struct place place;
        bool found = arm64_site_newproc_tail(&code, rows[i].g_preempt, &place);
        expect(rows[i].fragment.name, found, &place, rows[i].instruction, rows[i].offset);
    }
}

static void test_gogo(void **state)
{
    static const struct fragment good = {"gogo 1.27", {0xf94007e5, 0xf94008a6, 0xf94000c4, 0x17fffe5d}},
                                 bad = {"not gogo", {0xf94007e5, 0xf94008a6, 0xf94000c5, 0x17fffe5d}};
    (void)state;
    uint8_t bytes[4 * WORDS_MAX];
    struct place place;
    struct code code = code_of(&good, bytes);
    bool found = arm64_site_gogo(&code, &place);
    expect(good.name, found, &place, "b", 12);
    code = code_of(&bad, bytes);
    assert_false(arm64_site_gogo(&code, &place));
}

static void test_call(void **state)
{
    static const struct fragment one = {"one call", {0xd503201f, 0x94000010, 0x94000011, 0xd65f03c0}};
    (void)state;
    uint8_t bytes[4 * WORDS_MAX];
    struct place place;
    struct code code = code_of(&one, bytes);
    assert_true(arm64_site_call(&code, 0x10044, &place));
    assert_int_equal(place.offset, 4);
    assert_true(arm64_site_call(&code, 0x1004c, &place));
    assert_int_equal(place.offset, 8);
    assert_false(arm64_site_call(&code, 0x10048, &place));
}

static void test_instructions(void **state)
{
    static const struct {
        uint32_t word;
        enum arm64_kind kind;
        uint32_t writes;
        uint64_t target; /* 0: none */
    } rows[] = {
        {0x17fffe5d, ARM64_B, 0, 0x10000 - 4 * 0x1a3},
        {0x94000010, ARM64_BL, 0, 0x10040},
        {0x54000721, ARM64_B_COND, 0, 0x100e4},
        {0x35000102, ARM64_CBZ, 0, 0x10020},
        {0x36000061, ARM64_TBZ, 0, 0x1000c},
        {0xd0000dfb, ARM64_ADR, X(27), 0},
        {0xd65f03c0, ARM64_RET, 0, 0},
        {0xd61f0360, ARM64_BR, 0, 0},                /* br x27 */
        {0xf9401b85, ARM64_OTHER, X(5), 0},          /* ldr x5, [x28, #48] */
        {0xf90037e0, ARM64_OTHER, 0, 0},             /* str x0, [sp, #104] */
        {0x3942c781, ARM64_OTHER, X(1), 0},          /* ldrb w1, [x28, #177] */
        {0xb98108a6, ARM64_OTHER, X(6), 0},          /* ldrsw x6, [x5, #264] */
        {0xf84607fe, ARM64_OTHER, X(30), 0},         /* ldr x30, [sp], #96 */
        {0xa9417bfd, ARM64_OTHER, X(29) | X(30), 0}, /* ldp x29, x30, [sp, #16] */
        {0xa9017bfd, ARM64_OTHER, 0, 0},             /* stp x29, x30, [sp, #16] */
        {0xaa0103e0, ARM64_OTHER, X(0), 0},          /* mov x0, x1 */
        {0x7100109f, ARM64_OTHER, 0, 0},             /* cmp w4, #4 */
        {0xfd400be0, ARM64_OTHER, 0, 0},             /* ldr d0, [sp, #16] */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arm64_insn insn = arm64_insn_decode(rows[i].word, 0x10000);
        if (insn.kind != rows[i].kind || insn.writes != rows[i].writes)
            fail_msg("%08x: kind %d, writes %#x", rows[i].word, insn.kind, insn.writes);
        assert_int_equal(insn.has_target, rows[i].target != 0);
        if (insn.has_target)
            assert_int_equal(insn.target, rows[i].target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry), cmocka_unit_test(test_newproc_tail), cmocka_unit_test(test_gogo),
        cmocka_unit_test(test_call),  cmocka_unit_test(test_instructions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
