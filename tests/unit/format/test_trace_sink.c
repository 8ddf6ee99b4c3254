/* A disk that fills up at any write: the error comes back, nothing is written after it, and what was written before is good. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace_memory.h"

struct disk {
    struct buf bytes;
    unsigned writes, fails_at; /* the write of this number fails; UINT32_MAX: none */
    unsigned after_failure;
};

static int to_disk(void *context, const void *data, size_t size, struct error *err)
{
    struct disk *disk = context;
    if (disk->writes > disk->fails_at)
        disk->after_failure++;
    if (disk->writes++ == disk->fails_at) {
        errno = ENOSPC;
        return error_sys(err, "writing t.gotape");
    }
    buf_put(&disk->bytes, data, size);
    return 0;
}

static void no_clock(void *context, struct chunk_clocks *out)
{
    (void)context;
    *out = (struct chunk_clocks){0};
}

/* As a session does it: ends with the first failure. *events_out: how many were flushed without one. */
static int write_until_failure(struct disk *disk, uint64_t *events_out, struct error *err)
{
    struct trace_writer_options options = {.sink = to_disk,
                                           .clock = no_clock,
                                           .context = disk,
                                           .zstd_level = 1,
                                           .chunk_events = 64,
                                           .epoch_chunks = 3};
    struct trace_writer *writer = trace_writer_new(&options, err);
    struct trace_meta meta;
    assert_non_null(writer);
    trace_meta_init(&meta);
    trace_meta_set(&meta, "go.version", "go1.26.8", err);
    *events_out = 0;
    int rc = trace_writer_meta(writer, &meta, err);
    for (unsigned i = 0; rc == 0 && i < 8; i++) {
        trace_writer_section(writer, (uint16_t)(i % 2));
        for (unsigned j = 0; j < 150; j++) {
            struct event event = {.time_ns = 1000 * (i + 1) + j, .tid = 7, .type = EV_EXEC, .f = {j % 9 + 1}};
            trace_writer_event(writer, &event);
        }
        trace_writer_watermark(writer, 1000 * (i + 2));
        rc = trace_writer_flush(writer, err);
        if (rc == 0)
            *events_out += 150;
    }
    if (rc == 0)
        rc = trace_writer_end(writer, &meta, err);
    trace_meta_release(&meta);
    trace_writer_free(writer);
    return rc;
}

static void every_write_may_fail(void **state)
{
    (void)state;
    struct disk disk = {.fails_at = UINT32_MAX};
    struct error err = {0};
    uint64_t flushed;
    buf_init(&disk.bytes);
    assert_int_equal(write_until_failure(&disk, &flushed, &err), 0);
    unsigned writes = disk.writes;
    assert_true(writes > 10);
    for (unsigned n = 0; n < writes; n++) {
        buf_reset(&disk.bytes);
        disk.writes = disk.after_failure = 0;
        disk.fails_at = n;
        memset(&err, 0, sizeof err);
        assert_int_equal(write_until_failure(&disk, &flushed, &err), ERR_NO_SPACE);
        assert_non_null(strstr(err.message, "t.gotape"));
        assert_int_equal(disk.after_failure, 0);
        struct trace_sum sum = memory_read_all(disk.bytes.data, disk.bytes.size);
        assert_true(sum.events >= flushed && sum.events <= flushed + 150);
        assert_false(sum.has_end);
        for (unsigned kind = 1; kind < DAMAGE_KIND_COUNT; kind++)
            assert_int_equal(sum.damage[kind], kind == DAMAGE_NO_END && disk.bytes.size > 0);
    }
    buf_release(&disk.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_write_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
