/* A database that somebody else made cannot write, run, load or attach anything, nor eat the memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "store/store.h"

static char directory[64], path[96];

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/gotape-hostile-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/a.db", directory);
    struct store *store = NULL;
    struct error err;
    if (store_create(path, &store, &err) < 0 || store_finish(store, &err) < 0)
        return -1;
    store_close(store);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    /* Fails, and with it the test, when anything else was left there. */
    return rmdir(directory);
}

/* What an attacker may do to the file beforehand. */
static void tamper(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

static struct store *open_it(void)
{
    struct store *store = NULL;
    struct error err = {0};
    if (store_open(path, &store, &err) < 0)
        fail_msg("%s", err.message);
    return store;
}

/* Prepares and steps to the end; the code of the first failure. */
static int run(struct store *store, const char *sql, struct error *err)
{
    struct store_statement *s = NULL;
    int rc = store_prepare(store, sql, NULL, &s, err);
    if (rc < 0)
        return rc;
    assert_non_null(s);
    while ((rc = store_step(s, err)) == 1)
        continue;
    store_finalize(s);
    return rc;
}

static void statements_that_do_more_than_read_fail(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "INSERT INTO meta VALUES ('a', 'b')",
        "DELETE FROM wait",
        "UPDATE meta SET value = 1",
        "UPDATE sqlite_master SET sql = 'x'",
        "DROP TABLE wait",
        "CREATE TABLE x (a)",
        "CREATE TEMP TABLE x (a)",
        "CREATE TEMP VIEW x AS SELECT 1",
        "CREATE VIRTUAL TABLE temp.x USING fts5 (a)",
        "ATTACH 'other.db' AS other",
        "ATTACH ':memory:' AS other",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO 'copy.db'",
        "REINDEX",
        "ANALYZE",
        "BEGIN",
        "BEGIN IMMEDIATE",
        "SAVEPOINT a",
        "PRAGMA journal_mode = WAL",
        "PRAGMA journal_mode",
        "PRAGMA user_version = 7",
        "PRAGMA writable_schema = 1",
        "PRAGMA query_only = 0",
        "PRAGMA temp_store_directory = '/tmp'",
        "PRAGMA trusted_schema = 1",
        "PRAGMA wal_checkpoint",
        "PRAGMA optimize",
        "PRAGMA hard_heap_limit = 0",
        "PRAGMA mmap_size = 1000000000",
        "SELECT load_extension('/tmp/x.so')",
        "SELECT writefile('x', 'y')",
        "SELECT readfile('/etc/passwd')",
        "SELECT fts3_tokenizer('x')",
        "SELECT edit('x')",
    };
    struct store *store = open_it();
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        struct error err = {0};
        if (run(store, statements[i], &err) == 0)
            fail_msg("was allowed: %s", statements[i]);
    }
    struct error err = {0};
    assert_int_equal(
        run(store,
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n",
            &err),
        0);
    assert_int_equal(
        run(store, "SELECT json_extract(value, '$.a'), value FROM json_each('[{\"a\": 1}]')", &err), 0);
    assert_int_equal(run(store, "PRAGMA table_info(wait)", &err), 0);
    assert_int_equal(run(store, "SELECT * FROM wait_named", &err), 0);
    store_close(store);
}

static void expect_refusal(const char *words)
{
    struct store *store = NULL;
    struct error err = {0};
    assert_int_equal(store_open(path, &store, &err), ERR_DAMAGED);
    if (!strstr(err.message, words))
        fail_msg("'%s' does not say '%s'", err.message, words);
}

static void a_view_in_place_of_a_table_is_refused(void **state)
{
    (void)state;
    tamper("CREATE TABLE kept AS SELECT * FROM meta; DROP TABLE meta;"
           "CREATE VIEW meta AS SELECT 'k' AS key, load_extension('/tmp/x.so') AS value");
    expect_refusal("the table meta");
}

static void a_table_without_a_column_is_refused(void **state)
{
    (void)state;
    tamper("ALTER TABLE packed_wait RENAME COLUMN value TO amount");
    expect_refusal("packed_wait");
}

static void a_generated_column_is_refused(void **state)
{
    (void)state;
    tamper("DROP TABLE lost; CREATE TABLE lost (id INTEGER PRIMARY KEY, cpu INTEGER, since_ns INTEGER, "
           "until_ns INTEGER,"
           "count INTEGER AS (abs(id)))");
    expect_refusal("lost");
}

static void a_virtual_table_is_refused(void **state)
{
    (void)state;
    tamper("DROP TABLE damage; CREATE VIRTUAL TABLE damage USING fts5 (id, kind, offset, size, after_ns, "
           "message)");
    struct store *store = NULL;
    struct error err = {0};
    assert_true(store_open(path, &store, &err) < 0);
}

static void triggers_and_unsafe_views_do_nothing(void **state)
{
    (void)state;
    tamper("CREATE TRIGGER t AFTER INSERT ON meta BEGIN SELECT load_extension('/tmp/x.so'); END;"
           "CREATE VIEW trap AS SELECT load_extension('/tmp/x.so') AS a;"
           "CREATE VIEW trap2 AS SELECT writefile('/tmp/x', 'y') AS a");
    struct store *store = open_it();
    struct error err = {0};
    assert_true(run(store, "SELECT * FROM trap", &err) < 0);
    assert_true(run(store, "SELECT * FROM trap2", &err) < 0);
    assert_int_equal(run(store, "SELECT * FROM meta", &err), 0);
    store_close(store);
}

static void memory_has_a_limit(void **state)
{
    (void)state;
    struct store *store = open_it();
    struct error err = {0};
    /* 40 values of 30 MB each, all wanted at the same time. */
    assert_true(
        run(store,
            "WITH RECURSIVE n (i, b) AS MATERIALIZED (SELECT 1, hex(zeroblob(15000000)) UNION ALL "
            "SELECT i + 1, b || i FROM n WHERE i < 40) SELECT count(DISTINCT b), group_concat(b) FROM n",
            &err) < 0);
    assert_true(run(store, "SELECT zeroblob(1000000000)", &err) < 0);
    assert_true(sqlite3_memory_highwater(0) < 200ll << 20);
    store_close(store);
}

static void a_hot_journal_is_not_rolled_back(void **state)
{
    (void)state;
    char journal[128];
    snprintf(journal, sizeof journal, "%s-journal", path);
    FILE *file = fopen(journal, "wb");
    assert_non_null(file);
    fwrite("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 1, 8, file);
    for (int i = 0; i < 2000; i++)
        fputc(i & 0xff, file);
    fclose(file);
    struct store *store = NULL;
    struct error err = {0};
    int rc = store_open(path, &store, &err);
    store_close(store);
    assert_int_equal(access(journal, F_OK), 0);
    unlink(journal);
    /* Either way the file itself was not touched. */
    assert_true(rc <= 0);
    store = open_it();
    assert_int_equal(run(store, "PRAGMA integrity_check", &err), 0);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(statements_that_do_more_than_read_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_view_in_place_of_a_table_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_without_a_column_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_generated_column_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_virtual_table_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(triggers_and_unsafe_views_do_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hot_journal_is_not_rolled_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
