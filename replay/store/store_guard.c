/*
 * The defence against databases that somebody else made. Layers, each enough for what it covers: the file is
 * opened for reading only and must be ours by its header; nothing in its schema may call unsafe functions,
 * fire triggers or load modules; its tables must be ordinary tables with our columns; statements may only
 * read; SQLite's memory has a hard limit.
 */
#include "store/store_internal.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_schema.h"

#define HEAP_LIMIT           (192ll << 20)
#define DATABASE_HEADER_SIZE 100 /* sqlite.org/fileformat2.html */

static uint32_t be32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int check_header(const char *path, const unsigned char *header, uint64_t size, struct error *err)
{
    if (memcmp(header, "SQLite format 3", 16) != 0)
        return error_set(err, ERR_UNSUPPORTED, "%s is no database", path);
    uint32_t page_size = (uint32_t)header[16] << 8 | header[17];
    if (page_size == 1)
        page_size = 65536;
    if (page_size < 512 || (page_size & (page_size - 1)) != 0)
        return error_set(err, ERR_DAMAGED, "%s is a damaged database: delete it and load the trace again",
                         path);
    if (be32(header + 68) != STORE_APPLICATION_ID)
        return error_set(err, ERR_UNSUPPORTED, "%s is a database, but not one made by gotape-replay load",
                         path);
    if (be32(header + 60) != STORE_SCHEMA_VERSION)
        return error_set(err, ERR_UNSUPPORTED,
                         "%s has schema version %u, this program knows version %d: load the trace again",
                         path, (unsigned)be32(header + 60), STORE_SCHEMA_VERSION);
    /* Reading a database in WAL mode makes files beside it. */
    if (header[18] != 1 || header[19] != 1)
        return error_set(
            err, ERR_UNSUPPORTED,
            "%s is in WAL mode: run 'PRAGMA journal_mode = DELETE' on it in sqlite3, or load the trace again",
            path);
    if ((uint64_t)be32(header + 28) * page_size > size)
        return error_set(err, ERR_DAMAGED, "%s has been cut short: delete it and load the trace again", path);
    return 0;
}

int store_guard_file(const char *path, struct error *err)
{
    /* O_NONBLOCK: a FIFO must not make us wait. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_sys(err, "cannot open %s", path);
    struct stat st;
    unsigned char header[DATABASE_HEADER_SIZE];
    int rc = 0;
    if (fstat(fd, &st) != 0) {
        rc = error_sys(err, "cannot examine %s", path);
    } else if (!S_ISREG(st.st_mode)) {
        rc = error_set(err, ERR_UNSUPPORTED, "%s is no ordinary file", path);
    } else {
        ssize_t got = pread(fd, header, sizeof header, 0);
        if (got < 0)
            rc = error_sys(err, "cannot read %s", path);
        else if (got < (ssize_t)sizeof header)
            rc = error_set(err, ERR_UNSUPPORTED, "%s is no database", path);
        else
            rc = check_header(path, header, (uint64_t)st.st_size, err);
    }
    close(fd);
    return rc;
}

static const struct {
    int option, value;
} switches[] = {
    {SQLITE_DBCONFIG_DEFENSIVE, 1},
    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
    {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
    {SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, 0},
    {SQLITE_DBCONFIG_DQS_DML, 0},
    {SQLITE_DBCONFIG_DQS_DDL, 0},
};

static const struct {
    int limit, value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, 32 << 20},
    {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},
    {SQLITE_LIMIT_COLUMN, 200},
    {SQLITE_LIMIT_EXPR_DEPTH, 200},
    {SQLITE_LIMIT_COMPOUND_SELECT, 100},
    {SQLITE_LIMIT_VDBE_OP, 250000},
    {SQLITE_LIMIT_FUNCTION_ARG, 100},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 250},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

int store_guard_connection(struct store *self, struct error *err)
{
    self->is_guarded = true;
    sqlite3_hard_heap_limit64(HEAP_LIMIT);
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        int rc = sqlite3_db_config(self->db, switches[i].option, switches[i].value, NULL);
        if (rc != SQLITE_OK)
            return store_fail(self, rc, "cannot be protected", err);
    }
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        sqlite3_limit(self->db, limits[i].limit, limits[i].value);
    /* Without modules there are no virtual tables, but for the table-valued functions of JSON and of pragmas,
     * and dbstat, which tells the sizes of tables. */
    static const char *kept[] = {"json_each", "json_tree", "dbstat", NULL};
    int rc = sqlite3_drop_modules(self->db, kept);
    if (rc != SQLITE_OK)
        return store_fail(self, rc, "cannot be protected", err);
    return store_exec(self,
                      "PRAGMA query_only = ON; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
                      "PRAGMA cache_size = -32768;",
                      err);
}

