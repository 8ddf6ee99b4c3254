#include "find_process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "container.h"
#include "go/go_binary.h"
#include "proc_info.h"

#define CANDIDATES_MAX 32 /* more are counted only */

struct candidate {
    pid_t pid;
    char comm[16];
    char container[13];
};

struct search {
    const struct process_wish *wish;
    struct candidate found[CANDIDATES_MAX]; /* Go programs that fit, in the order of their pids */
    unsigned count;
    unsigned others; /* fit, but are no Go programs or may not be looked at */
};

static bool has_name(pid_t pid, const char *comm, const char *name)
{
    char exe[4096];
    if (strcmp(comm, name) == 0)
        return true;
    if (!proc_exe(pid, exe, sizeof exe))
        return false;
    char *deleted = strstr(exe, " (deleted)");
    if (deleted && deleted[strlen(" (deleted)")] == '\0')
        *deleted = '\0';
    const char *slash = strrchr(exe, '/');
    return strcmp(slash ? slash + 1 : exe, name) == 0;
}

static bool is_in_container(pid_t pid, const char *given, struct candidate *candidate)
{
    char path[CGROUP_PATH_SIZE];
    struct container container;
    if (!cgroup_path("/proc", pid, path, sizeof path) || !container_from_cgroup(path, &container))
        return false;
    snprintf(candidate->container, sizeof candidate->container, "%.12s", container.id);
    return !given || container_is_named(&container, given);
}

static void look_at(struct search *self, pid_t pid)
{
    struct candidate candidate = {.pid = pid};
    const struct process_wish *wish = self->wish;
    char exe[64];
    if (!proc_comm(pid, candidate.comm) || (wish->name && !has_name(pid, candidate.comm, wish->name)) ||
        (!is_in_container(pid, wish->container, &candidate) && wish->container))
        return;
    snprintf(exe, sizeof exe, "/proc/%d/exe", (int)pid);
    if (!go_binary_is_go(exe)) {
        self->others++;
        return;
    }
    if (self->count < CANDIDATES_MAX)
        self->found[self->count] = candidate;
    self->count++;
}

static int by_pid(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    return (left->pid > right->pid) - (left->pid < right->pid);
}

/* "name api", "container 4f5a", or both. */
static void describe(const struct process_wish *wish, char *out, size_t size)
{
    snprintf(out, size, "%s%.64s%s%s%.80s", wish->name ? "the name " : "", wish->name ? wish->name : "",
             wish->name && wish->container ? " in " : "", wish->container ? "the container " : "",
             wish->container ? wish->container : "");
}

static int none(const struct search *self, struct error *err)
{
    char what[200];
    describe(self->wish, what, sizeof what);
    if (self->others)
        return error_set(
            err, ERR_NOT_FOUND,
            "no Go program has %s: %u other process%s fit, of which none is a Go program that may "
            "be looked at",
            what, self->others, self->others == 1 ? "" : "es");
    if (self->wish->container)
        return error_set(err, ERR_NOT_FOUND,
                         "no process has %s; /proc/PID/cgroup tells the containers of processes, as far as "
                         "they can be seen from here",
                         what);
    return error_set(err, ERR_NOT_FOUND,
                     "no process has %s (pgrep -a lists processes; the whole name of the "
                     "program counts)",
                     what);
}

static int several(struct search *self, struct error *err)
{
    char what[200], list[700] = "";
    unsigned listed = self->count < CANDIDATES_MAX ? self->count : CANDIDATES_MAX, shown = 0;
    size_t used = 0;
    qsort(self->found, listed, sizeof *self->found, by_pid);
    for (; shown < listed; shown++) {
        const struct candidate *c = &self->found[shown];
        char line[64];
        int length = snprintf(line, sizeof line, "\n  -p %-8d %s%s%s", (int)c->pid, c->comm,
                              c->container[0] ? "  container " : "", c->container);
        if (used + (size_t)length + 32 > sizeof list)
            break;
        memcpy(list + used, line, (size_t)length + 1);
        used += (size_t)length;
    }
    if (shown < self->count)
        snprintf(list + used, sizeof list - used, "\n  and %u more", self->count - shown);
    describe(self->wish, what, sizeof what);
    return error_set(err, ERR_USAGE, "%u Go programs have %s, choose one:%s", self->count, what, list);
}

int find_process(const struct process_wish *wish, pid_t *pid_out, struct error *err)
{
    DIR *dir = opendir("/proc");
    if (!dir)
        return error_sys(err, "cannot list /proc");
    struct search search = {.wish = wish};
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 0 && pid != getpid())
            look_at(&search, pid);
    }
    closedir(dir);
    if (search.count == 0)
        return none(&search, err);
    if (search.count > 1)
        return several(&search, err);
    *pid_out = search.found[0].pid;
    return 0;
}
