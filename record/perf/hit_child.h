/*
 * Two child processes of our own on one CPU: the one calls hit_site.h's function, or hands a byte to the other and back. What that
 * takes is asked for, and the probes to be measured are attached to it in between.
 */
#ifndef GOTAPE_RECORD_HIT_CHILD_H
#define GOTAPE_RECORD_HIT_CHILD_H

#include <sys/types.h>

#include "base/error.h"

struct hit_child {
    pid_t pid;
    int to, from; /* pipes */
};

enum hit_child_task {
    HIT_CHILD_CALLS,      /* one hit behind the other */
    HIT_CHILD_COLD_CALLS, /* each behind a walk through HIT_CHILD_COLD_BYTES */
    HIT_CHILD_HAND_OVERS, /* to and fro: CPU time of both processes */
};
#define HIT_CHILD_COLD_BYTES (4u << 20) /* larger than the second-level cache of most hosts */

int hit_child_start(struct hit_child *self, struct error *err);
/* One figure: ns for a single one of these. `frames`: at least so many on the stack of the calls. */
int hit_child_ask(struct hit_child *self, enum hit_child_task task, unsigned frames, double *out,
                  struct error *err);
/* It ends when its input does, and takes the other with it. */
void hit_child_end(struct hit_child *self);

#endif
