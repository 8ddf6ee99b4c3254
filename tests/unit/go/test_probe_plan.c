/*
 * Probe sites and fetch arguments in real programs of every supported Go version, plain and
 * position-independent, and in builds that change the runtime's code.
 */
#include "go/probe_plan.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "go/probe_choice.h"
#include "go/probe_fetch.h"
#include "go/span_plan.h"
#include "go_builds.h"

/* Where the sites of plain builds are, measured once by disassembly. */
static const struct {
    int minor;
    unsigned create, net, end;
} known_sites[] = {
    {18, 0x31a, 3, 4}, {19, 0x34f, 3, 4}, {20, 0x358, 3, 4}, {21, 0x338, 3, 0xa}, {22, 0x3b4, 0, 6},
    {23, 0x3e4, 0, 6}, {24, 0x427, 0, 6}, {25, 0x436, 0, 6}, {26, 0x46d, 0, 6},   {27, 0x460, 0, 6},
};

/* An instruction that the kernel emulates: push %rbp, jcc, call or jmp with a distance. */
static bool is_emulated(const uint8_t *bytes)
{
    return bytes[0] == 0x55 || (bytes[0] & 0xf0) == 0x70 || (bytes[0] == 0x0f && (bytes[1] & 0xf0) == 0x80) ||
           bytes[0] == 0xe8 || bytes[0] == 0xe9;
}

static void check_site(const struct go_binary *binary, const char *version, enum probe_id id,
                       const struct probe_site *site)
{
    const char *name = probe_spec_get(id)->name;
    uint64_t start, end, offset;
    if (!site->found && !probe_spec_get(id)->required) {
        if (!site->unneeded)
            fail_msg("Go %s: no site for %s: %s", version, name, site->missing);
        assert_true(strlen(site->missing) > 0);
        return;
    }
    if (!site->found)
        fail_msg("Go %s: no site for %s: %s", version, name, site->missing);
    assert_true(go_binary_function(binary, site->function, &start, &end));
    assert_int_equal(site->address, start + site->function_offset);
    assert_true(site->address < end);
    assert_true(go_binary_file_offset(binary, site->address, &offset));
    assert_int_equal(site->file_offset, offset);
    assert_memory_equal(site->bytes, go_binary_bytes(binary, site->address, site->byte_count),
                        site->byte_count);
    if (!is_emulated(site->bytes))
        fail_msg("Go %s: %s sits at %02x %02x", version, name, site->bytes[0], site->bytes[1]);
    assert_int_equal(site->cost, PROBE_COST_EMULATED);
}

static void check_plan(struct go_binary *binary, const char *version, const char *path)
{
    struct probe_plan plan;
    struct error err = {0};
    (void)path;
    if (probe_plan_make(binary, DETAIL_ALL, &plan, &err) != 0)
        fail_msg("Go %s: %s", version, err.message);
    assert_string_equal(plan.note, "");
    for (enum probe_id id = 0; id < PROBE_COUNT; id++)
        check_site(binary, version, id, &plan.sites[id]);
    for (size_t i = 0; i < sizeof known_sites / sizeof *known_sites; i++) {
        if (known_sites[i].minor != go_binary_build_info(binary)->minor)
            continue;
        assert_int_equal(plan.sites[PROBE_CREATE].function_offset, known_sites[i].create);
        assert_int_equal(plan.sites[PROBE_NET].function_offset, known_sites[i].net);
        assert_int_equal(plan.sites[PROBE_END].function_offset, known_sites[i].end);
        assert_int_equal(plan.sites[PROBE_PARK].function_offset, known_sites[i].minor <= 20 ? 4 : 0xa);
    }
    assert_int_equal(plan.sites[PROBE_SELECT].bytes[0], 0xe8);
    assert_false(plan.loses_semaphores);
    assert_non_null(strstr(plan.sites[PROBE_CREATE].fetch, "g=%ax:x64 "));
}

