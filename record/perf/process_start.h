/* What /proc/PID/stat tells of a process: when it started, which with its pid names it for good (pids are reused). */
#ifndef GOTAPE_RECORD_PROCESS_START_H
#define GOTAPE_RECORD_PROCESS_START_H

#include <stdbool.h>
#include <stdint.h>

/* A number in such a file, by its field from 4 on; false when there is no such process or field. */
bool process_stat_field(const char *path, int field, uint64_t *out);
/* Field 22 of PROC/PID/stat, in clock ticks since boot; false when there is no such process. */
bool process_start_time(const char *proc, uint32_t pid, uint64_t *out);

#endif
