/*
 * gotape-record: command line, signals, messages and exit status. What is recorded, and how, is session.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "find_process.h"
#include "host_check.h"
#include "perf/uprobe.h"
#include "preflight.h"
#include "record_options.h"
#include "report.h"
#include "session.h"
#include "target.h"

enum {
    EXIT_NO_SINGLE_PROCESS = 2,
    EXIT_FAILURE_OF_OURS = 125,
    EXIT_CANNOT_RECORD = 126,
    EXIT_NOT_FOUND = 127
};

/* After Ctrl-C on the terminal COMMAND has got the signal too: its own end is awaited this long. */
#define CTRL_C_GRACE_MS 2000

/* The one thing that a signal handler may touch. */
static volatile int stop_requested;

static void on_stop_signal(int number)
{
    (void)number;
    stop_requested = 1;
}

/* How many times a flight recorder was asked for a file. */
static volatile int trigger_count;

static void on_trigger_signal(int number)
{
    (void)number;
    trigger_count++;
}

/* Without SA_RESTART: poll() returns at once. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_stop_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    struct sigaction trigger = {.sa_handler = on_trigger_signal};
    sigaction(SIGUSR2, &trigger, NULL);
    /* A pipe without reader and a file at its size limit are errors of a write, told as such. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

struct console {
    bool quiet, verbose, is_terminal, has_line;
};

static void on_progress(void *context, const struct session_progress *progress)
{
    struct console *console = context;
    report_progress_line(stderr, progress);
    console->has_line = true;
}

static void on_warning(void *context, const char *text)
{
    const struct console *console = context;
    if (!console->quiet)
        fprintf(stderr, "gotape-record: %s\n", text);
}

static int complain(const struct error *err)
{
    fprintf(stderr, "gotape-record: %s\n", err->message);
    return EXIT_FAILURE_OF_OURS;
}

static int run_cleanup(void)
{
    struct error err = {0};
    struct uprobe_stale stale = {0};
    if (uprobe_cleanup(&stale, &err) != 0)
        return complain(&err);
    printf(
        "removed %u probe definitions; %u are in use, %u recorders are alive or of another pid namespace\n",
        stale.removed, stale.busy, stale.foreign);
    return 0;
}

static int run_check(const struct record_options *options)
{
    struct error err = {0};
    if (preflight_run(options, stdout, &err) == 0) {
        puts("result   ready to record");
        return 0;
    }
    fflush(stdout);
    return complain(&err);
}

/* Ends as COMMAND ended: the same status, or by the same signal (without a core file of our own). */
static int pass_on(int wait_status)
{
    if (WIFEXITED(wait_status))
        return WEXITSTATUS(wait_status);
    int number = WTERMSIG(wait_status);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(number, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    fflush(NULL);
    raise(number);
    return 128 + number;
}

static int launch_failure(const struct error *err)
{
    complain(err);
    return err->code == ERR_NOT_FOUND ? EXIT_NOT_FOUND
           : err->code == ERR_STOPPED ? EXIT_FAILURE_OF_OURS
                                      : EXIT_CANNOT_RECORD;
}

/* A name that cannot be used is told before COMMAND runs. */
static int check_output_name(const struct record_options *options, struct error *err)
{
    if (!options->output || strcmp(options->output, "-") == 0 || options->force)
        return 0;
    if (access(options->output, F_OK) == 0)
        return error_set(err, ERR_USAGE, "%s exists; --force replaces it", options->output);
    return 0;
}

static int record(const struct record_options *options, struct target *target, bool *recorded)
{
    struct error err = {0};
    struct console console = {.quiet = options->quiet, .is_terminal = isatty(STDERR_FILENO)};
    struct session_hooks hooks = {
        .progress = console.is_terminal && !options->quiet ? on_progress : NULL,
        .warn = on_warning,
        .verbose = options->verbose ? on_warning : NULL,
        .context = &console,
        .trigger = &trigger_count,
        .stop = &stop_requested,
    };
    struct session *session;
    if (session_new(options, target, &hooks, &session, &err) != 0) {
        complain(&err);
        return target->how == TARGET_LAUNCHED && err.code == ERR_UNSUPPORTED ? EXIT_CANNOT_RECORD
                                                                             : EXIT_FAILURE_OF_OURS;
    }
    struct session_summary summary;
    int rc = session_run(session, &summary, &err);
    if (console.has_line)
        report_progress_clear(stderr);
    *recorded = rc == 0 || summary.end == END_OUTPUT;
    if (*recorded && !options->quiet)
        report_summary(stderr, target, &summary, console.is_terminal);
    if (rc != 0)
        complain(&err);
    if (*recorded && options->kill_at_end)
        target_kill(target, session_keeper(session));
    session_free(session);
    return rc == 0 ? 0 : EXIT_FAILURE_OF_OURS;
}

static int run_record(const struct record_options *options)
{
    struct error err = {0};
    struct target target;
    bool recorded = false;
    if (check_output_name(options, &err) != 0)
        return complain(&err);
    if (options->mode == MODE_LAUNCH) {
        struct target_launch launch = {.command = options->command,
                                       .user = options->user,
                                       .output_to_stderr =
                                           options->output && strcmp(options->output, "-") == 0,
                                       .stop = &stop_requested};
        if (target_launch(&launch, &target, &err) != 0)
            return launch_failure(&err);
    } else if (target_attach((pid_t)options->pid, &target, &err) != 0) {
        return complain(&err);
    }
    int status = record(options, &target, &recorded);
    if (target.how == TARGET_LAUNCHED && recorded) {
        bool ended = target_wait_exit(&target, stop_requested ? CTRL_C_GRACE_MS : 0);
        if (!ended && !options->quiet)
            fprintf(stderr, "gotape-record: %s (pid %d) is still running\n", target.comm, (int)target.pid);
        if (ended && target.reaped && status == 0 && !options->kill_at_end)
            status = pass_on(target.wait_status);
    }
    target_release(&target);
    return status;
}

/* What --name and --container stand for. */
static int find_target(struct record_options *options, struct error *err)
{
    struct process_wish wish = {.name = options->name, .container = options->container};
    pid_t pid;
    int rc = find_process(&wish, &pid, err);
    if (rc == 0)
        options->pid = pid;
    return rc;
}

/* ---- --follow ---- */

#define FOLLOW_LOOK_MS  500  /* between two looks for the process */
#define FOLLOW_PAUSE_MS 5000 /* after a recording that failed */

static void sleep_ms(unsigned ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL); /* a signal ends it */
}

