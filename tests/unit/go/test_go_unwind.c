/* The stacks of live programs of every supported Go version: of a thread that is asleep in a system call, and at
 * every instruction of one that is made to run step by step. */
#include "go/go_unwind.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "go/go_memory.h"
#include "go/go_process.h"
#include "go_builds.h"

enum { FRAMES = 64 };

struct piece {
    pid_t pid;
    uint64_t end; /* nothing above this address can be read */
};

static bool read_piece(void *context, uint64_t address, void *out, size_t size)
{
    const struct piece *piece = context;
    return address + size <= piece->end &&
           go_memory_read((struct go_memory){piece->pid, -1}, address, out, size);
}

/* Physical frames have one function each here: the outermost of what was inlined. */
static const char *function_at(const struct go_binary *binary, uint64_t address, bool is_return)
{
    struct go_frame frames[16];
    size_t count = go_binary_symbolize(binary, address, is_return, frames, 16);
    return count ? frames[count - 1].function : "?";
}

static bool reads_input(pid_t pid, const char *tid, uint64_t *pc_out, uint64_t *sp_out)
{
    char path[300], line[256];
    snprintf(path, sizeof path, "/proc/%d/task/%s/syscall", (int)pid, tid);
    FILE *file = fopen(path, "r");
    bool reads = file && fgets(line, sizeof line, file) &&
                 sscanf(line, "0 0x0 %*s %*s %*s %*s %*s %lx %lx", sp_out, pc_out) == 2;
    if (file)
        fclose(file);
    return reads;
}

/* Waits until one of the threads is in the read system call for its standard input. */
static bool wait_for_read(pid_t pid, uint64_t *pc_out, uint64_t *sp_out)
{
    char path[64];
    bool reads = false;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    for (int i = 0; i < 2000 && !reads; i++) {
        DIR *threads = opendir(path);
        struct dirent *entry;
        while (threads && !reads && (entry = readdir(threads)) != NULL)
            reads = reads_input(pid, entry->d_name, pc_out, sp_out);
        if (threads)
            closedir(threads);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return reads;
}

static void check_asleep(const struct go_binary *binary, uint64_t bias, pid_t pid, uint64_t pc, uint64_t sp)
{
    static const char *const expected[] = {"syscall.read", "os.(*File).Read", "main.main", "runtime.main",
                                           "runtime.goexit"};
    struct piece piece = {pid, UINT64_MAX};
    uint64_t chain[FRAMES], cut[FRAMES];
    enum go_unwind_end end;
    size_t count = go_unwind(binary, bias, pc, sp, read_piece, &piece, chain, FRAMES, &end);
    assert_int_equal(end, UNWIND_COMPLETE);
    assert_int_equal(chain[0], pc);
    size_t found = 0;
    for (size_t i = 0; i < count && found < sizeof expected / sizeof *expected; i++)
        found += strcmp(function_at(binary, chain[i] - bias, i > 0), expected[found]) == 0;
    if (found != sizeof expected / sizeof *expected)
        fail_msg("no %s on the stack", expected[found]);
    assert_string_equal(function_at(binary, chain[count - 1] - bias, true), "runtime.goexit");

    size_t shorter = go_unwind(binary, bias, pc, sp, read_piece, &piece, cut, 3, &end);
    assert_int_equal(end, UNWIND_LIMIT);
    assert_int_equal(shorter, 3);
    piece.end = sp + 160;
    shorter = go_unwind(binary, bias, pc, sp, read_piece, &piece, cut, FRAMES, &end);
    assert_int_equal(end, UNWIND_NO_MEMORY);
    assert_in_range(shorter, 1, count - 1);
    assert_memory_equal(cut, chain, shorter * sizeof *cut);
}

static void check_refused(const struct go_binary *binary, uint64_t bias, pid_t pid, uint64_t pc, uint64_t sp)
{
    struct piece piece = {pid, UINT64_MAX};
    uint64_t chain[FRAMES];
    enum go_unwind_end end;
    assert_int_equal(go_unwind(binary, bias, 0x1000, sp, read_piece, &piece, chain, FRAMES, &end), 1);
    assert_int_equal(end, UNWIND_UNKNOWN_CODE);
    assert_int_equal(go_unwind(binary, bias, bias, sp, read_piece, &piece, chain, FRAMES, &end), 1);
    assert_int_equal(end, UNWIND_UNKNOWN_CODE);
    assert_int_equal(go_unwind(binary, bias, pc, sp + 1, read_piece, &piece, chain, FRAMES, &end), 1);
    assert_int_equal(end, UNWIND_BROKEN);
    assert_int_equal(go_unwind(binary, bias, pc, UINT64_MAX - 7, read_piece, &piece, chain, FRAMES, &end), 1);
    assert_true(end == UNWIND_BROKEN || end == UNWIND_NO_MEMORY);
}

static void check_version(struct go_binary *binary, const char *version, const char *path)
{
    struct go_child child;
    struct go_process *process;
    struct error err = {0};
    char line[1024];
    uint64_t pc = 0, sp = 0;
    (void)version;
    assert_true(go_child_start(&child, path, "chans", NULL));
    while (fgets(line, sizeof line, child.out) && strcmp(line, "end\n") != 0)
        continue;
    if (go_process_open(child.pid, binary, &process, &err) != 0)
        fail_msg("%s", err.message);
    if (wait_for_read(child.pid, &pc, &sp)) {
        check_asleep(binary, go_process_bias(process), child.pid, pc, sp);
        check_refused(binary, go_process_bias(process), child.pid, pc, sp);
    } else {
        fail_msg("Go %s: no thread reads", version);
    }
    go_process_close(process);
    go_child_stop(&child);
}

static void test_asleep(void **state)
{
    (void)state;
    go_build_each(check_version);
}

#if defined(__x86_64__)

/* From here on the instructions are looked at one by one: what they call is a frame more, what returns one less.
 */
struct stepper {
    const struct go_binary *binary;
    uint64_t bias;
    pid_t pid;
    unsigned complete, switching, calls;
    uint64_t before[FRAMES]; /* the stack before this step */
    size_t before_count;
};

static bool is_base(const char *function)
{
    static const char *const bases[] = {"runtime.goexit",  "runtime.mstart",      "runtime.rt0_go",
                                        "runtime.mcall",   "runtime.systemstack", "runtime.morestack",
                                        "runtime.sigtramp"};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        if (strcmp(function, bases[i]) == 0)
            return true;
    }
    return false;
}

