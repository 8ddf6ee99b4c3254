#include "load/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "load/gaps.h"
#include "load/load_stages.h"

/* Beside the database, so that it can be renamed; named so that two loads at once do not meet. */
static char *temporary_name(const char *db_path)
{
    size_t size = strlen(db_path) + 64;
    char *name = malloc(size);
    if (name)
        snprintf(name, size, "%s.%ld-%" PRIx64 ".tmp", db_path, (long)getpid(), clock_ns(CLOCK_MONOTONIC));
    return name;
}

static void sync_folder(const char *path)
{
    char *copy = strdup(path);
    char *slash = copy ? strrchr(copy, '/') : NULL;
    if (slash)
        slash[slash == copy] = '\0';
    int fd = copy ? open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        /* Not every file system can do it; the rename is done either way. */
        (void)fsync(fd);
        close(fd);
    }
    free(copy);
}

static int load_into(const char *temporary, const char *trace_path, const char *db_path, struct load_run *run,
                     struct error *err)
{
    struct store *store = NULL;
    int rc = store_create(temporary, &store, err);
    if (rc < 0)
        return rc;
    rc = load_stages_run(run, store, trace_path, err);
    store_close(store);
    if (rc == 0 && rename(temporary, db_path) != 0)
        rc = error_sys(err, "cannot rename %s to %s", temporary, db_path);
    if (rc == 0)
        sync_folder(db_path);
    else
        unlink(temporary);
    return rc;
}

int loader_run(const char *trace_path, const char *db_path, const struct load_options *options,
               struct load_result *out, struct error *err)
{
    struct error own;
    if (!err)
        err = &own;
    if (strcmp(trace_path, "-") == 0)
        return error_set(err, ERR_USAGE,
                         "a trace from standard input cannot be loaded: save it to a file first");
    struct gaps gaps;
    struct trace_meta meta;
    gaps_init(&gaps);
    trace_meta_init(&meta);
    bool is_whole = false;
    struct load_run run = {.options = options, .gaps = &gaps, .meta = &meta, .start_clock_ns = clock_ns(CLOCK_MONOTONIC)};
    char *temporary = temporary_name(db_path);
    int rc = temporary ? gaps_scan_headers(trace_path, &is_whole, err)
                       : error_set(err, ERR_NOMEM, "out of memory");
    if (rc == 0 && !is_whole)
        rc = gaps_scan(trace_path, options ? options->stop : NULL, &gaps, &meta, err);
    run.knows_gaps = !is_whole;
    if (rc == 0)
        rc = load_into(temporary, trace_path, db_path, &run, err);
    if (rc < 0 && run.needs_gaps) {
        /* The headers looked good, but a payload is not: once more, with the holes known. */
        run.needs_gaps = false;
        run.knows_gaps = true;
        rc = gaps_scan(trace_path, options ? options->stop : NULL, &gaps, &meta, err);
        if (rc == 0)
            rc = load_into(temporary, trace_path, db_path, &run, err);
    }
    if (rc == 0 && out) {
        *out = run.result;
        out->elapsed_ns = clock_ns(CLOCK_MONOTONIC) - run.start_clock_ns;
    }
    free(temporary);
    trace_meta_release(&meta);
    gaps_release(&gaps);
    return rc;
}
