#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "base/clock.h"
#include "go/go_binary.h"
#include "proc_info.h"

#define FORK_GRACE_NS                                                                                        \
    1000000000ull /* a wrapper may run Go tools for this long before it execs the program                    \
                   */
#define KILL_GRACE_MS 3000

struct child_failure {
    int stage;
    int number;
};
enum { STAGE_TRACE = 1, STAGE_USER, STAGE_EXEC };

static int open_pidfd(pid_t pid, int *out, struct error *err)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return error_sys(err, "process %d", (int)pid);
    *out = fd;
    return 0;
}

static _Noreturn void child_fail(int report_fd, int stage)
{
    struct child_failure failure = {stage, errno};
    if (write(report_fd, &failure, sizeof failure) != (ssize_t)sizeof failure)
        _exit(125);
    _exit(failure.number == ENOENT ? 127 : 126);
}

/* Runs in the child between fork and exec. */
static _Noreturn void child_run(const struct target_launch *launch, const struct account *user, int report_fd)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    if (user && account_become(user, NULL) != 0)
        child_fail(report_fd, STAGE_USER);
    if (launch->output_to_stderr && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        child_fail(report_fd, STAGE_TRACE);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        child_fail(report_fd, STAGE_TRACE);
    raise(SIGSTOP);
    execvp(launch->command[0], launch->command);
    child_fail(report_fd, STAGE_EXEC);
}

static int child_failure_error(const struct child_failure *failure, const struct target_launch *launch,
                               struct error *err)
{
    errno = failure->number;
    switch (failure->stage) {
    case STAGE_USER:
        return error_sys(err, "cannot become user %s", launch->user);
    case STAGE_TRACE:
        return error_sys(err,
                         "cannot hold the command with ptrace (needed until it has become a Go program)");
    default:
        return error_sys(err, "cannot run %s", launch->command[0]);
    }
}

static bool is_exec_stop(int status)
{
    return status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXEC << 8));
}

static int refuse_forked(pid_t go_pid, const char *name, const struct target_launch *launch,
                         struct error *err)
{
    return error_set(
        err, ERR_UNSUPPORTED,
        "%s started a Go program (%s, pid %d) as a child instead of becoming it, and children are not "
        "recorded. Start it yourself and attach: gotape-record -p $(pidof %s); or let the wrapper use "
        "'exec'. %s has been stopped",
        launch->command[0], name, (int)go_pid, name, launch->command[0]);
}

/* A child that does Go work while the wrapper waits for it is the program itself; a short-lived one is a
 * tool. */
struct fork_watch {
    pid_t pid;
    uint64_t since_ns;
    char name[16];
};

static bool watch_forks(struct fork_watch *watch, pid_t wrapper)
{
    char name[16];
    pid_t found = proc_find_go_descendant(wrapper, name);
    if (found != watch->pid) {
        watch->pid = found;
        watch->since_ns = clock_ns(CLOCK_MONOTONIC);
        if (found)
            memcpy(watch->name, name, sizeof name);
    }
    return found && clock_ns(CLOCK_MONOTONIC) - watch->since_ns > FORK_GRACE_NS;
}

static int ended_error(int status, const struct fork_watch *watch, const struct target_launch *launch,
                       struct error *err)
{
    const char *how = WIFSIGNALED(status) ? "was killed by signal" : "ended with status";
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    if (watch->name[0])
        return error_set(
            err, ERR_UNSUPPORTED,
            "%s %s %d and never became a Go program; it started one as a child (%s), and children are "
            "not recorded. Start that one directly, or attach to it: gotape-record -p PID",
            launch->command[0], how, number, watch->name);
    return error_set(err, ERR_UNSUPPORTED, "%s %s %d and never became a Go program: nothing was recorded",
                     launch->command[0], how, number);
}

/* Follows the exec chain until a Go program is in place. */
static int follow_until_go(pid_t pid, const struct target_launch *launch, bool *reaped, struct error *err)
{
    struct fork_watch watch = {0};
    char exe[64];
    snprintf(exe, sizeof exe, "/proc/%d/exe", (int)pid);
    for (unsigned idle = 0;;) {
        int status;
        pid_t got = waitpid(pid, &status, WNOHANG | __WALL);
        if (got < 0)
            return error_sys(err, "waiting for %s", launch->command[0]);
        if (got == 0) {
            if (*launch->stop)
                return error_set(err, ERR_STOPPED, "stopped before %s became a Go program",
                                 launch->command[0]);
            if (idle % 32 == 31 && watch_forks(&watch, pid))
                return refuse_forked(watch.pid, watch.name, launch, err);
            struct timespec pause = {.tv_nsec = idle++ < 100 ? 500000 : 5000000};
            nanosleep(&pause, NULL);
            continue;
        }
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            *reaped = true;
            return ended_error(status, &watch, launch, err);
        }
        if (is_exec_stop(status) && go_binary_is_go(exe))
            return 0;
        int signal_number = WIFSTOPPED(status) && !is_exec_stop(status) ? WSTOPSIG(status) : 0;
        if (ptrace(PTRACE_CONT, pid, NULL, (void *)(long)signal_number) != 0 && errno != ESRCH)
            return error_sys(err, "continuing %s", launch->command[0]);
    }
}

static void kill_and_reap(pid_t pid)
{
    kill(pid, SIGKILL);
    int status;
    while (waitpid(pid, &status, __WALL) == pid && !WIFEXITED(status) && !WIFSIGNALED(status))
        ;
}