static void look(struct stepper *self)
{
    struct user_regs_struct registers;
    struct piece piece = {self->pid, UINT64_MAX};
    uint64_t chain[FRAMES];
    struct go_code code;
    enum go_unwind_end end;
    assert_int_equal(ptrace(PTRACE_GETREGS, self->pid, NULL, &registers), 0);
    if (!go_binary_code(self->binary, registers.rip - self->bias, &code) || code.switches_stack) {
        self->switching++; /* the vdso, or assembly that goes to another stack */
        self->before_count = 0;
        return;
    }
    size_t count = go_unwind(self->binary, self->bias, registers.rip, registers.rsp, read_piece, &piece,
                             chain, FRAMES, &end);
    const char *outermost = function_at(self->binary, chain[count - 1] - self->bias, count > 1);
    /* the kernel has called it: above lies argc */
    bool is_first = strncmp(outermost, "_rt0_amd64", 10) == 0;
    if (!is_first && (end != UNWIND_COMPLETE || !is_base(outermost)))
        fail_msg("%s+%#lx: the stack of %zu frames ends in %s (%d)",
                 function_at(self->binary, registers.rip - self->bias, false),
                 registers.rip - self->bias - code.entry, count, outermost, (int)end);
    self->complete++;
    /* after a call the stack is what it was, the caller's address now behind the call */
    if (self->before_count && count == self->before_count + 1 && registers.rip - self->bias == code.entry) {
        self->calls++;
        assert_in_range(chain[1] - self->before[0], 2, 15);
        assert_memory_equal(chain + 2, self->before + 1, (self->before_count - 1) * sizeof *chain);
    }
    memcpy(self->before, chain, sizeof chain);
    self->before_count = count;
}

static bool wait_for_stop(pid_t pid)
{
    int status;
    for (int i = 0; i < 1000; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFSTOPPED(status);
        nanosleep(&(struct timespec){.tv_nsec = i < 100 ? 1000 : 100000}, NULL);
    }
    return false;
}

static pid_t start_traced(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        /* the main goroutine is to stay on the first thread, which never has to wait */
        setenv("GOMAXPROCS", "1", 1);
        setenv("GOGC", "off", 1);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 1);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execl(path, path, "sweep", "1", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &(int){0}, 0), pid);
    return pid;
}

/* False when the first thread went to sleep: the goroutine goes on elsewhere. */
static bool step_rounds(struct stepper *self)
{
    enum { ROUNDS = 3, ROUNDS_MAX = 30, STEPS = 500, COMPLETE = ROUNDS * STEPS / 2, CALLS = 10 };
    /* On a busy machine the program may not have come far after a round. */
    for (unsigned round = 0;
         round < ROUNDS || (round < ROUNDS_MAX && (self->complete <= COMPLETE || self->calls <= CALLS));
         round++) {
        ptrace(PTRACE_CONT, self->pid, NULL, NULL);
        nanosleep(&(struct timespec){.tv_nsec = 8000000}, NULL);
        kill(self->pid, SIGSTOP);
        if (!wait_for_stop(self->pid))
            return false;
        self->before_count = 0;
        for (unsigned i = 0; i < STEPS; i++) {
            look(self);
            /* signals are dropped */
            assert_int_equal(ptrace(PTRACE_SINGLESTEP, self->pid, NULL, NULL), 0);
            if (!wait_for_stop(self->pid))
                return false;
        }
    }
    assert_true(self->complete > COMPLETE);
    assert_true(self->calls > CALLS);
    return true;
}

static void step_through(struct go_binary *binary, const char *version, const char *path)
{
    bool done = false;
    for (unsigned i = 0; i < 5 && !done; i++) {
        struct stepper self = {.binary = binary, .pid = start_traced(path)};
        struct go_process *process;
        struct error err = {0};
        if (go_process_open(self.pid, binary, &process, &err) != 0)
            fail_msg("Go %s: %s", version, err.message);
        self.bias = go_process_bias(process);
        done = step_rounds(&self);
        kill(self.pid, SIGKILL);
        waitpid(self.pid, &(int){0}, 0);
        go_process_close(process);
    }
    assert_true(done);
}

static void test_every_instruction(void **state)
{
    (void)state;
    go_build_each(step_through);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asleep),
#if defined(__x86_64__)
        cmocka_unit_test(test_every_instruction),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
