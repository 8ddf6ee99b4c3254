/*
 * The few calls of bpf(2) that the probes need. No library: nothing here is compiled, relocated or described.
 */
#ifndef GOTAPE_RECORD_BPF_H
#define GOTAPE_RECORD_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Maps, at first 0; *fd_out is the caller's. One element of so many bytes for each CPU. */
int bpf_cpu_map(unsigned bytes, int *fd_out, struct error *err);
/* `count` elements of so many bytes, and their place in our memory: theirs, one behind the other (to be unmapped by the caller). */
int bpf_shared_map(unsigned bytes, unsigned count, int *fd_out, void **memory_out, struct error *err);

/* Loads a program for probes: `size` bytes of instructions. The error carries the verifier's last words. */
int bpf_load_probe(const void *code, size_t size, int *fd_out, struct error *err);

#endif
