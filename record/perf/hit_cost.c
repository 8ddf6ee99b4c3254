/* See hit_cost.h. */
#include "perf/hit_cost.h"

#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "perf/perf_open.h"
#include "perf/perf_ring.h"

#define SITE_NAME    "calibrate"
#define HITS         400 /* a batch */
#define BATCHES      5
#define CHAIN_FRAMES 8
#define RING_BYTES   (256u << 10) /* a batch with call chains fits */

/*
 * Measured on Linux 6.18: what is not measured each time, as multiples of a lean hit (0.9 us there). Single-stepping:
 * 16.5 us; the two records of a pair of switches with their piece of stack; each open event of the thread per pair of
 * switches 0.28 us.
 */
#define STEPPED_FACTOR 18.0
#define SWITCH_FACTOR  2.0
#define SCOPE_FACTOR   0.3
/* How much dearer a hit is in a running service than in the loop here. */
#define FIELD_FACTOR 1.0

static struct hit_cost from_measured(double lean_ns, double chain_ns)
{
    return (struct hit_cost){.lean_ns = lean_ns,
                             .chain_ns = chain_ns,
                             .stepped_ns = STEPPED_FACTOR * lean_ns,
                             .switch_ns = SWITCH_FACTOR * lean_ns,
                             .scope_ns = SCOPE_FACTOR * lean_ns};
}

struct hit_cost hit_cost_known(void)
{
    return from_measured(1000, 1000);
}

#if defined(__x86_64__)

void hit_cost_site(void);
__asm__(".text\n"
        ".p2align 4\n"
        ".globl hit_cost_site\n"
        ".hidden hit_cost_site\n"
        ".type hit_cost_site, @function\n"
        "hit_cost_site:\n"
        "  push %rbp\n"
        "  mov %rsp, %rbp\n"
        "  pop %rbp\n"
        "  ret\n"
        ".size hit_cost_site, . - hit_cost_site\n");

#define TYPICAL_FETCH "v0=%ax:u64 v1=%bx:u64 v2=+0(%sp):u64 v3=+8(%sp):u64 v4=+16(%sp):u32"

/* ---- the child ---- */

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The frames of a typical call chain. Not a tail call: the result is used after the call. */
__attribute__((noinline)) static uint64_t run_batch(unsigned frames)
{
    uint64_t taken;
    if (frames > 1) {
        taken = run_batch(frames - 1);
        __asm__ volatile("" : "+r"(taken));
        return taken;
    }
    uint64_t start = cpu_ns();
    for (unsigned i = 0; i < HITS; i++)
        hit_cost_site();
    return cpu_ns() - start;
}

static void child_main(int in, int out)
{
    char request;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (read(in, &request, 1) == 1) {
        uint64_t taken = run_batch(CHAIN_FRAMES);
        if (write(out, &taken, sizeof taken) != sizeof taken)
            break;
    }
    _exit(0);
}

struct child {
    pid_t pid;
    int to, from;
};

static int child_start(struct child *self, struct error *err)
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

static void child_end(struct child *self)
{
    close(self->to);
    close(self->from);
    kill(self->pid, SIGKILL);
    waitpid(self->pid, NULL, 0);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Median time of one call. `ring`: emptied between the batches; NULL: there is none. */
static int measure(struct child *child, struct perf_ring *ring, double *out, struct error *err)
{
    uint64_t taken[BATCHES];
    for (unsigned i = 0; i < BATCHES; i++) {
        if (write(child->to, "", 1) != 1 || read(child->from, &taken[i], sizeof taken[i]) != sizeof taken[i])
            return error_sys(err, "the process to measure with is gone");
        if (ring) {
            ring->tail = perf_ring_head(ring);
            perf_ring_commit(ring);
        }
    }
    qsort(taken, BATCHES, sizeof *taken, by_value);
    *out = (double)taken[BATCHES / 2] / HITS;
    return 0;
}

/* ---- the probe ---- */

/* Where the site lies in our own file. */
static int find_offset(uint64_t *out, struct error *err)
{
    uint64_t address = (uint64_t)(uintptr_t)hit_cost_site, from, to, offset;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    bool found = false;
    if (!maps)
        return error_sys(err, "cannot read /proc/self/maps");
    while (!found && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &from, &to, &offset) == 3)
            found = from <= address && address < to;
    }
    fclose(maps);
    if (!found)
        return error_set(err, ERR_NOT_FOUND, "/proc/self/maps does not show our own code");
    *out = address - from + offset;
    return 0;
}

static int measure_with(struct child *child, uint64_t event_id, bool call_chain, double *out, struct error *err)
{
    const struct perf_features features = {0};
    struct perf_event_attr attr;
    struct perf_ring ring = {0};
    int fd = -1;
    perf_attr_probe(&attr, &features, event_id, call_chain);
    attr.inherit = 0;
    attr.wakeup_watermark = RING_BYTES;
    int rc = perf_open(&attr, child->pid, -1, &fd, err);
    if (rc == 0)
        rc = perf_ring_open(&ring, fd, RING_BYTES, err);
    if (rc == 0 && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) != 0)
        rc = error_sys(err, "cannot enable the probe to measure with");
    if (rc == 0)
        rc = measure(child, &ring, out, err);
    perf_ring_close(&ring);
    if (fd >= 0)
        close(fd);
    return rc;
}

int hit_cost_measure(struct uprobe_group *group, struct hit_cost *out, struct error *err)
{
    struct child child;
    uint64_t offset = 0, event_id = 0;
    double bare = 0, lean = 0, chain = 0;
    char *format = NULL;
    int rc = find_offset(&offset, err);
    if (rc == 0)
        rc = uprobe_define(group, SITE_NAME, "/proc/self/exe", offset, TYPICAL_FETCH, err);
    if (rc == 0)
        rc = uprobe_read_format(group, SITE_NAME, &format, &event_id, err);
    free(format);
    if (rc == 0)
        rc = child_start(&child, err);
    if (rc != 0)
        return rc;
    rc = measure(&child, NULL, &bare, err);
    if (rc == 0)
        rc = measure_with(&child, event_id, false, &lean, err);
    if (rc == 0)
        rc = measure_with(&child, event_id, true, &chain, err);
    child_end(&child);
    if (rc == 0 && (lean <= bare || lean - bare > 1e6))
        rc = error_set(err, ERR_UNSUPPORTED, "a probe of our own was not hit");
    if (rc != 0)
        return rc;
    *out = from_measured(FIELD_FACTOR * (lean - bare), chain > lean ? FIELD_FACTOR * (chain - lean) : 0);
    out->is_measured = true;
    return 0;
}

#else

int hit_cost_measure(struct uprobe_group *group, struct hit_cost *out, struct error *err)
{
    (void)group;
    (void)out;
    return error_set(err, ERR_UNSUPPORTED, "not measured on this architecture");
}

#endif
