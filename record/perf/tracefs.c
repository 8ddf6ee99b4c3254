/* See tracefs.h and tracefs_find() in uprobe.h. Nothing here mounts anything or truncates a file. */
#include "perf/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "perf/uprobe.h"

enum { TRY_AGAIN_MAX = 16 };

int tracefs_read(const char *path, size_t limit, char **text_out, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_sys(err, "cannot open %s", path);
    struct buf text;
    buf_init(&text);
    int rc = 0;
    unsigned interrupted = 0;
    while (text.size < limit) {
        if (buf_reserve(&text, 4097) != 0)
            break;
        size_t room = limit - text.size < 4096 ? limit - text.size : 4096;
        ssize_t got = read(fd, text.data + text.size, room);
        if (got < 0 && errno == EINTR && interrupted++ < TRY_AGAIN_MAX)
            continue;
        if (got < 0)
            rc = error_sys(err, "cannot read %s", path);
        if (got <= 0)
            break;
        text.size += (size_t)got;
    }
    close(fd);
    buf_put_u8(&text, 0);
    if (rc == 0 && buf_failed(&text))
        rc = error_set(err, ERR_NOMEM, "out of memory while reading %s", path);
    if (rc < 0) {
        buf_release(&text);
        return rc;
    }
    *text_out = (char *)text.data;
    return 0;
}

int tracefs_command(const char *dir, const char *command, struct error *err)
{
    char path[512], line[4096];
    snprintf(path, sizeof path, "%s/uprobe_events", dir);
    int length = snprintf(line, sizeof line, "%s\n", command);
    if (length < 0 || (size_t)length >= sizeof line - 1) {
        /* The kernel reads commands in pieces of a page less two bytes, and would take the rest for another
         * one. */
        errno = E2BIG;
        return error_sys(err, "%s", path);
    }
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return error_sys(err, "cannot open %s", path);
    ssize_t wrote;
    unsigned interrupted = 0;
    do {
        wrote = write(fd, line, (size_t)length);
    } while (wrote < 0 && errno == EINTR && interrupted++ < TRY_AGAIN_MAX);
    int rc = 0;
    if (wrote < 0)
        rc = error_sys(err, "%s", path);
    else if (wrote != length)
        rc = error_set(err, ERR_SYSTEM, "%s took only %zd of %d bytes", path, wrote, length);
    close(fd);
    return rc;
}

static bool is_tracefs(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == TRACEFS_MAGIC;
}

static bool is_locked_down(void)
{
    char *text;
    if (tracefs_read("/sys/kernel/security/lockdown", 256, &text, NULL) < 0)
        return false;
    bool locked = strstr(text, "[confidentiality]") != NULL;
    free(text);
    return locked;
}

static int not_writable(const char *path, struct error *err)
{
    int number = errno;
    if (number == EROFS)
        return error_sys(
            err,
            "%s is mounted read-only here; run gotape-record on the host, or remount it: mount -o "
            "remount,rw %s",
            path, path);
    if (is_locked_down())
        return error_set(err, ERR_PERMISSION,
                         "the kernel is locked down in confidentiality mode, which forbids tracing "
                         "(/sys/kernel/security/lockdown); boot with lockdown=none or lockdown=integrity");
    errno = number;
    if (number == EACCES || number == EPERM)
        return error_sys(
            err, "%s/uprobe_events is not writable for user %u: defining probes needs root (use sudo)", path,
            (unsigned)geteuid());
    return error_sys(err, "%s/uprobe_events cannot be written", path);
}

int tracefs_find(char *path_out, size_t size, struct error *err)
{
    static const char *const places[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
    const char *found = NULL;
    for (unsigned i = 0; i < sizeof places / sizeof *places && !found; i++) {
        if (is_tracefs(places[i]))
            found = places[i];
    }
    if (!found && geteuid() != 0 && euidaccess(places[0], X_OK) != 0 && errno == EACCES)
        return error_set(err, ERR_PERMISSION,
                         "%s is closed to user %u: defining probes needs root (use sudo)", places[0],
                         (unsigned)geteuid());
    if (!found)
        return error_set(err, ERR_NOT_FOUND,
                         "tracefs is not mounted at /sys/kernel/tracing; mount it: mount -t tracefs nodev "
                         "/sys/kernel/tracing");
    char events[64];
    snprintf(events, sizeof events, "%s/uprobe_events", found);
    if (euidaccess(events, W_OK) != 0) {
        if (errno == ENOENT)
            return error_set(err, ERR_UNSUPPORTED,
                             "%s has no uprobe_events: this kernel is built without CONFIG_UPROBE_EVENTS",
                             found);
        return not_writable(found, err);
    }
    if (strlen(found) >= size)
        return error_set(err, ERR_NOMEM, "the path of tracefs does not fit");
    memcpy(path_out, found, strlen(found) + 1);
    return 0;
}
