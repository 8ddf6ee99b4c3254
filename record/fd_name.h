/*
 * What is behind a descriptor of another process: "tcp 127.0.0.1:8080->127.0.0.1:55666 fd 7".
 */
#ifndef GOTAPE_RECORD_FD_NAME_H
#define GOTAPE_RECORD_FD_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define FD_LINK_SIZE 128
#define FD_NAME_SIZE 256

/* Where /proc/PID/fd/FD leads to: "socket:[4711]", which no other socket of this boot has; false when it is
 * closed. */
bool fd_link(pid_t pid, int fd, char out[FD_LINK_SIZE]);

/*
 * The name of what the link leads to, always terminated. A socket is asked itself for its addresses, by a duplicate of the
 * descriptor that is open for some microseconds (pidfd_getfd, Linux 5.6); where that is forbidden it is just
 * "socket fd 7". Anything else is named by its link and not touched.
 */
void fd_name(int pidfd, int fd, const char *link, char out[FD_NAME_SIZE]);

/* The text of an address: "127.0.0.1:80", "[::1]:80", "/run/x.sock", "@abstract"; "" when there is none. Pure. */
void fd_address_text(const struct sockaddr_storage *address, socklen_t length, char *out, size_t size);

#endif
