/* When a process started: with its pid, that names it for good (pids are reused). */
#ifndef GOTAPE_RECORD_PROCESS_START_H
#define GOTAPE_RECORD_PROCESS_START_H

#include <stdbool.h>
#include <stdint.h>

/* Field 22 of PROC/PID/stat, in clock ticks since boot; false when there is no such process. */
bool process_start_time(const char *proc, uint32_t pid, uint64_t *out);

#endif
