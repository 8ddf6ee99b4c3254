/* Running programs of every supported Go version print the truth about their channels; gotape reads it from
 * the outside. */
#include "go/go_process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "go/go_memory.h"
#include "go_builds.h"

struct subject {
    struct go_binary *binary;
    struct go_child child;
    struct go_process *process;
};

static struct go_binary *open_binary(const char *path)
{
    struct go_binary *binary;
    struct error err = {0};
    if (go_binary_open(path, "program", &binary, &err) != 0)
        fail_msg("%s", err.message);
    return binary;
}

static bool open_subject(struct subject *self, const char *version, enum go_build_kind kind)
{
    struct error err = {0};
    const char *path = go_build(version, kind);
    if (!path)
        return false;
    self->binary = open_binary(path);
    assert_true(go_child_start(&self->child, path, "chans", NULL));
    uint64_t now = 0, start, end;
    assert_int_equal(fscanf(self->child.out, "main %lx\n", &now), 1);
    if (go_process_open(self->child.pid, self->binary, &self->process, &err) != 0)
        fail_msg("%s", err.message);
    assert_true(go_binary_function(self->binary, "main.main", &start, &end));
    assert_int_equal(go_process_bias(self->process), now - start);
    assert_int_equal(go_process_bias(self->process) != 0, kind == BUILD_PIE);
    return true;
}

static void close_subject(struct subject *self)
{
    go_process_close(self->process);
    go_child_stop(&self->child);
    go_binary_close(self->binary);
}

static void check_wait_reasons(struct go_process *process, int minor)
{
    /* the number of reasons, and where a few of them are, by version */
    static const struct {
        int minor;
        size_t count, select, receive, mutex;
    } rows[] = {{21, 32, 9, 14, 21}, {22, 37, 9, 14, 21},  {23, 38, 9, 14, 21}, {24, 44, 9, 14, 21},
                {25, 47, 9, 14, 22}, {26, 47, 18, 19, 22}, {27, 47, 18, 19, 22}};
    const char *const *reasons;
    size_t count;
    struct error err = {0};
    if (go_process_wait_reasons(process, &reasons, &count, &err) != 0)
        fail_msg("Go 1.%d: %s", minor, err.message);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].minor != minor)
            continue;
        assert_int_equal(count, rows[i].count);
        assert_string_equal(reasons[0], "");
        assert_string_equal(reasons[2], "IO wait");
        assert_string_equal(reasons[rows[i].select], "select");
        assert_string_equal(reasons[rows[i].receive], "chan receive");
        assert_string_equal(reasons[rows[i].receive + 1], "chan send");
        assert_string_equal(reasons[rows[i].mutex], "sync.Mutex.Lock");
    }
    for (size_t i = 1; i < count; i++)
        assert_true(strlen(reasons[i]) > 1);
}

static void check_sites(struct go_process *process, const struct go_binary *binary)
{
    struct probe_plan plan;
    struct error err = {0};
    assert_int_equal(probe_plan_make(binary, DETAIL_ALL, &plan, &err), 0);
    if (go_process_check_sites(process, &plan, &err) != 0)
        fail_msg("%s", err.message);
    /* as if the file differed from what runs */
    plan.sites[PROBE_READY].bytes[3] ^= 0x40;
    assert_int_equal(go_process_check_sites(process, &plan, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "runtime.ready"));
    plan.sites[PROBE_READY].bytes[3] ^= 0x40;
    plan.sites[PROBE_READY].address = 0x10;
    assert_int_equal(go_process_check_sites(process, &plan, &err), ERR_UNSUPPORTED);
}

static void check_chan(struct go_process *process, const char *version, const char *line, bool timers_known)
{
    uint64_t address, capacity;
    int is_timer;
    char type[256];
    struct go_chan chan, again;
    assert_int_equal(sscanf(line, "chan %lx %lu %d %255[^\n]", &address, &capacity, &is_timer, type), 4);
    if (!go_process_read_chan(process, address, &chan))
        fail_msg("Go %s: the channel of %s cannot be read", version, type);
    if (strcmp(chan.type, type) != 0)
        fail_msg("Go %s: '%s' was read as '%s'", version, type, chan.type);
    /* cap() hides the one place that a timer's channel has */
    if (!is_timer)
        assert_int_equal(chan.capacity, capacity);
    assert_int_equal(chan.is_timer, is_timer && timers_known);
    assert_true(go_process_read_chan(process, address, &again));
    assert_ptr_equal(again.type, chan.type);
    assert_int_equal(again.type_address, chan.type_address);
    /* neighbours of a channel are none */
    assert_false(go_process_read_chan(process, address + 4, &again));
    assert_false(go_process_read_chan(process, address + 16, &again));
}

/* The goroutine in selectS1R2 has printed an address of its stack and its channels in source order: receive
 * from c0, send to c1, receive from c2. The select's array lies near, 16 bytes a case: sends first, then the
 * receives backwards. */
