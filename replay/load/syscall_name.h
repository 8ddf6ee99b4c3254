/* Names of Linux's system calls: by number, and by the Go functions that make them. */
#ifndef GOTAPE_REPLAY_SYSCALL_NAME_H
#define GOTAPE_REPLAY_SYSCALL_NAME_H

#include <stdint.h>

enum syscall_machine { SYSCALL_AMD64, SYSCALL_ARM64, SYSCALL_OTHER };

/* From `uname -m`; NULL is an amd64. */
enum syscall_machine syscall_name_machine(const char *machine);
/* NULL when the number is not known. The names of the kernel's own headers (asm/unistd_64.h, asm-generic/unistd.h). */
const char *syscall_name_of_number(enum syscall_machine machine, uint64_t number);
/* The system call that a function stands for: "read" for syscall.Read, "epoll_wait" for golang.org/x/sys/unix.EpollWait; NULL
 * for those that do not say which (syscall.Syscall6), and for others. Lives as long as the argument. */
const char *syscall_name_of_function(const char *function);

#endif