static void test_plan(void **state)
{
    (void)state;
    go_build_each(check_plan);
}

/* Builds that change the code: the rules must still find every site, and where newproc1 keeps its g. */
static void test_plan_of_other_builds(void **state)
{
    static const struct {
        const char *version;
        enum go_build_kind kind;
        const char *create;
    } rows[] = {
        {"1.18.10", BUILD_NO_OPT, "g=%bx:x64 "},       {"1.18.10", BUILD_RACE, "g=%cx:x64 "},
        {"1.18.10", BUILD_EXTERNAL_PIE, "g=%ax:x64 "}, {"1.20.14", BUILD_STRIPPED_PIE, "g=%ax:x64 "},
        {"1.21.13", BUILD_NO_OPT, "g=%bx:x64 "},       {"1.27.1", BUILD_NO_OPT, "g=%bx:x64 "},
        {"1.26.8", BUILD_RACE, "g=%cx:x64 "},          {"1.27.1", BUILD_STRIPPED, "g=%ax:x64 "},
        {"1.24.11", BUILD_EXTERNAL_PIE, "g=%ax:x64 "},
    };
    unsigned done = 0;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct go_binary *binary = go_build_open(rows[i].version, rows[i].kind);
        struct probe_plan plan;
        struct error err = {0};
        if (!binary)
            continue;
        if (probe_plan_make(binary, DETAIL_ALL, &plan, &err) != 0)
            fail_msg("Go %s: %s", rows[i].version, err.message);
        for (enum probe_id id = 0; id < PROBE_COUNT; id++)
            check_site(binary, rows[i].version, id, &plan.sites[id]);
        assert_non_null(strstr(plan.sites[PROBE_CREATE].fetch, rows[i].create));
        assert_int_equal(plan.loses_semaphores,
                         rows[i].kind == BUILD_NO_OPT && go_binary_build_info(binary)->minor <= 21);
        go_binary_close(binary);
        done++;
    }
    if (done == 0)
        skip();
}

/* The program's functions are named after what they select: S2R1 has two sends and one receive. */
static void check_selects(struct go_binary *binary, const char *version, const char *path)
{
    static const char *const names[] = {"S0R2", "S2R0", "S1R2", "S1R1Loop", "S0R12", "S2R1Default"};
    /* of selectgo's array, where each stands in the source */
    static const uint8_t places[][12] = {
        {1, 0}, {0, 1}, {1, 2, 0}, {0, 1}, {11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}, {0, 1, 2}};
    uint64_t selectgo, selectgo_end;
    (void)path;
    assert_true(go_binary_function(binary, "runtime.selectgo", &selectgo, &selectgo_end));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        uint64_t start, end;
        unsigned sends = 99, receives = 99, calls = 0;
        snprintf(name, sizeof name, "main.select%s", names[i]);
        assert_true(go_binary_function(binary, name, &start, &end));
        for (uint64_t at = start; at + 5 <= end; at++) {
            const uint8_t *code = go_binary_bytes(binary, at, 5);
            int32_t distance;
            memcpy(&distance, code + 1, sizeof distance);
            if (code[0] != 0xe8 || at + 5 + (uint64_t)(int64_t)distance != selectgo)
                continue;
            calls++;
            if (!go_binary_select_counts(binary, at + 5, &sends, &receives))
                fail_msg("Go %s: the select in %s cannot be decoded", version, name);
            assert_false(go_binary_select_counts(binary, at + 6, &sends, &receives));
            assert_true(go_binary_select_counts(binary, at + 5, &sends, &receives)); /* cached by now */
            for (unsigned tries = 0; tries < 2; tries++) {
                uint8_t order[GO_SELECT_ORDER_MAX];
                if (!go_binary_select_order(binary, at + 5, order))
                    fail_msg("Go %s: the order of the select in %s is not found", version, name);
                assert_memory_equal(order, places[i], sends + receives);
                assert_false(go_binary_select_order(binary, at + 6, order));
            }
        }
        assert_int_equal(calls, 1);
        unsigned known_sends = 0, known_receives = 0;
        assert_int_equal(sscanf(names[i], "S%uR%u", &known_sends, &known_receives), 2);
        assert_int_equal(sends, known_sends);
        assert_int_equal(receives, known_receives);
    }
}

