/* Databases are made, filled, read again; what is no sound database of ours is refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "store/store.h"

static char directory[64], path[96];

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/gotape-store-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/a.db", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void make_database(void)
{
    struct store *store = NULL;
    struct error err = {0};
    assert_int_equal(store_create(path, &store, &err), 0);
    assert_int_equal(store_exec(store, "BEGIN", &err), 0);
    struct store_statement *insert = NULL;
    assert_int_equal(
        store_prepare(store, "INSERT INTO meta (key, value) VALUES (:key, ?2)", NULL, &insert, &err), 0);
    assert_int_equal(store_parameter(insert, ":key"), 1);
    assert_int_equal(store_parameter(insert, ":other"), 0);
    for (int i = 0; i < 3; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        store_bind_text(insert, 1, key);
        store_bind_static(insert, 2, "value");
        assert_int_equal(store_run(insert, &err), 0);
    }
    store_finalize(insert);
    assert_int_equal(store_finish(store, &err), 0);
    store_close(store);
}

static int64_t ask(struct store *store, const char *sql)
{
    struct store_statement *statement = NULL;
    struct error err = {0};
    if (store_prepare(store, sql, NULL, &statement, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(store_step(statement, &err), 1);
    int64_t value = store_column_int(statement, 0);
    store_finalize(statement);
    return value;
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    make_database();
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    struct store *store = NULL;
    struct error err = {0};
    assert_int_equal(store_open(path, &store, &err), 0);
    assert_int_equal(ask(store, "SELECT count(*) FROM meta"), 3);
    assert_int_equal(ask(store, "SELECT application_id FROM pragma_application_id"), STORE_APPLICATION_ID);
    assert_int_equal(ask(store, "SELECT user_version FROM pragma_user_version"), STORE_SCHEMA_VERSION);
    assert_true(
        ask(store, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = 'packed_wait_goid'") == 1);

    struct store_statement *s = NULL;
    const char *tail = NULL;
    assert_int_equal(
        store_prepare(store, "SELECT 1, 1.5, 'x', NULL, x'0102' AS b; SELECT 2", &tail, &s, &err), 0);
    assert_string_equal(tail, " SELECT 2");
    assert_int_equal(store_column_count(s), 5);
    assert_string_equal(store_column_name(s, 4), "b");
    assert_int_equal(store_step(s, &err), 1);
    assert_int_equal(store_column_type(s, 0), STORE_INTEGER);
    assert_int_equal(store_column_type(s, 1), STORE_REAL);
    assert_true(store_column_real(s, 1) == 1.5);
    assert_string_equal(store_column_text(s, 2), "x");
    assert_int_equal(store_column_type(s, 3), STORE_NULL);
    assert_string_equal(store_column_text(s, 3), "");
    size_t size = 0;
    assert_memory_equal(store_column_blob(s, 4, &size), "\1\2", 2);
    assert_int_equal(size, 2);
    assert_int_equal(store_step(s, &err), 0);
    store_finalize(s);
    assert_int_equal(store_prepare(store, "  -- nothing\n", NULL, &s, &err), 0);
    assert_null(s);
    assert_int_equal(store_prepare(store, "SELEC 1", NULL, &s, &err), ERR_USAGE);
    assert_non_null(strstr(err.message, "syntax error"));
    store_close(store);
}

static void an_existing_file_is_not_overwritten(void **state)
{
    (void)state;
    make_database();
    struct store *store = NULL;
    struct error err = {0};
    assert_true(store_create(path, &store, &err) < 0);
    assert_int_equal(access(path, F_OK), 0);
}

static void patch(long offset, const void *data, size_t size)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void expect_refusal(int code, const char *words)
{
    struct store *store = NULL;
    struct error err = {0};
    int rc = store_open(path, &store, &err);
    assert_int_equal(rc, code);
    if (!strstr(err.message, words))
        fail_msg("'%s' does not say '%s'", err.message, words);
    assert_null(store);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    expect_refusal(ERR_NOT_FOUND, "cannot open");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("no database at all", file);
    fclose(file);
    expect_refusal(ERR_UNSUPPORTED, "is no database");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refusal(ERR_UNSUPPORTED, "no ordinary file");
    unlink(path);
    make_database();
    patch(68, "abcd", 4);
    expect_refusal(ERR_UNSUPPORTED, "not one made by gotape-replay");
    unlink(path);
    make_database();
    patch(60, "\0\0\0\77", 4);
    expect_refusal(ERR_UNSUPPORTED, "load the trace again");
    unlink(path);
    make_database();
    patch(18, "\2\2", 2);
    expect_refusal(ERR_UNSUPPORTED, "WAL");
    unlink(path);
    make_database();
    assert_int_equal(truncate(path, 20000), 0);
    expect_refusal(ERR_DAMAGED, "cut short");
    unlink(path);
    make_database();
    char rubbish[4000];
    memset(rubbish, 0x5a, sizeof rubbish);
    patch(100, rubbish, sizeof rubbish);
    expect_refusal(ERR_DAMAGED, "load the trace again");
}

static void an_interrupt_ends_a_query(void **state)
{
    (void)state;
    make_database();
    struct store *store = NULL;
    struct error err = {0};
    assert_int_equal(store_open(path, &store, &err), 0);
    struct store_statement *s = NULL;
    assert_int_equal(
        store_prepare(
            store, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
            NULL, &s, &err),
        0);
    store_interrupt(store); /* before the first step: the request must not get lost */
    assert_int_equal(store_step(s, &err), ERR_STOPPED);
    store_finalize(s);
    assert_int_equal(ask(store, "SELECT count(*) FROM meta"), 3);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_existing_file_is_not_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_files_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupt_ends_a_query, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
