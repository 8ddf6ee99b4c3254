#include "proc_info.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "go/go_binary.h"

static FILE *open_file(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return fopen(path, "re");
}

bool proc_comm(pid_t pid, char out[16])
{
    FILE *file = open_file(pid, "comm");
    if (!file)
        return false;
    size_t got = fread(out, 1, 15, file);
    fclose(file);
    out[got] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return got > 0;
}

bool proc_exe(pid_t pid, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t got = readlink(path, out, size - 1);
    if (got < 0)
        return false;
    out[got] = '\0';
    return true;
}

bool proc_has_memory(pid_t pid)
{
    FILE *file = open_file(pid, "statm");
    unsigned long pages = 0;
    bool known = file && fscanf(file, "%lu", &pages) == 1;
    if (file)
        fclose(file);
    return known && pages > 0;
}

bool proc_args(pid_t pid, struct buf *out)
{
    FILE *file = open_file(pid, "cmdline");
    if (!file)
        return false;
    char block[4096];
    size_t got = fread(block, 1, sizeof block, file);
    fclose(file);
    while (got > 0 && block[got - 1] == '\0')
        got--;
    for (size_t i = 0; i < got; i++)
        buf_put_u8(out, block[i] ? (uint8_t)block[i] : ' ');
    buf_put_u8(out, 0);
    return !buf_failed(out);
}

pid_t proc_tgid(pid_t tid)
{
    FILE *file = open_file(tid, "status");
    if (!file)
        return 0;
    char line[256];
    int tgid = 0;
    while (fgets(line, sizeof line, file) && sscanf(line, "Tgid: %d", &tgid) != 1)
        ;
    fclose(file);
    return tgid;
}

bool proc_has_own_pid_namespace(pid_t pid)
{
    char path[64];
    struct stat ours, theirs;
    snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    if (stat("/proc/self/ns/pid", &ours) != 0 || stat(path, &theirs) != 0)
        return false;
    return ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev;
}

/* "NSpid:\t4711\t42\t1": from the reader's namespace to the innermost. */
static bool last_number(const char *line, pid_t *out)
{
    bool found = false;
    for (char *end; *line; line = end) {
        long number = strtol(line, &end, 10);
        if (end == line)
            break;
        *out = (pid_t)number;
        found = true;
    }
    return found;
}

pid_t proc_namespace_tid(pid_t pid, pid_t tid)
{
    char name[32], line[512];
    snprintf(name, sizeof name, "task/%d/status", (int)tid);
    FILE *file = open_file(pid, name);
    if (!file)
        return 0;
    pid_t found = 0;
    while (found == 0 && fgets(line, sizeof line, file)) {
        if (strncmp(line, "NSpid:", 6) == 0 && !last_number(line + 6, &found))
            break;
    }
    fclose(file);
    return found;
}

struct tid_mapping {
    pid_t pid;
    struct map *ours_by_own;
};

static int map_tid(void *context, pid_t tid, struct error *err)
{
    struct tid_mapping *mapping = context;
    pid_t own = proc_namespace_tid(mapping->pid, tid);
    if (own > 0 && map_put(mapping->ours_by_own, (uint64_t)own, (uint64_t)tid) != 0)
        return error_set(err, ERR_NOMEM, "out of memory while listing the threads of process %d",
                         (int)mapping->pid);
    return 0;
}

int proc_map_namespace_tids(pid_t pid, struct map *ours_by_own, struct error *err)
{
    struct tid_mapping mapping = {pid, ours_by_own};
    return proc_each_thread(pid, map_tid, &mapping, err);
}

int proc_each_thread(pid_t pid, int (*fn)(void *context, pid_t tid, struct error *err), void *context,
                     struct error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return error_set(err, ERR_GONE, "process %d has exited", (int)pid);
    int rc = 0;
    struct dirent *entry;
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        int tid = atoi(entry->d_name);
        if (tid > 0)
            rc = fn(context, tid, err);
    }
    closedir(dir);
    return rc;
}

/* Depth bounds the walk: a chain of wrappers is short. */
static pid_t find_go_below(pid_t pid, char name_out[16], int depth)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    pid_t found = 0;
    int child;
    while (!found && fscanf(file, "%d", &child) == 1) {
        snprintf(path, sizeof path, "/proc/%d/exe", child);
        if (go_binary_is_go(path) && proc_comm(child, name_out))
            found = child;
        else if (depth > 0)
            found = find_go_below(child, name_out, depth - 1);
    }
    fclose(file);
    return found;
}

pid_t proc_find_go_descendant(pid_t pid, char name_out[16])
{
    return find_go_below(pid, name_out, 4);
}

FILE *proc_open_maps(pid_t pid)
{
    return open_file(pid, "maps");
}

bool proc_mapping_name(FILE *file, uint64_t address, char *out, size_t size, uint64_t *start_out,
                       uint64_t *end_out)
{
    rewind(file);
    char line[PATH_MAX + 128];
    bool found = false;
    while (!found && fgets(line, sizeof line, file)) {
        uint64_t start, end;
        int name_at = 0;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %n", &start, &end, &name_at) < 2 ||
            address < start || address >= end)
            continue;
        line[strcspn(line, "\n")] = '\0';
        const char *name = name_at > 0 ? line + name_at : "";
        const char *slash = strrchr(name, '/');
        snprintf(out, size, "%s", slash ? slash + 1 : *name ? name : "[anonymous]");
        *start_out = start;
        *end_out = end;
        found = true;
    }
    return found;
}
