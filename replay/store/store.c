#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_internal.h"
#include "store/store_schema.h"

/* Between two looks at the interrupt flag; some microseconds of work. */
#define PROGRESS_STEPS 5000

/*
 * Bulk load: large pages, because nearly all is appended. Nobody else sees the file before it is renamed to
 * its place, and a load that fails starts again from the trace; a journal would only cost time. The cache
 * size is also that of an index's sorter.
 */
static const char create_pragmas[] = "PRAGMA page_size = 8192;"
                                     "PRAGMA journal_mode = OFF;"
                                     "PRAGMA synchronous = OFF;"
                                     "PRAGMA locking_mode = EXCLUSIVE;"
                                     "PRAGMA cache_size = -32768;";

static int hint_code(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_FULL:
        return ERR_NO_SPACE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_INTERRUPT:
        return ERR_STOPPED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_DAMAGED;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        return ERR_PERMISSION;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        return ERR_SYSTEM;
    default:
        return ERR_USAGE;
    }
}

static const char *hint_text(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return " (the query needs more memory than it is given; add a LIMIT or a narrower WHERE)";
    case SQLITE_FULL:
        return " (free some space on this file system, or choose another place)";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return " (another program is writing to it; try again when it is done)";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return " (delete it and load the trace again)";
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        return " (databases are opened for reading only)";
    default:
        return "";
    }
}

int store_fail(const struct store *self, int rc, const char *what, struct error *err)
{
    const char *words =
        self->db && sqlite3_errcode(self->db) != SQLITE_OK ? sqlite3_errmsg(self->db) : sqlite3_errstr(rc);
    return error_set(err, hint_code(rc), "%s: %s%s%s%s", self->path, what, *what ? ": " : "", words,
                     hint_text(rc));
}

static int on_progress(void *context)
{
    const struct store *self = context;
    return self->interrupted || (self->stop && *self->stop);
}

static int store_new(const char *path, int flags, struct store **out, struct error *err)
{
    struct store *self = calloc(1, sizeof *self);
    if (!self || !(self->path = strdup(path))) {
        free(self);
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    /* A name that begins with "file:" could be taken for a URI with options, one with ":" for memory. */
    char *name = sqlite3_mprintf("%s%s", path[0] == '/' ? "" : "./", path);
    int rc = name ? sqlite3_open_v2(name, &self->db, flags | SQLITE_OPEN_NOMUTEX, NULL) : SQLITE_NOMEM;
    sqlite3_free(name);
    if (rc != SQLITE_OK) {
        store_fail(self, rc, "cannot be opened", err);
        store_close(self);
        return err ? err->code : ERR_SYSTEM;
    }
    sqlite3_progress_handler(self->db, PROGRESS_STEPS, on_progress, self);
    *out = self;
    return 0;
}

int store_create(const char *path, struct store **out, struct error *err)
{
    struct error own;
    if (!err)
        err = &own;
    /* What a trace tells is nobody else's business: the mode is ours, not the umask's. */
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_sys(err, "cannot create the database %s", path);
    close(fd);
    struct store *self = NULL;
    int rc = store_new(path, SQLITE_OPEN_READWRITE, &self, err);
    /* The limit of a guarded database opened before (store_guard.c) holds for the whole process; this one is
     * our own work. */
    sqlite3_hard_heap_limit64(0);
    if (rc == 0)
        rc = store_exec(self, create_pragmas, err);
    if (rc == 0) {
        char pragmas[128];
        sqlite3_snprintf(sizeof pragmas, pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                         STORE_APPLICATION_ID, STORE_SCHEMA_VERSION);
        rc = store_exec(self, pragmas, err);
    }
    if (rc == 0)
        rc = store_exec(self, schema_sql_facts, err);
    if (rc == 0)
        rc = store_exec(self, schema_sql_derived, err);
    if (rc == 0)
        rc = store_exec(self, schema_sql_views, err);
    if (rc < 0) {
        store_close(self);
        unlink(path);
        return rc;
    }
    *out = self;
    return 0;
}

static int sync_file(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return error_sys(err, "cannot open %s", path);
    int rc = fsync(fd) == 0 ? 0 : error_sys(err, "cannot write %s to the disk", path);
    close(fd);
    return rc;
}

int store_finish(struct store *self, struct error *err)
{
    int rc = store_exec(self, schema_sql_indexes, err);
    /* A sample is enough for the planner to choose among these few indexes. */
    if (rc == 0)
        rc = store_exec(self, "PRAGMA analysis_limit = 1000; ANALYZE;", err);
    if (rc == 0 && !sqlite3_get_autocommit(self->db))
        rc = store_exec(self, "COMMIT", err);
    if (rc == 0)
        rc = sync_file(self->path, err);
    return rc;
}

int store_open(const char *path, struct store **out, struct error *err)
{
    struct error own;
    if (!err)
        err = &own;
    int rc = store_guard_file(path, err);
    if (rc < 0)
        return rc;
    struct store *self = NULL;
    rc = store_new(path, SQLITE_OPEN_READONLY, &self, err);
    if (rc == 0)
        rc = store_guard_connection(self, err);
    if (rc == 0)
        rc = store_guard_schema(self, err);
    if (rc == 0)
        rc = store_guard_statements(self, err);
    if (rc < 0) {
        store_close(self);
        return rc;
    }
    *out = self;
    return 0;
}

void store_close(struct store *self)
{
    if (!self)
        return;
    sqlite3_close_v2(self->db);
    free(self->path);
    free(self);
}

const char *store_path(const struct store *self)
{
    return self->path;
}

bool store_tells_sizes(struct store *self)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(self->db, "SELECT pgsize FROM dbstat", -1, &stmt, NULL);
    sqlite3_finalize(stmt);
    return rc == SQLITE_OK;
}

int store_exec(struct store *self, const char *sql, struct error *err)
{
    int rc = sqlite3_exec(self->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : store_fail(self, rc, "", err);
}

void store_watch(struct store *self, const volatile int *stop)
{
    self->stop = stop;
}

void store_interrupt(struct store *self)
{
    self->interrupted = 1;
    sqlite3_interrupt(self->db);
}

const char *store_schema_text(void)
{
    return schema_sql_text;
}
