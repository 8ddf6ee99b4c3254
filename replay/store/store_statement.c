#include "store/store.h"

#include <stdlib.h>

#include "store/store_internal.h"

struct store_statement {
    sqlite3_stmt *stmt;
    struct store *store; /* borrowed */
};

int store_prepare(struct store *self, const char *sql, const char **tail_out, struct store_statement **out,
                  struct error *err)
{
    sqlite3_stmt *stmt = NULL;
    const char *tail = NULL;
    self->interrupted = 0;
    int rc =
        sqlite3_prepare_v3(self->db, sql, -1, self->is_guarded ? 0 : SQLITE_PREPARE_PERSISTENT, &stmt, &tail);
    if (rc != SQLITE_OK)
        return store_fail(self, rc, "", err);
    if (self->is_guarded && stmt && !sqlite3_stmt_readonly(stmt)) {
        sqlite3_finalize(stmt);
        return error_set(err, ERR_PERMISSION,
                         "%s: this statement would write; databases are opened for reading only", self->path);
    }
    struct store_statement *statement = NULL;
    if (stmt) {
        statement = malloc(sizeof *statement);
        if (!statement) {
            sqlite3_finalize(stmt);
            return error_set(err, ERR_NOMEM, "out of memory");
        }
        *statement = (struct store_statement){.stmt = stmt, .store = self};
    }
    if (tail_out)
        *tail_out = tail;
    *out = statement;
    return 0;
}

void store_finalize(struct store_statement *statement)
{
    if (!statement)
        return;
    sqlite3_finalize(statement->stmt);
    free(statement);
}

int store_reset(struct store_statement *statement, struct error *err)
{
    int rc = sqlite3_reset(statement->stmt);
    return rc == SQLITE_OK ? 0 : store_fail(statement->store, rc, "", err);
}

int store_parameter(const struct store_statement *statement, const char *name)
{
    return sqlite3_bind_parameter_index(statement->stmt, name);
}

void store_bind_int(struct store_statement *statement, int parameter, int64_t value)
{
    sqlite3_bind_int64(statement->stmt, parameter, value);
}

void store_bind_text(struct store_statement *statement, int parameter, const char *text)
{
    sqlite3_bind_text(statement->stmt, parameter, text, -1, SQLITE_TRANSIENT);
}

void store_bind_static(struct store_statement *statement, int parameter, const char *text)
{
    sqlite3_bind_text(statement->stmt, parameter, text, -1, SQLITE_STATIC);
}

void store_bind_null(struct store_statement *statement, int parameter)
{
    sqlite3_bind_null(statement->stmt, parameter);
}

int store_step(struct store_statement *statement, struct error *err)
{
    int rc = sqlite3_step(statement->stmt);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : store_fail(statement->store, rc, "", err);
}

int store_run(struct store_statement *statement, struct error *err)
{
    int rc = sqlite3_step(statement->stmt);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        int code = store_fail(statement->store, rc, "", err);
        sqlite3_reset(statement->stmt);
        return code;
    }
    sqlite3_reset(statement->stmt);
    return 0;
}

int store_column_count(const struct store_statement *statement)
{
    return sqlite3_column_count(statement->stmt);
}

const char *store_column_name(const struct store_statement *statement, int column)
{
    const char *name = sqlite3_column_name(statement->stmt, column);
    return name ? name : "";
}

enum store_type store_column_type(struct store_statement *statement, int column)
{
    switch (sqlite3_column_type(statement->stmt, column)) {
    case SQLITE_INTEGER:
        return STORE_INTEGER;
    case SQLITE_FLOAT:
        return STORE_REAL;
    case SQLITE_TEXT:
        return STORE_TEXT;
    case SQLITE_BLOB:
        return STORE_BLOB;
    default:
        return STORE_NULL;
    }
}

int64_t store_column_int(struct store_statement *statement, int column)
{
    return sqlite3_column_int64(statement->stmt, column);
}

double store_column_real(struct store_statement *statement, int column)
{
    return sqlite3_column_double(statement->stmt, column);
}

const char *store_column_text(struct store_statement *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement->stmt, column);
    return text ? (const char *)text : "";
}

const void *store_column_blob(struct store_statement *statement, int column, size_t *size_out)
{
    const void *data = sqlite3_column_blob(statement->stmt, column);
    int size = sqlite3_column_bytes(statement->stmt, column);
    *size_out = data && size > 0 ? (size_t)size : 0;
    return data;
}