/* Real programs for arm64, cross-compiled: every place is one that the kernel simulates, within its function. */
static void test_arm64(void **state)
{
    static const enum probe_id wanted[] = {
        PROBE_CREATE, PROBE_EXEC,  PROBE_PARK,         PROBE_SELECT,       PROBE_READY, PROBE_NET,
        PROBE_END,    PROBE_SCHED, PROBE_PREEMPT_PARK, PROBE_SYSCALL_NO_P, PROBE_YIELD, PROBE_STW_END};
    unsigned done = 0;
    (void)state;
    for (unsigned i = 0; go_versions[i]; i++) {
        const char *path = go_build(go_versions[i], BUILD_ARM64);
        struct go_binary *binary;
        struct probe_plan plan;
        struct error err = {0};
        if (!path)
            continue;
        assert_int_equal(go_binary_open(path, "program", &binary, &err), ERR_UNSUPPORTED);
        if (go_binary_open_any(path, "program", &binary, &err) != 0 ||
            probe_plan_make(binary, DETAIL_ALL, &plan, &err) != 0)
            fail_msg("Go %s for arm64: %s", go_versions[i], err.message);
        assert_true(go_binary_is_arm64(binary));
        for (unsigned k = 0; k < sizeof wanted / sizeof *wanted; k++) {
            const struct probe_site *site = &plan.sites[wanted[k]];
            uint64_t start, end;
            if (!site->found)
                fail_msg("Go %s for arm64: %s: %s", go_versions[i], probe_spec_get(wanted[k])->name,
                         site->missing);
            assert_true(go_binary_function(binary, site->function, &start, &end));
            assert_int_equal(site->address, start + site->function_offset);
            assert_true(site->address < end && site->address % 4 == 0);
        }
        assert_string_equal(plan.sites[PROBE_SELECT].instruction, "bl");
        assert_true(strstr("b.cond cbnz cbz", plan.sites[PROBE_CREATE].instruction) != NULL);
        go_binary_close(binary);
        done++;
    }
    if (done == 0)
        skip();
}

static void test_selects(void **state)
{
    (void)state;
    go_build_each(check_selects);
}

/* One fetch expression: %reg, +N(expression), -N(expression) or \N. Returns what follows it, NULL when
 * malformed. */
static const char *parse_expression(const char *at, unsigned depth)
{
    static const char *const registers[] = {"ax", "bx", "cx", "dx", "si", "di",
                                            "bp", "sp", "r8", "r9", "r14"};
    char *end;
    if (depth > 13)
        return NULL;
    if (strncmp(at, "@+", 2) == 0)
        return strtoul(at + 2, &end, 10) > 0 ? end : NULL;
    if (*at == '\\')
        return strtoul(at + 1, &end, 0) <= 255 && end > at + 1 ? end : NULL;
    if (*at == '%') {
        for (size_t i = 0; i < sizeof registers / sizeof *registers; i++) {
            size_t length = strlen(registers[i]);
            if (strncmp(at + 1, registers[i], length) == 0 && !isalnum((unsigned char)at[1 + length]))
                return at + 1 + length;
        }
        return NULL;
    }
    if ((*at != '+' && *at != '-') || !isdigit((unsigned char)at[1]))
        return NULL;
    strtol(at + 1, &end, 10);
    if (*end != '(')
        return NULL;
    at = parse_expression(end + 1, depth + 1);
    return at && *at == ')' ? at + 1 : NULL;
}

