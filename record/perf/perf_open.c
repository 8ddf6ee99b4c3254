/* See perf_open.h; kernel facts from perf_event_open(2) and include/uapi/linux/perf_event.h. */
#include "perf/perf_open.h"

#include <asm/perf_regs.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "perf/tracefs.h"

#if defined(__x86_64__)
#define USER_REGISTERS (1ull << PERF_REG_X86_IP | 1ull << PERF_REG_X86_SP | 1ull << PERF_REG_X86_BP)
#elif defined(__aarch64__)
#define USER_REGISTERS (1ull << PERF_REG_ARM64_PC | 1ull << PERF_REG_ARM64_SP | 1ull << PERF_REG_ARM64_X29)
#else
#error "no user registers known for this architecture"
#endif

enum {
    CAPABILITY_SYS_ADMIN = 21,
    CAPABILITY_SYS_RESOURCE = 24,
    CAPABILITY_PERFMON = 38,
    DESCRIPTORS_MAX = 1 << 20,
};

static int open_event(const struct perf_event_attr *attr, pid_t tid, int cpu)
{
    return (int)syscall(SYS_perf_event_open, attr, tid, cpu, -1, (unsigned long)PERF_FLAG_FD_CLOEXEC);
}

static long read_sysctl(const char *path, long fallback)
{
    char *text;
    if (tracefs_read(path, 64, &text, NULL) < 0)
        return fallback;
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text)
        value = fallback;
    free(text);
    return value;
}

static bool has_capability(unsigned number)
{
    char *text;
    uint64_t mask = 0;
    if (tracefs_read("/proc/self/status", 1 << 14, &text, NULL) < 0)
        return false;
    const char *line = strstr(text, "\nCapEff:");
    bool known = line && sscanf(line, "\nCapEff: %" SCNx64, &mask) == 1;
    free(text);
    return known && (mask >> number & 1);
}

static int open_failed(const struct perf_event_attr *attr, pid_t tid, int cpu, struct error *err)
{
    switch (errno) {
    case EACCES:
    case EPERM: {
        long paranoid = read_sysctl("/proc/sys/kernel/perf_event_paranoid", 2);
        bool privileged = has_capability(CAPABILITY_PERFMON) || has_capability(CAPABILITY_SYS_ADMIN);
        if (privileged)
            return error_sys(
                err, "the kernel forbids perf events although this process has CAP_PERFMON or CAP_SYS_ADMIN "
                     "(a container's seccomp filter, or a security module); run gotape-record on the host");
        return error_sys(
            err,
            "perf events need root, CAP_PERFMON or CAP_SYS_ADMIN (kernel.perf_event_paranoid is %ld); use "
            "sudo",
            paranoid);
    }
    case ENOSYS:
        return error_set(err, ERR_UNSUPPORTED,
                         "this kernel is built without perf events (CONFIG_PERF_EVENTS)");
    case ENOENT:
        if (attr->type == PERF_TYPE_TRACEPOINT)
            return error_set(err, ERR_UNSUPPORTED,
                             "perf does not know tracepoint %" PRIu64
                             ": its definition was removed by somebody else, "
                             "or the kernel is built without CONFIG_EVENT_TRACING",
                             (uint64_t)attr->config);
        break;
    case ESRCH:
        return error_sys(err, "thread %d", (int)tid);
    case ENODEV:
        return error_sys(err, "CPU %d went offline while perf events were being opened; try again", cpu);
    default:
        break;
    }
    return error_sys(err, "cannot open a perf event (type %u, config %" PRIu64 ", thread %d, CPU %d)",
                     attr->type, (uint64_t)attr->config, (int)tid, cpu);
}

int perf_open(const struct perf_event_attr *attr, pid_t tid, int cpu, int *fd_out, struct error *err)
{
    int fd = open_event(attr, tid, cpu);
    if (fd < 0)
        return open_failed(attr, tid, cpu, err);
    *fd_out = fd;
    return 0;
}

static void common(struct perf_event_attr *attr, uint32_t type, uint64_t config)
{
    memset(attr, 0, sizeof *attr);
    attr->size = sizeof *attr;
    attr->type = type;
    attr->config = config;
    attr->sample_period = 1;
    attr->sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW;
    attr->sample_id_all = 1;
    attr->use_clockid = 1;
    attr->clockid = CLOCK_MONOTONIC;
    attr->exclude_callchain_kernel = 1;
    attr->disabled = 1;
    attr->watermark = 1;
}

