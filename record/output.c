#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* sudo tells whose files these are; a number that is not one is ignored. */
static void give_to_sudo_user(int fd)
{
    const char *uid_text = getenv("SUDO_UID"), *gid_text = getenv("SUDO_GID");
    if (geteuid() != 0 || !uid_text || !gid_text)
        return;
    char *uid_end, *gid_end;
    unsigned long uid = strtoul(uid_text, &uid_end, 10), gid = strtoul(gid_text, &gid_end, 10);
    if (*uid_text && !*uid_end && *gid_text && !*gid_end && fchown(fd, (uid_t)uid, (gid_t)gid) != 0)
        return; /* a file system without owners keeps the file as it is */
}

static int open_stdout(struct output *self, struct error *err)
{
    if (isatty(STDOUT_FILENO))
        return error_set(err, ERR_USAGE,
                         "--output -: standard output is a terminal; redirect it to a file or a pipe");
    self->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (self->fd < 0)
        return error_sys(err, "standard output");
    self->is_pipe = true;
    return 0;
}

int output_open(const char *path, bool force, struct output *out, struct error *err)
{
    struct output self = {.fd = -1};
    if (strlen(path) + 32 > sizeof self.path)
        return error_set(err, ERR_USAGE, "--output: the name is too long");
    strcpy(self.path, path);
    if (strcmp(path, "-") == 0) {
        int rc = open_stdout(&self, err);
        if (rc == 0)
            *out = self;
        return rc;
    }
    const char *name = path;
    struct stat st;
    if (force && lstat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return error_set(err, ERR_USAGE, "%s exists and is not a regular file: not replaced", path);
        const char *slash = strrchr(path, '/');
        int folder = slash ? (int)(slash - path + 1) : 0;
        snprintf(self.temporary, sizeof self.temporary, "%.*s.%s.%d.tmp", folder, path, path + folder,
                 (int)getpid());
        name = self.temporary;
    }
    self.fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (self.fd < 0 && errno == EEXIST)
        return error_set(err, ERR_USAGE, "%s exists; --force replaces it", path);
    if (self.fd < 0)
        return error_sys(err, "cannot create %s", name);
    fchmod(self.fd, 0600);
    give_to_sudo_user(self.fd);
    *out = self;
    return 0;
}

int output_write(struct output *self, const void *data, size_t size, struct error *err)
{
    const char *at = data;
    size_t left = size;
    while (left > 0) {
        ssize_t put = write(self->fd, at, left);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            error_sys(err, "writing %s", self->is_pipe ? "standard output" : self->path);
            if (!self->is_pipe && ftruncate(self->fd, (off_t)self->size) != 0)
                return err->code; /* the reader copes with a cut chunk */
            return err->code;
        }
        at += put;
        left -= (size_t)put;
    }
    self->size += size;
    return 0;
}

int output_finish(struct output *self, struct error *err)
{
    if (self->fd < 0)
        return 0;
    int rc = 0;
    if (!self->is_pipe && fsync(self->fd) != 0 && errno != EINVAL && errno != EROFS)
        rc = error_sys(err, "writing %s", self->path);
    if (close(self->fd) != 0 && rc == 0)
        rc = error_sys(err, "closing %s", self->path);
    self->fd = -1;
    if (self->temporary[0] && rename(self->temporary, self->path) != 0 && rc == 0)
        rc = error_sys(err, "renaming %s to %s", self->temporary, self->path);
    return rc;
}

void output_discard(struct output *self)
{
    if (self->fd < 0)
        return;
    close(self->fd);
    self->fd = -1;
    if (!self->is_pipe)
        unlink(self->temporary[0] ? self->temporary : self->path);
}
