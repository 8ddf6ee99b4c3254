/*
 * When struct offsets are compared with the running process, and what follows. A running process is compared before
 * anything is armed; a program that is just being started has nothing to compare with yet, so that is done a little
 * later, while recording.
 */
#ifndef GOTAPE_RECORD_LAYOUT_CHECK_H
#define GOTAPE_RECORD_LAYOUT_CHECK_H

#include "go/go_process.h"

struct layout_check {
    bool done, agreed;              /* done without having agreed: given up */
    unsigned tries, contradictions; /* the latter in a row */
};

/* Before the probes are planned, as calibrated offsets may come of it. A process that is `held` at its exec is refused
 * when its offsets would have to be calibrated. ERR_UNSUPPORTED: the offsets are wrong, or cannot be had. */
int layout_check_begin(struct layout_check *self, struct go_binary *binary, struct go_process *process,
                       pid_t pid, bool held, struct error *err);

/* While recording, now and then until self->done. ERR_UNSUPPORTED: what was recorded is not to be believed. */
int layout_check_again(struct layout_check *self, struct go_binary *binary, struct go_process *process,
                       pid_t pid, struct error *err);

#endif
