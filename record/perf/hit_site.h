/*
 * A function of our own with a probe, and its twin without: what a hit costs is measured on their calls. Between the calls memory
 * is walked, so that the kernel's code and data are as cold as behind a piece of a program's own work. x86-64 alone; elsewhere there
 * is no such place.
 */
#ifndef GOTAPE_RECORD_HIT_SITE_H
#define GOTAPE_RECORD_HIT_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Where its `push %rbp`, an instruction that the kernel emulates, lies in our own file. ERR_UNSUPPORTED on other architectures. */
int hit_site_offset(uint64_t *out, struct error *err);
/* In this process: so many calls, each followed by a walk as large as a first-level cache. */
void hit_site_calls(unsigned count, bool probed);
/* The thread's CPU time for so many of these, in ns, with at least so many frames on the stack. */
uint64_t hit_site_batch(unsigned frames, unsigned count);
/* One call at a time, each behind a walk through `size` bytes of `memory`: the median in ns, the reading of the clock included. */
#define HIT_SITE_COLD_CALLS 31
uint64_t hit_site_cold(const uint8_t *memory, uint64_t size);

#endif
