/* Names, commands and cleaning up, in folders that only look like /proc and tracefs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perf/process_start.h"
#include "perf/tracefs.h"
#include "perf/uprobe.h"

struct folders {
    char top[64], proc[128], tracefs[128];
    uint64_t namespace_inode;
};

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_folder(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_process(const struct folders *f, unsigned pid, const char *name, uint64_t start)
{
    char number[32], path[160], text[256];
    snprintf(number, sizeof number, "%u", pid);
    make_folder(f->proc, number);
    snprintf(path, sizeof path, "%u/stat", pid);
    snprintf(text, sizeof text, "%u (%s) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 %" PRIu64 " 23 24\n",
             pid, name, start);
    write_file(f->proc, path, text);
}

static void set_up(struct folders *f)
{
    struct stat st;
    char path[160];
    strcpy(f->top, "/tmp/gotape-test-XXXXXX");
    assert_non_null(mkdtemp(f->top));
    make_folder(f->top, "proc");
    make_folder(f->top, "tracefs");
    snprintf(f->proc, sizeof f->proc, "%s/proc", f->top);
    snprintf(f->tracefs, sizeof f->tracefs, "%s/tracefs", f->top);
    make_folder(f->proc, "self");
    make_folder(f->proc, "self/ns");
    write_file(f->proc, "self/ns/pid", "");
    snprintf(path, sizeof path, "%s/self/ns/pid", f->proc);
    assert_int_equal(stat(path, &st), 0);
    f->namespace_inode = st.st_ino;
    make_process(f, (unsigned)getpid(), "test) (odd) name", 4711);
    write_file(f->tracefs, "uprobe_events", "");
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void tear_down(struct folders *f)
{
    nftw(f->top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static char *read_events(const struct folders *f)
{
    char path[256], *text;
    struct error err;
    snprintf(path, sizeof path, "%s/uprobe_events", f->tracefs);
    assert_int_equal(tracefs_read(path, 1 << 16, &text, &err), 0);
    return text;
}

static void test_owner_names(void **state)
{
    (void)state;
    const struct uprobe_owner biggest = {UINT32_MAX, UINT64_MAX, UINT64_MAX};
    struct uprobe_owner owner;
    char name[64];
    uprobe_owner_name(&biggest, name, sizeof name);
    assert_true(strlen(name) < 63);
    assert_true(uprobe_owner_parse(name, strlen(name), &owner));
    assert_memory_equal(&owner.pid, &biggest.pid, sizeof owner.pid);
    assert_true(owner.start_time == UINT64_MAX && owner.namespace_inode == UINT64_MAX);
    assert_true(uprobe_owner_parse("gotape_7_0_9/x", 12, &owner));
    assert_true(owner.pid == 7 && owner.start_time == 0 && owner.namespace_inode == 9);
    static const char *const others[] = {
        "",
        "gotape",
        "gotape_",
        "gotape_1",
        "gotape_1_2",
        "gotape_1_2_",
        "gotape_1_2_3_4",
        "gotape_1_2_3x",
        "gotape_x_2_3",
        "gotape__2_3",
        "gotape_-1_2_3",
        "gotape_+1_2_3",
        "gotape_01_2_3",
        "gotape_4294967296_2_3",
        "gotape_1_18446744073709551616_3",
        "xgotape_1_2_3",
        "Gotape_1_2_3",
        "gotape_1_2_ 3",
        "uprobes",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(uprobe_owner_parse(others[i], strlen(others[i]), &owner));
}

static void test_start_time(void **state)
{
    (void)state;
    struct folders f;
    uint64_t start;
    set_up(&f);
    assert_true(process_start_time(f.proc, (uint32_t)getpid(), &start));
    assert_int_equal(start, 4711);
    assert_false(process_start_time(f.proc, 1, &start));
    make_folder(f.proc, "77");
    write_file(f.proc, "77/stat", "77 (short) S 1 2");
    assert_false(process_start_time(f.proc, 77, &start));
    assert_true(process_start_time("/proc", (uint32_t)getpid(), &start));
    tear_down(&f);
}

static void test_define_writes_one_line(void **state)
{
    (void)state;
    struct folders f;
    struct uprobe_group *group;
    struct error err;
    char wanted[512];
    set_up(&f);
    write_file(f.tracefs, "uprobe_events", "p:other/event /bin/x:0x1\n");
    assert_int_equal(uprobe_group_new_at(f.tracefs, f.proc, &group, &err), 0);
    assert_int_equal(uprobe_define(group, "park", "/proc/5/exe", 0xabc0, "goid=+152(%r14):u64", &err), 0);
    assert_int_equal(uprobe_define(group, "bare", "/proc/5/exe", 1, "", &err), 0);
    snprintf(wanted, sizeof wanted,
             "p:other/event /bin/x:0x1\n"
             "p:gotape_%d_4711_%" PRIu64 "/park /proc/5/exe:0xabc0 goid=+152(%%r14):u64\n"
             "p:gotape_%d_4711_%" PRIu64 "/bare /proc/5/exe:0x1\n",
             (int)getpid(), f.namespace_inode, (int)getpid(), f.namespace_inode);
    char *text = read_events(&f);
    assert_string_equal(text, wanted);
    free(text);
    assert_int_equal(uprobe_define(group, "two words", "/x", 1, "", &err), ERR_USAGE);
    assert_int_equal(uprobe_define(group, "", "/x", 1, "", &err), ERR_USAGE);
    assert_int_equal(uprobe_define(group, "1st", "/x", 1, "", &err), ERR_USAGE);
    assert_int_equal(uprobe_define(group, "a", "/with blank", 1, "", &err), ERR_USAGE);
    assert_int_equal(uprobe_define(group, "a", "/x", 1, "y=%ax\n-:other/event", &err), ERR_USAGE);
    char *huge = malloc(5000);
    assert_non_null(huge);
    memset(huge, 'x', 4999);
    huge[4999] = '\0';
    assert_true(uprobe_define(group, "a", "/x", 1, huge, &err) < 0);
    free(huge);
    text = read_events(&f);
    assert_string_equal(text, wanted); /* none of them was written */
    free(text);
    uprobe_group_free(group);
    tear_down(&f);
}

