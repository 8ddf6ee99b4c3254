/*
 * What /proc tells about a process. All functions read once and keep nothing open.
 */
#ifndef GOTAPE_RECORD_PROC_INFO_H
#define GOTAPE_RECORD_PROC_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* The process' name (comm, at most 15 bytes), or false when it is gone. */
bool proc_comm(pid_t pid, char out[16]);
/* Target of /proc/PID/exe (with " (deleted)" when the file is gone), or false. */
bool proc_exe(pid_t pid, char *out, size_t size);
/* Identity of the executable file, to notice an exec; false when gone. */
bool proc_exe_identity(pid_t pid, dev_t *device, ino_t *inode);
/* Command line arguments joined by blanks; false when gone. */
bool proc_args(pid_t pid, struct buf *out);
/* Thread group id of a thread (so that a TID given for a PID is noticed); 0 when gone. */
pid_t proc_tgid(pid_t tid);

/* Calls fn for each thread. Stops when fn returns non-zero and returns that. ERR_GONE when the process has
 * exited. */
int proc_each_thread(pid_t pid, int (*fn)(void *context, pid_t tid, struct error *err), void *context,
                     struct error *err);

/* The first descendant of `pid` that runs a Go program, or 0; name_out gets its comm. */
pid_t proc_find_go_descendant(pid_t pid, char name_out[16]);

/* Name of the mapped file or region ("libc.so.6", "[vdso]") at an address, or false. */
bool proc_mapping_name(pid_t pid, uint64_t address, char *out, size_t size, uint64_t *start_out,
                       uint64_t *end_out);

#endif