static void check_fetch(enum probe_id id, const char *fetch)
{
    static const char *const types[] = {"u8", "u32", "u64", "s32", "x64", "x64[16]"};
    const struct probe_spec *spec = probe_spec_get(id);
    char copy[1024], *rest = NULL;
    unsigned index = 0;
    assert_true(strlen(fetch) < sizeof copy);
    strcpy(copy, fetch);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest), index++) {
        const char *name = spec->values[index].name;
        assert_non_null(name);
        size_t length = strlen(name);
        if (strncmp(word, name, length) != 0 || word[length] != '=')
            fail_msg("%s: value %u is '%s', expected '%s='", spec->name, index, word, name);
        assert_true(strlen(word) < 63);
        const char *type = parse_expression(word + length + 1, 0);
        if (!type || *type != ':')
            fail_msg("%s: '%s' is no fetch argument", spec->name, word);
        bool known = false;
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            known = known || strcmp(type + 1, types[i]) == 0;
        if (!known)
            fail_msg("%s: '%s' has no known type", spec->name, word);
        assert_int_equal(spec->values[index].elements > 1, strchr(type, '[') != NULL);
    }
    assert_null(spec->values[index].name);
}

static void test_fetch(void **state)
{
    struct go_layout layout;
    (void)state;
    for (size_t i = 0; i < sizeof layout / sizeof(int); i++)
        ((int *)&layout)[i] = 0x200 + 8 * (int)i;
    static const char *const places[] = {"%ax", "%cx", "+128(%sp)"};
    for (enum probe_id id = 0; id < PROBE_COUNT; id++) {
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            for (int minor = 18; minor <= 27; minor++) {
                char fetch[1024];
                struct probe_fetch_input input = {.layout = &layout,
                                                  .minor = minor,
                                                  .detail = minor % 2 ? DETAIL_ALL : DETAIL_BLOCK,
                                                  .g = places[i],
                                                  .gomaxprocs = minor == 22 ? 0 : 0x1234567,
                                                  .exec_is_fallback = minor == 21};
                assert_true(probe_fetch_format(id, &input, fetch, sizeof fetch));
                check_fetch(id, fetch);
                assert_false(probe_fetch_format(id, &input, fetch, 5));
            }
        }
    }
}

/* The finer levels add to the coarser ones, and some values are fetched by the finer ones alone. */
static void check_levels(struct go_binary *binary, const char *version, const char *path)
{
    static const unsigned count[DETAIL_COUNT] = {
        [DETAIL_SNAPSHOT] = 0, [DETAIL_BLOCK] = 11, [DETAIL_SCHED] = 12, [DETAIL_ALL] = 16};
    (void)path;
    for (unsigned level = 0; level < DETAIL_COUNT; level++) {
        struct probe_plan plan;
        struct error err = {0};
        unsigned armed = 0;
        if (probe_plan_make(binary, (enum record_detail)level, &plan, &err) != 0)
            fail_msg("Go %s: %s", version, err.message);
        for (enum probe_id id = 0; id < PROBE_COUNT; id++)
            armed += probe_plan_is_armed(&plan, id);
        assert_in_range(armed, count[level], level == DETAIL_SNAPSHOT ? 0 : count[level] + 6);
        assert_int_equal(probe_plan_is_armed(&plan, PROBE_PARK), level >= DETAIL_BLOCK);
        assert_int_equal(probe_plan_is_armed(&plan, PROBE_EXEC), level >= DETAIL_SCHED);
        /* every end of a run is told where none of its starts is */
        assert_int_equal(probe_plan_is_armed(&plan, PROBE_SCHED), level >= DETAIL_BLOCK);
        assert_int_equal(probe_plan_is_armed(&plan, PROBE_ASSIST), level >= DETAIL_ALL);
        bool has_labels = strstr(plan.sites[PROBE_PARK].fetch, "labels=+") != NULL;
        assert_true(has_labels);
        bool has_sudog = strstr(plan.sites[PROBE_READY].fetch, "sudog=+") != NULL;
        assert_int_equal(has_sudog, level >= DETAIL_ALL);
    }
}