static void test_existing_event_is_refused(void **state)
{
    (void)state;
    struct folders f;
    struct uprobe_group *group;
    struct error err;
    char path[128];
    set_up(&f);
    assert_int_equal(uprobe_group_new_at(f.tracefs, f.proc, &group, &err), 0);
    make_folder(f.tracefs, "events");
    snprintf(path, sizeof path, "events/%s", uprobe_group_name(group));
    make_folder(f.tracefs, path);
    snprintf(path, sizeof path, "events/%s/park", uprobe_group_name(group));
    make_folder(f.tracefs, path);
    assert_int_equal(uprobe_define(group, "park", "/bin/x", 16, "", &err), ERR_BUSY);
    char *text = read_events(&f);
    assert_string_equal(text, "");
    free(text);
    uprobe_group_free(group);
    tear_down(&f);
}

static void test_format_and_id(void **state)
{
    (void)state;
    struct folders f;
    struct uprobe_group *group;
    struct error err;
    char path[160], *text;
    uint64_t id = 0;
    set_up(&f);
    assert_int_equal(uprobe_group_new_at(f.tracefs, f.proc, &group, &err), 0);
    assert_int_equal(uprobe_read_format(group, "park", &text, &id, &err), ERR_NOT_FOUND);
    make_folder(f.tracefs, "events");
    snprintf(path, sizeof path, "events/%s", uprobe_group_name(group));
    make_folder(f.tracefs, path);
    snprintf(path, sizeof path, "events/%s/park", uprobe_group_name(group));
    make_folder(f.tracefs, path);
    snprintf(path, sizeof path, "events/%s/park/id", uprobe_group_name(group));
    write_file(f.tracefs, path, "two\n");
    assert_int_equal(uprobe_read_format(group, "park", &text, &id, &err), ERR_DAMAGED);
    write_file(f.tracefs, path, "2001\n");
    snprintf(path, sizeof path, "events/%s/park/format", uprobe_group_name(group));
    write_file(f.tracefs, path, "name: park\n");
    assert_int_equal(uprobe_read_format(group, "park", &text, &id, &err), 0);
    assert_int_equal(id, 2001);
    assert_string_equal(text, "name: park\n");
    free(text);
    uprobe_group_free(group);
    tear_down(&f);
}

static void test_failures_quote_the_kernel(void **state)
{
    (void)state;
    struct folders f;
    struct uprobe_group *group;
    struct error err;
    char path[256], log[1024];
    set_up(&f);
    assert_int_equal(uprobe_group_new_at(f.tracefs, f.proc, &group, &err), 0);
    snprintf(path, sizeof path, "%s/uprobe_events", f.tracefs);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/full", path), 0); /* every write fails */
    snprintf(log, sizeof log,
             "[    1.000000] trace_uprobe: error: Words of another command\n  Command: p:x/y /bin/x:0x10 \n  "
             "           ^\n"
             "[    2.000000] trace_uprobe: error: Invalid register name\n  Command: p:%s/park /bin/x:0x10 "
             "a=%%bad\n"
             "                     ^\n"
             "[    3.000000] trace_kprobe: error: Later words\n  Command: p:x/z foo\n             ^\n",
             uprobe_group_name(group));
    write_file(f.tracefs, "error_log", log);
    assert_int_equal(uprobe_define(group, "park", "/bin/x", 16, "a=%bad", &err), ERR_NO_SPACE);
    assert_non_null(strstr(err.message, "\"Invalid register name\""));
    assert_non_null(strstr(err.message, "a=%bad"));
    assert_null(strstr(err.message, "another"));
    assert_int_equal(uprobe_define(group, "other", "/bin/x", 16, "", &err), ERR_NO_SPACE);
    assert_null(strstr(err.message, "register"));
    uprobe_group_free(group);
    tear_down(&f);
}

