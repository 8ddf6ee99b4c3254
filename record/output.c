#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define ROOM_INTERVAL_NS 500000000u
#define SUFFIX ".gotape"

void output_init(struct output *self)
{
    memset(self, 0, sizeof *self);
    self->fd = self->folder = -1;
    self->room_left = UINT64_MAX;
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

static int open_folder(struct output *self, struct error *err)
{
    char folder[sizeof self->path];
    const char *slash = strrchr(self->path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - self->path) + 1 : 1,
             slash ? self->path : ".");
    const char *name = slash ? slash + 1 : self->path;
    if (*name == '\0')
        return error_set(err, ERR_USAGE, "--output: %s is a folder; give the name of a file", self->path);
    /* room for what is put around it */
    if (strlen(name) + 32 > sizeof self->name)
        return error_set(err, ERR_USAGE, "--output: the name is too long");
    strcpy(self->name, name);
    self->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return self->folder < 0 ? error_sys(err, "cannot create %s: %s", self->path, folder) : 0;
}

static int create(struct output *self, const char *name, int *fd_out, struct error *err)
{
    return self->keeper ? keeper_create(self->keeper, name, fd_out, err)
                        : keeper_create_here(self->folder, name, fd_out, err);
}

static int open_file(struct output *self, bool force, struct error *err)
{
    const char *name = self->name;
    struct stat st;
    if (force && fstatat(self->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!S_ISREG(st.st_mode))
            return error_set(err, ERR_USAGE, "%s exists and is not a regular file: not replaced", self->path);
        snprintf(self->temporary, sizeof self->temporary, ".%.*s.%d.tmp", KEEPER_NAME_MAX - 32, name,
                 (int)getpid());
        name = self->temporary;
    }
    struct error why = {0};
    int rc = create(self, name, &self->fd, &why);
    if (rc == ERR_USAGE)
        return error_set(err, rc, "%s exists; --force replaces it", self->path);
    if (rc != 0 && err) {
        *err = why;
        error_prefix(err, "%s: ", self->path);
    }
    return rc;
}

int output_open(const char *path, bool force, struct output *out, struct error *err)
{
    struct output self;
    output_init(&self);
    if (strlen(path) + 32 > sizeof self.path)
        return error_set(err, ERR_USAGE, "--output: the name is too long");
    strcpy(self.path, path);
    int rc;
    if (strcmp(path, "-") == 0) {
        rc = open_stdout(&self, err);
    } else {
        rc = open_folder(&self, err);
        if (rc == 0)
            rc = open_file(&self, force, err);
    }
    if (rc == 0)
        *out = self;
    else
        output_release(&self);
    return rc;
}

int output_open_folder(const char *path, struct output *out, struct error *err)
{
    struct output self;
    output_init(&self);
    if (strlen(path) + 32 > sizeof self.path)
        return error_set(err, ERR_USAGE, "--output: the name is too long");
    strcpy(self.path, path);
    int rc = open_folder(&self, err);
    if (rc == 0)
        *out = self;
    else
        output_release(&self);
    return rc;
}

void output_use_keeper(struct output *self, struct keeper *keeper)
{
    self->keeper = keeper;
}

void output_stem(const struct output *self, char out[KEEPER_NAME_MAX])
{
    size_t length = strlen(self->name), suffix = strlen(SUFFIX);
    if (length > suffix && strcmp(self->name + length - suffix, SUFFIX) == 0)
        length -= suffix;
    snprintf(out, KEEPER_NAME_MAX, "%.*s", (int)length, self->name);
}

/* Others need room as well. */
static void look_for_room(struct output *self)
{
    struct statvfs fs;
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (now - self->room_checked_ns < ROOM_INTERVAL_NS || fstatvfs(self->fd, &fs) != 0)
        return;
    self->room_checked_ns = now;
    uint64_t left = (uint64_t)fs.f_blocks * fs.f_frsize / 20, room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (left > OUTPUT_ROOM_LEFT)
        left = OUTPUT_ROOM_LEFT;
    if (fs.f_blocks && room < left)
        self->room_left = room;
}

bool output_is_nearly_full(const struct output *self)
{
    return self->room_left != UINT64_MAX || self->is_full;
}

/*
 * Is there room for this chunk and for the end of the trace? The end's is set aside beyond the end of the file, where the file
 * system can do that.
 */
