/* Clocks of chunks that disagree, and that such a trace says so when it is loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/trace_writer.h"
#include "load/clock_check.h"
#include "load/loader.h"
#include "store/store.h"

#define SECOND 1000000000ull

static const struct chunk_clocks start = {100 * SECOND, 1700000000 * SECOND, 5000 * SECOND};

/* What a chunk `passed` seconds later finds when the host slept and the wall clock was moved meanwhile. */
static bool add(struct clock_check *check, uint64_t passed, int64_t slept_ns, int64_t moved_ns,
                struct clock_findings *out)
{
    struct chunk_clocks clocks = {start.monotonic_ns + passed * SECOND,
                                  start.realtime_ns + passed * SECOND + (uint64_t)slept_ns +
                                      (uint64_t)moved_ns,
                                  start.boottime_ns + passed * SECOND + (uint64_t)slept_ns};
    return clock_check_add(check, &clocks, out);
}

static void clocks_that_agree(void **state)
{
    (void)state;
    struct clock_check check = {0};
    struct clock_findings found;
    for (uint64_t i = 0; i < 100; i++)
        assert_false(add(&check, i, (int64_t)(i % 3) * 1000000, (int64_t)(i % 2) * -1000000, &found));
}

static void sleep_and_setting(void **state)
{
    (void)state;
    struct clock_check check = {0};
    struct clock_findings found;
    assert_false(add(&check, 0, 0, 0, &found));
    assert_true(add(&check, 1, 30 * (int64_t)SECOND, 0, &found));
    assert_true(found.suspended_ns == 30 * (int64_t)SECOND && found.set_ns == 0 && found.back_ns == 0);
    assert_false(add(&check, 2, 30 * (int64_t)SECOND, 0, &found)); /* told once */
    assert_true(add(&check, 3, 30 * (int64_t)SECOND, -3600 * (int64_t)SECOND, &found));
    assert_true(found.suspended_ns == 0 && found.set_ns == -3600 * (int64_t)SECOND);
    assert_true(add(&check, 4, 31 * (int64_t)SECOND, 0, &found));
    assert_true(found.suspended_ns == (int64_t)SECOND && found.set_ns == 3600 * (int64_t)SECOND);
    assert_true(add(&check, 3, 31 * (int64_t)SECOND, 0, &found));
    assert_true(found.back_ns == (int64_t)SECOND && found.suspended_ns == 0 && found.set_ns == 0);
}

/* Each step is below the tolerance, all together are not. */
static void drift_is_seen(void **state)
{
    (void)state;
    struct clock_check check = {0};
    struct clock_findings found;
    int64_t told = 0;
    for (uint64_t i = 0; i < 60; i++) {
        add(&check, i, 0, (int64_t)i * 1000000, &found);
        told += found.set_ns;
    }
    assert_true(told >= 40 * 1000000 && told <= 59 * 1000000);
}

static void any_clocks(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    struct clock_check check = {0};
    struct clock_findings found;
    for (unsigned i = 0; i < 125; i++) {
        struct chunk_clocks clocks = {values[i % 5], values[i / 5 % 5], values[i / 25]};
        bool tells = clock_check_add(&check, &clocks, &found);
        assert_int_equal(tells, found.suspended_ns || found.set_ns || found.back_ns);
        assert_true(found.back_ns >= 0);
    }
}

static void clock_of_count(void *context, struct chunk_clocks *out)
{
    unsigned *count = context;
    uint64_t passed = (*count)++ * SECOND;
    uint64_t slept = *count > 3 ? 60 * SECOND : 0, moved = *count > 5 ? 5 * SECOND : 0;
    *out = (struct chunk_clocks){start.monotonic_ns + passed, start.realtime_ns + passed + slept - moved,
                                 start.boottime_ns + passed + slept};
}

static FILE *file;

static int to_file(void *context, const void *data, size_t size, struct error *err)
{
    (void)context;
    return fwrite(data, 1, size, file) == size ? 0 : error_sys(err, "cannot write");
}

static void write_trace(const char *path)
{
    struct error err = {0};
    unsigned count = 0;
    struct trace_meta meta;
    struct trace_writer_options options = {
        .sink = to_file, .clock = clock_of_count, .context = &count, .zstd_level = 1};
    file = fopen(path, "wb");
    assert_non_null(file);
    struct trace_writer *writer = trace_writer_new(&options, &err);
    trace_meta_init(&meta);
    trace_meta_set(&meta, "go.version", "go1.26.8", &err);
    trace_meta_set(&meta, "record.start_ns", "100000000000", &err);
    assert_int_equal(trace_writer_meta(writer, &meta, &err), 0);
    for (unsigned i = 0; i < 8; i++) {
        struct event event = {.time_ns = start.monotonic_ns + i * SECOND, .tid = 7, .type = EV_EXEC};
        event.f[0] = 1;
        trace_writer_section(writer, 0);
        trace_writer_event(writer, &event);
        trace_writer_watermark(writer, event.time_ns);
        assert_int_equal(trace_writer_flush(writer, &err), 0);
    }
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    trace_meta_release(&meta);
    trace_writer_free(writer);
    fclose(file);
}

static int64_t ask(const char *db_path, const char *sql)
{
    struct store *store = NULL;
    struct store_statement *statement = NULL;
    struct error err = {0};
    if (store_open(db_path, &store, &err) < 0 || store_prepare(store, sql, NULL, &statement, &err) < 0 ||
        store_step(statement, &err) != 1)
        fail_msg("%s", err.message);
    int64_t value = store_column_int(statement, 0);
    store_finalize(statement);
    store_close(store);
    return value;
}

static void a_trace_says_so(void **state)
{
    (void)state;
    char directory[] = "/tmp/gotape-clock-XXXXXX", path[64], db_path[64];
    struct error err = {0};
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/t.gotape", directory);
    snprintf(db_path, sizeof db_path, "%s/t.db", directory);
    write_trace(path);
    struct load_result result;
    if (loader_run(path, db_path, NULL, &result, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(
        ask(db_path, "SELECT count(*) FROM anomaly WHERE kind = 'suspended' AND detail LIKE '60.0%'"), 1);
    assert_int_equal(
        ask(db_path, "SELECT count(*) FROM anomaly WHERE kind = 'clock_set' AND detail LIKE '% -5.0%'"), 1);
    assert_int_equal(
        ask(db_path,
            "SELECT count(*) FROM anomaly WHERE kind IN ('suspended', 'clock_set', 'clock_backwards')"),
        2);
    unlink(path);
    unlink(db_path);
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_that_agree), cmocka_unit_test(sleep_and_setting),
        cmocka_unit_test(drift_is_seen),     cmocka_unit_test(any_clocks),
        cmocka_unit_test(a_trace_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
