#include "trace_open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/trace_reader.h"
#include "load/loader_version.h"
#include "query/sink_call.h"

/* <https://sqlite.org/fileformat.html>, section 1.3 */
#define SQLITE_MAGIC             "SQLite format 3"
#define SQLITE_APPLICATION_ID_AT 68
#define SQLITE_HEADER_SIZE       100

static char *format_path(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s%s%s", a, b, c);
    return path;
}

/* *got_out is less than the header's size when the file is shorter. */
static int read_header(const char *path, unsigned char header[SQLITE_HEADER_SIZE], size_t *got_out,
                       struct error *err)
{
    struct stat status;
    if (strcmp(path, "-") == 0)
        return error_set(err, ERR_UNSUPPORTED,
                         "a trace on standard input has to be stored first: cat > NAME.gotape");
    if (stat(path, &status) != 0)
        return error_sys(err, "cannot open %s", path);
    if (S_ISDIR(status.st_mode))
        return error_set(err, ERR_UNSUPPORTED, "%s is a directory, not a trace", path);
    FILE *file = fopen(path, "rb");
    if (!file)
        return error_sys(err, "cannot open %s", path);
    *got_out = fread(header, 1, SQLITE_HEADER_SIZE, file);
    int rc = ferror(file) ? error_sys(err, "cannot read %s", path) : 0;
    fclose(file);
    return rc;
}

int trace_is_database(const char *path, bool *out, struct error *err)
{
    unsigned char header[SQLITE_HEADER_SIZE];
    size_t got;
    int rc = read_header(path, header, &got, err);
    if (rc == 0)
        *out = got >= sizeof SQLITE_MAGIC && memcmp(header, SQLITE_MAGIC, sizeof SQLITE_MAGIC) == 0;
    return rc;
}

int trace_check_replaceable(const char *db_path, struct error *err)
{
    unsigned char header[SQLITE_HEADER_SIZE];
    size_t got;
    struct stat status;
    if (lstat(db_path, &status) != 0 && errno == ENOENT)
        return 0;
    int rc = read_header(db_path, header, &got, err);
    if (rc != 0)
        return rc;
    const unsigned char *id = header + SQLITE_APPLICATION_ID_AT;
    if (got == SQLITE_HEADER_SIZE && memcmp(header, SQLITE_MAGIC, sizeof SQLITE_MAGIC) == 0 &&
        ((uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3]) ==
            STORE_APPLICATION_ID)
        return 0;
    return error_set(err, ERR_BUSY,
                     "%s is in the way: it is not a database made by gotape-replay. Move it away, or load to "
                     "another place: "
                     "gotape-replay load TRACE -o OTHER.db",
                     db_path);
}

int trace_identify(const char *path, struct trace_identity *out, struct error *err)
{
    struct source *source = NULL;
    struct trace_reader *reader = NULL;
    struct trace_chunk chunk;
    struct trace_identity identity = {0};
    int rc = source_open(path, &source, err);
    if (rc != 0)
        return rc;
    identity.bytes = source_size(source);
    rc = trace_reader_open(source, &reader, err);
    if (rc != 0) {
        source_close(source);
        return error_prefix(err, "%s: ", path);
    }
    /* The database has what the facts tell; a file that lost them still has the id in every chunk. */
    bool is_told = false;
    while (!is_told && (rc = trace_reader_next(reader, &chunk, err)) == 1) {
        for (int i = 0; i < 16 && chunk.header.kind != 0; i++)
            snprintf(identity.id + 2 * i, 3, "%02x", chunk.header.trace_id[i]);
        is_told = chunk.header.kind == CHUNK_META;
    }
    const char *told = trace_meta_get(trace_reader_meta(reader), "trace.id");
    if (told)
        snprintf(identity.fact_id, sizeof identity.fact_id, "%s", told);
    trace_reader_close(reader);
    if (rc < 0)
        return error_prefix(err, "%s: ", path);
    *out = identity;
    return 0;
}

struct origin {
    struct trace_identity trace;
    bool is_by_this_loader;
};

static int on_identity(void *context, const struct row *row, struct error *err)
{
    struct origin *found = context;
    (void)err;
    snprintf(found->trace.fact_id, sizeof found->trace.fact_id, "%s", row_text(row, "trace_id", ""));
    found->trace.bytes = (uint64_t)row_int(row, "trace_bytes", 0);
    found->is_by_this_loader = strcmp(row_text(row, "loader", ""), loader_version) == 0;
    return 0;
}