static void test_profile(void **state)
{
    (void)state;
    struct folders f;
    struct uprobe_group *group;
    struct error err;
    uint64_t hits = 0;
    set_up(&f);
    assert_int_equal(uprobe_group_new_at(f.tracefs, f.proc, &group, &err), 0);
    write_file(f.tracefs, "uprobe_profile",
               "  /proc/5/exe park                                                     1234\n"
               "  /proc/5/exe ready                                                      77              3\n"
               "  /proc/5/exe twice 1\n  /proc/6/exe twice 2\n");
    assert_int_equal(uprobe_hits(group, "park", &hits, &err), 0);
    assert_int_equal(hits, 1234);
    assert_int_equal(uprobe_hits(group, "ready", &hits, &err), 0);
    assert_int_equal(hits, 77);
    assert_int_equal(uprobe_hits(group, "twice", &hits, &err), ERR_NOT_FOUND);
    assert_int_equal(uprobe_hits(group, "par", &hits, &err), ERR_NOT_FOUND);
    uprobe_group_free(group);
    tear_down(&f);
}

static void test_cleanup_removes_only_the_dead(void **state)
{
    (void)state;
    struct folders f;
    struct uprobe_stale stale;
    struct error err;
    char events[2048], wanted[4096];
    set_up(&f);
    make_process(&f, 900, "alive", 100);
    make_process(&f, 901, "reused", 200);
    unsigned long long ns = (unsigned long long)f.namespace_inode;
    snprintf(events, sizeof events,
             "p:gotape_800_1_%llu/park /proc/1/exe:0x0000000000000010 a=%%ax:u64\n"
             "p:gotape_800_1_%llu/ready /proc/1/exe:0x0000000000000020\n"
             "p:gotape_900_100_%llu/park /proc/1/exe:0x0000000000000010\n"
             "p:gotape_900_100_%llu/ready /proc/1/exe:0x0000000000000020\n"
             "p:gotape_901_199_%llu/park /proc/1/exe:0x0000000000000010\n"
             "p:gotape_800_1_%llu/park /proc/1/exe:0x0000000000000010\n"
             "p:gotape_800_1/park /proc/1/exe:0x0000000000000010\n"
             "p:probe_x/gotape_800_1_%llu /proc/1/exe:0x0000000000000010\n"
             "r:gotape_tool/gotape_800_1_%llu /proc/1/exe:0x0000000000000010\n",
             ns, ns, ns, ns, ns, ns + 1, ns, ns);
    write_file(f.tracefs, "uprobe_events", events);
    snprintf(wanted, sizeof wanted,
             "%s-:gotape_800_1_%llu/park\n-:gotape_800_1_%llu/ready\n-:gotape_901_199_%llu/park\n", events,
             ns, ns, ns);
    assert_int_equal(uprobe_cleanup_at(f.tracefs, f.proc, &stale, &err), 0);
    char *text = read_events(&f);
    assert_string_equal(text, wanted);
    free(text);
    assert_int_equal(stale.removed, 3);
    assert_int_equal(stale.busy, 0);
    assert_int_equal(stale.foreign, 2); /* groups: the living one, and that of another namespace */
    tear_down(&f);
}

static void test_tracefs_read_is_bounded(void **state)
{
    (void)state;
    struct folders f;
    struct error err;
    char path[256], *text;
    set_up(&f);
    write_file(f.tracefs, "long", "0123456789");
    snprintf(path, sizeof path, "%s/long", f.tracefs);
    assert_int_equal(tracefs_read(path, 4, &text, &err), 0);
    assert_string_equal(text, "0123");
    free(text);
    snprintf(path, sizeof path, "%s/none", f.tracefs);
    assert_int_equal(tracefs_read(path, 4, &text, &err), ERR_NOT_FOUND);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owner_names),
        cmocka_unit_test(test_start_time),
        cmocka_unit_test(test_define_writes_one_line),
        cmocka_unit_test(test_existing_event_is_refused),
        cmocka_unit_test(test_format_and_id),
        cmocka_unit_test(test_failures_quote_the_kernel),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_cleanup_removes_only_the_dead),
        cmocka_unit_test(test_tracefs_read_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