static int check_room(struct output *self, size_t size, struct error *err)
{
    if (self->is_pipe || self->is_full)
        return 0;
    look_for_room(self);
    if (fallocate(self->fd, FALLOC_FL_KEEP_SIZE, (off_t)self->size, (off_t)(size + OUTPUT_TAIL)) == 0 ||
        (errno != ENOSPC && errno != EDQUOT))
        return 0;
    self->is_full = true;
    return error_sys(err, "writing %s (%" PRIu64 " kB more, for the trace to end well)", self->path,
                     (size + OUTPUT_TAIL) >> 10);
}

int output_write(struct output *self, const void *data, size_t size, struct error *err)
{
    int rc = check_room(self, size, err);
    if (rc != 0)
        return rc;
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

static int put_in_place(struct output *self, struct error *err)
{
    if (!self->temporary[0])
        return 0;
    int rc = self->keeper ? keeper_rename(self->keeper, self->temporary, self->name, err) : ERR_GONE;
    if (rc != ERR_GONE)
        return rc;
    if (renameat(self->folder, self->temporary, self->folder, self->name) != 0)
        return error_sys(err, "renaming %s to %s", self->temporary, self->path);
    return 0;
}

/* Gives back what was set aside beyond the end. */
static void give_back(const struct output *self)
{
    if (!self->is_pipe && ftruncate(self->fd, (off_t)self->size) != 0)
        return; /* it costs room until the file is removed */
}

/* In the middle of a recording nobody waits for the disk. */
static int finish_part(struct output *self, struct error *err)
{
    if (self->fd < 0)
        return 0;
    give_back(self);
    int rc = close(self->fd) != 0 ? error_sys(err, "closing %s", self->path) : 0;
    self->fd = -1;
    return rc;
}

int output_finish(struct output *self, struct error *err)
{
    if (self->fd < 0)
        return 0;
    int rc = 0;
    give_back(self);
    if (!self->is_pipe && fsync(self->fd) != 0 && errno != EINVAL && errno != EROFS)
        rc = error_sys(err, "writing %s", self->path);
    if (close(self->fd) != 0 && rc == 0)
        rc = error_sys(err, "closing %s", self->path);
    self->fd = -1;
    int placed = put_in_place(self, rc == 0 ? err : NULL);
    self->temporary[0] = '\0';
    return rc == 0 ? placed : rc;
}

int output_open_next(struct output *self, const char *base_name, struct error *err)
{
    int fd;
    size_t folder = strlen(self->path) - strlen(self->name);
    if (self->is_pipe)
        return error_set(err, ERR_USAGE, "standard output cannot be continued in another file");
    if (strlen(base_name) + 32 > sizeof self->name || folder + strlen(base_name) >= sizeof self->path)
        return error_set(err, ERR_USAGE, "--output: the name is too long");
    int rc = create(self, base_name, &fd, err);
    if (rc != 0)
        return rc;
    rc = finish_part(self, err);
    self->fd = fd;
    self->size = 0;
    self->is_full = false;
    self->room_checked_ns = 0;
    self->room_left = UINT64_MAX;
    strcpy(self->name, base_name);
    strcpy(self->path + folder, base_name);
    return rc;
}

static int remove_file(struct output *self, const char *name, struct error *err)
{
    int rc = self->keeper ? keeper_remove(self->keeper, name, err) : ERR_GONE;
    if (rc != ERR_GONE)
        return rc;
    if (unlinkat(self->folder, name, 0) != 0 && errno != ENOENT)
        return error_sys(err, "cannot remove %s", name);
    return 0;
}

int output_remove(struct output *self, const char *base_name, struct error *err)
{
    return self->folder < 0 || strchr(base_name, '/')
               ? error_set(err, ERR_USAGE, "%s is no file of this recording", base_name)
               : remove_file(self, base_name, err);
}

void output_discard(struct output *self)
{
    if (self->fd < 0)
        return;
    close(self->fd);
    self->fd = -1;
    if (!self->is_pipe)
        remove_file(self, self->temporary[0] ? self->temporary : self->name, NULL);
}

void output_release(struct output *self)
{
    if (self->fd >= 0)
        close(self->fd);
    if (self->folder >= 0)
        close(self->folder);
    self->fd = self->folder = -1;
}
