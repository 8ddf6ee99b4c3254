/*
 * Uprobe definitions in tracefs. One group per recorder, named after its pid, start time and pid namespace, so that what a
 * killed recorder left behind can be told from what a living one uses. One probe point per event name, never two.
 * Writes append to uprobe_events (O_APPEND, one write(2) a line) and never touch other groups.
 */
#ifndef GOTAPE_RECORD_UPROBE_H
#define GOTAPE_RECORD_UPROBE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct uprobe_group;

/* Finds tracefs (mounted at /sys/kernel/tracing or /sys/kernel/debug/tracing) and checks that uprobe_events is writable. The error
 * says which is missing and what to do. */
int tracefs_find(char *path_out, size_t size, struct error *err);

/* Starts a group "gotape_<pid>_<starttime>_<pidns inode>"; nothing is written yet. */
int uprobe_group_new(struct uprobe_group **out, struct error *err);
const char *uprobe_group_name(const struct uprobe_group *self);
/* Defines p:GROUP/name PATH:OFFSET fetch. PATH may be /proc/PID/exe. Errors carry the kernel's own words (tracing/error_log). */
int uprobe_define(struct uprobe_group *self, const char *name, const char *path, uint64_t file_offset,
                  const char *fetch, struct error *err);
/* Reads tracefs' `format` of one of our events; the caller frees *text_out. Also gives the event id (perf attr.config). */
int uprobe_read_format(const struct uprobe_group *self, const char *name, char **text_out, uint64_t *id_out,
                       struct error *err);
/* Hits that the kernel missed (uprobe_profile); 0 when unknown. */
uint64_t uprobe_missed(const struct uprobe_group *self, const char *name);
/* Deletes our definitions; every perf descriptor must be closed before. Retries while the kernel says busy (bounded). */
int uprobe_group_delete(struct uprobe_group *self, struct error *err);
void uprobe_group_free(struct uprobe_group *self); /* deletes what is left */

struct uprobe_stale {
    unsigned removed;      /* definitions removed */
    unsigned busy;         /* left because the kernel reports them in use */
    unsigned foreign;      /* groups of living recorders or of other pid namespaces, left alone */
};

/* Removes definitions of recorders that are gone (pid not alive with that start time, same pid namespace). `force_namespace`
 * false: groups of other pid namespaces are only counted. */
int uprobe_cleanup(struct uprobe_stale *out, struct error *err);

#endif
