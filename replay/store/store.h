/*
 * SQLite, wrapped: the only folder that includes sqlite3.h. A store is one database file made by `load`; a
 * statement is a prepared query. Databases are not trusted: opened for reading they can neither write,
 * attach, nor load code.
 */
#ifndef GOTAPE_REPLAY_STORE_H
#define GOTAPE_REPLAY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define STORE_APPLICATION_ID 0x676f7470 /* "gotp" */
#define STORE_SCHEMA_VERSION 6          /* PRAGMA user_version */

struct store;
struct store_statement;

enum store_type { STORE_NULL, STORE_INTEGER, STORE_REAL, STORE_TEXT, STORE_BLOB };

/* Creates a new database with the tables of schema/sql (no indexes yet), tuned for bulk load. Fails if the
 * file exists. */
int store_create(const char *path, struct store **out, struct error *err);
/* Builds the indexes, runs ANALYZE, ends an open transaction, and makes the file durable. */
int store_finish(struct store *self, struct error *err);

/* Opens for reading only, with every defence SQLite has against a hostile file. ERR_UNSUPPORTED when it is
 * not ours or of another schema version; ERR_DAMAGED when it is no sound database. */
int store_open(const char *path, struct store **out, struct error *err);
void store_close(struct store *self);
/* Where it is. Borrowed. */
const char *store_path(const struct store *self);

/* Whether this SQLite can tell the sizes of tables (dbstat). */
bool store_tells_sizes(struct store *self);

/* Runs SQL without results (trusted text of our own). */
int store_exec(struct store *self, const char *sql, struct error *err);

/* The first statement of sql; *tail_out (may be NULL) aims behind it. *out is NULL when there was only white
 * space. */
int store_prepare(struct store *self, const char *sql, const char **tail_out, struct store_statement **out,
                  struct error *err);
void store_finalize(struct store_statement *statement);
int store_reset(struct store_statement *statement, struct error *err);
/* Parameter number by name (":goid"), 0 when the statement has none of this name. Numbers count from 1. */
int store_parameter(const struct store_statement *statement, const char *name);
void store_bind_int(struct store_statement *statement, int parameter, int64_t value);
void store_bind_text(struct store_statement *statement, int parameter,
                     const char *text); /* copied; NULL binds NULL */
void store_bind_static(struct store_statement *statement, int parameter,
                       const char *text); /* borrowed for ever */
void store_bind_null(struct store_statement *statement, int parameter);

/* 1 a row, 0 done, negative error. */
int store_step(struct store_statement *statement, struct error *err);
/* For statements without results: step, then reset, so that it can be run again. Bindings stay. */
int store_run(struct store_statement *statement, struct error *err);
int store_column_count(const struct store_statement *statement);
const char *store_column_name(const struct store_statement *statement, int column);
enum store_type store_column_type(struct store_statement *statement, int column);
int64_t store_column_int(struct store_statement *statement, int column);
double store_column_real(struct store_statement *statement, int column);
const char *store_column_text(struct store_statement *statement,
                              int column); /* until the next step; "" for NULL */
const void *store_column_blob(struct store_statement *statement, int column, size_t *size_out);

/*
 * Rows of one table, many at a time. Columns are named as in INSERT, separated by ", "; `text` is a mask of
 * the columns (0, 1 …) that hold text; conflict: what is to stand behind the values, or NULL.
 */
#define STORE_NO_VALUE INT64_MIN /* NULL */
struct store_bulk;
int store_bulk_new(struct store *store, const char *table, const char *columns, unsigned text,
                   const char *conflict, struct store_bulk **out, struct error *err);
void store_bulk_free(struct store_bulk *self);
/* A new row for the caller to fill at once: numbers, STORE_NO_VALUE, and for text a pointer
 * ((int64_t)(uintptr_t)) to a string that must live until the row is written, or 0 for NULL. Rows are written
 * now and then, and by store_bulk_flush(). NULL when earlier rows could not be written. */
int64_t *store_bulk_row(struct store_bulk *self, struct error *err);
int store_bulk_flush(struct store_bulk *self, struct error *err);

/* An index of indexes.sql over one column, made of rows (key, rowid) that are put in their order: by key, then by rowid. Finish
 * it when the rows are flushed and the store_bulk is freed; no other statement may be prepared meanwhile. */
int store_index_new(struct store *store, const char *name, struct store_bulk **out, struct error *err);
int store_index_finish(struct store *store, const char *name, struct error *err);

/* While the flag is not 0, whatever runs is given up with ERR_STOPPED. Borrowed until the store is closed;
 * NULL: none. */
void store_watch(struct store *self, const volatile int *stop);
/* Interrupts a running query (store_step fails with ERR_STOPPED); may be called from a signal handler. It
 * holds until the next store_prepare(). */
void store_interrupt(struct store *self);

/* The schema's own SQL, with its comments (embedded at build time). */
const char *store_schema_text(void);

#endif
