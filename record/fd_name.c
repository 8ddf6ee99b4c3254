#include "fd_name.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

bool fd_link(pid_t pid, int fd, char out[FD_LINK_SIZE])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
    ssize_t length = readlink(path, out, FD_LINK_SIZE - 1);
    if (length <= 0)
        return false;
    out[length] = '\0';
    return true;
}

static void unix_text(const struct sockaddr_un *address, socklen_t length, char *out, size_t size)
{
    size_t path =
        length > offsetof(struct sockaddr_un, sun_path) ? length - offsetof(struct sockaddr_un, sun_path) : 0;
    if (path > sizeof address->sun_path)
        path = sizeof address->sun_path;
    if (path > 1 && address->sun_path[0] == '\0')
        snprintf(out, size, "@%.*s", (int)(path - 1), address->sun_path + 1);
    else
        snprintf(out, size, "%.*s", (int)path, address->sun_path);
}

void fd_address_text(const struct sockaddr_storage *address, socklen_t length, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";
    *out = '\0';
    if (address->ss_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(out, size, "%s:%u", host, ntohs(in->sin_port));
    } else if (address->ss_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)address;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr);
        if (mapped)
            inet_ntop(AF_INET, &in->sin6_addr.s6_addr[12], host, sizeof host);
        else
            inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        snprintf(out, size, mapped ? "%s:%u" : "[%s]:%u", host, ntohs(in->sin6_port));
    } else if (address->ss_family == AF_UNIX) {
        unix_text((const struct sockaddr_un *)address, length, out, size);
    }
}

static const char *protocol_name(int socket, int family)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (family == AF_UNIX)
        return "unix";
    if (family != AF_INET && family != AF_INET6)
        return "socket";
    getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size);
    return type == SOCK_STREAM ? "tcp" : type == SOCK_DGRAM ? "udp" : "ip";
}

static void describe(int socket, int fd, char out[FD_NAME_SIZE])
{
    struct sockaddr_storage local = {0}, remote = {0};
    socklen_t local_size = sizeof local, remote_size = sizeof remote;
    char local_text[112] = "", remote_text[112] = "";
    if (getsockname(socket, (struct sockaddr *)&local, &local_size) != 0) {
        snprintf(out, FD_NAME_SIZE, "socket fd %d", fd);
        return;
    }
    fd_address_text(&local, local_size, local_text, sizeof local_text);
    if (getpeername(socket, (struct sockaddr *)&remote, &remote_size) == 0)
        fd_address_text(&remote, remote_size, remote_text, sizeof remote_text);
    snprintf(out, FD_NAME_SIZE, "%s%s%s%s%s fd %d", protocol_name(socket, local.ss_family),
             *local_text || *remote_text ? " " : "", local_text, *remote_text ? "->" : "", remote_text, fd);
}

void fd_name(int pidfd, int fd, const char *link, char out[FD_NAME_SIZE])
{
    static const char socket_prefix[] = "socket:[";
    if (strncmp(link, socket_prefix, strlen(socket_prefix)) != 0) {
        size_t length = strcspn(link, ":");
        bool is_pipe = strncmp(link, "pipe:", 5) == 0;
        snprintf(out, FD_NAME_SIZE, "%.*s fd %d", is_pipe ? (int)length : FD_LINK_SIZE, link, fd);
        return;
    }
    int copy = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0u);
    if (copy < 0) {
        snprintf(out, FD_NAME_SIZE, "socket fd %d", fd);
        return;
    }
    describe(copy, fd, out);
    close(copy);
}
