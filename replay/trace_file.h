/* Opening a trace as such, for the commands that read it chunk by chunk. */
#ifndef GOTAPE_REPLAY_TRACE_FILE_H
#define GOTAPE_REPLAY_TRACE_FILE_H

#include "format/trace_reader.h"

/* Refuses a database with a hint. The reader owns the file. */
int trace_file_open(const char *path, struct trace_reader **out, struct error *err);

#endif
