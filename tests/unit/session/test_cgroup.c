#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "cgroup.h"

/* A /proc and a /sys/fs/cgroup of our own, below a folder that is removed in the end. */
struct host {
    char folder[64];
};

static void put(const struct host *host, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", host->folder, name);
    for (char *slash = path + strlen(host->folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_host(void **state)
{
    static struct host host;
    snprintf(host.folder, sizeof host.folder, "/tmp/gotape-cgroup-XXXXXX");
    *state = &host;
    return mkdtemp(host.folder) ? 0 : -1;
}

static int drop_host(void **state)
{
    const struct host *host = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", host->folder);
    return system(command);
}

static void put_mounts(const struct host *host, const char *format)
{
    char text[2048];
    const char *f = host->folder;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, format, f, f, f);
#pragma GCC diagnostic pop
    put(host, "proc/self/mountinfo", text);
}

#define V2_MOUNT "30 23 0:26 / %s/v2 rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNTS                                                                                            \
    "31 23 0:27 / %s/cpu rw,nosuid shared:5 - cgroup cgroup rw,cpu,cpuacct\n"                                \
    "32 23 0:28 / %s/memory rw,nosuid - cgroup cgroup rw,memory\n"

static void find(const struct host *host, struct cgroup *out)
{
    char proc[96];
    snprintf(proc, sizeof proc, "%s/proc", host->folder);
    cgroup_find_at(proc, 7, out);
}

static void version_2(void **state)
{
    const struct host *host = *state;
    struct cgroup cgroup;
    struct cgroup_facts facts;
    put_mounts(host, V2_MOUNT);
    put(host, "proc/7/cgroup", "0::/a.slice/b.scope\n");
    put(host, "v2/a.slice/cpu.max", "max 100000\n");
    put(host, "v2/a.slice/memory.max", "1000000\n");
    put(host, "v2/a.slice/b.scope/cpu.max", "200000 100000\n");
    put(host, "v2/a.slice/b.scope/memory.max", "max\n");
    put(host, "v2/a.slice/b.scope/cpu.stat",
        "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 30\nnr_throttled 20\nthrottled_usec 1234\n");
    find(host, &cgroup);
    assert_string_equal(cgroup.path, "/a.slice/b.scope");
    assert_string_equal(cgroup.cpu_path, "");
    cgroup_read(&cgroup, &facts);
    assert_true(facts.has_cpu_max && facts.has_memory_max && facts.has_throttling);
    assert_int_equal(facts.quota_us, 200000);
    assert_int_equal(facts.period_us, 100000);
    assert_int_equal(facts.memory_max, 1000000);
    assert_int_equal(facts.periods, 30);
    assert_int_equal(facts.throttled_periods, 20);
    assert_int_equal(facts.throttled_us, 1234);
}

/* The limit of a pod holds for its containers, and its counters tell who was held up by it. */
static void tightest_limit_of_all_above(void **state)
{
    const struct host *host = *state;
    struct cgroup cgroup;
    struct cgroup_facts facts;
    put_mounts(host, V2_MOUNT);
    put(host, "proc/7/cgroup", "0::/pod/container\n");
    put(host, "v2/pod/cpu.max", "50000 100000\n");
    put(host, "v2/pod/cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_usec 1\n");
    put(host, "v2/pod/container/cpu.max", "200000 200000\n");
    put(host, "v2/pod/container/cpu.stat", "nr_periods 9\nnr_throttled 0\nthrottled_usec 0\n");
    find(host, &cgroup);
    assert_string_equal(cgroup.path, "/pod/container");
    assert_string_equal(cgroup.cpu_path, "/pod");
    cgroup_read(&cgroup, &facts);
    assert_int_equal(facts.quota_us, 50000);
    assert_int_equal(facts.throttled_periods, 2);
}

/* A group whose parent does not hand the controller down has no files of it. */
static void controller_ends_above(void **state)
{
    const struct host *host = *state;
    struct cgroup cgroup;
    struct cgroup_facts facts;
    put_mounts(host, V2_MOUNT);
    put(host, "proc/7/cgroup", "0::/pod/container/inner\n");
    put(host, "v2/pod/container/inner/cgroup.procs", "7\n");
    put(host, "v2/pod/container/cpu.max", "max 100000\n");
    find(host, &cgroup);
    assert_string_equal(cgroup.cpu_path, "/pod/container");
    cgroup_read(&cgroup, &facts);
    assert_true(facts.has_cpu_max);
    assert_int_equal(facts.quota_us, 0);
    assert_false(facts.has_throttling);
    assert_false(facts.has_memory_max);
}

static void version_1(void **state)
{
    const struct host *host = *state;
    struct cgroup cgroup;
    struct cgroup_facts facts;
    put_mounts(host, V1_MOUNTS);
    put(host, "proc/7/cgroup", "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x\n");
    put(host, "cpu/docker/x/cpu.cfs_quota_us", "150000\n");
    put(host, "cpu/docker/x/cpu.cfs_period_us", "100000\n");
    put(host, "cpu/docker/x/cpu.stat", "nr_periods 5\nnr_throttled 4\nthrottled_time 3000000\n");
    put(host, "cpu/docker/cpu.cfs_quota_us", "-1\n");
    put(host, "cpu/docker/cpu.cfs_period_us", "100000\n");
    put(host, "memory/docker/x/memory.limit_in_bytes", "536870912\n");
    put(host, "memory/docker/memory.limit_in_bytes", "9223372036854771712\n");
    find(host, &cgroup);
    assert_string_equal(cgroup.path, "/docker/x");
    assert_string_equal(cgroup.cpu_path, "");
    cgroup_read(&cgroup, &facts);
    assert_int_equal(facts.quota_us, 150000);
    assert_int_equal(facts.memory_max, 536870912);
    assert_int_equal(facts.throttled_us, 3000);
    assert_int_equal(facts.throttled_periods, 4);
}

static void version_1_without_limits(void **state)
{
    const struct host *host = *state;
    struct cgroup cgroup;
    struct cgroup_facts facts;
    put_mounts(host, V1_MOUNTS);
    put(host, "proc/7/cgroup", "5:memory:/\n4:cpu,cpuacct:/\n0::/\n");
    put(host, "cpu/cpu.cfs_quota_us", "-1\n");
    put(host, "cpu/cpu.cfs_period_us", "100000\n");
    put(host, "memory/memory.limit_in_bytes", "9223372036854771712\n");
    find(host, &cgroup);
    assert_string_equal(cgroup.path, "/");
    cgroup_read(&cgroup, &facts);
    assert_true(facts.has_cpu_max && facts.has_memory_max);
    assert_int_equal(facts.quota_us, 0);
    assert_int_equal(facts.memory_max, 0);
}

/* Both versions are mounted, as systemd did for years: the controllers are in version 1. */
static void hybrid(void **state)
{
    const struct host *host = *state;
    struct cgroup cgroup;
    struct cgroup_facts facts;
    put_mounts(host, V2_MOUNT V1_MOUNTS);
    put(host, "proc/7/cgroup", "4:cpu,cpuacct:/user\n0::/user.slice/session-1.scope\n");
    put(host, "v2/user.slice/session-1.scope/cgroup.procs", "7\n");
    put(host, "cpu/user/cpu.cfs_quota_us", "1000\n");
    put(host, "cpu/user/cpu.cfs_period_us", "10000\n");
    find(host, &cgroup);
    assert_string_equal(cgroup.path, "/user.slice/session-1.scope");
    assert_string_equal(cgroup.cpu_path, "/user");
    cgroup_read(&cgroup, &facts);
    assert_int_equal(facts.quota_us, 1000);
    assert_false(facts.has_memory_max);
}

/* From inside a container: its own group is the root of the mount; groups beside it have no folder that can be named. */
static void mount_of_a_part(void **state)
{
    const struct host *host = *state;
    struct cgroup cgroup;
    struct cgroup_facts facts;
    put_mounts(host, "30 23 0:26 /pod/x %s/v2 rw - cgroup2 cgroup rw\n");
    put(host, "proc/7/cgroup", "0::/pod/x/worker\n");
    put(host, "v2/worker/cpu.max", "1000 2000\n");
    find(host, &cgroup);
    cgroup_read(&cgroup, &facts);
    assert_int_equal(facts.quota_us, 1000);

    put(host, "proc/7/cgroup", "0::/../y\n");
    find(host, &cgroup);
    assert_string_equal(cgroup.path, "/../y");
    assert_string_equal(cgroup.cpu_folder, "");
    put(host, "proc/7/cgroup", "0::/pod/xy\n");
    find(host, &cgroup);
    assert_string_equal(cgroup.cpu_folder, "");
}

static void nothing_known(void **state)
{
    const struct host *host = *state;
    struct cgroup cgroup;
    struct cgroup_facts facts;
    find(host, &cgroup);
    assert_string_equal(cgroup.path, "");
    cgroup_read(&cgroup, &facts);
    assert_false(facts.has_cpu_max || facts.has_memory_max || facts.has_throttling);

    put_mounts(host, V2_MOUNT);
    put(host, "proc/7/cgroup", "nonsense\n0:\n:::\n0::x\n0::/g\n");
    put(host, "v2/g/cpu.max", "12\n");
    put(host, "v2/g/memory.max", "-5\n");
    find(host, &cgroup);
    assert_string_equal(cgroup.path, "/g");
    cgroup_read(&cgroup, &facts);
    assert_false(facts.has_cpu_max || facts.has_memory_max || facts.has_throttling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_2, make_host, drop_host),
        cmocka_unit_test_setup_teardown(tightest_limit_of_all_above, make_host, drop_host),
        cmocka_unit_test_setup_teardown(controller_ends_above, make_host, drop_host),
        cmocka_unit_test_setup_teardown(version_1, make_host, drop_host),
        cmocka_unit_test_setup_teardown(version_1_without_limits, make_host, drop_host),
        cmocka_unit_test_setup_teardown(hybrid, make_host, drop_host),
        cmocka_unit_test_setup_teardown(mount_of_a_part, make_host, drop_host),
        cmocka_unit_test_setup_teardown(nothing_known, make_host, drop_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