/* A refused wrapper's Go child is stopped as well: nobody would wait for it. */
static void kill_tree(pid_t pid)
{
    char name[16];
    pid_t go_pid = proc_find_go_descendant(pid, name);
    if (go_pid)
        kill(go_pid, SIGTERM);
    kill_and_reap(pid);
}

static int start_child(const struct target_launch *launch, const struct account *user, pid_t *pid_out,
                       int *report_out, struct error *err)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0)
        return error_sys(err, "pipe");
    pid_t pid = fork();
    if (pid < 0) {
        close(report[0]);
        close(report[1]);
        return error_sys(err, "fork");
    }
    if (pid == 0)
        child_run(launch, user, report[1]);
    close(report[1]);
    *pid_out = pid;
    *report_out = report[0];
    return 0;
}

/* Waits for the child's own SIGSTOP. A child that failed before it has said why through the report pipe. */
static int hold_child(pid_t pid, bool *reaped, struct error *err)
{
    int status = 0;
    while (waitpid(pid, &status, __WALL) < 0) {
        if (errno != EINTR)
            return error_sys(err, "waiting for the command to start");
    }
    if (!WIFSTOPPED(status)) {
        *reaped = true;
        return error_set(err, ERR_SYSTEM, "the command could not be started");
    }
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) != 0 ||
        ptrace(PTRACE_CONT, pid, NULL, NULL) != 0)
        return error_sys(err, "ptrace");
    return 0;
}

int target_launch(const struct target_launch *launch, struct target *out, struct error *err)
{
    struct account user;
    if (launch->user && account_find(launch->user, &user, err) != 0)
        return ERR_NOT_FOUND;
    struct target self = {.how = TARGET_LAUNCHED, .pidfd = -1};
    int report = -1;
    int rc = start_child(launch, launch->user ? &user : NULL, &self.pid, &report, err);
    if (rc != 0)
        return rc;
    bool reaped = false;
    rc = hold_child(self.pid, &reaped, err);
    if (rc == 0)
        rc = follow_until_go(self.pid, launch, &reaped, err);
    struct child_failure failure;
    if (reaped && read(report, &failure, sizeof failure) == (ssize_t)sizeof failure)
        rc = child_failure_error(&failure, launch, err);
    close(report);
    if (rc == 0)
        rc = open_pidfd(self.pid, &self.pidfd, err);
    if (rc != 0) {
        if (!reaped)
            kill_tree(self.pid);
        return rc;
    }
    self.held = true;
    proc_comm(self.pid, self.comm);
    proc_exe(self.pid, self.exe, sizeof self.exe);
    *out = self;
    return 0;
}

int target_attach(pid_t pid, struct target *out, struct error *err)
{
    struct target self = {.how = TARGET_ATTACHED, .pidfd = -1};
    self.pid = proc_tgid(pid);
    if (!self.pid)
        return error_set(err, ERR_GONE, "there is no process %d (pgrep -a NAME lists candidates)", (int)pid);
    int rc = open_pidfd(self.pid, &self.pidfd, err);
    if (rc != 0)
        return rc;
    if (!proc_comm(self.pid, self.comm) || target_has_exited(&self)) {
        close(self.pidfd);
        return error_set(err, ERR_GONE, "process %d has exited", (int)pid);
    }
    if (!proc_exe(self.pid, self.exe, sizeof self.exe)) {
        int number = errno;
        close(self.pidfd);
        if (number == ENOENT)
            return error_set(err, ERR_UNSUPPORTED, "process %d (%s) is a kernel thread or has exited",
                             (int)pid, self.comm);
        errno = number;
        return error_sys(err, "cannot look at process %d (%s); run as root", (int)pid, self.comm);
    }
    *out = self;
    return 0;
}

int target_resume(struct target *self, struct error *err)
{
    if (!self->held)
        return 0;
    if (ptrace(PTRACE_DETACH, self->pid, NULL, NULL) != 0)
        return error_sys(err, "cannot let %s run", self->comm);
    self->held = false;
    return 0;
}

bool target_wait_exit(struct target *self, int ms)
{
    if (self->reaped)
        return true;
    struct pollfd poll_fd = {.fd = self->pidfd, .events = POLLIN};
    if (poll(&poll_fd, 1, ms) != 1)
        return false;
    if (self->how == TARGET_LAUNCHED)
        self->reaped = waitpid(self->pid, &self->wait_status, WNOHANG | __WALL) == self->pid;
    return true;
}

bool target_has_exited(struct target *self)
{
    return target_wait_exit(self, 0);
}

void target_kill(struct target *self, struct keeper *keeper)
{
    if (self->how != TARGET_LAUNCHED || target_has_exited(self))
        return;
    keeper_kill(keeper, SIGTERM, NULL);
    if (target_wait_exit(self, KILL_GRACE_MS))
        return;
    keeper_kill(keeper, SIGKILL, NULL);
    target_wait_exit(self, KILL_GRACE_MS);
}

void target_release(struct target *self)
{
    if (self->held)
        kill_and_reap(self->pid);
    self->held = false;
    if (self->pidfd >= 0)
        close(self->pidfd);
    self->pidfd = -1;
}

void target_describe_exit(const struct target *self, char *out, size_t size)
{
    if (WIFSIGNALED(self->wait_status))
        snprintf(out, size, "the target was killed by signal %d (%s)", WTERMSIG(self->wait_status),
                 strsignal(WTERMSIG(self->wait_status)));
    else
        snprintf(out, size, "the target exited with status %d", WEXITSTATUS(self->wait_status));
}
