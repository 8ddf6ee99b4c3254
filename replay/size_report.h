/* What the bytes of a trace are for, as JSON for the query sizes. */
#ifndef GOTAPE_REPLAY_SIZE_REPORT_H
#define GOTAPE_REPLAY_SIZE_REPORT_H

#include "base/buf.h"
#include "base/error.h"

/* Reads the whole trace; appends an array of {what, part, bytes, count} with a NUL behind. */
int size_report_of_trace(const char *path, struct buf *out, struct error *err);

#endif
