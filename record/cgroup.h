/*
 * The cgroup of a process: its path, its limits on CPU time and memory, how often the first held it up. Version 1 and 2 of the
 * kernel's cgroups, also both at once.
 *
 * A limit may be set on any group above; the one that counts is the tightest. (Documentation/admin-guide/cgroup-v2.rst,
 * cgroup-v1/memory.rst and scheduler/sched-bwc.rst of the kernel.)
 */
#ifndef GOTAPE_RECORD_CGROUP_H
#define GOTAPE_RECORD_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_PATH_SIZE 1024

struct cgroup {
    char path[CGROUP_PATH_SIZE]; /* as /proc/PID/cgroup has it; "" unknown */
    char
        cpu_folder[CGROUP_PATH_SIZE]; /* of the group with the tightest CPU limit, else of its own; "" none */
    char memory_folder[CGROUP_PATH_SIZE]; /* the same for memory */
    char cpu_path[CGROUP_PATH_SIZE]; /* of cpu_folder in its hierarchy, when that is not `path`; else "" */
    bool is_v1_cpu, is_v1_memory;
};

struct cgroup_facts {
    bool has_cpu_max, has_memory_max, has_throttling; /* false: the kernel does not tell */
    uint64_t quota_us, period_us;                     /* quota_us 0: no limit */
    uint64_t memory_max;                              /* bytes; 0: no limit */
    uint64_t periods, throttled_periods, throttled_us;
};

/* Finds the groups of a process; nothing in *out is set that cannot be found. */
void cgroup_find(pid_t pid, struct cgroup *out);
/* The same with another folder than /proc, for tests. */
void cgroup_find_at(const char *proc, pid_t pid, struct cgroup *out);
/* Reads limits and counters as of now. They can be read after the process has ended, as long as its group is there. */
void cgroup_read(const struct cgroup *self, struct cgroup_facts *out);

/* The path in /proc/PID/cgroup that tells most: of version 2 unless it is the root, else of a controller of version 1. */
bool cgroup_path(const char *proc, pid_t pid, char *out, unsigned size);

#endif
