/* Shared by the files of this folder; the only header that shows SQLite. */
#ifndef GOTAPE_REPLAY_STORE_INTERNAL_H
#define GOTAPE_REPLAY_STORE_INTERNAL_H

#include <signal.h>

#include <sqlite3.h>

#include "store/store.h"

struct store {
    sqlite3 *db;
    char *path;      /* owned */
    bool is_guarded; /* opened for reading: every statement must be read-only */
    volatile sig_atomic_t interrupted;
    const volatile int *stop; /* borrowed; may be NULL */
};

/* Maps a result code of SQLite to ours; the message is "PATH: WHAT: SQLite's words" and a hint where there is
 * one. */
int store_fail(const struct store *self, int rc, const char *what, struct error *err);

/* Looks at the first bytes of the file, before SQLite does. */
int store_guard_file(const char *path, struct error *err);
/* Before the schema is parsed: takes away what a schema or a statement could do harm with. */
int store_guard_connection(struct store *self, struct error *err);
/* Refuses a database whose tables are not what they should be. */
int store_guard_schema(struct store *self, struct error *err);
/* From here on, only reading is possible. */
int store_guard_statements(struct store *self, struct error *err);

#endif
