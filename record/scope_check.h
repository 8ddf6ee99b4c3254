/*
 * Who else runs the program that is to be recorded: --scope cpu probes every process that maps the file.
 */
#ifndef GOTAPE_RECORD_SCOPE_CHECK_H
#define GOTAPE_RECORD_SCOPE_CHECK_H

#include <sys/types.h>

#include "base/error.h"

struct scope_sharers {
    unsigned count; /* other processes with the target's executable mapped to run */
    pid_t first;    /* one of them, 0: none */
    char name[16];  /* its name */
};

/* Looks at /proc/PID/maps of all processes that can be seen. ERR_GONE when the target has exited. */
int scope_check_sharers(pid_t pid, struct scope_sharers *out, struct error *err);

#endif
