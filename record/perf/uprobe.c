/* Defining, reading and deleting the uprobe events of one group. See uprobe.h. */
#include "perf/uprobe.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "perf/tracefs.h"

enum {
    GROUP_EVENTS_MAX = 160,
    FORMAT_SIZE_MAX = 1 << 20,
    DELETE_TRIES = 50, /* one second in all */
    DELETE_PAUSE_MS = 20,
};

struct uprobe_group {
    char *tracefs; /* owned */
    char name[64];
    char *events[GROUP_EVENTS_MAX]; /* owned; defined and not yet deleted */
    unsigned event_count;
};

int uprobe_group_new_at(const char *tracefs, const char *proc, struct uprobe_group **out, struct error *err)
{
    struct uprobe_owner owner;
    int rc = uprobe_owner_self(proc, &owner, err);
    if (rc < 0)
        return rc;
    struct uprobe_group *self = calloc(1, sizeof *self);
    if (self)
        self->tracefs = strdup(tracefs);
    if (!self || !self->tracefs) {
        free(self);
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    uprobe_owner_name(&owner, self->name, sizeof self->name);
    *out = self;
    return 0;
}

int uprobe_group_new(struct uprobe_group **out, struct error *err)
{
    char tracefs[256];
    int rc = tracefs_find(tracefs, sizeof tracefs, err);
    return rc < 0 ? rc : uprobe_group_new_at(tracefs, "/proc", out, err);
}

const char *uprobe_group_name(const struct uprobe_group *self)
{
    return self->name;
}

static bool is_identifier(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    size_t length = 0;
    for (; name[length]; length++) {
        if (!isalnum((unsigned char)name[length]) && name[length] != '_')
            return false;
    }
    return length < 64;
}

static bool has_blank(const char *text)
{
    for (; *text; text++) {
        if (isspace((unsigned char)*text) || iscntrl((unsigned char)*text))
            return true;
    }
    return false;
}

/*
 * error_log holds the last few complaints, each as
 *   [   12.345678] trace_uprobe: error: Failed to parse …
 *     Command: p:group/name …
 *                           ^
 * Others write there too: only the newest entry that quotes our command is ours.
 */
static void kernel_words(const char *tracefs, const char *command, char *out, size_t size)
{
    char path[512], *text;
    *out = '\0';
    snprintf(path, sizeof path, "%s/error_log", tracefs);
    if (tracefs_read(path, 1 << 16, &text, NULL) < 0)
        return;
    char *message = NULL, *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *error = strstr(line, ": error: ");
        char *quoted = strstr(line, "Command: ");
        if (*line == '[' && error) {
            message = error + strlen(": error: ");
        } else if (quoted && message && strcmp(quoted + strlen("Command: "), command) == 0) {
            snprintf(out, size, "%s", message);
        }
    }
    free(text);
}

static int define_failed(const struct uprobe_group *self, const char *name, const char *path,
                         const char *command, struct error *err)
{
    int number = err->sys_errno;
    char words[256], advice[192] = "";
    kernel_words(self->tracefs, command, words, sizeof words);
    if (number == EACCES || number == EPERM)
        snprintf(advice, sizeof advice,
                 " (writing uprobe_events needs root, or CAP_DAC_OVERRIDE and no lockdown)");
    else if (number == ENOENT)
        snprintf(advice, sizeof advice, " (%.120s does not exist or cannot be opened)", path);
    errno = number;
    if (*words)
        return error_sys(err, "the kernel refuses the probe %s at %s: \"%s\"%s; command \"%s\"", name, path,
                         words, advice, command);
    return error_sys(err, "the kernel refuses the probe %s at %s%s; command \"%s\"", name, path, advice,
                     command);
}

