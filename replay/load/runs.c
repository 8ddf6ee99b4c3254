#include "load/runs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of each run while merging. */
#define READ_BYTES (16u << 10)

struct run {
    uint64_t offset, left; /* bytes in the file, records that are not read yet */
    unsigned char *buffer; /* owned */
    size_t at, count;      /* records in it */
};

struct runs {
    struct runs_options with;
    unsigned char *records, *scratch; /* owned; made at the first put, and at the first sorting */
    size_t count;
    struct run *list; /* owned */
    size_t run_count;
    int fd; /* -1: nothing was written */
    uint64_t end;
    struct error failure;
};

struct runs *runs_new(const struct runs_options *options)
{
    struct runs *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->with = *options;
    self->fd = -1;
    return self;
}

static void free_buffers(struct runs *self)
{
    free(self->records);
    free(self->scratch);
    self->records = self->scratch = NULL;
}

void runs_free(struct runs *self)
{
    if (!self)
        return;
    free_buffers(self);
    for (size_t i = 0; i < self->run_count; i++)
        free(self->list[i].buffer);
    free(self->list);
    if (self->fd >= 0)
        close(self->fd);
    free(self);
}

/* ---- writing ---- */

static int make_file(struct runs *self)
{
    size_t size = strlen(self->with.beside) + sizeof ".runs-XXXXXX";
    char *name = malloc(size);
    if (!name)
        return error_set(&self->failure, ERR_NOMEM, "out of memory");
    snprintf(name, size, "%s.runs-XXXXXX", self->with.beside);
    self->fd = mkstemp(name);
    int rc = self->fd >= 0 ? 0 : error_sys(&self->failure, "cannot create %s", name);
    if (rc == 0) {
        unlink(name);
        fcntl(self->fd, F_SETFD, FD_CLOEXEC);
    }
    free(name);
    return rc;
}

static int write_all(struct runs *self, const unsigned char *data, size_t size)
{
    while (size > 0) {
        ssize_t done = pwrite(self->fd, data, size, (off_t)self->end);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return error_sys(&self->failure, "cannot write what is to be sorted beside %s", self->with.beside);
        data += done;
        size -= (size_t)done;
        self->end += (uint64_t)done;
    }
    return 0;
}

static int sort(struct runs *self)
{
    if (!self->scratch && !(self->scratch = malloc(self->with.capacity * self->with.record_size)))
        return error_set(&self->failure, ERR_NOMEM, "out of memory");
    self->with.sort(self->records, self->scratch, self->count);
    return 0;
}

static int spill(struct runs *self)
{
    if (sort(self) < 0 || (self->fd < 0 && make_file(self) < 0))
        return self->failure.code;
    struct run *list = realloc(self->list, (self->run_count + 1) * sizeof *list);
    if (!list)
        return error_set(&self->failure, ERR_NOMEM, "out of memory");
    self->list = list;
    self->list[self->run_count++] = (struct run){.offset = self->end, .left = self->count};
    int rc = write_all(self, self->records, self->count * self->with.record_size);
    self->count = 0;
    return rc;
}

void runs_put(struct runs *self, const void *record)
{
    if (self->failure.code < 0)
        return;
    if (!self->records && !(self->records = malloc(self->with.capacity * self->with.record_size))) {
        error_set(&self->failure, ERR_NOMEM, "out of memory");
        return;
    }
    if (self->count == self->with.capacity && spill(self) < 0)
        return;
    memcpy(self->records + self->count++ * self->with.record_size, record, self->with.record_size);
}

/* ---- merging ---- */

/* The run's first record; NULL at its end, or on failure. */
static const unsigned char *first(struct runs *self, struct run *run)
{
    size_t size = self->with.record_size, room = READ_BYTES / size;
    if (run->at < run->count)
        return run->buffer + run->at * size;
    if (run->left == 0 || self->failure.code < 0)
        return NULL;
    if (!run->buffer && !(run->buffer = malloc(room * size))) {
        error_set(&self->failure, ERR_NOMEM, "out of memory");
        return NULL;
    }
    run->count = run->left < room ? (size_t)run->left : room;
    run->at = 0;
    for (size_t got = 0; got < run->count * size;) {
        ssize_t n = pread(self->fd, run->buffer + got, run->count * size - got, (off_t)(run->offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            error_sys(&self->failure, "cannot read what was to be sorted beside %s", self->with.beside);
            return NULL;
        }
        got += (size_t)n;
    }
    run->offset += run->count * size;
    run->left -= run->count;
    return run->buffer;
}

/* Whether the first record of run a comes before that of run b; equal ones are in the order of runs. */
static bool is_before(const struct runs *self, size_t a, size_t b)
{
    const struct run *x = &self->list[a], *y = &self->list[b];
    int order = self->with.compare(x->buffer + x->at * self->with.record_size, y->buffer + y->at * self->with.record_size);
    return order < 0 || (order == 0 && a < b);
}

/* heap[0 … count): places of runs, the one with the first record on top. */
static void sift_down(const struct runs *self, size_t *heap, size_t count, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            if (is_before(self, heap[child], heap[least]))
                least = child;
        }
        if (least == at)
            return;
        size_t moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

static int merge(struct runs *self, size_t *heap, runs_visit *visit, void *context, struct error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < self->run_count; i++) {
        if (first(self, &self->list[i]))
            heap[count++] = i;
    }
    for (size_t i = count; i-- > 0;)
        sift_down(self, heap, count, i);
    while (count > 0 && self->failure.code == 0) {
        struct run *run = &self->list[heap[0]];
        int rc = visit(context, run->buffer + run->at * self->with.record_size, err);
        if (rc < 0)
            return rc;
        run->at++;
        if (!first(self, run))
            heap[0] = heap[--count];
        sift_down(self, heap, count, 0);
    }
    return 0;
}

static int each_here(struct runs *self, runs_visit *visit, void *context, struct error *err)
{
    int rc = self->count ? sort(self) : 0;
    for (size_t i = 0; i < self->count && rc == 0; i++)
        rc = visit(context, self->records + i * self->with.record_size, err);
    return rc;
}

int runs_each(struct runs *self, runs_visit *visit, void *context, struct error *err)
{
    int rc = 0;
    if (self->failure.code == 0 && self->run_count == 0) {
        rc = each_here(self, visit, context, err);
    } else if (self->failure.code == 0 && (self->count == 0 || spill(self) == 0)) {
        free_buffers(self);
        size_t *heap = malloc(self->run_count * sizeof *heap);
        rc = heap ? merge(self, heap, visit, context, err) : error_set(&self->failure, ERR_NOMEM, "out of memory");
        free(heap);
    }
    if (self->failure.code < 0) {
        if (err)
            *err = self->failure;
        rc = self->failure.code;
    }
    free_buffers(self);
    self->count = 0;
    return rc;
}
