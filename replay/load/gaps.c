#include "load/gaps.h"

#include <stdlib.h>

#include "format/chunk.h"
#include "format/source.h"
#include "format/trace_reader.h"

/* A trace with more holes than this has nearby ones joined: nobody reads so many, and memory must not follow
 * the length. */
#define WINDOWS_MAX 100000

void gaps_init(struct gaps *self)
{
    *self = (struct gaps){0};
}

void gaps_release(struct gaps *self)
{
    free(self->windows);
    gaps_init(self);
}

static int by_since(const void *a, const void *b)
{
    const struct gap *x = a, *y = b;
    return x->since < y->since ? -1 : x->since > y->since;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

/* So that the sum over all windows is exact. */
static uint64_t limited(uint64_t count)
{
    return count < GAP_COUNT_MAX ? count : GAP_COUNT_MAX;
}

/* Sorts and joins windows that are not further apart than `reach`. */
static void join(struct gaps *self, uint64_t reach)
{
    size_t n = 0;
    if (self->count == 0)
        return;
    qsort(self->windows, self->count, sizeof *self->windows, by_since);
    for (size_t i = 1; i < self->count; i++) {
        struct gap *last = &self->windows[n];
        const struct gap *next = &self->windows[i];
        if (next->since <= sum(last->until, reach)) {
            if (next->until > last->until)
                last->until = next->until;
            last->count = limited(last->count + next->count);
        } else {
            self->windows[++n] = *next;
        }
    }
    self->count = n + 1;
}

int gaps_add(struct gaps *self, uint64_t since, uint64_t until, uint64_t count, struct error *err)
{
    if (self->count >= WINDOWS_MAX) {
        uint64_t reach = 0;
        for (join(self, 0); self->count >= WINDOWS_MAX / 2; join(self, reach))
            reach = reach ? 2 * reach : 1000;
    }
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : 64;
        struct gap *windows = realloc(self->windows, capacity * sizeof *windows);
        if (!windows)
            return error_set(err, ERR_NOMEM, "out of memory");
        self->windows = windows;
        self->capacity = capacity;
    }
    self->windows[self->count++] =
        (struct gap){since, until > since ? until : since, count ? limited(count) : 1, 0};
    return 0;
}

void gaps_seal(struct gaps *self)
{
    join(self, 0);
    uint64_t before = 0;
    for (size_t i = 0; i < self->count; i++) {
        self->windows[i].before = before;
        before += self->windows[i].count;
    }
    self->cursor = 0;
}

int gaps_append(struct gaps *self, uint64_t since, uint64_t until, uint64_t count, struct error *err)
{
    struct gap *last = self->count ? &self->windows[self->count - 1] : NULL;
    if (last && since <= last->until) {
        if (until > last->until)
            last->until = until;
        last->count = limited(last->count + count);
        return 0;
    }
    uint64_t before = last ? last->before + last->count : 0;
    bool is_full = self->count >= WINDOWS_MAX;
    int rc = gaps_add(self, since, until, count, err);
    if (rc == 0 && is_full)
        gaps_seal(self);
    else if (rc == 0)
        self->windows[self->count - 1].before = before;
    return rc;
}

uint64_t gaps_between(struct gaps *self, uint64_t since, uint64_t until, uint64_t *first_since_out)
{
    while (self->cursor < self->count && self->windows[self->cursor].since <= until)
        self->cursor++;
    size_t end = self->cursor;
    while (end > 0 && self->windows[end - 1].since > until)
        end--;
    /* The windows are disjoint, so those that end at or behind `since` stand together. */
    size_t low = 0, high = end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->windows[middle].until >= since)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == end)
        return 0;
    const struct gap *last = &self->windows[end - 1];
    *first_since_out = self->windows[low].since;
    return last->before - self->windows[low].before + last->count;
}

