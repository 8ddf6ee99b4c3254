/* Setting a perf session up and down: rings, descriptors, enabling. See perf_session.h. */
#include "perf/perf_session.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perf/perf_session_impl.h"
#include "perf/tracefs.h"
#include "perf/tracepoint.h"

enum { CPUS_MAX = 8192, ENABLE_PASSES = 3 };

/* "0-3,8,10-11" as in /sys/devices/system/cpu/online. */
static int parse_cpu_list(const char *text, unsigned *cpus, unsigned *count_out)
{
    unsigned count = 0;
    while (*text && *text != '\n') {
        char *end;
        unsigned long first = strtoul(text, &end, 10), last = first;
        if (end == text)
            return -1;
        if (*end == '-') {
            text = end + 1;
            last = strtoul(text, &end, 10);
            if (end == text)
                return -1;
        }
        for (unsigned long cpu = first; cpu <= last; cpu++) {
            if (count == CPUS_MAX || cpu >= CPUS_MAX)
                return -1;
            cpus[count++] = (unsigned)cpu;
        }
        text = *end == ',' ? end + 1 : end;
    }
    *count_out = count;
    return count ? 0 : -1;
}

static uint64_t ring_size(uint64_t wanted, unsigned ring_count)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), size = page;
    if (!wanted) {
        /* 8 MB hold a quarter second of the busiest CPU that we have seen; many CPUs share about 256 MB. */
        wanted = 8u << 20;
        while (wanted > (1u << 20) && wanted * ring_count > (256u << 20))
            wanted /= 2;
    }
    while (size < wanted && size < (1ull << 30))
        size *= 2;
    return size;
}

/* Allocates the list. */
static int read_online(unsigned **cpus_out, unsigned *count_out, struct error *err)
{
    char *text = NULL;
    unsigned *cpus = calloc(CPUS_MAX, sizeof *cpus);
    if (!cpus)
        return error_set(err, ERR_NOMEM, "out of memory");
    int rc = tracefs_read("/sys/devices/system/cpu/online", 1 << 16, &text, err);
    if (rc == 0 && parse_cpu_list(text, cpus, count_out) != 0)
        rc = error_set(err, ERR_DAMAGED, "/sys/devices/system/cpu/online does not list CPUs: %.80s", text);
    free(text);
    if (rc != 0)
        free(cpus);
    else
        *cpus_out = cpus;
    return rc;
}

/* With programs each CPU has two, perf's and the programs'. */
static int open_rings(struct perf_session *self, unsigned rings_per_cpu, struct error *err)
{
    unsigned *cpus = NULL;
    unsigned count = 0;
    int rc = read_online(&cpus, &count, err);
    if (rc != 0)
        goto out;
    self->rings = calloc(count, sizeof *self->rings);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!self->rings || self->epoll_fd < 0) {
        rc = error_sys(err, "cannot prepare %u rings", count);
        goto out;
    }
    struct perf_event_attr attr;
    self->ring_bytes = ring_size(self->ring_bytes, rings_per_cpu * count);
    perf_attr_ring(&attr, (uint32_t)(self->ring_bytes / 4));
    for (unsigned i = 0; i < count && rc == 0; i++) {
        struct session_ring *ring = &self->rings[i];
        struct epoll_event wish = {.events = EPOLLIN};
        ring->cpu = cpus[i];
        ring->fd = -1;
        map_init(&ring->owners);
        self->ring_count = i + 1;
        rc = perf_open(&attr, -1, (int)cpus[i], &ring->fd, err);
        if (rc == 0)
            rc = perf_ring_open(&ring->ring, ring->fd, self->ring_bytes, err);
        if (rc == 0 && epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, ring->fd, &wish) != 0)
            rc = error_sys(err, "cannot wait for the ring of CPU %u", cpus[i]);
    }
out:
    free(cpus);
    return rc;
}

static int find_switch_event(struct perf_session *self, const char *tracefs, struct error *err)
{
    char path[512], *text = NULL;
    snprintf(path, sizeof path, "%s/events/sched/sched_switch/id", tracefs);
    int rc = tracefs_read(path, 64, &text, err);
    if (rc < 0)
        return error_prefix(err, "no sched:sched_switch event: ");
    self->switch_id = strtoull(text, NULL, 10);
    free(text);
    if (!self->switch_id)
        return error_set(err, ERR_DAMAGED, "%s does not hold a number", path);
    snprintf(path, sizeof path, "%s/events/sched/sched_switch/format", tracefs);
    rc = tracefs_read(path, 1 << 20, &text, err);
    if (rc < 0)
        return rc;
    rc = tracepoint_parse_switch(text, &self->decoder.switches, err);
    free(text);
    self->decoder.has_switch = rc == 0;
    return rc;
}

