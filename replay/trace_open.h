/*
 * From what the user names to a database: a database made by `load` is opened as it is; a trace is loaded on
 * first use into NAME.gotape.db beside it, or, where that folder is not writable, into the cache directory.
 * The database is used again as long as trace id, size, schema version and the version of the loading code match.
 */
#ifndef GOTAPE_REPLAY_TRACE_OPEN_H
#define GOTAPE_REPLAY_TRACE_OPEN_H

#include <stdbool.h>

#include "load/loader.h"
#include "store/store.h"

struct trace_identity {
    char id[33];      /* hexadecimal; "" when no chunk of the file is readable */
    char fact_id[33]; /* the same as the trace's facts tell it; "" when they do not */
    uint64_t bytes;   /* of the file */
};

struct opened_trace {
    struct store *store;
    char *db_path;    /* owned */
    char *trace_path; /* owned; NULL when the user named a database */
};

/* Whether the file is an SQLite database (and not a trace). Fails when it cannot be read. */
int trace_is_database(const char *path, bool *out, struct error *err);
/* Reads as little of the trace as it takes. */
int trace_identify(const char *path, struct trace_identity *out, struct error *err);
/* Whether a database is there, sound, of this schema version, and made from this trace by this loader. */
bool trace_is_loaded(const char *db_path, const struct trace_identity *identity);
/* The same file may not be replaced when it is something else than one of our databases. */
int trace_check_replaceable(const char *db_path, struct error *err);
/* NAME.gotape.db beside the trace; owned by the caller; NULL when out of memory. */
char *trace_database_beside(const char *path);

/* Loads where needed. */
int trace_open(const char *path, const struct load_options *options, struct opened_trace *out,
               struct error *err);
void trace_close(struct opened_trace *self);

#endif