int uprobe_define(struct uprobe_group *self, const char *name, const char *path, uint64_t file_offset,
                  const char *fetch, struct error *err)
{
    struct buf command;
    struct error cause;
    char event[512];
    int rc;
    if (!is_identifier(name) || has_blank(path) || strpbrk(fetch, "\n\r;"))
        return error_set(err, ERR_USAGE, "\"%s\" at %s cannot be written as a probe definition", name, path);
    if (self->event_count == GROUP_EVENTS_MAX)
        return error_set(err, ERR_NOMEM, "more than %d probes in one group", GROUP_EVENTS_MAX);
    snprintf(event, sizeof event, "%s/events/%s/%s", self->tracefs, self->name, name);
    if (access(event, F_OK) == 0)
        return error_set(err, ERR_BUSY, "the event %s/%s exists already", self->name, name);

    buf_init(&command);
    buf_printf(&command, "p:%s/%s %s:0x%" PRIx64 "%s%s", self->name, name, path, file_offset,
               *fetch ? " " : "", fetch);
    char *copy = strdup(name);
    if (buf_failed(&command) || !copy) {
        rc = error_set(err, ERR_NOMEM, "out of memory");
        goto out;
    }
    error_clear(&cause);
    rc = tracefs_command(self->tracefs, (const char *)command.data, &cause);
    if (rc < 0) {
        rc = define_failed(self, name, path, (const char *)command.data, &cause);
        if (err)
            *err = cause;
        goto out;
    }
    self->events[self->event_count++] = copy;
    copy = NULL;
out:
    free(copy);
    buf_release(&command);
    return rc;
}

int uprobe_read_format(const struct uprobe_group *self, const char *name, char **text_out, uint64_t *id_out,
                       struct error *err)
{
    char path[512], *text, *id_text, *end;
    snprintf(path, sizeof path, "%s/events/%s/%s/id", self->tracefs, self->name, name);
    int rc = tracefs_read(path, 64, &id_text, err);
    if (rc < 0)
        return rc;
    errno = 0;
    uint64_t id = strtoull(id_text, &end, 10);
    bool is_number = errno == 0 && end != id_text && (*end == '\n' || *end == '\0');
    free(id_text);
    if (!is_number)
        return error_set(err, ERR_DAMAGED, "%s does not hold a number", path);
    snprintf(path, sizeof path, "%s/events/%s/%s/format", self->tracefs, self->name, name);
    rc = tracefs_read(path, FORMAT_SIZE_MAX, &text, err);
    if (rc < 0)
        return rc;
    *text_out = text;
    *id_out = id;
    return 0;
}

int uprobe_hits(const struct uprobe_group *self, const char *name, uint64_t *hits_out, struct error *err)
{
    char path[512], *text, *save = NULL;
    snprintf(path, sizeof path, "%s/uprobe_profile", self->tracefs);
    int rc = tracefs_read(path, FORMAT_SIZE_MAX, &text, err);
    if (rc < 0)
        return rc;
    /* The file lists event names without their groups, so another recorder's probe of the same name looks
     * like ours. */
    unsigned matches = 0;
    uint64_t found = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char event[65];
        uint64_t hits;
        if (sscanf(line, " %*s %64s %" SCNu64, event, &hits) == 2 && strcmp(event, name) == 0) {
            found = hits;
            matches++;
        }
    }
    free(text);
    if (matches != 1)
        return error_set(err, ERR_NOT_FOUND, "%s has %u lines for %s", path, matches, name);
    *hits_out = found;
    return 0;
}

static int delete_event(const char *tracefs, const char *group, const char *name, struct error *err)
{
    char command[160];
    struct error cause;
    const struct timespec pause = {.tv_nsec = DELETE_PAUSE_MS * 1000000L};
    snprintf(command, sizeof command, "-:%s/%s", group, name);
    for (unsigned i = 0;; i++) {
        int rc = tracefs_command(tracefs, command, &cause);
        if (rc == 0 || cause.code == ERR_NOT_FOUND)
            return 0;
        if (cause.code != ERR_BUSY || i == DELETE_TRIES) {
            if (err)
                *err = cause;
            return error_prefix(err, "cannot delete the probe definition %s/%s: ", group, name);
        }
        nanosleep(&pause, NULL);
    }
}

int uprobe_group_delete(struct uprobe_group *self, struct error *err)
{
    int result = 0;
    unsigned kept = 0;
    for (unsigned i = 0; i < self->event_count; i++) {
        /* The first failure is told; the others are tried all the same. */
        int rc = delete_event(self->tracefs, self->name, self->events[i], result ? NULL : err);
        if (rc < 0) {
            if (!result)
                result = rc;
            self->events[kept++] = self->events[i];
        } else {
            free(self->events[i]);
        }
    }
    self->event_count = kept;
    return result;
}

void uprobe_group_forget(struct uprobe_group *self)
{
    for (unsigned i = 0; i < self->event_count; i++)
        free(self->events[i]);
    self->event_count = 0;
}

void uprobe_group_free(struct uprobe_group *self)
{
    if (!self)
        return;
    uprobe_group_delete(self, NULL);
    uprobe_group_forget(self);
    free(self->tracefs);
    free(self);
}
