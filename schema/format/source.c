#include "format/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct source {
    int fd; /* -1: memory */
    const uint8_t *data;
    uint64_t size;
};

static int source_new(int fd, const void *data, uint64_t size, struct source **out, struct error *err)
{
    struct source *self = malloc(sizeof *self);
    if (!self)
        return error_set(err, ERR_NOMEM, "out of memory");
    *self = (struct source){.fd = fd, .data = data, .size = size};
    *out = self;
    return 0;
}

static int temporary_file(struct error *err)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    if (!folder || !*folder || strlen(folder) > sizeof path - 32)
        folder = "/tmp";
    strcpy(path, folder);
    strcat(path, "/gotape-XXXXXX");
    int fd = mkstemp(path);
    if (fd < 0)
        return error_sys(err, "cannot create a temporary file %s for standard input", path);
    unlink(path);
    return fd;
}

static int write_all(int fd, const uint8_t *data, size_t size, struct error *err)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_sys(err, "cannot write the temporary copy of standard input");
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Returns the descriptor of an unlinked copy, or a negative code. */
static int copy_stdin(struct error *err)
{
    uint8_t data[65536];
    int fd = temporary_file(err);
    if (fd < 0)
        return fd;
    int rc = 0;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, data, sizeof data);
        if (n == 0)
            return fd;
        if (n < 0 && errno == EINTR)
            continue;
        rc = n < 0 ? error_sys(err, "cannot read standard input") : write_all(fd, data, (size_t)n, err);
        if (rc != 0)
            break;
    }
    close(fd);
    return rc;
}

int source_open(const char *path, struct source **out, struct error *err)
{
    struct stat st;
    /* O_NONBLOCK: a FIFO given by mistake must be refused, not waited for. */
    int fd = strcmp(path, "-") == 0 ? copy_stdin(err) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return strcmp(path, "-") == 0 ? fd : error_sys(err, "cannot open %s", path);
    int rc = 0;
    if (fstat(fd, &st) != 0)
        rc = error_sys(err, "cannot open %s", path);
    else if (!S_ISREG(st.st_mode))
        rc = error_set(err, ERR_UNSUPPORTED, "%s is not a regular file (a stream is read with the name -)",
                       path);
    else
        rc = source_new(fd, NULL, (uint64_t)st.st_size, out, err);
    if (rc != 0)
        close(fd);
    return rc;
}

int source_of_memory(const void *data, size_t size, struct source **out, struct error *err)
{
    return source_new(-1, data, size, out, err);
}

void source_close(struct source *self)
{
    if (!self)
        return;
    if (self->fd >= 0)
        close(self->fd);
    free(self);
}

uint64_t source_size(const struct source *self)
{
    return self->size;
}

int source_read(struct source *self, uint64_t offset, void *data, size_t size, size_t *got_out,
                struct error *err)
{
    if (offset >= self->size)
        size = 0;
    else if (size > self->size - offset)
        size = (size_t)(self->size - offset);
    size_t got = 0;
    if (self->fd < 0 && size > 0) {
        memcpy(data, self->data + offset, size);
        got = size;
    }
    while (got < size) {
        ssize_t n = pread(self->fd, (uint8_t *)data + got, size - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "cannot read the trace");
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *got_out = got;
    return 0;
}