static void inherited(struct perf_event_attr *attr, const struct perf_features *features)
{
    attr->inherit = 1;
    attr->inherit_thread = features->inherit_thread;
    if (features->format_lost)
        attr->read_format = PERF_FORMAT_LOST;
}

void perf_attr_ring(struct perf_event_attr *attr, uint32_t watermark_bytes)
{
    common(attr, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY);
    attr->wakeup_watermark = watermark_bytes;
}

void perf_attr_probe(struct perf_event_attr *attr, const struct perf_features *features, uint64_t event_id,
                     bool call_chain)
{
    common(attr, PERF_TYPE_TRACEPOINT, event_id);
    inherited(attr, features);
    if (call_chain)
        attr->sample_type |= PERF_SAMPLE_CALLCHAIN;
}

void perf_attr_thread(struct perf_event_attr *attr, const struct perf_features *features,
                      uint64_t switch_event_id)
{
    if (switch_event_id) {
        common(attr, PERF_TYPE_TRACEPOINT, switch_event_id);
        /* Never a user call chain here: unwinding at sched_switch has panicked kernels. */
        attr->sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
        attr->sample_regs_user = USER_REGISTERS;
        attr->sample_stack_user = PERF_USER_STACK_BYTES;
        attr->context_switch = 1;
    } else {
        common(attr, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY);
    }
    inherited(attr, features);
    attr->task = 1;
    attr->comm = 1;
    attr->comm_exec = 1;
}

static void not_inherited(struct perf_event_attr *attr)
{
    attr->inherit = 0;
    attr->inherit_thread = 0;
}

void perf_attr_cpu(struct perf_event_attr *attr, const struct perf_features *features,
                   uint64_t switch_event_id)
{
    perf_attr_thread(attr, features, switch_event_id);
    not_inherited(attr);
    /* It would tell the switches of all threads of the host. */
    attr->context_switch = 0;
}

void perf_attr_cpu_switch_in(struct perf_event_attr *attr, const struct perf_features *features,
                             uint64_t switch_event_id)
{
    perf_attr_probe(attr, features, switch_event_id, false);
    not_inherited(attr);
}

void perf_attr_cpu_probe(struct perf_event_attr *attr, const struct perf_features *features,
                         uint64_t event_id, bool call_chain)
{
    perf_attr_probe(attr, features, event_id, call_chain);
    not_inherited(attr);
}

void perf_attr_program_probe(struct perf_event_attr *attr, uint64_t event_id)
{
    common(attr, PERF_TYPE_TRACEPOINT, event_id);
}

/* The kernel answers EINVAL for a bit that it does not know. */
static bool is_accepted(const struct perf_event_attr *attr)
{
    int fd = open_event(attr, 0, -1);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

int perf_features_probe(struct perf_features *out, struct error *err)
{
    const struct perf_features all = {.inherit_thread = true, .format_lost = true}, none = {0};
    struct perf_features found = {0};
    struct perf_event_attr attr;
    int fd;

    perf_attr_ring(&attr, 4096);
    int rc = perf_open(&attr, -1, sched_getcpu(), &fd, err);
    if (rc < 0)
        return rc;
    close(fd);
    perf_attr_thread(&attr, &none, 0);
    rc = perf_open(&attr, 0, -1, &fd, err);
    if (rc < 0)
        return error_prefix(err, "this kernel is too old (5.10 is the oldest that is known to work): ");
    close(fd);

    perf_attr_thread(&attr, &all, 0);
    attr.read_format = 0;
    found.inherit_thread = is_accepted(&attr);
    perf_attr_thread(&attr, &all, 0);
    attr.inherit_thread = 0;
    found.format_lost = is_accepted(&attr);
    long depth = read_sysctl("/proc/sys/kernel/perf_event_max_stack", PERF_MAX_STACK_DEPTH);
    found.max_stack = depth > 0 ? (uint32_t)depth : PERF_MAX_STACK_DEPTH;
    *out = found;
    return 0;
}

bool perf_raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    rlim_t before = limit.rlim_cur;
    if (has_capability(CAPABILITY_SYS_RESOURCE)) {
        long most = read_sysctl("/proc/sys/fs/nr_open", 0);
        rlim_t wanted = most > DESCRIPTORS_MAX ? DESCRIPTORS_MAX : (rlim_t)(most > 0 ? most : 0);
        if (wanted > limit.rlim_max) {
            struct rlimit higher = {.rlim_cur = wanted, .rlim_max = wanted};
            if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
                return true;
        }
    }
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > before;
}