static bool is_made_from(struct store *store, const struct trace_identity *identity)
{
    struct origin found = {.is_by_this_loader = false};
    return query_each(store, "trace_identity", NULL, 0, on_identity, &found, NULL) == 0 &&
           found.is_by_this_loader && found.trace.bytes == identity->bytes &&
           strcmp(found.trace.fact_id, identity->fact_id) == 0;
}

/* NULL when it is not there, not sound, of another schema version, made from another trace or by other loading code. */
static struct store *open_matching(const char *db_path, const struct trace_identity *identity)
{
    struct store *store = NULL;
    if (access(db_path, R_OK) != 0 || store_open(db_path, &store, NULL) != 0)
        return NULL;
    if (is_made_from(store, identity))
        return store;
    store_close(store);
    return NULL;
}

bool trace_is_loaded(const char *db_path, const struct trace_identity *identity)
{
    struct store *store = open_matching(db_path, identity);
    bool matches = store != NULL;
    store_close(store);
    return matches;
}

char *trace_database_beside(const char *path)
{
    return format_path(path, ".db", "");
}

static bool is_folder_writable(const char *path)
{
    char *folder = strdup(path);
    if (!folder)
        return false;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    bool writable = access(slash ? folder : ".", W_OK) == 0;
    free(folder);
    return writable;
}

static int make_folders(char *path, struct error *err)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        int failed = mkdir(path, 0700) != 0 && errno != EEXIST && errno != EISDIR && errno != EROFS;
        if (failed)
            error_sys(err, "cannot create the cache directory %s", path);
        *p = '/';
        if (failed)
            return err ? err->code : ERR_SYSTEM;
    }
    return 0;
}

/* The specification of XDG_CACHE_HOME has relative paths ignored. */
static char *cache_path(const struct trace_identity *identity, struct error *err)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char name[64];
    snprintf(name, sizeof name, "/gotape/%s.db", identity->id);
    char *path = NULL;
    if (cache && cache[0] == '/')
        path = format_path(cache, name, "");
    else if (home && home[0] == '/')
        path = format_path(home, "/.cache", name);
    else {
        error_set(err, ERR_PERMISSION,
                  "the trace's folder is not writable, and there is no cache directory (set XDG_CACHE_HOME "
                  "or HOME); or choose "
                  "the place: gotape-replay load TRACE -o FILE.db");
        return NULL;
    }
    if (!path)
        error_set(err, ERR_NOMEM, "out of memory");
    return path;
}

/* Opens the database at db_path, made anew unless it matches. */
static int load_and_open(const char *path, char *db_path, const struct load_options *options,
                         struct store **out, struct error *err)
{
    struct load_result result;
    int rc = trace_check_replaceable(db_path, err);
    if (rc == 0)
        rc = loader_run(path, db_path, options, &result, err);
    if (rc == 0)
        rc = store_open(db_path, out, err);
    return rc;
}

static int open_trace_file(const char *path, const struct load_options *options, struct opened_trace *out,
                           struct error *err)
{
    struct trace_identity identity;
    int rc = trace_identify(path, &identity, err);
    if (rc != 0)
        return rc;
    out->db_path = trace_database_beside(path);
    out->trace_path = strdup(path);
    if (!out->db_path || !out->trace_path)
        return error_set(err, ERR_NOMEM, "out of memory");
    out->store = open_matching(out->db_path, &identity);
    if (out->store)
        return 0;
    if (!is_folder_writable(path) && identity.id[0]) {
        free(out->db_path);
        out->db_path = cache_path(&identity, err);
        if (!out->db_path)
            return err ? err->code : ERR_NOMEM;
        out->store = open_matching(out->db_path, &identity);
        if (out->store)
            return 0;
        rc = make_folders(out->db_path, err);
        if (rc != 0)
            return rc;
    }
    return load_and_open(path, out->db_path, options, &out->store, err);
}

int trace_open(const char *path, const struct load_options *options, struct opened_trace *out,
               struct error *err)
{
    struct error own;
    struct opened_trace opened = {0};
    bool is_database;
    if (!err)
        err = &own;
    int rc = trace_is_database(path, &is_database, err);
    if (rc != 0)
        return rc;
    if (is_database) {
        opened.db_path = strdup(path);
        rc = opened.db_path ? store_open(path, &opened.store, err)
                            : error_set(err, ERR_NOMEM, "out of memory");
    } else {
        rc = open_trace_file(path, options, &opened, err);
    }
    if (rc != 0) {
        trace_close(&opened);
        return rc;
    }
    *out = opened;
    return 0;
}

void trace_close(struct opened_trace *self)
{
    store_close(self->store);
    free(self->db_path);
    free(self->trace_path);
    memset(self, 0, sizeof *self);
}
