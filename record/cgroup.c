#include "cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Version 1 has no word for "no limit": a memory limit near the largest number stands for it. */
#define V1_UNLIMITED (UINT64_MAX >> 2)

/* ---- files ---- */

static bool read_text(const char *folder, const char *name, char *out, size_t size)
{
    char path[CGROUP_PATH_SIZE + 64];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t got = fread(out, 1, size - 1, file);
    fclose(file);
    out[got] = '\0';
    return got > 0;
}

static bool parse_number(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || errno != 0 || *text == '-')
        return false;
    *out = value;
    return true;
}

static bool read_number(const char *folder, const char *name, uint64_t *out)
{
    char text[64];
    return read_text(folder, name, text, sizeof text) && text[0] != '-' && parse_number(text, out);
}

/* "name 12\nother 3\n" */
static bool stat_value(const char *text, const char *name, uint64_t *out)
{
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return parse_number(line + length + 1, out);
    }
    return false;
}

/* ---- limits of one group ---- */

static bool read_cpu_max(const char *folder, bool is_v1, uint64_t *quota_us, uint64_t *period_us)
{
    char text[64];
    if (is_v1) {
        if (!read_text(folder, "cpu.cfs_quota_us", text, sizeof text) ||
            !read_number(folder, "cpu.cfs_period_us", period_us))
            return false;
        if (text[0] == '-') {
            *quota_us = 0;
            return true;
        }
        return parse_number(text, quota_us);
    }
    if (!read_text(folder, "cpu.max", text, sizeof text))
        return false;
    const char *period = strchr(text, ' ');
    if (!period || !parse_number(period + 1, period_us))
        return false;
    if (strncmp(text, "max ", 4) == 0) {
        *quota_us = 0;
        return true;
    }
    return parse_number(text, quota_us);
}

static bool read_memory_max(const char *folder, bool is_v1, uint64_t *out)
{
    char text[64];
    if (!read_text(folder, is_v1 ? "memory.limit_in_bytes" : "memory.max", text, sizeof text))
        return false;
    if (strncmp(text, "max", 3) == 0) {
        *out = 0;
        return true;
    }
    if (!parse_number(text, out))
        return false;
    if (is_v1 && *out >= V1_UNLIMITED)
        *out = 0;
    return true;
}

static bool read_throttling(const char *folder, bool is_v1, struct cgroup_facts *out)
{
    char text[4096];
    if (!read_text(folder, "cpu.stat", text, sizeof text) || !stat_value(text, "nr_periods", &out->periods) ||
        !stat_value(text, "nr_throttled", &out->throttled_periods) ||
        !stat_value(text, is_v1 ? "throttled_time" : "throttled_usec", &out->throttled_us))
        return false;
    if (is_v1)
        out->throttled_us /= 1000;
    return true;
}

/* ---- where the groups are ---- */

/* One line of /proc/PID/cgroup: "4:memory:/docker/…" or "0::/docker/…". */
struct membership {
    const char *controllers, *path;
};

static bool parse_membership(char *line, struct membership *out)
{
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path || path[1] != '/')
        return false;
    *path = '\0';
    *out = (struct membership){controllers + 1, path + 1};
    return true;
}

static bool has_controller(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; *at; at += *at == ',') {
        size_t part = strcspn(at, ",");
        if (part == length && memcmp(at, name, length) == 0)
            return true;
        at += part;
    }
    return false;
}

/* The path of the process in the hierarchy of a controller; NULL asks for version 2. */
static bool find_membership(const char *proc, pid_t pid, const char *controller, char *out, size_t size)
{
    char name[256], line[CGROUP_PATH_SIZE + 256];
    snprintf(name, sizeof name, "%s/%d/cgroup", proc, (int)pid);
    FILE *file = fopen(name, "re");
    if (!file)
        return false;
    bool found = false;
    while (!found && fgets(line, sizeof line, file)) {
        struct membership membership;
        if (!parse_membership(line, &membership))
            continue;
        bool fits = controller ? has_controller(membership.controllers, controller)
                               : membership.controllers[0] == '\0';
        if (fits && strlen(membership.path) < size) {
            snprintf(out, size, "%s", membership.path);
            found = true;
        }
    }
    fclose(file);
    return found;
}

/* A line of mountinfo: "31 24 0:27 /root /sys/fs/cgroup/cpu rw,… shared:9 - cgroup cgroup rw,cpu" (proc(5)). */
struct mount {
    char root[CGROUP_PATH_SIZE], point[CGROUP_PATH_SIZE], type[32], options[512];
};

static bool parse_mount(const char *line, struct mount *out)
{
    const char *rest = strstr(line, " - ");
    return rest && sscanf(line, "%*d %*d %*s %1023s %1023s", out->root, out->point) == 2 &&
           sscanf(rest + 3, "%31s %*s %511s", out->type, out->options) == 2;
}

static bool is_mount_of(const struct mount *mount, const char *controller)
{
    if (!controller)
        return strcmp(mount->type, "cgroup2") == 0;
    return strcmp(mount->type, "cgroup") == 0 && has_controller(mount->options, controller);
}

/* The part of a path below the root of a mount; NULL when it is not below. */
static const char *below(const char *path, const char *root)
{
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0'))
        return NULL;
    return path + length;
}

/* Seen from a cgroup namespace, a group outside of it has a path with "..": its folder cannot be named. */
static bool is_outside(const char *path)
{
    return strncmp(path, "/..", 3) == 0;
}

