/* Another process's memory and mappings. */
#ifndef GOTAPE_RECORD_GO_MEMORY_H
#define GOTAPE_RECORD_GO_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/*
 * /proc/PID/mem stays readable for whoever opened it, also after giving up every right; and it is the memory of that
 * moment: after an exec nothing can be read any more.
 */
struct go_memory {
    pid_t pid;
    int fd; /* of /proc/PID/mem; -1: read with process_vm_readv, with the rights of the moment */
};

int go_memory_open(pid_t pid, struct go_memory *out, struct error *err);
void go_memory_close(struct go_memory *self);
/* True when the memory that was opened exists no more: the process has ended, or runs another program. */
bool go_memory_is_gone(struct go_memory self);

/* All `size` bytes, or false with errno set. */
bool go_memory_read(struct go_memory self, uint64_t address, void *out, size_t size);

/* Of several pieces at once: each is filled whole (`ok`) or not at all. False when nothing can be read at all
 * (errno: ESRCH the process is gone, EPERM). */
struct go_memory_piece {
    uint64_t address;
    void *out;
    size_t size;
    bool ok; /* set by the call */
};
bool go_memory_read_many(struct go_memory self, struct go_memory_piece *pieces, size_t count);

/* Start of the mapping of the process's executable that holds the file's offset `file_offset`, less the
 * distance into that mapping: where that byte of the file is. The file is told by device and inode, or by the
 * name of /proc/PID/exe where a stacked file system shows other numbers. */
int go_memory_find_executable(pid_t pid, uint64_t file_offset, uint64_t device, uint64_t inode,
                              uint64_t *address_out, struct error *err);

#endif