int gaps_scan_headers(const char *trace_path, bool *is_whole_out, struct error *err)
{
    struct source *source = NULL;
    int rc = source_open(trace_path, &source, err);
    if (rc < 0)
        return rc;
    uint64_t offset = 0, size = source_size(source), sequence = 0;
    bool is_whole = true, has_end = false;
    while (rc == 0 && is_whole && offset < size) {
        uint8_t data[CHUNK_HEADER_SIZE];
        struct chunk_header header;
        size_t got = 0;
        rc = source_read(source, offset, data, sizeof data, &got, err);
        is_whole = rc == 0 && got == sizeof data && chunk_header_decode(data, &header) &&
                   header.sequence == sequence && header.lost_count == 0 &&
                   header.stored_size <= size - offset - CHUNK_HEADER_SIZE;
        if (is_whole) {
            has_end = header.kind == CHUNK_END;
            sequence++;
            offset += CHUNK_HEADER_SIZE + header.stored_size;
        }
    }
    source_close(source);
    if (rc == 0)
        *is_whole_out = is_whole && has_end;
    return rc;
}

/* Between the damage and the next good events chunk nothing is sure; what is before the watermark is not
 * concerned. */
struct damage_window {
    bool is_open;
    uint64_t watermark; /* of the last good events chunk */
};

static int scan_chunk(const struct trace_chunk *chunk, struct damage_window *window, struct gaps *out,
                      struct error *err)
{
    int rc = 0;
    if (chunk->event_count && window->is_open) {
        rc = gaps_add(out, window->watermark, chunk->header.last_time_ns, GAP_COUNT_MAX, err);
        window->is_open = false;
    }
    for (uint32_t i = 0; rc == 0 && i < chunk->event_count; i++) {
        const struct event *e = &chunk->events[i];
        if (e->type == EV_LOST && e->f[LOST_COUNT])
            rc = gaps_add(out, e->f[LOST_SINCE], e->time_ns, e->f[LOST_COUNT], err);
        else if (e->type == EV_PAUSE)
            rc = gaps_add(out, e->time_ns, e->time_ns, GAP_COUNT_MAX, err);
        else if (e->type == EV_RESUME)
            rc = gaps_add(out, e->f[RESUME_SINCE], e->time_ns, GAP_COUNT_MAX, err);
    }
    if (chunk->header.kind == CHUNK_EVENTS && chunk->header.watermark_ns > window->watermark)
        window->watermark = chunk->header.watermark_ns;
    if (chunk->damage && chunk->damage->kind != DAMAGE_NO_END && chunk->damage->kind != DAMAGE_UNKNOWN)
        window->is_open = true;
    return rc;
}

int gaps_scan(const char *trace_path, const volatile int *stop, struct gaps *out, struct trace_meta *meta,
              struct error *err)
{
    struct source *source = NULL;
    struct trace_reader *reader = NULL;
    struct damage_window window = {0};
    int rc = source_open(trace_path, &source, err);
    if (rc < 0)
        return rc;
    rc = trace_reader_open(source, &reader, err);
    if (rc < 0) {
        source_close(source);
        return error_prefix(err, "%s: ", trace_path);
    }
    struct trace_chunk chunk;
    while (rc == 0 && (rc = trace_reader_next(reader, &chunk, err)) == 1) {
        rc = scan_chunk(&chunk, &window, out, err);
        if (rc == 0 && stop && *stop)
            rc = error_set(err, ERR_STOPPED, "stopped");
    }
    /* Damage at the end of the file: whatever happened since the last promise may be missing. */
    if (rc == 0 && window.is_open)
        rc = gaps_add(out, window.watermark, UINT64_MAX, GAP_COUNT_MAX, err);
    const struct trace_meta *facts = trace_reader_meta(reader);
    for (size_t i = 0; rc == 0 && i < facts->count; i++)
        rc = trace_meta_set(meta, facts->pairs[i].key, facts->pairs[i].value, err);
    trace_reader_close(reader);
    gaps_seal(out);
    return rc;
}
