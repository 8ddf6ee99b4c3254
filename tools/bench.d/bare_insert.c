/*
 * SQLite's own speed with the rows of a database: tools/bench holds the loading of a trace against it. Every row of every table is
 * inserted into a new database of the same tables, with the settings that gotape-replay loads with: one transaction, one prepared
 * statement a table. No indexes, nothing derived, nothing decoded. Rows are read in batches, and the clock runs only while they are
 * inserted and committed. Prints one line of JSON.
 *
 *     bare_insert LOADED.db NEW.db
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH_VALUES 65536

static const char settings[] =
    "PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -32768;";

struct copy {
    sqlite3 *from, *to;
    uint64_t rows, ns;
    sqlite3_value *batch[BATCH_VALUES];
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool failed(sqlite3 *db, const char *what)
{
    fprintf(stderr, "bare_insert: %s: %s\n", what, sqlite3_errmsg(db));
    return false;
}

static bool timed_exec(struct copy *self, const char *sql)
{
    uint64_t begin = now_ns();
    bool done = sqlite3_exec(self->to, sql, NULL, NULL, NULL) == SQLITE_OK;
    self->ns += now_ns() - begin;
    return done || failed(self->to, sql);
}

/* Up to a batch of rows, kept as values of their own; *ended when there are no more. */
static bool read_batch(struct copy *self, sqlite3_stmt *read, unsigned columns, unsigned *rows_out,
                       bool *ended)
{
    unsigned rows = 0;
    int rc = SQLITE_ROW;
    while ((rows + 1) * columns <= BATCH_VALUES && (rc = sqlite3_step(read)) == SQLITE_ROW) {
        for (unsigned i = 0; i < columns; i++)
            self->batch[rows * columns + i] = sqlite3_value_dup(sqlite3_column_value(read, (int)i));
        rows++;
    }
    *rows_out = rows;
    *ended = rc == SQLITE_DONE; /* one more step would begin again */
    return rc == SQLITE_ROW || rc == SQLITE_DONE || failed(self->from, "reading");
}

static bool insert_batch(struct copy *self, sqlite3_stmt *insert, unsigned rows, unsigned columns)
{
    bool done = true;
    uint64_t begin = now_ns();
    for (unsigned row = 0; done && row < rows; row++) {
        for (unsigned i = 0; i < columns; i++)
            sqlite3_bind_value(insert, (int)i + 1, self->batch[row * columns + i]);
        done = sqlite3_step(insert) == SQLITE_DONE && sqlite3_reset(insert) == SQLITE_OK;
    }
    self->ns += now_ns() - begin;
    self->rows += rows;
    for (unsigned i = 0; i < rows * columns; i++)
        sqlite3_value_free(self->batch[i]);
    return done || failed(self->to, "inserting");
}

static bool copy_rows(struct copy *self, const char *table)
{
    sqlite3_stmt *read = NULL, *insert = NULL;
    bool done = false;
    char *select = sqlite3_mprintf("SELECT * FROM \"%w\"", table);
    sqlite3_str *text = sqlite3_str_new(NULL);
    if (sqlite3_prepare_v2(self->from, select, -1, &read, NULL) == SQLITE_OK) {
        unsigned columns = (unsigned)sqlite3_column_count(read);
        sqlite3_str_appendf(text, "INSERT INTO \"%w\" VALUES (?", table);
        for (unsigned i = 1; i < columns; i++)
            sqlite3_str_appendall(text, ",?");
        sqlite3_str_appendall(text, ")");
        unsigned rows;
        bool ended = false;
        done = sqlite3_prepare_v2(self->to, sqlite3_str_value(text), -1, &insert, NULL) == SQLITE_OK;
        while (done && !ended)
            done =
                read_batch(self, read, columns, &rows, &ended) && insert_batch(self, insert, rows, columns);
    }
    if (!done)
        fprintf(stderr, "bare_insert: table %s\n", table);
    sqlite3_finalize(read);
    sqlite3_finalize(insert);
    sqlite3_free(select);
    sqlite3_free(sqlite3_str_finish(text));
    return done;
}

static bool copy_tables(struct copy *self)
{
    static const char tables[] =
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    sqlite3_stmt *each;
    if (sqlite3_prepare_v2(self->from, tables, -1, &each, NULL) != SQLITE_OK)
        return failed(self->from, "reading the tables");
    bool done = timed_exec(self, settings) && timed_exec(self, "BEGIN");
    while (done && sqlite3_step(each) == SQLITE_ROW) {
        done = timed_exec(self, (const char *)sqlite3_column_text(each, 1)) &&
               copy_rows(self, (const char *)sqlite3_column_text(each, 0));
    }
    sqlite3_finalize(each);
    return done && timed_exec(self, "COMMIT");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: bare_insert LOADED.db NEW.db\n", stderr);
        return 2;
    }
    struct copy *self = calloc(1, sizeof *self);
    if (!self || (unlink(argv[2]) != 0 && access(argv[2], F_OK) == 0))
        return 1;
    bool done = (sqlite3_open_v2(argv[1], &self->from, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK ||
                 failed(self->from, argv[1])) &&
                (sqlite3_open(argv[2], &self->to) == SQLITE_OK || failed(self->to, argv[2])) &&
                copy_tables(self);
    if (done)
        printf("{\"rows\": %" PRIu64 ", \"seconds\": %.6f}\n", self->rows, (double)self->ns / 1e9);
    sqlite3_close(self->from);
    sqlite3_close(self->to);
    free(self);
    return done ? 0 : 1;
}
