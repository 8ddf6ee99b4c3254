/* Names of this process's own descriptors. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "fd_name.h"

static void expect_text(const void *address, socklen_t length, const char *expected)
{
    struct sockaddr_storage storage = {0};
    char text[112];
    memcpy(&storage, address, length);
    fd_address_text(&storage, length, text, sizeof text);
    assert_string_equal(text, expected);
}

static void addresses(void **state)
{
    (void)state;
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(8080)};
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect_text(&four, sizeof four, "127.0.0.1:8080");
    expect_text(&four, 4, "");
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    expect_text(&six, sizeof six, "[::1]:80");
    assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.3", &six.sin6_addr), 1);
    expect_text(&six, sizeof six, "10.1.2.3:80");
    struct sockaddr_un named = {.sun_family = AF_UNIX, .sun_path = "/run/x.sock"};
    expect_text(&named, sizeof named, "/run/x.sock");
    expect_text(&named, offsetof(struct sockaddr_un, sun_path) + 4, "/run");
    expect_text(&named, offsetof(struct sockaddr_un, sun_path), "");
    struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0bus"};
    expect_text(&abstract, offsetof(struct sockaddr_un, sun_path) + 4, "@bus");
    struct sockaddr other = {.sa_family = AF_UNSPEC};
    expect_text(&other, sizeof other, "");
}

static void expect_name(int pidfd, int fd, const char *expected)
{
    char link[FD_LINK_SIZE], name[FD_NAME_SIZE];
    assert_true(fd_link(getpid(), fd, link));
    fd_name(pidfd, fd, link, name);
    assert_string_equal(name, expected);
}

static unsigned port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static void sockets(void **state)
{
    (void)state;
    char expected[FD_NAME_SIZE];
    struct sockaddr_in any = {.sin_family = AF_INET};
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0u);
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0),
        datagram = socket(AF_INET, SOCK_DGRAM, 0), pair[2];
    assert_int_equal(bind(listener, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(bind(datagram, (struct sockaddr *)&any, sizeof any), 0);
    any.sin_port = htons((uint16_t)port_of(listener));
    assert_int_equal(connect(client, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    if (pidfd < 0)
        skip();
    snprintf(expected, sizeof expected, "tcp 127.0.0.1:%u fd %d", port_of(listener), listener);
    expect_name(pidfd, listener, expected);
    snprintf(expected, sizeof expected, "tcp 127.0.0.1:%u->127.0.0.1:%u fd %d", port_of(client),
             port_of(listener), client);
    expect_name(pidfd, client, expected);
    snprintf(expected, sizeof expected, "udp 127.0.0.1:%u fd %d", port_of(datagram), datagram);
    expect_name(pidfd, datagram, expected);
    snprintf(expected, sizeof expected, "unix fd %d", pair[0]);
    expect_name(pidfd, pair[0], expected);
    snprintf(expected, sizeof expected, "socket fd %d", client);
    expect_name(-1, client, expected);
    const int all[] = {pidfd, listener, client, datagram, pair[0], pair[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        close(all[i]);
}

static void other_descriptors(void **state)
{
    (void)state;
    char expected[FD_NAME_SIZE], link[FD_LINK_SIZE];
    int ends[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pipe(ends), 0);
    snprintf(expected, sizeof expected, "pipe fd %d", ends[0]);
    expect_name(-1, ends[0], expected);
    snprintf(expected, sizeof expected, "/dev/null fd %d", null);
    expect_name(-1, null, expected);
    close(ends[0]);
    close(ends[1]);
    close(null);
    assert_false(fd_link(getpid(), null, link));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(sockets),
        cmocka_unit_test(other_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
