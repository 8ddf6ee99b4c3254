/* Names of uprobe groups: who owns one, and whether a name is of our form at all. See uprobe.h. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perf/process_start.h"
#include "perf/tracefs.h"
#include "perf/uprobe.h"

void uprobe_owner_name(const struct uprobe_owner *owner, char *out, size_t size)
{
    snprintf(out, size, UPROBE_GROUP_PREFIX "%" PRIu32 "_%" PRIu64 "_%" PRIu64, owner->pid, owner->start_time,
             owner->namespace_inode);
}

/* A decimal number without sign, blanks or leading zeros, so that a name has one reading only. */
static bool take_number(const char **at, const char *end, uint64_t max, uint64_t *out)
{
    const char *p = *at;
    uint64_t value = 0;
    while (p < end && isdigit((unsigned char)*p)) {
        unsigned digit = (unsigned)(*p - '0');
        if (value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
        p++;
    }
    if (p == *at || (**at == '0' && p - *at > 1))
        return false;
    *at = p;
    *out = value;
    return true;
}

bool uprobe_owner_parse(const char *group, size_t length, struct uprobe_owner *out)
{
    const size_t prefix = sizeof UPROBE_GROUP_PREFIX - 1;
    if (length < prefix || memcmp(group, UPROBE_GROUP_PREFIX, prefix) != 0)
        return false;
    const char *at = group + prefix, *end = group + length;
    uint64_t pid, start, inode;
    if (!take_number(&at, end, UINT32_MAX, &pid) || at == end || *at++ != '_' ||
        !take_number(&at, end, UINT64_MAX, &start) || at == end || *at++ != '_' ||
        !take_number(&at, end, UINT64_MAX, &inode) || at != end)
        return false;
    *out = (struct uprobe_owner){.pid = (uint32_t)pid, .start_time = start, .namespace_inode = inode};
    return true;
}

bool process_stat_field(const char *path, int field, uint64_t *out)
{
    char *text;
    if (tracefs_read(path, 4096, &text, NULL) < 0)
        return false;
    /* The second field is a name in parentheses that may hold anything; the third follows its last one. */
    const char *at = strrchr(text, ')');
    for (int i = 2; at && i < field; i++)
        at = strchr(at + 1, ' ');
    bool ok = at && sscanf(at, " %" SCNu64, out) == 1;
    free(text);
    return ok;
}

bool process_start_time(const char *proc, uint32_t pid, uint64_t *out)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%" PRIu32 "/stat", proc, pid);
    return process_stat_field(path, 22, out);
}

int uprobe_owner_self(const char *proc, struct uprobe_owner *out, struct error *err)
{
    char path[256];
    struct stat st;
    struct uprobe_owner owner = {.pid = (uint32_t)getpid()};
    snprintf(path, sizeof path, "%s/self/ns/pid", proc);
    if (stat(path, &st) != 0)
        return error_sys(err, "cannot read %s; is %s mounted?", path, proc);
    owner.namespace_inode = st.st_ino;
    if (!process_start_time(proc, owner.pid, &owner.start_time))
        return error_set(err, ERR_NOT_FOUND,
                         "cannot read the start time of this process in %s/%" PRIu32 "/stat", proc,
                         owner.pid);
    *out = owner;
    return 0;
}
