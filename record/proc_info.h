/*
 * What /proc tells about a process. All functions read once and keep nothing open.
 */
#ifndef GOTAPE_RECORD_PROC_INFO_H
#define GOTAPE_RECORD_PROC_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"

/* The process' name (comm, at most 15 bytes), or false when it is gone. */
bool proc_comm(pid_t pid, char out[16]);
/* Target of /proc/PID/exe (with " (deleted)" when the file is gone), or false. */
bool proc_exe(pid_t pid, char *out, size_t size);
/* False for a process that has ended, or is about to: it has no memory any more. */
bool proc_has_memory(pid_t pid);
/* Command line arguments joined by blanks; false when gone. */
bool proc_args(pid_t pid, struct buf *out);
/* Thread group id of a thread (so that a TID given for a PID is noticed); 0 when gone. */
pid_t proc_tgid(pid_t tid);

/*
 * Pid namespaces. A process in one of its own (a container) numbers its threads itself: runtime.m.procid is such
 * a number, while the kernel's perf records and /proc use those of the reader's namespace.
 */

/* True when the process is in another pid namespace than we are; false also when that cannot be seen. */
bool proc_has_own_pid_namespace(pid_t pid);
/* The number that a thread has in its own namespace (last of NSpid in status, Linux 4.1 and later); 0 when it
 * is gone. */
pid_t proc_namespace_tid(pid_t pid, pid_t tid);
/* All threads of a process: number in its own namespace → number as we see it. The map is one that was
 * initialised, entries are added or replaced. ERR_GONE when the process has exited. */
int proc_map_namespace_tids(pid_t pid, struct map *ours_by_own, struct error *err);

/* Calls fn for each thread. Stops when fn returns non-zero and returns that. ERR_GONE when the process has
 * exited. */
int proc_each_thread(pid_t pid, int (*fn)(void *context, pid_t tid, struct error *err), void *context,
                     struct error *err);

/* The first descendant of `pid` that runs a Go program, or 0; name_out gets its comm. */
pid_t proc_find_go_descendant(pid_t pid, char name_out[16]);

/* /proc/PID/maps: needs rights when it is opened, and none when it is read. NULL when gone. The caller's. */
FILE *proc_open_maps(pid_t pid);
/* Name of the mapped file or region ("libc.so.6", "[vdso]") at an address, as it is now, or false. */
bool proc_mapping_name(FILE *maps, uint64_t address, char *out, size_t size, uint64_t *start_out,
                       uint64_t *end_out);

#endif
