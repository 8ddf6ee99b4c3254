/*
 * Uprobe definitions in tracefs. One group per recorder, named after its pid, start time and pid namespace,
 * so that what a killed recorder left behind can be told from what a living one uses. One probe point per
 * event name, never two. Writes append to uprobe_events (O_APPEND, one write(2) a line) and never touch other
 * groups.
 */
#ifndef GOTAPE_RECORD_UPROBE_H
#define GOTAPE_RECORD_UPROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct uprobe_group;

#define UPROBE_GROUP_PREFIX "gotape_"

/* Whose group it is. The start time is field 22 of /proc/PID/stat, in clock ticks since boot. */
struct uprobe_owner {
    uint32_t pid;
    uint64_t start_time;
    uint64_t namespace_inode; /* of /proc/PID/ns/pid */
};

/* Writes the owner's group name; `size` of 64 is always enough. */
void uprobe_owner_name(const struct uprobe_owner *owner, char *out, size_t size);
/* Reads a group name of exactly our form; false for all others. */
bool uprobe_owner_parse(const char *group, size_t length, struct uprobe_owner *out);
/* This process. `proc` is "/proc" (tests bring their own). */
int uprobe_owner_self(const char *proc, struct uprobe_owner *out, struct error *err);

/* Finds tracefs (mounted at /sys/kernel/tracing or /sys/kernel/debug/tracing) and checks that uprobe_events
 * is writable. The error says which is missing and what to do. */
int tracefs_find(char *path_out, size_t size, struct error *err);

/* Starts a group "gotape_<pid>_<starttime>_<pidns inode>"; nothing is written yet. */
int uprobe_group_new(struct uprobe_group **out, struct error *err);
/* The same in a given tracefs. */
int uprobe_group_new_at(const char *tracefs, const char *proc, struct uprobe_group **out, struct error *err);
const char *uprobe_group_name(const struct uprobe_group *self);
/* Defines p:GROUP/name PATH:OFFSET fetch. PATH may be /proc/PID/exe. Errors carry the kernel's own words
 * (tracing/error_log). A name that exists is refused (ERR_BUSY): the kernel would put a second probe point
 * under it. */
int uprobe_define(struct uprobe_group *self, const char *name, const char *path, uint64_t file_offset,
                  const char *fetch, struct error *err);
/* Reads tracefs' `format` of one of our events; the caller frees *text_out. Also gives the event id (perf
 * attr.config). */
int uprobe_read_format(const struct uprobe_group *self, const char *name, char **text_out, uint64_t *id_out,
                       struct error *err);
/*
 * Breakpoint hits that the kernel counted at one of our definitions (third column of uprobe_profile), in all
 * processes and whether or not an event was enabled. Exact since 6.13; before that, concurrent hits were
 * counted without a lock.
 */
int uprobe_hits(const struct uprobe_group *self, const char *name, uint64_t *hits_out, struct error *err);
/* Deletes our definitions; every perf descriptor must be closed before. Retries while the kernel says busy
 * (bounded). */
int uprobe_group_delete(struct uprobe_group *self, struct error *err);
/* Somebody else has deleted them, or will. */
void uprobe_group_forget(struct uprobe_group *self);
void uprobe_group_free(struct uprobe_group *self); /* deletes what is left */

struct uprobe_stale {
    unsigned removed; /* definitions removed */
    unsigned busy;    /* left because the kernel reports them in use */
    unsigned foreign; /* groups of living recorders or of other pid namespaces, left alone */
};

/* Removes definitions of recorders that are gone (pid not alive with that start time, same pid namespace).
 * Groups of other pid namespaces are only counted: their owners cannot be seen from here. */
int uprobe_cleanup(struct uprobe_stale *out, struct error *err);
int uprobe_cleanup_at(const char *tracefs, const char *proc, struct uprobe_stale *out, struct error *err);

/* Deletes every definition of a group, by name and one by one, trying again for so long while the kernel says busy
 * (ERR_BUSY in the end). */
int uprobe_remove_group(const char *group, unsigned patience_ms, struct error *err);
int uprobe_remove_group_at(const char *tracefs, const char *group, unsigned patience_ms, struct error *err);

#endif
