#include "go/go_buildinfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

#define MARK_START "\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"
#define MARK_END   "\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"

static void make_blob(struct buf *out, const char *version, const char *text)
{
    buf_init(out);
    buf_put(out, GO_BUILDINFO_MAGIC, GO_BUILDINFO_MAGIC_SIZE);
    buf_put_u8(out, 8);
    buf_put_u8(out, 2);
    for (int i = 0; i < 16; i++)
        buf_put_u8(out, 0);
    buf_put_string(out, version);
    if (text) {
        buf_put_varint(out, strlen(text) + 32);
        buf_put(out, MARK_START, 16);
        buf_put(out, text, strlen(text));
        buf_put(out, MARK_END, 16);
    } else {
        buf_put_varint(out, 0);
    }
    assert_false(buf_failed(out));
}

static struct go_buildinfo *parse(const char *version, const char *text)
{
    struct buf blob;
    struct go_buildinfo *info;
    struct error err = {0};
    make_blob(&blob, version, text);
    if (go_buildinfo_parse(blob.data, blob.size, "prog", &info, &err) != 0)
        fail_msg("%s", err.message);
    buf_release(&blob);
    return info;
}

static const char *setting(const struct go_build_info *info, const char *key)
{
    for (size_t i = 0; i < info->setting_count; i++) {
        if (strcmp(info->settings[i].key, key) == 0)
            return info->settings[i].value;
    }
    return NULL;
}

static void test_modules(void **state)
{
    (void)state;
    struct go_buildinfo *owner = parse("go1.26.8", "path\texample.com/shop/cmd/shop\n"
                                                   "mod\texample.com/shop\tv1.4.0\th1:abc=\n"
                                                   "dep\tgithub.com/a/plain\tv0.3.1\th1:def=\n"
                                                   "dep\tgithub.com/b/replaced\tv1.0.0\n"
                                                   "=>\tgithub.com/fork/replaced\tv1.0.1-0.2025\th1:ghi=\n"
                                                   "dep\tgithub.com/c/local\tv2.0.0\n"
                                                   "=>\t./local\t(devel)\t\n"
                                                   "build\t-buildmode=exe\n"
                                                   "build\tGOARCH=amd64\n"
                                                   "build\tvcs=git\n"
                                                   "build\tvcs.revision=0123456789abcdef\n"
                                                   "build\tvcs.time=2026-01-02T03:04:05Z\n"
                                                   "build\tvcs.modified=true\n");
    const struct go_build_info *info = go_buildinfo_get(owner);
    assert_int_equal(info->major, 1);
    assert_int_equal(info->minor, 26);
    assert_string_equal(info->version, "go1.26.8");
    assert_string_equal(info->path, "example.com/shop/cmd/shop");
    assert_string_equal(info->main_path, "example.com/shop");
    assert_string_equal(info->main_version, "v1.4.0");
    assert_int_equal(info->dep_count, 3);
    assert_string_equal(info->deps[0].path, "github.com/a/plain");
    assert_string_equal(info->deps[0].version, "v0.3.1");
    assert_null(info->deps[0].replace_path);
    assert_string_equal(info->deps[1].path, "github.com/b/replaced");
    assert_string_equal(info->deps[1].replace_path, "github.com/fork/replaced");
    assert_string_equal(info->deps[1].replace_version, "v1.0.1-0.2025");
    assert_string_equal(info->deps[2].replace_path, "./local");
    assert_string_equal(info->deps[2].replace_version, "(devel)");
    assert_int_equal(info->setting_count, 6);
    assert_string_equal(setting(info, "vcs.revision"), "0123456789abcdef");
    assert_string_equal(setting(info, "vcs.modified"), "true");
    assert_string_equal(setting(info, "GOARCH"), "amd64");
    go_buildinfo_free(owner);
}

static void test_quoting(void **state)
{
    (void)state;
    struct go_buildinfo *owner =
        parse("go1.22.12", "path\tx\n"
                           "build\t-ldflags=\"-X main.v=\\\"1 2\\\" \\t\\u00e4\\x41\\101\"\n"
                           "build\t\"odd=key\"=value\n"
                           "build\tunfinished=\"abc\\\n"
                           "build\tnothing\n"
                           "build\tempty=\n");
    const struct go_build_info *info = go_buildinfo_get(owner);
    assert_string_equal(setting(info, "-ldflags"), "-X main.v=\"1 2\" \t\xc3\xa4"
                                                   "AA");
    assert_string_equal(setting(info, "odd=key"), "value");
    assert_string_equal(setting(info, "unfinished"), "abc");
    assert_string_equal(setting(info, "empty"), "");
    assert_int_equal(info->setting_count, 4);
    go_buildinfo_free(owner);
}

static void test_without_modules(void **state)
{
    (void)state;
    struct go_buildinfo *owner = parse("go1.21.0", NULL);
    const struct go_build_info *info = go_buildinfo_get(owner);
    assert_int_equal(info->minor, 21);
    assert_string_equal(info->path, "");
    assert_string_equal(info->main_path, "");
    assert_int_equal(info->dep_count, 0);
    go_buildinfo_free(owner);
}

static void test_versions(void **state)
{
    static const struct {
        const char *text;
        int minor, patch; /* 0: none */
    } rows[] = {
        {"go1.26.8", 26, 8},
        {"go1.21", 21, 0},
        {"go1.26-abcdef", 26, 0},
        {"go1.26rc1 X:nodwarf5", 26, 0},
        {"devel go1.27-0123abc Mon Jan 2", 27, 0},
        {"go1.24.6-fips", 24, 6},
        {"devel +0123abcd", 0, 0},
        {"go", 0, 0},
        {"go1", 0, 0},
        {"go1.x", 0, 0},
        {"gopher go1.5", 5, 0},
        {"go99999999999999999999.1", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int major = 0, minor = 0, patch = 0;
        bool found = go_buildinfo_version(rows[i].text, &major, &minor, &patch);
        if (found != (rows[i].minor != 0) || minor != rows[i].minor || patch != rows[i].patch)
            fail_msg("'%s' was read as %d.%d.%d", rows[i].text, major, minor, patch);
    }
}

static void test_damage(void **state)
{
    struct buf blob;
    struct go_buildinfo *info;
    struct error err = {0};
    (void)state;
    assert_int_equal(go_buildinfo_parse("hello", 5, "prog", &info, &err), ERR_NOT_FOUND);
    make_blob(&blob, "go1.26.8", "path\tx\n");
    for (size_t cut = 0; cut < blob.size; cut++) {
        int rc = go_buildinfo_parse(blob.data, cut, "prog", &info, &err);
        /* the version alone is enough; what is cut off of the modules is left out */
        assert_int_equal(rc, cut < GO_BUILDINFO_MAGIC_SIZE ? ERR_NOT_FOUND
                             : cut < 32 + 1 + 8            ? ERR_DAMAGED
                                                           : 0);
        if (rc == 0) {
            assert_string_equal(go_buildinfo_get(info)->path, "");
            go_buildinfo_free(info);
        }
    }
    blob.data[15] = 0; /* pointers instead of strings: before Go 1.18 */
    assert_int_equal(go_buildinfo_parse(blob.data, blob.size, "prog", &info, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "1.18"));
    buf_release(&blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modules),         cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_without_modules), cmocka_unit_test(test_versions),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
