/*
 * The process that is recorded: started by us, or found by pid.
 *
 * A COMMAND is held with ptrace only until it has become a Go program: it is stopped at the exec, before the
 * first instruction of the program runs, and released by target_resume() once the probes are armed. An
 * attached process is never stopped.
 */
#ifndef GOTAPE_RECORD_TARGET_H
#define GOTAPE_RECORD_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "keeper.h"

enum target_how { TARGET_LAUNCHED, TARGET_ATTACHED };

struct target {
    enum target_how how;
    pid_t pid;
    int pidfd; /* becomes readable when the process has exited */
    char comm[16];
    char exe[4096];  /* target of /proc/PID/exe */
    bool held;       /* launched and still stopped at its exec */
    bool reaped;     /* launched and waited for */
    int wait_status; /* valid when reaped */
};

struct target_launch {
    char *const *command;     /* NULL-terminated */
    const char *user;         /* NULL: as we are */
    bool output_to_stderr;    /* standard output carries the trace: the command's goes to standard error */
    const volatile int *stop; /* becomes non-zero at Ctrl-C: give up */
};

/*
 * Starts the command and returns when it has become a Go program (held). Failures: ERR_NOT_FOUND no such
 * command; ERR_UNSUPPORTED it ended, or forked a Go program, without becoming one (the message has the hint);
 * ERR_PERMISSION; ERR_STOPPED. On failure nothing of it is left running.
 */
int target_launch(const struct target_launch *launch, struct target *out, struct error *err);
/* Finds a running process. A thread id is turned into its process. */
int target_attach(pid_t pid, struct target *out, struct error *err);
/* Lets a held program run. */
int target_resume(struct target *self, struct error *err);
/* True when the process has exited; reaps a launched one. */
bool target_has_exited(struct target *self);
/* Ends a launched program: SIGTERM, after three seconds SIGKILL; reaps it. Nothing when it has exited. By the keeper, which has the right to. */
void target_kill(struct target *self, struct keeper *keeper);
/* How a launched program has ended that was waited for: "the target exited with status 2", "… was killed by signal 9 (Killed)". */
void target_describe_exit(const struct target *self, char *out, size_t size);
/* Waits up to `ms` milliseconds for the exit. */
bool target_wait_exit(struct target *self, int ms);
/* Closes descriptors. A held program is killed: it must not run on half prepared. */
void target_release(struct target *self);

#endif