/* Where the hierarchy of a controller is mounted, and the folder of a group in it. */
static bool find_folder(const char *proc, const char *controller, const char *path, size_t *mount_length,
                        char *out, size_t size)
{
    char name[256], line[4 * CGROUP_PATH_SIZE];
    snprintf(name, sizeof name, "%s/self/mountinfo", proc);
    FILE *file = is_outside(path) ? NULL : fopen(name, "re");
    if (!file)
        return false;
    bool found = false;
    struct mount mount;
    while (!found && fgets(line, sizeof line, file)) {
        if (!parse_mount(line, &mount) || !is_mount_of(&mount, controller))
            continue;
        const char *rest = below(path, mount.root);
        if (!rest)
            continue;
        int length = snprintf(out, size, "%s%s", mount.point, strcmp(rest, "/") == 0 ? "" : rest);
        found = length >= 0 && (size_t)length < size;
        *mount_length = strlen(mount.point);
    }
    fclose(file);
    return found;
}

/* Goes on to the group above; false at the top of the mount. */
static bool go_up(char *folder, size_t mount_length)
{
    char *slash = strrchr(folder, '/');
    if (!slash || (size_t)(slash - folder) < mount_length)
        return false;
    *slash = '\0';
    return true;
}

/* A group in one hierarchy, on the way up from the one of the process. */
struct climb {
    char folder[CGROUP_PATH_SIZE];
    size_t mount_length;
    bool is_v1;
};

/*
 * The group of a process for a controller, else the first one above that has it: in version 2 when that has the controller
 * at all (`v2_file` is there), else in version 1.
 */
static bool begin_climb(const char *proc, pid_t pid, const char *controller, const char *v2_file,
                        struct climb *out)
{
    char path[CGROUP_PATH_SIZE], text[64];
    out->is_v1 = false;
    if (find_membership(proc, pid, NULL, path, sizeof path) &&
        find_folder(proc, NULL, path, &out->mount_length, out->folder, sizeof out->folder)) {
        do {
            if (read_text(out->folder, v2_file, text, sizeof text))
                return true;
        } while (go_up(out->folder, out->mount_length));
    }
    out->is_v1 = true;
    return find_membership(proc, pid, controller, path, sizeof path) &&
           find_folder(proc, controller, path, &out->mount_length, out->folder, sizeof out->folder);
}

static void find_cpu(const char *proc, pid_t pid, struct cgroup *out)
{
    struct climb climb;
    if (!begin_climb(proc, pid, "cpu", "cpu.max", &climb))
        return;
    uint64_t tightest = 0; /* millionths of a CPU */
    memcpy(out->cpu_folder, climb.folder, sizeof out->cpu_folder);
    out->is_v1_cpu = climb.is_v1;
    do {
        uint64_t quota, period;
        if (!read_cpu_max(climb.folder, climb.is_v1, &quota, &period) || quota == 0 || period == 0 ||
            quota > UINT64_MAX / 1000000u)
            continue;
        uint64_t limit = quota * 1000000u / period;
        if (tightest == 0 || limit < tightest) {
            tightest = limit;
            memcpy(out->cpu_folder, climb.folder, sizeof out->cpu_folder);
        }
    } while (go_up(climb.folder, climb.mount_length));
    const char *path = out->cpu_folder + climb.mount_length;
    if (strcmp(*path ? path : "/", out->path) != 0)
        snprintf(out->cpu_path, sizeof out->cpu_path, "%s", *path ? path : "/");
}

static void find_memory(const char *proc, pid_t pid, struct cgroup *out)
{
    struct climb climb;
    if (!begin_climb(proc, pid, "memory", "memory.max", &climb))
        return;
    uint64_t smallest = 0;
    memcpy(out->memory_folder, climb.folder, sizeof out->memory_folder);
    out->is_v1_memory = climb.is_v1;
    do {
        uint64_t limit;
        if (!read_memory_max(climb.folder, climb.is_v1, &limit) || limit == 0)
            continue;
        if (smallest == 0 || limit < smallest) {
            smallest = limit;
            memcpy(out->memory_folder, climb.folder, sizeof out->memory_folder);
        }
    } while (go_up(climb.folder, climb.mount_length));
}

bool cgroup_path(const char *proc, pid_t pid, char *out, unsigned size)
{
    static const char *const controllers[] = {NULL, "cpu", "memory", "pids", "name=systemd"};
    bool found = false;
    for (unsigned i = 0; i < sizeof controllers / sizeof *controllers; i++) {
        char path[CGROUP_PATH_SIZE];
        if (!find_membership(proc, pid, controllers[i], path, sizeof path) || strlen(path) >= size)
            continue;
        bool is_root = strcmp(path, "/") == 0;
        if (!found || !is_root)
            snprintf(out, size, "%s", path);
        found = true;
        if (!is_root)
            break;
    }
    return found;
}

void cgroup_find_at(const char *proc, pid_t pid, struct cgroup *out)
{
    memset(out, 0, sizeof *out);
    if (!cgroup_path(proc, pid, out->path, sizeof out->path))
        return;
    find_cpu(proc, pid, out);
    find_memory(proc, pid, out);
}

void cgroup_find(pid_t pid, struct cgroup *out)
{
    cgroup_find_at("/proc", pid, out);
}

void cgroup_read(const struct cgroup *self, struct cgroup_facts *out)
{
    memset(out, 0, sizeof *out);
    if (self->cpu_folder[0]) {
        out->has_cpu_max = read_cpu_max(self->cpu_folder, self->is_v1_cpu, &out->quota_us, &out->period_us);
        out->has_throttling = read_throttling(self->cpu_folder, self->is_v1_cpu, out);
    }
    if (self->memory_folder[0])
        out->has_memory_max = read_memory_max(self->memory_folder, self->is_v1_memory, &out->memory_max);
}
