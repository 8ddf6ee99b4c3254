/*
 * The few calls of bpf(2) that the probes need. No library: nothing here is compiled, relocated or described.
 */
#ifndef GOTAPE_RECORD_BPF_H
#define GOTAPE_RECORD_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Closes a descriptor of a map, a program, a link or what it hangs on, and makes it -1; does nothing when it is. */
void bpf_close(int *fd);

/* Maps, at first 0; *fd_out is the caller's. One element of so many bytes for each CPU. */
int bpf_cpu_map(unsigned bytes, int *fd_out, struct error *err);
/* `count` elements of so many bytes, and their place in our memory: theirs, one behind the other (to be unmapped by the caller). */
int bpf_shared_map(unsigned bytes, unsigned count, int *fd_out, void **memory_out, struct error *err);

/* Loads a program for probes, or for a link of them: `size` bytes of instructions. The error carries the verifier's last
 * words. */
int bpf_load_probe(const void *code, size_t size, bool for_link, int *fd_out, struct error *err);

/* So many programs by number, for tail calls: all of the same kind. They are let go when the descriptor is closed. */
int bpf_program_table(unsigned count, int *fd_out, struct error *err);
int bpf_program_table_put(int table, unsigned number, int program, struct error *err);

/*
 * A link: breakpoints at these offsets of a file, in one process, and a program at all of them, which is told the cookie of the
 * one that was hit. They stay for as long as the descriptor is open (BPF_TRACE_UPROBE_MULTI, Linux 6.6). Needs no right but the
 * program's descriptor, and to open the file.
 */
struct bpf_link_input {
    int program;
    const char *path;
    const uint64_t *offsets, *cookies;
    unsigned count;
    pid_t pid;
};
int bpf_link_probes(const struct bpf_link_input *in, int *fd_out, struct error *err);

#endif
