/*
 * The few calls of bpf(2) that the probes need. No library: nothing here is compiled, relocated or described.
 */
#ifndef GOTAPE_RECORD_BPF_H
#define GOTAPE_RECORD_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Maps; *fd_out is the caller's. By CPU number: descriptors of perf events of PERF_COUNT_SW_BPF_OUTPUT. Removed from it when
 * the descriptor of the map is closed. */
int bpf_events_map(unsigned cpus, int *fd_out, struct error *err);
int bpf_events_map_put(int map, unsigned cpu, int event, struct error *err);
/* One element of so many bytes for each CPU, at first 0. */
int bpf_cpu_map(unsigned bytes, int *fd_out, struct error *err);

/* So many u64, at first 0, that programs count in, and their place in our memory (to be unmapped by the caller). */
int bpf_counter_map(unsigned count, int *fd_out, const uint64_t **counters_out, struct error *err);

/* Loads a program for probes: `size` bytes of instructions. The error carries the verifier's last words. */
int bpf_load_probe(const void *code, size_t size, int *fd_out, struct error *err);

#endif
