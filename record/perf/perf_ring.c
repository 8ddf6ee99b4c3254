/* See perf_ring.h. The barriers are those that <linux/perf_event.h> asks of readers (data_head, data_tail).
 */
#include "perf/perf_ring.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RECORD_SIZE_MAX = UINT16_MAX + 1 };

static struct perf_event_mmap_page *control(const struct perf_ring *self)
{
    return self->map;
}

int perf_ring_attach(struct perf_ring *self, void *control_page, void *data, uint64_t data_bytes,
                     struct error *err)
{
    uint64_t *scratch = malloc(RECORD_SIZE_MAX);
    if (!scratch)
        return error_set(err, ERR_NOMEM, "out of memory");
    *self =
        (struct perf_ring){.map = control_page, .data = data, .data_bytes = data_bytes, .scratch = scratch};
    self->tail = self->committed = control(self)->data_tail;
    return 0;
}

int perf_ring_open(struct perf_ring *self, int fd, uint64_t data_bytes, struct error *err)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *map = mmap(NULL, page + data_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        if (errno == EPERM)
            return error_sys(err,
                             "cannot lock %" PRIu64
                             " kB of memory for a ring: use a smaller --ring-size, raise ulimit -l or "
                             "kernel.perf_event_mlock_kb, or run as root",
                             data_bytes / 1024);
        return error_sys(err, "cannot map a ring of %" PRIu64 " kB (a smaller --ring-size may help)",
                         data_bytes / 1024);
    }
    int rc = perf_ring_attach(self, map, (uint8_t *)map + page, data_bytes, err);
    if (rc < 0)
        munmap(map, page + data_bytes);
    else
        self->map_bytes = page + (size_t)data_bytes;
    return rc;
}

void perf_ring_close(struct perf_ring *self)
{
    if (self->map_bytes)
        munmap(self->map, self->map_bytes);
    free(self->scratch);
    memset(self, 0, sizeof *self);
}

uint64_t perf_ring_head(const struct perf_ring *self)
{
    return __atomic_load_n(&control(self)->data_head, __ATOMIC_ACQUIRE);
}

int perf_ring_next(struct perf_ring *self, uint64_t head, const void **record_out, size_t *size_out)
{
    struct perf_event_header header;
    if (self->tail == head)
        return 0;
    uint64_t at = self->tail & (self->data_bytes - 1), left = head - self->tail;
    /* Records are multiples of 8 bytes, so a header never wraps. */
    if (at % 8 || left < sizeof header || left > self->data_bytes)
        goto damaged;
    memcpy(&header, self->data + at, sizeof header);
    if (header.size < sizeof header || header.size % 8 || header.size > left)
        goto damaged;
    if (header.size > self->data_bytes - at) {
        size_t first = (size_t)(self->data_bytes - at);
        memcpy(self->scratch, self->data + at, first);
        memcpy((uint8_t *)self->scratch + first, self->data, header.size - first);
        *record_out = self->scratch;
    } else {
        *record_out = self->data + at;
    }
    *size_out = header.size;
    self->tail += header.size;
    return 1;
damaged:
    self->tail = head;
    return ERR_DAMAGED;
}

void perf_ring_commit(struct perf_ring *self)
{
    if (self->committed == self->tail)
        return;
    __atomic_store_n(&control(self)->data_tail, self->tail, __ATOMIC_RELEASE);
    self->committed = self->tail;
}
