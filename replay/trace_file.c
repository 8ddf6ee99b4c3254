#include "trace_file.h"

#include <string.h>

#include "trace_open.h"

int trace_file_open(const char *path, struct trace_reader **out, struct error *err)
{
    struct source *source = NULL;
    bool is_database = false;
    int rc = strcmp(path, "-") == 0 ? 0 : trace_is_database(path, &is_database, err);
    if (rc == 0 && is_database)
        return error_set(err, ERR_USAGE,
                         "%s is a database: this command reads the trace that it was made from", path);
    if (rc == 0)
        rc = source_open(path, &source, err);
    if (rc != 0)
        return rc;
    rc = trace_reader_open(source, out, err);
    if (rc != 0) {
        source_close(source);
        return error_prefix(err, "%s: ", path);
    }
    return 0;
}