/* The child records, and gives up its rights; whoever looks for the next process keeps them. Signals are passed on. */
static int record_in_child(const struct record_options *options)
{
    pid_t parent = getpid();
    int triggers = trigger_count, status = 0;
    pid_t child = fork();
    if (child < 0)
        return EXIT_FAILURE_OF_OURS;
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
            _exit(EXIT_FAILURE_OF_OURS);
        status = run_record(options);
        fflush(NULL);
        _exit(status);
    }
    bool told = false;
    for (;;) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child || (ended < 0 && errno != EINTR))
            break;
        if (stop_requested && !told) {
            kill(child, SIGTERM);
            told = true;
        }
        if (trigger_count != triggers) {
            triggers = trigger_count;
            kill(child, SIGUSR2);
        }
        sleep_ms(FOLLOW_LOOK_MS / 5);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE_OF_OURS;
}

static int run_follow(struct record_options *options)
{
    struct process_wish wish = {.name = options->name, .container = options->container};
    int told = 0; /* what is told about waiting, once */
    while (!stop_requested) {
        struct error err = {0};
        pid_t pid;
        int rc = find_process(&wish, &pid, &err);
        if (rc != 0) {
            if (rc != told && !options->quiet)
                fprintf(stderr, "gotape-record: waiting: %s\n", err.message);
            told = rc;
            sleep_ms(FOLLOW_LOOK_MS);
            continue;
        }
        told = 0;
        options->pid = pid;
        if (record_in_child(options) != 0 && !stop_requested)
            sleep_ms(FOLLOW_PAUSE_MS);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    struct record_options options;
    if (record_options_parse(argc, argv, &options, &err) != 0)
        return complain(&err);
    if (options.mode == MODE_HELP) {
        record_options_print_help(stdout);
        return 0;
    }
    if (options.mode == MODE_VERSION) {
        puts("gotape-record " GOTAPE_VERSION);
        return 0;
    }
    catch_signals();
    if (host_check_proc(&err) != 0)
        return complain(&err);
    if (options.mode == MODE_CLEANUP)
        return run_cleanup();
    if (options.of_long.follow)
        return run_follow(&options);
    if (options.mode == MODE_ATTACH && options.pid == -1 && find_target(&options, &err) != 0) {
        complain(&err);
        return EXIT_NO_SINGLE_PROCESS;
    }
    if (options.check)
        return run_check(&options);
    return run_record(&options);
}
