/*
 * What this host allows and lacks, for recordings in general: /proc, tracefs, uprobes, perf events, and the abilities of the
 * kernel that a recording can do without. Arms nothing.
 */
#ifndef GOTAPE_RECORD_HOST_CHECK_H
#define GOTAPE_RECORD_HOST_CHECK_H

#include <stdio.h>

#include "base/error.h"

/* Prints the findings, a line or two for each. Returns 0 when a recording would work; otherwise the first obstacle is in err
 * (all of them have been printed). */
int host_check(FILE *out, struct error *err);

/*
 * /proc must show the pid namespace in which we run: in that of another one our own pid, and all the others, would mean
 * somebody else. ERR_UNSUPPORTED, or ERR_NOT_FOUND without /proc.
 */
int host_check_proc(struct error *err);

#endif