/* The first pid namespace has a fixed inode number (PID_NS_INIT_INO in include/uapi/linux/nsfs.h of Linux 6.18, the same
 * since 3.8). */
static bool is_nested(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != 0xEFFFFFFCu;
}

int perf_session_new(const struct perf_session_options *options, const char *tracefs,
                     struct perf_session **out, struct error *err)
{
    struct perf_session *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, ERR_NOMEM, "out of memory");
    self->pid = options->pid;
    self->ring_bytes = options->ring_bytes;
    self->cpu_wide = options->cpu_wide;
    self->no_link = options->no_link;
    self->epoll_fd = -1;
    perf_program_init(self);
    cpu_scope_init(&self->scope);
    map_init(&self->decoder.events);
    map_init(&self->tid_by_first);
    self->is_nested = is_nested();
    int rc = perf_features_probe(&self->features, err);
    self->decoder.max_stack = self->features.max_stack;
    if (rc == 0 && options->thread_switches)
        rc = find_switch_event(self, tracefs, err);
    bool has_programs = options->programs && !options->cpu_wide;
    if (rc == 0)
        rc = open_rings(self, has_programs ? 2 : 1, err);
    if (rc == 0 && has_programs)
        rc = perf_program_prepare(self, err);
    if (rc < 0) {
        perf_session_free(self);
        return rc;
    }
    *out = self;
    return 0;
}

void perf_session_free(struct perf_session *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->descriptor_count; i++)
        close(self->descriptors[i].fd);
    for (unsigned i = 0; i < self->anchor_count; i++)
        close(self->anchors[i]);
    perf_program_release(self);
    for (unsigned i = 0; i < self->ring_count; i++) {
        perf_ring_close(&self->rings[i].ring);
        if (self->rings[i].fd >= 0)
            close(self->rings[i].fd);
        map_release(&self->rings[i].owners);
    }
    if (self->epoll_fd >= 0)
        close(self->epoll_fd);
    map_release(&self->decoder.events);
    map_release(&self->tid_by_first);
    cpu_scope_release(&self->scope);
    free(self->exits.tids);
    free(self->old_exits.tids);
    free(self->descriptors);
    free(self->rings);
    free(self);
}

int perf_session_add_probe(struct perf_session *self, const struct sample_probe *probe, struct error *err)
{
    unsigned index = self->decoder.probe_count;
    if (index == SAMPLE_PROBES_MAX)
        return error_set(err, ERR_NOMEM, "more than %d probes", SAMPLE_PROBES_MAX);
    int rc = perf_program_has(self, index) ? 0 : tracepoint_parse_probe(probe, &self->decoder.probes[index], err);
    if (rc < 0)
        return rc;
    self->probe_ids[index] = probe->event_id;
    snprintf(self->probe_names[index], sizeof self->probe_names[index], "%s", probe->name);
    self->decoder.probe_count++;
    return 0;
}

static unsigned count_threads(pid_t pid)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static int too_few_descriptors(const struct perf_session *self, struct error *err)
{
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    unsigned threads = count_threads(self->pid), events = self->decoder.probe_count - perf_session_program_count(self) + 1;
    if (threads < self->thread_count + 1)
        threads = self->thread_count + 1;
    return error_sys(err,
                     "recording needs about %" PRIu64
                     " descriptors (%u threads x %u CPUs x %u events), and %" PRIu64
                     " may be open: raise the limit (ulimit -n, LimitNOFILE=), or run as root",
                     (uint64_t)threads * self->ring_count * events + self->ring_count, threads,
                     self->ring_count, events, (uint64_t)limit.rlim_cur);
}

static int note_descriptor(struct perf_session *self, int fd, unsigned ring, unsigned index,
                           struct error *err)
{
    uint64_t id;
    if (self->descriptor_count == self->descriptor_capacity) {
        size_t capacity = self->descriptor_capacity ? 2 * self->descriptor_capacity : 256;
        struct session_descriptor *more = realloc(self->descriptors, capacity * sizeof *more);
        if (!more)
            return error_set(err, ERR_NOMEM, "out of memory");
        self->descriptors = more;
        self->descriptor_capacity = capacity;
    }
    if (ioctl(fd, PERF_EVENT_IOC_ID, &id) != 0)
        return error_sys(err, "cannot read the id of a perf event");
    if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, self->rings[ring].fd) != 0)
        return error_sys(err, "cannot send the events of CPU %u into one ring", self->rings[ring].cpu);
    if (map_put(&self->decoder.events, id, index) != 0)
        return error_set(err, ERR_NOMEM, "out of memory");
    self->descriptors[self->descriptor_count++] =
        (struct session_descriptor){.fd = fd, .ring = ring, .index = index};
    return 0;
}

