#include "scope_check.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proc_info.h"

/* A file as /proc/PID/maps has it: these are the numbers that are the same in all of these files, also where stat(2)
 * gives others (btrfs, overlayfs). */
struct mapped_file {
    unsigned major, minor;
    uint64_t inode;
};

/* The next mapping that may be executed. */
static bool next_executable(FILE *maps, struct mapped_file *out)
{
    char *line = NULL, permissions[5];
    size_t capacity = 0;
    bool found = false;
    while (!found && getline(&line, &capacity, maps) > 0)
        found = sscanf(line, "%*x-%*x %4s %*x %x:%x %" SCNu64, permissions, &out->major, &out->minor,
                       &out->inode) == 4 &&
                permissions[2] == 'x' && out->inode != 0;
    free(line);
    return found;
}

static bool find_own(pid_t pid, struct mapped_file *out)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    FILE *maps = proc_open_maps(pid);
    bool found = false;
    if (maps && stat(path, &st) == 0) {
        while (!found && next_executable(maps, out))
            found = out->inode == st.st_ino;
    }
    if (maps)
        fclose(maps);
    return found;
}

static bool runs(pid_t pid, const struct mapped_file *file)
{
    FILE *maps = proc_open_maps(pid);
    struct mapped_file other;
    bool found = false;
    while (maps && !found && next_executable(maps, &other))
        found = other.inode == file->inode && other.major == file->major && other.minor == file->minor;
    if (maps)
        fclose(maps);
    return found;
}

int scope_check_sharers(pid_t pid, struct scope_sharers *out, struct error *err)
{
    struct scope_sharers sharers = {0};
    struct mapped_file own;
    if (!find_own(pid, &own))
        return error_set(err, ERR_GONE, "the executable of process %d cannot be found in its memory map",
                         (int)pid);
    DIR *proc = opendir("/proc");
    if (!proc)
        return error_sys(err, "cannot read /proc");
    for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
        pid_t other = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 0;
        if (other <= 0 || other == pid || !runs(other, &own))
            continue;
        sharers.count++;
        if (!sharers.first && proc_comm(other, sharers.name))
            sharers.first = other;
    }
    closedir(proc);
    *out = sharers;
    return 0;
}
