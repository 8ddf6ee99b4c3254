/* See hit_child.h. */
#include "perf/hit_child.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "perf/hit_site.h"

#define HITS       200
#define HAND_OVERS 100

struct request {
    enum hit_child_task task;
    unsigned frames;
};

/* Sends back each byte. */
static void echo_main(int in, int out)
{
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (read(in, &byte, 1) == 1 && write(out, &byte, 1) == 1)
        ;
    _exit(0);
}

/* CPU time of both sides. */
static uint64_t run_hand_overs(int to, int from, clockid_t other)
{
    char byte = 0;
    uint64_t start = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + clock_ns(other);
    for (unsigned i = 0; i < HAND_OVERS; i++) {
        if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
            return 0;
    }
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) + clock_ns(other) - start;
}

static uint64_t cold_calls(void)
{
    uint8_t *memory = malloc(HIT_CHILD_COLD_BYTES);
    if (!memory)
        return 0;
    memset(memory, 1, HIT_CHILD_COLD_BYTES);
    uint64_t taken = hit_site_cold(memory, HIT_CHILD_COLD_BYTES);
    free(memory);
    return taken;
}

/* Stays on one CPU together with the process that it starts, so that a hand-over is a switch. */
static void child_main(int in, int out)
{
    struct request request;
    int to[2], from[2];
    cpu_set_t here;
    clockid_t other;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu() % CPU_SETSIZE, &here);
    sched_setaffinity(0, sizeof here, &here);
    if (pipe(to) != 0 || pipe(from) != 0)
        _exit(1);
    pid_t echo = fork();
    if (echo == 0) {
        close(to[1]);
        close(from[0]);
        echo_main(to[0], from[1]);
    }
    if (echo < 0 || clock_getcpuclockid(echo, &other) != 0)
        _exit(1);
    while (read(in, &request, sizeof request) == sizeof request) {
        double taken = request.task == HIT_CHILD_CALLS ? (double)hit_site_batch(request.frames, HITS) / HITS
                       : request.task == HIT_CHILD_COLD_CALLS
                           ? (double)cold_calls()
                           : (double)run_hand_overs(to[1], from[0], other) / HAND_OVERS;
        if (write(out, &taken, sizeof taken) != sizeof taken)
            break;
    }
    close(to[1]);
    kill(echo, SIGKILL);
    waitpid(echo, NULL, 0);
    _exit(0);
}

int hit_child_start(struct hit_child *self, struct error *err)
{
    int in[2], out[2];
    if (pipe(in) != 0)
        return error_sys(err, "cannot make a pipe");
    if (pipe(out) != 0) {
        close(in[0]);
        close(in[1]);
        return error_sys(err, "cannot make a pipe");
    }
    self->pid = fork();
    if (self->pid == 0) {
        close(in[1]);
        close(out[0]);
        child_main(in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    self->to = in[1];
    self->from = out[0];
    if (self->pid < 0) {
        close(self->to);
        close(self->from);
        return error_sys(err, "cannot start a process to measure with");
    }
    return 0;
}

int hit_child_ask(struct hit_child *self, enum hit_child_task task, unsigned frames, double *out,
                  struct error *err)
{
    struct request request;
    double taken;
    memset(&request, 0, sizeof request);
    request.task = task;
    request.frames = frames;
    if (write(self->to, &request, sizeof request) != sizeof request ||
        read(self->from, &taken, sizeof taken) != sizeof taken)
        return error_set(err, ERR_GONE, "the process to measure with is gone");
    *out = taken;
    return 0;
}

void hit_child_end(struct hit_child *self)
{
    close(self->to);
    close(self->from);
    waitpid(self->pid, NULL, 0);
}