static void check_select_order(pid_t pid, const char *line)
{
    enum { NEAR = 1024 };
    uint64_t mark, c0, c1, c2, words[2 * NEAR / 8];
    assert_int_equal(sscanf(line, "select %lx %lx %lx %lx", &mark, &c0, &c1, &c2), 4);
    mark &= ~(uint64_t)7;
    unsigned found = 0;
    /* the stack may end anywhere: read word by word */
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!go_memory_read((struct go_memory){pid, -1}, mark - NEAR + 8 * i, &words[i], 8))
            words[i] = 0;
    }
    for (size_t i = 0; i + 4 < sizeof words / sizeof *words; i++)
        found += words[i] == c1 && words[i + 2] == c2 && words[i + 4] == c0;
    assert_true(found >= 1);
}

static void check_channels(struct subject *subject, const char *version)
{
    char line[1024], select_line[1024] = "";
    unsigned chans = 0, gomaxprocs = 0;
    bool timers_known = atoi(version + 2) >= 23;
    while (fgets(line, sizeof line, subject->child.out) && strcmp(line, "end\n") != 0) {
        uint64_t made;
        struct go_chan chan;
        if (strncmp(line, "chan ", 5) == 0) {
            check_chan(subject->process, version, line, timers_known);
            chans++;
        } else if (sscanf(line, "made %lx", &made) == 1) {
            assert_true(go_process_read_chan(subject->process, made, &chan));
            assert_string_equal(chan.type, "(made by reflect)");
            assert_int_equal(chan.capacity, 5);
        } else if (strncmp(line, "select ", 7) == 0) {
            strcpy(select_line, line);
        } else {
            sscanf(line, "gomaxprocs %u", &gomaxprocs);
        }
    }
    assert_int_equal(chans, 16);
    assert_true(gomaxprocs > 0);
    assert_int_equal(go_process_gomaxprocs(subject->process), gomaxprocs);
    check_select_order(subject->child.pid, select_line);
}

static void check_no_channels(struct go_process *process, const struct go_binary *binary)
{
    struct go_chan chan;
    uint64_t types, types_end, start, end;
    go_binary_types(binary, &types, &types_end);
    assert_true(go_binary_function(binary, "runtime.gopark", &start, &end));
    uint64_t bias = go_process_bias(process);
    assert_false(go_process_read_chan(process, 0, &chan));
    assert_false(go_process_read_chan(process, 8, &chan));
    assert_false(go_process_read_chan(process, UINT64_MAX - 7, &chan));
    assert_false(go_process_read_chan(process, bias + start, &chan));
    unsigned alike = 0;
    for (uint64_t at = (types + 7) & ~(uint64_t)7; at < types + 4096; at += 8)
        alike += go_process_read_chan(process, bias + at, &chan);
    /* With the addresses of a position-independent program, which differ each time, one of 512 places may look like one. */
    assert_true(alike <= (bias != 0));
}

static void test_running(void **state)
{
    unsigned done = 0;
    (void)state;
    for (unsigned i = 0; go_versions[i]; i++) {
        for (enum go_build_kind kind = BUILD_PLAIN; kind <= BUILD_PIE; kind++) {
            struct subject subject;
            if (!open_subject(&subject, go_versions[i], kind))
                continue;
            check_channels(&subject, go_versions[i]);
            check_wait_reasons(subject.process, go_binary_build_info(subject.binary)->minor);
            check_sites(subject.process, subject.binary);
            check_no_channels(subject.process, subject.binary);
            close_subject(&subject);
            done++;
        }
    }
    if (done == 0)
        skip();
}

/* Stops a program right after its execve, before any of its instructions. */
static pid_t start_stopped(const char *path)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execl(path, path, "frames", (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return -1;
    return pid;
}

static void check_exec_stop(const char *version, enum go_build_kind kind)
{
    const char *path = go_build(version, kind);
    struct go_process *process;
    struct go_chan chan;
    struct error err = {0};
    if (!path)
        return;
    struct go_binary *binary = open_binary(path);
    pid_t pid = start_stopped(path);
    assert_true(pid > 0);
    if (go_process_open(pid, binary, &process, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(go_process_bias(process) != 0, kind == BUILD_PIE);
    check_wait_reasons(process, go_binary_build_info(binary)->minor);
    check_sites(process, binary);
    assert_int_equal(go_process_gomaxprocs(process), 0);
    assert_false(go_process_read_chan(process, 0xc000010000, &chan));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    /* gone: no answer, and no crash */
    assert_int_equal(go_process_gomaxprocs(process), 0);
    assert_false(go_process_read_chan(process, 0xc000010000, &chan));
    go_process_close(process);
    assert_true(go_process_open(pid, binary, &process, &err) < 0);
    go_binary_close(binary);
}

static void test_exec_stop(void **state)
{
    (void)state;
    if (!go_build("1.26.8", BUILD_PLAIN))
        skip();
    for (unsigned i = 0; go_versions[i]; i++) {
        check_exec_stop(go_versions[i], BUILD_PLAIN);
        check_exec_stop(go_versions[i], BUILD_PIE);
    }
}

static void test_other_program(void **state)
{
    struct go_process *process;
    struct error err = {0};
    (void)state;
    const char *path = go_build("1.26.8", BUILD_PLAIN);
    if (!path)
        skip();
    struct go_binary *binary = open_binary(path);
    /* this process runs something else */
    assert_int_equal(go_process_open(getpid(), binary, &process, &err), ERR_GONE);
    assert_non_null(strstr(err.message, "another program"));
    go_binary_close(binary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running),
        cmocka_unit_test(test_exec_stop),
        cmocka_unit_test(test_other_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