/* tid -1: all that runs on the CPUs. */
static int open_for_thread(struct perf_session *self, const struct perf_event_attr *attr, unsigned index,
                           pid_t tid, struct error *err)
{
    for (unsigned i = 0; i < self->ring_count; i++) {
        struct error cause;
        int fd, cpu = (int)self->rings[i].cpu;
        int rc = perf_open(attr, tid, cpu, &fd, &cause);
        if (rc < 0 && (cause.sys_errno == EMFILE || cause.sys_errno == ENFILE)) {
            if (cause.sys_errno == EMFILE && perf_raise_descriptor_limit())
                rc = perf_open(attr, tid, cpu, &fd, &cause);
            if (rc < 0 && (cause.sys_errno == EMFILE || cause.sys_errno == ENFILE)) {
                errno = cause.sys_errno;
                return too_few_descriptors(self, err);
            }
        }
        if (rc < 0) {
            if (err)
                *err = cause;
            return error_prefix(err, "event %s: ",
                                index >= SAMPLE_PROBES_MAX ? "of thread switches" : self->probe_names[index]);
        }
        rc = note_descriptor(self, fd, i, index, err);
        if (rc < 0) {
            close(fd);
            return rc;
        }
    }
    return 0;
}

static void set_filter(const struct perf_session *self, unsigned index, const char *field)
{
    char filter[64 * CPU_SCOPE_NAMES_MAX];
    bool has_filter = cpu_scope_filter(&self->scope, field, filter, sizeof filter);
    for (size_t i = 0; i < self->descriptor_count; i++) {
        /* Without it more is read than needed, and dropped. */
        if (has_filter && self->descriptors[i].index == index)
            ioctl(self->descriptors[i].fd, PERF_EVENT_IOC_SET_FILTER, filter);
    }
}

/* The kernel keeps the switches of others out, by the names of the target's threads as they are known now: an event
 * takes one filter only. */
static void filter_switches(const struct perf_session *self)
{
    set_filter(self, SAMPLE_THREAD_EVENT, "prev_comm");
    set_filter(self, SAMPLE_SWITCH_IN_EVENT, "next_comm");
}

static int open_cpus(struct perf_session *self, struct error *err)
{
    struct perf_event_attr attr;
    uint64_t switch_id = self->no_switches ? 0 : self->switch_id;
    perf_attr_cpu(&attr, &self->features, switch_id);
    int rc = open_for_thread(self, &attr, SAMPLE_THREAD_EVENT, -1, err);
    if (rc == 0 && switch_id) {
        perf_attr_cpu_switch_in(&attr, &self->features, switch_id);
        rc = open_for_thread(self, &attr, SAMPLE_SWITCH_IN_EVENT, -1, err);
    }
    for (unsigned i = 0; i < self->decoder.probe_count && rc == 0; i++) {
        if (self->is_left_out[i])
            continue;
        perf_attr_cpu_probe(&attr, &self->features, self->probe_ids[i], self->decoder.probes[i].call_chain);
        rc = open_for_thread(self, &attr, i, -1, err);
    }
    self->is_open = rc == 0;
    return rc;
}

/* What is known of a thread when it is found; all later is told by the kernel. */
static int note_thread(struct perf_session *self, pid_t tid, struct error *err)
{
    char path[64], *name;
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", (int)self->pid, (int)tid);
    if (tracefs_read(path, 64, &name, NULL) < 0)
        return error_set(err, ERR_GONE, "thread %d has exited", (int)tid);
    name[strcspn(name, "\n")] = '\0';
    cpu_scope_name(&self->scope, name);
    free(name);
    if (!cpu_scope_add(&self->scope, (uint32_t)tid))
        return error_set(err, ERR_NOMEM, "out of memory");
    int rc = self->is_open ? 0 : open_cpus(self, err);
    self->thread_count += rc == 0;
    return rc;
}

