/*
 * Finds the one process that a name or a container stands for, among those that /proc shows.
 *
 * A process has the name of its comm (the kernel keeps 15 bytes of it) or of its executable file. Only Go programs count: a
 * shell or an agent in the same container is not meant.
 */
#ifndef GOTAPE_RECORD_FIND_PROCESS_H
#define GOTAPE_RECORD_FIND_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct process_wish {
    const char *name;      /* NULL: any */
    const char *container; /* beginning of its id, also behind "docker://" and the like; NULL: any */
};

/*
 * Returns 0 and the process when exactly one fits. ERR_NOT_FOUND when none does, ERR_USAGE when several do: the message
 * lists them with their pids. Other processes than those that /proc shows (other users', with hidepid) are not found.
 */
int find_process(const struct process_wish *wish, pid_t *pid_out, struct error *err);

#endif
