/* What a load leaves behind: a whole database, or nothing at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "format/trace_writer.h"
#include "load/loader.h"
#include "store/store.h"

static char directory[64], trace_path[96], db_path[96];

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/gotape-loader-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(trace_path, sizeof trace_path, "%s/t.gotape", directory);
    snprintf(db_path, sizeof db_path, "%s/t.db", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(trace_path);
    unlink(db_path);
    /* Fails, and with it the test, when anything else was left there. */
    return rmdir(directory);
}

static int to_file(void *context, const void *data, size_t size, struct error *err)
{
    return fwrite(data, 1, size, context) == size ? 0 : error_sys(err, "cannot write");
}

static void no_clock(void *context, struct chunk_clocks *out)
{
    (void)context;
    *out = (struct chunk_clocks){0};
}

/* `rounds` parks of one goroutine, on so many channels one after the other, in epochs of about 65536 rounds.
 */
static void write_trace(uint64_t rounds, uint64_t channels)
{
    struct error err = {0};
    FILE *file = fopen(trace_path, "wb");
    assert_non_null(file);
    const struct trace_writer_options options = {
        .sink = to_file, .clock = no_clock, .context = file, .zstd_level = 1, .epoch_chunks = 6};
    struct trace_writer *writer = trace_writer_new(&options, &err);
    assert_non_null(writer);
    trace_writer_section(writer, 0);
    for (uint64_t i = 0, time = 1000; i < rounds; i++) {
        struct def_object object = {
            .kind = OBJECT_CHAN, .addr = 0xc000000000 + i % channels * 96, .generation = 1};
        const struct event events[] = {
            {.time_ns = time++, .tid = 7, .type = EV_EXEC, .f = {5, 0xc5, 0, 0}},
            {.time_ns = time++,
             .tid = 7,
             .type = EV_PARK,
             .f = {5, 0xc5, 0, trace_writer_object(writer, &object), 0, 0}},
            {.time_ns = time++, .tid = 7, .type = EV_READY, .f = {5, 0, 0}},
        };
        for (size_t j = 0; j < 3; j++)
            trace_writer_event(writer, &events[j]);
        trace_writer_watermark(writer, time);
        if (trace_writer_is_full(writer)) {
            assert_int_equal(trace_writer_flush(writer, &err), 0);
            trace_writer_section(writer, 0);
        }
    }
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    trace_writer_free(writer);
    assert_int_equal(fclose(file), 0);
}

static int64_t ask(const char *sql)
{
    struct store *store = NULL;
    struct store_statement *s = NULL;
    struct error err = {0};
    if (store_open(db_path, &store, &err) < 0 || store_prepare(store, sql, NULL, &s, &err) < 0 ||
        store_step(s, &err) != 1)
        fail_msg("%s", err.message);
    int64_t value = store_column_int(s, 0);
    store_finalize(s);
    store_close(store);
    return value;
}