int perf_session_add_thread(struct perf_session *self, pid_t tid, struct error *err)
{
    if (self->cpu_wide)
        return note_thread(self, tid, err);
    struct perf_event_attr attr;
    size_t first = self->descriptor_count;
    /* When the thread exits half-way, what is open stays open: a thread that it started meanwhile may live on
     * it. */
    perf_attr_thread(&attr, &self->features, self->no_switches ? 0 : self->switch_id);
    int rc = open_for_thread(self, &attr, SAMPLE_THREAD_EVENT, tid, err);
    for (unsigned i = 0; i < self->decoder.probe_count && rc == 0; i++) {
        if (self->is_left_out[i] || perf_program_has(self, i))
            continue;
        perf_attr_probe(&attr, &self->features, self->probe_ids[i], self->decoder.probes[i].call_chain);
        rc = open_for_thread(self, &attr, i, tid, err);
    }
    if (self->descriptor_count > first)
        self->thread_count++;
    if (rc == 0)
        rc = perf_program_open(self, err);
    for (size_t i = first; self->enabled && i < self->descriptor_count; i++) {
        if (ioctl(self->descriptors[i].fd, PERF_EVENT_IOC_ENABLE, 0) != 0 && rc == 0)
            rc = error_sys(err, "cannot enable the events of thread %d", (int)tid);
    }
    return rc;
}

/* The first failure is told; the other descriptors are switched all the same. */
static int switch_all(struct perf_session *self, unsigned long request, const char *word, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < self->descriptor_count; i++) {
        if (ioctl(self->descriptors[i].fd, request, 0) != 0 && rc == 0)
            rc = error_sys(err, "cannot %s a perf event", word);
    }
    perf_program_switch(self, request == PERF_EVENT_IOC_ENABLE);
    return rc;
}

/*
 * A thread that is cloned while its creator's event is being enabled may inherit it disabled: inherit_event() reads the
 * creator's state before it waits for the child_mutex that the enabling holds (kernel/events/core.c, Linux 6.18). The
 * creator may even take that event over, with all that it will ever clone, when the two threads' contexts are swapped
 * at a switch between them. A later pass finds such an event among the children of ours and enables it; a pass in turn
 * misses what is cloned from such a thread at that moment, so there are several. (A target that clones 10,000 threads a
 * second: 4 of 200 recordings lacked a probe on a CPU after one pass, none of 300 after three.)
 */
static int enable_all(struct perf_session *self, struct error *err)
{
    int rc = 0;
    for (unsigned pass = 0; pass < ENABLE_PASSES && rc == 0; pass++)
        rc = switch_all(self, PERF_EVENT_IOC_ENABLE, "enable", err);
    return rc;
}

int perf_session_enable(struct perf_session *self, struct error *err)
{
    if (self->cpu_wide && !self->enabled)
        filter_switches(self);
    int rc = enable_all(self, err);
    if (rc == 0)
        self->enabled = true;
    return rc;
}

int perf_session_disable(struct perf_session *self, struct error *err)
{
    self->enabled = false;
    self->was_disabled = true;
    return switch_all(self, PERF_EVENT_IOC_DISABLE, "disable", err);
}

uint64_t perf_session_switch_id(const struct perf_session *self)
{
    return self->switch_id;
}

unsigned perf_session_ring_count(const struct perf_session *self)
{
    return self->ring_count;
}

unsigned perf_session_ring_cpu(const struct perf_session *self, unsigned ring)
{
    return self->rings[ring].cpu;
}

static bool has_ring(const struct perf_session *self, unsigned cpu)
{
    for (unsigned i = 0; i < self->ring_count; i++) {
        if (self->rings[i].cpu == cpu)
            return true;
    }
    return false;
}

unsigned perf_session_uncovered_cpus(const struct perf_session *self, unsigned *cpus_out, unsigned max)
{
    unsigned *online = NULL, count = 0, found = 0;
    if (read_online(&online, &count, NULL) != 0)
        return 0;
    for (unsigned i = 0; i < count && found < max; i++) {
        if (!has_ring(self, online[i]))
            cpus_out[found++] = online[i];
    }
    free(online);
    return found;
}

uint64_t perf_session_ring_bytes(const struct perf_session *self)
{
    return self->ring_bytes;
}

/* A hit takes at least a microsecond of its CPU, and its record seldom more than 64 bytes; half of the ring is to be left. */
unsigned perf_session_round_ms(const struct perf_session *self)
{
    enum { BYTES_PER_MS = 64 * 1000, LEAST_MS = 2, MOST_MS = 1000 };
    uint64_t ms = self->ring_bytes / 2 / BYTES_PER_MS;
    if (!perf_session_program_count(self) || ms > MOST_MS)
        return MOST_MS;
    return ms < LEAST_MS ? LEAST_MS : (unsigned)ms;
}

int perf_session_poll_fd(const struct perf_session *self)
{
    return self->epoll_fd;
}

void perf_session_stats(struct perf_session *self, struct perf_session_stats *out)
{
    *out = self->stats;
    out->descriptors = (unsigned)self->descriptor_count + self->ring_count + perf_program_descriptors(self);
}