static void test_levels(void **state)
{
    enum record_detail level;
    (void)state;
    for (unsigned i = 0; i < DETAIL_COUNT; i++) {
        assert_true(record_detail_find(record_detail_name((enum record_detail)i), &level));
        assert_int_equal(level, i);
    }
    assert_false(record_detail_find("", &level));
    assert_false(record_detail_find("everything", &level));
    go_build_each(check_levels);
}

static void check_spans(struct go_binary *binary, const char *version, const char *path)
{
    struct span_plan plan;
    struct error err = {0};
    uint64_t start, end;
    (void)path;
    if (span_plan_make(binary, "main.keep", "value_1=%ax:u64", &plan, &err) != 0)
        fail_msg("Go %s: %s", version, err.message);
    assert_true(go_binary_function(binary, "main.keep", &start, &end));
    assert_int_equal(plan.entry.cost, PROBE_COST_EMULATED);
    assert_true(is_emulated(plan.entry.bytes));
    assert_true(plan.entry.address > start && plan.entry.address < end);
    assert_non_null(strstr(plan.entry.fetch, " value_1=%ax:u64"));
    assert_true(plan.return_count >= 1);
    for (unsigned i = 0; i < plan.return_count; i++) {
        assert_int_equal(plan.returns[i].bytes[0], 0xc3);
        assert_int_equal(plan.returns[i].cost, PROBE_COST_SINGLE_STEP);
        assert_true(plan.returns[i].address > plan.entry.address && plan.returns[i].address < end);
        assert_null(strstr(plan.returns[i].fetch, "value_1"));
    }
    span_plan_release(&plan);

    assert_int_equal(span_plan_make(binary, "main.kepe", "", &plan, &err), ERR_USAGE);
    assert_non_null(strstr(err.message, "did you mean main.keep"));
    assert_int_equal(span_plan_make(binary, "nowhere.at_all", "", &plan, &err), ERR_USAGE);
    assert_null(strstr(err.message, "did you mean"));
    assert_int_equal(span_plan_make(binary, "main.through", "", &plan, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "inlined"));
}

static void test_spans(void **state)
{
    (void)state;
    go_build_each(check_spans);
}

static void check_choice(struct go_binary *binary, const char *version, const char *path)
{
    struct probe_plan plan;
    struct error err = {0};
    (void)path;
    if (probe_plan_make(binary, DETAIL_SCHED, &plan, &err) != 0)
        fail_msg("Go %s: %s", version, err.message);
    struct probe_plan whole = plan;
    assert_int_equal(probe_choice_apply(&plan, NULL, &err), 0);
    assert_memory_equal(&plan, &whole, sizeof plan);
    static const char *const wrong[] = {"", "par", "parked", "park,", ",park", "park,exec,now", "context"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(probe_choice_apply(&plan, wrong[i], &err), ERR_USAGE);
        assert_memory_equal(&plan, &whole, sizeof plan);
    }
    assert_int_equal(probe_choice_apply(&plan, "park,exec", &err), 0);
    for (enum probe_id id = 0; id < PROBE_COUNT; id++)
        assert_int_equal(probe_plan_is_armed(&plan, id), id == PROBE_PARK || id == PROBE_EXEC);
    assert_int_equal(plan.copy_count, whole.copy_count);
    plan = whole;
    plan.copy_count = 1;
    assert_int_equal(probe_choice_apply(&plan, "exec", &err), 0);
    assert_int_equal(plan.copy_count, 0);
}

static void test_choice(void **state)
{
    (void)state;
    go_build_each(check_choice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),  cmocka_unit_test(test_plan_of_other_builds),
        cmocka_unit_test(test_arm64), cmocka_unit_test(test_selects),
        cmocka_unit_test(test_fetch), cmocka_unit_test(test_levels),
        cmocka_unit_test(test_spans), cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
