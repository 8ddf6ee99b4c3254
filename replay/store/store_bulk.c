/*
 * Many rows with one statement: `INSERT INTO table SELECT … FROM rows`, where `rows` is a virtual table over
 * our buffer. A prepared INSERT stepped once a row costs twice as much, most of it for starting and ending
 * the statement.
 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "store/store_internal.h"

#define ROWS_MAX 1024

struct store_bulk {
    struct store *store; /* borrowed */
    char *module;        /* name of the virtual table; owned */
    sqlite3_stmt *insert;
    int columns;
    unsigned text;   /* mask of text columns, which hold pointers */
    int64_t *values; /* ROWS_MAX × columns; owned */
    int rows;
};

struct rows_table {
    sqlite3_vtab base;
    const struct store_bulk *bulk;
};

struct rows_cursor {
    sqlite3_vtab_cursor base;
    const int64_t *row;
    int left;
};

static int rows_connect(sqlite3 *db, void *context, int argc, const char *const *argv, sqlite3_vtab **out,
                        char **message)
{
    const struct store_bulk *bulk = context;
    (void)argc;
    (void)argv;
    (void)message;
    sqlite3_str *sql = sqlite3_str_new(db);
    sqlite3_str_appendall(sql, "CREATE TABLE x (");
    for (int i = 0; i < bulk->columns; i++)
        sqlite3_str_appendf(sql, "%sc%d", i ? ", " : "", i);
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    int rc = text ? sqlite3_declare_vtab(db, text) : SQLITE_NOMEM;
    sqlite3_free(text);
    struct rows_table *table = rc == SQLITE_OK ? sqlite3_malloc(sizeof *table) : NULL;
    if (rc == SQLITE_OK && !table)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK) {
        memset(table, 0, sizeof *table);
        table->bulk = bulk;
        *out = &table->base;
    }
    return rc;
}

static int rows_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int rows_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = ROWS_MAX;
    info->estimatedRows = ROWS_MAX;
    return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    struct rows_cursor *cursor = sqlite3_malloc(sizeof *cursor);
    if (!cursor)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *cursor)
{
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static const struct store_bulk *bulk_of(const sqlite3_vtab_cursor *cursor)
{
    return ((const struct rows_table *)cursor->pVtab)->bulk;
}

static int rows_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
                       sqlite3_value **argv)
{
    struct rows_cursor *cursor = (struct rows_cursor *)base;
    const struct store_bulk *bulk = bulk_of(base);
    (void)number;
    (void)text;
    (void)argc;
    (void)argv;
    cursor->row = bulk->values;
    cursor->left = bulk->rows;
    return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *base)
{
    struct rows_cursor *cursor = (struct rows_cursor *)base;
    cursor->row += bulk_of(base)->columns;
    cursor->left--;
    return SQLITE_OK;
}

static int rows_eof(sqlite3_vtab_cursor *base)
{
    return ((struct rows_cursor *)base)->left <= 0;
}

static int rows_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    const struct store_bulk *bulk = bulk_of(base);
    int64_t value = ((struct rows_cursor *)base)->row[column];
    /* What is not set is NULL. */
    if (bulk->text & 1u << column) {
        if (value)
            sqlite3_result_text(context, (const char *)(uintptr_t)value, -1, SQLITE_STATIC);
    } else if (value != STORE_NO_VALUE) {
        sqlite3_result_int64(context, value);
    }
    return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ((struct rows_cursor *)base)->left;
    return SQLITE_OK;
}

/* Without xCreate: there is one such table, and it needs no CREATE. */
static const sqlite3_module rows_module = {
    .iVersion = 1,
    .xConnect = rows_connect,
    .xBestIndex = rows_best_index,
    .xDisconnect = rows_disconnect,
    .xOpen = rows_open,
    .xClose = rows_close,
    .xFilter = rows_filter,
    .xNext = rows_next,
    .xEof = rows_eof,
    .xColumn = rows_column,
    .xRowid = rows_rowid,
};

static int prepare(struct store_bulk *self, const char *table, const char *columns, const char *conflict,
                   struct error *err)
{
    int rc = sqlite3_create_module(self->store->db, self->module, &rows_module, self);
    char *sql = sqlite3_mprintf("INSERT INTO %s (%s) SELECT * FROM %s WHERE true %s", table, columns,
                                self->module, conflict);
    if (rc == SQLITE_OK)
        rc =
            sql ? sqlite3_prepare_v3(self->store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &self->insert, NULL)
                : SQLITE_NOMEM;
    sqlite3_free(sql);
    return rc == SQLITE_OK ? 0 : store_fail(self->store, rc, table, err);
}

int store_bulk_new(struct store *store, const char *table, const char *columns, unsigned text,
                   const char *conflict, struct store_bulk **out, struct error *err)
{
    struct error own;
    if (!err)
        err = &own;
    struct store_bulk *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, ERR_NOMEM, "out of memory");
    self->store = store;
    self->text = text;
    self->columns = 1;
    for (const char *comma = columns; (comma = strchr(comma, ',')); comma++)
        self->columns++;
    self->values = malloc((size_t)ROWS_MAX * (size_t)self->columns * sizeof *self->values);
    self->module = sqlite3_mprintf("gotape_rows_of_%s", table);
    int rc = self->values && self->module ? prepare(self, table, columns, conflict ? conflict : "", err)
                                          : error_set(err, ERR_NOMEM, "out of memory");
    if (rc < 0) {
        store_bulk_free(self);
        return rc;
    }
    *out = self;
    return 0;
}

void store_bulk_free(struct store_bulk *self)
{
    if (!self)
        return;
    sqlite3_finalize(self->insert);
    if (self->module)
        sqlite3_create_module(self->store->db, self->module, NULL, NULL);
    sqlite3_free(self->module);
    free(self->values);
    free(self);
}

int64_t *store_bulk_row(struct store_bulk *self, struct error *err)
{
    if (self->rows == ROWS_MAX && store_bulk_flush(self, err) < 0)
        return NULL;
    return self->values + (ptrdiff_t)self->columns * self->rows++;
}

int store_bulk_flush(struct store_bulk *self, struct error *err)
{
    if (self->rows == 0)
        return 0;
    int rc = sqlite3_step(self->insert);
    int code = rc == SQLITE_DONE ? 0 : store_fail(self->store, rc, "", err);
    sqlite3_reset(self->insert);
    self->rows = 0;
    return code;
}
