/*
 * Indexes whose rows the caller sorts. To SQLite, an index over column c of a table is a tree of records (c, rowid) in order; so is
 * a table (key, id) WITHOUT ROWID whose primary key is both. Such a table is made, filled in order, and then declared to be
 * the index: the rows of sqlite_schema are changed for it, as <https://www.sqlite.org/imposter.html> does it the other way
 * round. PRAGMA integrity_check compares an index with its table, and tests run it.
 */
#include <string.h>

#include "store/store_internal.h"
#include "store/store_schema.h"

#define CREATE_INDEX "CREATE INDEX IF NOT EXISTS "

/* What indexes.sql says behind CREATE_INDEX, up to the semicolon; NULL: no such index. */
static const char *find_definition(const char *name, int *length_out)
{
    size_t length = strlen(name);
    for (const char *at = schema_sql_indexes; (at = strstr(at, CREATE_INDEX));) {
        at += sizeof CREATE_INDEX - 1;
        if (strncmp(at, name, length) == 0 && at[length] == ' ') {
            *length_out = (int)strcspn(at, ";");
            return at;
        }
    }
    return NULL;
}

int store_index_new(struct store *self, const char *name, struct store_bulk **out, struct error *err)
{
    char *sql = sqlite3_mprintf("CREATE TABLE %s (key, id, PRIMARY KEY (key, id)) WITHOUT ROWID", name);
    int rc = sql ? store_exec(self, sql, err) : error_set(err, ERR_NOMEM, "out of memory");
    sqlite3_free(sql);
    return rc < 0 ? rc : store_bulk_new(self, name, "key, id", 0, NULL, out, err);
}

int store_index_finish(struct store *self, const char *name, struct error *err)
{
    int length = 0;
    const char *definition = find_definition(name, &length);
    const char *table = definition ? strstr(definition, " ON ") : NULL;
    if (!table)
        return error_set(err, ERR_USAGE, "no index %s", name);
    table += 4;
    /* Some systems' SQLite begins with its schema protected. */
    sqlite3_db_config(self->db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    char *sql = sqlite3_mprintf("PRAGMA writable_schema = ON;"
                                "UPDATE sqlite_schema SET type = 'index', tbl_name = '%.*s', sql = 'CREATE INDEX %.*s' WHERE name = '%s';"
                                "PRAGMA writable_schema = RESET;",
                                (int)strcspn(table, " "), table, length, definition, name);
    int rc = sql ? store_exec(self, sql, err) : error_set(err, ERR_NOMEM, "out of memory");
    sqlite3_free(sql);
    return rc;
}
