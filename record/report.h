/*
 * What gotape-record says on standard error: the progress line, the closing summary.
 */
#ifndef GOTAPE_RECORD_REPORT_H
#define GOTAPE_RECORD_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "session.h"

/* Overwrites one line of a terminal. */
void report_progress_line(FILE *out, const struct session_progress *progress);
void report_progress_clear(FILE *out);
/* `colour` marks losses. */
void report_summary(FILE *out, const struct target *target, const struct session_summary *summary,
                    bool colour);

#endif
