#include "layout_check.h"

#include <time.h>

#include "go/go_calibrate.h"
#include "proc_info.h"

/* A contradiction is believed when it persists: a process that execs or ends changes under our hands. */
#define CONTRADICTIONS 3
#define TRIES_MAX      200

static int compare(struct go_binary *binary, struct go_process *process, pid_t pid, struct error *err)
{
    const char *const *reasons;
    size_t reason_count;
    int rc = go_process_wait_reasons(process, &reasons, &reason_count, err);
    if (rc != 0)
        return rc;
    struct go_calibrate_input input = {.memory = go_process_memory(process),
                                       .main_tid = proc_namespace_tid(pid, pid),
                                       .bias = go_process_bias(process),
                                       .binary = binary,
                                       .reason_count = reason_count};
    struct go_layout layout;
    rc = go_calibrate(&input, &layout, err);
    if (rc == 1 && go_binary_layout_source(binary) == LAYOUT_FROM_NEWEST_ROW)
        go_binary_set_layout(binary, &layout);
    return rc;
}

/* Processes that are gone, or that cannot be read, are for others to report. */
static int once(struct layout_check *self, struct go_binary *binary, struct go_process *process, pid_t pid,
                struct error *err)
{
    struct error why = {0};
    int rc = compare(binary, process, pid, &why);
    self->tries++;
    self->contradictions = rc == ERR_UNSUPPORTED ? self->contradictions + 1 : 0;
    self->agreed = rc == 1;
    self->done = self->agreed || self->tries >= TRIES_MAX;
    if (self->contradictions < CONTRADICTIONS)
        return 0;
    if (err)
        *err = why;
    return ERR_UNSUPPORTED;
}

int layout_check_begin(struct layout_check *self, struct go_binary *binary, struct go_process *process,
                       pid_t pid, bool held, struct error *err)
{
    bool must_calibrate = go_binary_layout_source(binary) == LAYOUT_FROM_NEWEST_ROW;
    int rc = 0;
    *self = (struct layout_check){0};
    if (held && must_calibrate)
        return error_set(err, ERR_UNSUPPORTED,
                         "the program was built with %s, which is newer than this gotape knows, and has no "
                         "debug information (DWARF): start it without gotape, and attach (-p PID)",
                         go_binary_build_info(binary)->version);
    /* a moment apart: one of them meets the process between two changes */
    for (unsigned i = 0; !held && rc == 0 && !self->done && i < CONTRADICTIONS; i++) {
        if (i > 0)
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        rc = once(self, binary, process, pid, err);
    }
    if (rc == 0 && must_calibrate && !self->done)
        rc = error_set(
            err, ERR_UNSUPPORTED,
            "the program was built with %s, which is newer than this gotape knows, and its Go runtime "
            "has not started yet; try again",
            go_binary_build_info(binary)->version);
    return rc;
}

int layout_check_again(struct layout_check *self, struct go_binary *binary, struct go_process *process,
                       pid_t pid, struct error *err)
{
    return self->done ? 0 : once(self, binary, process, pid, err);
}
