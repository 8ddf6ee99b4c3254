/*
 * Removes the probe definitions that killed recorders left behind. Only groups of our own form are looked at,
 * one definition is deleted by one command, and what the kernel calls busy stays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/intern.h"
#include "perf/process_start.h"
#include "perf/tracefs.h"
#include "perf/uprobe.h"

enum { UPROBE_EVENTS_SIZE_MAX = 16 << 20, PAUSE_MS = 20 };

struct sweep {
    const char *tracefs, *proc;
    uint64_t namespace_inode;
    struct intern *kept_groups; /* counted as foreign */
    struct uprobe_stale counts;
};

static bool is_gone(const struct sweep *self, const struct uprobe_owner *owner)
{
    uint64_t start;
    if (owner->namespace_inode != self->namespace_inode)
        return false;
    return !process_start_time(self->proc, owner->pid, &start) || start != owner->start_time;
}

/* A line reads "p:GROUP/NAME PATH:0xOFFSET ARGS"; `line` starts behind "p:". */
static int sweep_line(struct sweep *self, const char *line, struct error *err)
{
    struct uprobe_owner owner;
    size_t length = strcspn(line, " ");
    const char *slash = memchr(line, '/', length);
    if (!slash || !uprobe_owner_parse(line, (size_t)(slash - line), &owner))
        return 0;
    if (!is_gone(self, &owner)) {
        bool is_new = false;
        if (!intern_put(self->kept_groups, line, (size_t)(slash - line), &is_new))
            return error_set(err, ERR_NOMEM, "out of memory");
        self->counts.foreign += is_new;
        return 0;
    }
    char command[160];
    struct error cause;
    if (length > sizeof command - 3)
        return 0;
    snprintf(command, sizeof command, "-:%.*s", (int)length, line);
    int rc = tracefs_command(self->tracefs, command, &cause);
    if (rc == 0) {
        self->counts.removed++;
    } else if (cause.code == ERR_BUSY) {
        self->counts.busy++;
    } else if (cause.code != ERR_NOT_FOUND) {
        if (err)
            *err = cause;
        return error_prefix(err, "cannot delete the stale probe definition %.*s: ", (int)length, line);
    }
    return 0;
}

int uprobe_cleanup_at(const char *tracefs, const char *proc, struct uprobe_stale *out, struct error *err)
{
    struct sweep sweep = {.tracefs = tracefs, .proc = proc};
    struct uprobe_owner self;
    char path[512], *text = NULL, *save = NULL;
    int rc = uprobe_owner_self(proc, &self, err);
    if (rc < 0)
        return rc;
    sweep.namespace_inode = self.namespace_inode;
    snprintf(path, sizeof path, "%s/uprobe_events", tracefs);
    rc = tracefs_read(path, UPROBE_EVENTS_SIZE_MAX, &text, err);
    if (rc < 0)
        return rc;
    sweep.kept_groups = intern_new();
    if (!sweep.kept_groups) {
        rc = error_set(err, ERR_NOMEM, "out of memory");
        goto out;
    }
    for (char *line = strtok_r(text, "\n", &save); line && rc == 0; line = strtok_r(NULL, "\n", &save)) {
        if ((line[0] == 'p' || line[0] == 'r') && line[1] == ':')
            rc = sweep_line(&sweep, line + 2, err);
    }
    if (rc == 0)
        *out = sweep.counts;
out:
    intern_free(sweep.kept_groups);
    free(text);
    return rc;
}

int uprobe_cleanup(struct uprobe_stale *out, struct error *err)
{
    char tracefs[256];
    int rc = tracefs_find(tracefs, sizeof tracefs, err);
    return rc < 0 ? rc : uprobe_cleanup_at(tracefs, "/proc", out, err);
}

/* Deletes what is there of a group, once. *busy_out: so many are in use yet. */
static int remove_once(const char *tracefs, const char *group, unsigned *busy_out, struct error *err)
{
    char path[512], command[160], *text = NULL, *save = NULL;
    size_t length = strlen(group);
    unsigned busy = 0;
    snprintf(path, sizeof path, "%s/uprobe_events", tracefs);
    int rc = tracefs_read(path, UPROBE_EVENTS_SIZE_MAX, &text, err);
    if (rc < 0)
        return rc;
    for (char *line = strtok_r(text, "\n", &save); line && rc == 0; line = strtok_r(NULL, "\n", &save)) {
        struct error cause;
        size_t name = strcspn(line, " ");
        if (line[0] != 'p' || line[1] != ':' || strncmp(line + 2, group, length) != 0 ||
            line[2 + length] != '/' || name > sizeof command - 3)
            continue;
        snprintf(command, sizeof command, "-:%.*s", (int)name - 2, line + 2);
        rc = tracefs_command(tracefs, command, &cause);
        busy += rc != 0 && cause.code == ERR_BUSY;
        if (rc != 0 && cause.code != ERR_BUSY && cause.code != ERR_NOT_FOUND) {
            if (err)
                *err = cause;
            rc = error_prefix(err, "cannot delete the probe definition %.*s: ", (int)name - 2, line + 2);
        } else {
            rc = 0;
        }
    }
    free(text);
    if (rc == 0)
        *busy_out = busy;
    return rc;
}

int uprobe_remove_group_at(const char *tracefs, const char *group, unsigned patience_ms, struct error *err)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    for (unsigned waited = 0;; waited += PAUSE_MS) {
        unsigned busy = 0;
        int rc = remove_once(tracefs, group, &busy, err);
        if (rc < 0 || busy == 0)
            return rc;
        if (waited >= patience_ms)
            return error_set(err, ERR_BUSY, "%u probe definitions of %s are in use and were left", busy,
                             group);
        nanosleep(&pause, NULL);
    }
}

int uprobe_remove_group(const char *group, unsigned patience_ms, struct error *err)
{
    char tracefs[256];
    int rc = tracefs_find(tracefs, sizeof tracefs, err);
    return rc < 0 ? rc : uprobe_remove_group_at(tracefs, group, patience_ms, err);
}