/* True when `table` of the database has all columns that the reference's has, as ordinary columns. */
static int has_columns(struct store *self, sqlite3 *reference, const char *table, bool *yes_out,
                       struct error *err)
{
    static const char sql[] =
        "SELECT group_concat(name, ' ') FROM (SELECT name FROM pragma_table_xinfo(?1) "
        "WHERE hidden = 0 AND (?2 IS NULL OR instr(?2, ' ' || name || ' ')) ORDER BY name)";
    char *columns[2] = {NULL, NULL};
    int rc = SQLITE_OK;
    for (int i = 0; i < 2 && rc == SQLITE_OK; i++) {
        sqlite3_stmt *stmt = NULL;
        rc = sqlite3_prepare_v2(i == 0 ? reference : self->db, sql, -1, &stmt, NULL);
        if (rc != SQLITE_OK)
            break;
        sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
        if (i == 1)
            sqlite3_bind_text(stmt, 2, columns[0], -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        const unsigned char *text = rc == SQLITE_ROW ? sqlite3_column_text(stmt, 0) : NULL;
        columns[i] = sqlite3_mprintf(" %s ", text ? (const char *)text : "");
        rc = rc == SQLITE_ROW && columns[i] ? SQLITE_OK : rc == SQLITE_ROW ? SQLITE_NOMEM : rc;
        sqlite3_finalize(stmt);
    }
    if (rc == SQLITE_OK)
        *yes_out = strcmp(columns[0], columns[1]) == 0;
    else
        store_fail(self, rc, "its tables cannot be examined", err);
    sqlite3_free(columns[0]);
    sqlite3_free(columns[1]);
    return rc == SQLITE_OK ? 0 : err->code;
}

/* The type that the parsed schema (not the text in sqlite_schema) gives an object. */
static int has_type(struct store *self, const char *name, const char *type, bool *yes_out, struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(
        self->db, "SELECT 1 FROM pragma_table_list WHERE schema = 'main' AND name = ?1 AND type = ?2", -1,
        &stmt, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, type, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        *yes_out = rc == SQLITE_ROW;
        rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
    }
    if (rc != SQLITE_OK)
        store_fail(self, rc, "its schema cannot be read", err);
    sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? 0 : err->code;
}

static int compare_schema(struct store *self, sqlite3 *reference, struct error *err)
{
    sqlite3_stmt *objects = NULL;
    int rc = 0;
    if (sqlite3_prepare_v2(reference, "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')",
                           -1, &objects, NULL) != SQLITE_OK)
        return error_set(err, ERR_NOMEM, "cannot prepare the comparison of schemas: %s",
                         sqlite3_errmsg(reference));
    while (rc == 0 && sqlite3_step(objects) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(objects, 0);
        const char *type = (const char *)sqlite3_column_text(objects, 1);
        bool good = false;
        rc = has_type(self, name, type, &good, err);
        if (rc == 0 && good && strcmp(type, "table") == 0)
            rc = has_columns(self, reference, name, &good, err);
        if (rc == 0 && !good)
            rc = error_set(err, ERR_DAMAGED,
                           "%s: the %s %s is not what gotape-replay load makes: load the trace again",
                           self->path, type, name);
    }
    sqlite3_finalize(objects);
    return rc;
}

int store_guard_schema(struct store *self, struct error *err)
{
    sqlite3 *reference = NULL;
    int rc = sqlite3_open_v2(":memory:", &reference,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(reference, schema_sql_facts, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(reference, schema_sql_derived, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(reference, schema_sql_views, NULL, NULL, NULL);
    rc = rc == SQLITE_OK
             ? compare_schema(self, reference, err)
             : error_set(err, ERR_NOMEM, "cannot prepare the comparison of schemas: %s", sqlite3_errstr(rc));
    sqlite3_close(reference);
    return rc;
}

static bool is_in(const char *name, const char *const *list)
{
    for (; *list; list++) {
        if (strcasecmp(name, *list) == 0)
            return true;
    }
    return false;
}

static const char *const unsafe_functions[] = {"load_extension", "fts3_tokenizer", "readfile",
                                               "writefile",      "edit",           NULL};
/* Pragmas that only tell something. */
static const char *const safe_pragmas[] = {"application_id",   "user_version",
                                           "schema_version",   "table_info",
                                           "table_xinfo",      "table_list",
                                           "index_list",       "index_info",
                                           "index_xinfo",      "database_list",
                                           "function_list",    "collation_list",
                                           "compile_options",  "page_count",
                                           "page_size",        "encoding",
                                           "quick_check",      "integrity_check",
                                           "foreign_key_list", "pragma_list",
                                           "data_version",     NULL};
/* Of these, the ones whose argument names what to tell about; an argument to any other would set something.
 */
static const char *const pragmas_about[] = {
    "table_info",  "table_xinfo",      "table_list",  "index_list",      "index_info",
    "index_xinfo", "foreign_key_list", "quick_check", "integrity_check", NULL};

static int authorize(void *context, int action, const char *first, const char *second, const char *database,
                     const char *view)
{
    (void)context;
    (void)database;
    (void)view;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_UPDATE:
        /* SQLite asks for this when it sets up a table-valued function. A statement that says so is refused
         * by four other layers: defensive mode, query_only, the read-only file, and for not being read-only.
         */
        return first && strcmp(first, "sqlite_master") == 0 ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_FUNCTION:
        return second && !is_in(second, unsafe_functions) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_PRAGMA:
        return first && is_in(first, safe_pragmas) && (!second || is_in(first, pragmas_about)) ? SQLITE_OK
                                                                                               : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

int store_guard_statements(struct store *self, struct error *err)
{
    int rc = sqlite3_set_authorizer(self->db, authorize, self);
    return rc == SQLITE_OK ? 0 : store_fail(self, rc, "cannot be protected", err);
}