static void a_load_replaces_the_database(void **state)
{
    (void)state;
    struct error err = {0};
    struct load_result result = {0};
    FILE *old = fopen(db_path, "wb");
    assert_non_null(old);
    fputs("something older", old);
    fclose(old);
    write_trace(100, 100);
    assert_int_equal(loader_run(trace_path, db_path, NULL, &result, &err), 0);
    assert_int_equal(result.events, 300);
    assert_int_equal(result.transitions, 300);
    assert_int_equal(result.waits, 100);
    assert_int_equal(result.goroutines, 1);
    assert_int_equal(result.illegal, 0);
    assert_int_equal(ask("SELECT count(*) FROM wait"), 100);
    assert_int_equal(ask("SELECT count(*) FROM object"), 100);
    struct stat st;
    assert_int_equal(stat(db_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* Every type of event that there is, in files that are never changed. */
static void files_of_all_versions_are_loaded(void **state)
{
    (void)state;
    struct error err = {0};
    struct load_result result = {0};
    assert_int_equal(loader_run("../../golden/format-1.0.gotape", db_path, NULL, &result, &err), 0);
    assert_int_equal(result.events, 27);
    assert_int_equal(ask("SELECT count(*) FROM thread_switch WHERE NOT is_in AND activity IS NULL"), 1);
    assert_int_equal(loader_run("../../golden/format-1.1.gotape", db_path, NULL, &result, &err), 0);
    assert_int_equal(result.events, 54);
    assert_int_equal(
        ask("SELECT sum(n) FROM (SELECT count(*) AS n FROM snapshot UNION ALL SELECT count(*) FROM "
            "stw UNION ALL SELECT count(*) FROM gc_cycle UNION ALL SELECT count(*) FROM span)"),
        4);
    assert_int_equal(ask("SELECT count(*) FROM snapshot_goroutine"), 3);
    assert_int_equal(ask("SELECT count(*) FROM context"), 2);
    assert_int_equal(ask("SELECT count(*) FROM runtime_event"), 5);
    assert_int_equal(ask("SELECT lost_p FROM syscall WHERE name = 'read'"), 1);
    assert_int_equal(
        ask("SELECT is_fired FROM wait_object WHERE ordinal = 1 AND wait_id = (SELECT id FROM wait "
            "WHERE goid = 40)"),
        1);
    assert_int_equal(loader_run("../../golden/format-2.0.gotape", db_path, NULL, &result, &err), 0);
    assert_int_equal(result.events, 358);
}

static void what_cannot_be_read_leaves_nothing(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(loader_run(trace_path, db_path, NULL, NULL, &err), ERR_NOT_FOUND);
    FILE *file = fopen(trace_path, "wb");
    assert_non_null(file);
    fputs("not a trace, but long enough to be looked at as one; really not a trace at all", file);
    fclose(file);
    assert_int_equal(loader_run(trace_path, db_path, NULL, NULL, &err), ERR_DAMAGED);
    assert_non_null(strstr(err.message, trace_path));
    assert_int_equal(access(db_path, F_OK), -1);
    assert_int_equal(loader_run("-", db_path, NULL, NULL, &err), ERR_USAGE);
}

static void a_place_that_is_no_folder(void **state)
{
    (void)state;
    struct error err = {0};
    write_trace(1, 1);
    assert_true(loader_run(trace_path, "/nonexistent/folder/x.db", NULL, NULL, &err) < 0);
    assert_non_null(strstr(err.message, "/nonexistent/folder"));
}

static void count_calls(void *context, const struct load_progress *progress)
{
    assert_true(progress->bytes_done <= progress->bytes_total);
    assert_non_null(progress->stage);
    ++*(int *)context;
}

static void progress_and_stop(void **state)
{
    (void)state;
    struct error err = {0};
    int calls = 0;
    volatile int stop = 0;
    struct load_options options = {.progress = count_calls, .context = &calls, .stop = &stop};
    write_trace(1000, 10);
    assert_int_equal(loader_run(trace_path, db_path, &options, NULL, &err), 0);
    assert_true(calls >= 1);
    unlink(db_path);
    stop = 1;
    assert_int_equal(loader_run(trace_path, db_path, &options, NULL, &err), ERR_STOPPED);
    assert_int_equal(access(db_path, F_OK), -1);
}

/* More objects than are kept in memory: each still has one row, also when it is met again in a later epoch.
 */
static void objects_beyond_the_limit(void **state)
{
    (void)state;
    struct error err = {0};
    write_trace(450000, 420000);
    assert_int_equal(loader_run(trace_path, db_path, NULL, NULL, &err), 0);
    assert_int_equal(ask("SELECT count(*) FROM object"), 420000);
    assert_int_equal(ask("SELECT count(DISTINCT addr) FROM object"), 420000);
    assert_int_equal(
        ask("SELECT count(*) FROM (SELECT 1 FROM wait_object GROUP BY object_id HAVING count(*) = 2)"),
        30000);
    assert_int_equal(ask("SELECT count(*) FROM wait_object JOIN object ON object.id = object_id"), 450000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_load_replaces_the_database, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_of_all_versions_are_loaded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_that_is_no_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(progress_and_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(objects_beyond_the_limit, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
