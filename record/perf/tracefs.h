/*
 * Small helpers for the files of tracefs (and of any folder that looks like it: tests bring their own).
 */
#ifndef GOTAPE_RECORD_TRACEFS_H
#define GOTAPE_RECORD_TRACEFS_H

#include <stddef.h>

#include "base/error.h"

/* Reads a whole file, at most `limit` bytes of it, as a C string; the caller frees *text_out. */
int tracefs_read(const char *path, size_t limit, char **text_out, struct error *err);
/* Appends one command to DIR/uprobe_events with one write(2). The error is the bare errno's, for the caller
 * to explain. */
int tracefs_command(const char *dir, const char *command, struct error *err);

#endif
