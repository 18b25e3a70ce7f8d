/* Opens the socket that a server accepts from, or one to it. */
#include "httpd/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/str.h"
#include "httpd/httpd.h"

#include "base/poison.h"

enum { BACKLOG = 1024, HOST_BYTES = 256, PORT_BYTES = 8 };

/* "[::1]:80", "localhost:80", ":80" */
static bool split_address(ov_str address, char host[HOST_BYTES], char port[PORT_BYTES])
{
    size_t colon = address.len;
    while (colon > 0 && address.ptr[colon - 1] != ':') colon--;
    uint64_t number;
    ov_str digits = ov_str_sub(address, colon, address.len), name = ov_str_sub(address, 0, colon ? colon - 1 : 0);
    if (colon == 0 || !ov_str_to_u64(digits, &number) || number > 65535 || digits.len >= PORT_BYTES) return false;
    bool brackets = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
    if (brackets) name = ov_str_sub(name, 1, name.len - 1);
    if (name.len >= HOST_BYTES || (!brackets && ov_str_find(name, ':', 0) < name.len)) return false;
    snprintf(host, HOST_BYTES, "%.*s", OV_STR_ARG(name));
    snprintf(port, PORT_BYTES, "%.*s", OV_STR_ARG(digits));
    return true;
}

static int open_one(const struct addrinfo *a)
{
    const int on = 1, off = 0;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int open_first(const struct addrinfo *list, int family)
{
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        if (family != AF_UNSPEC && a->ai_family != family) continue;
        int fd = open_one(a);
        if (fd >= 0 || errno == EADDRINUSE) return fd;
    }
    return -1;
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0) return 0;
    if (bound.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&bound)->sin6_port);
    return ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

ov_status ov_http_address_check(const char *address, ov_err *err)
{
    char host[HOST_BYTES], port[PORT_BYTES];
    if (split_address(ov_str_of(address), host, port)) return OV_OK;
    return ov_fail(err, OV_INVALID, "expected host:port or :port");
}

ov_status ov_http_listen(const char *address, int *ret_fd, unsigned *ret_port, ov_err *err)
{
    char host[HOST_BYTES], port[PORT_BYTES];
    if (!split_address(ov_str_of(address), host, port))
        return ov_fail(err, OV_INVALID, "listen on %s: expected host:port or :port", address);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *list = NULL;
    int wrong = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (wrong) return ov_fail(err, OV_FAILED, "listen on %s: %s", address, gai_strerror(wrong));
    /* Without a host the IPv6 socket takes both families; a kernel without IPv6 has the other. */
    errno = 0;
    int fd = host[0] ? -1 : open_first(list, AF_INET6);
    if (fd < 0 && errno != EADDRINUSE) fd = open_first(list, AF_UNSPEC);
    int why = errno;
    freeaddrinfo(list);
    if (fd < 0) return ov_fail(err, OV_FAILED, "listen on %s: %s", address, strerror(why));
    *ret_fd = fd;
    *ret_port = port_of(fd);
    return OV_OK;
}

/* A send's timeout is a connect's as well. */
static int dial_one(const struct addrinfo *a, int64_t timeout_ms)
{
    const struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) return fd;
    int why = errno == EINPROGRESS ? ETIMEDOUT : errno;
    close(fd);
    errno = why;
    return -1;
}

ov_status ov_http_dial(const char *address, int64_t timeout_ms, int *ret_fd, ov_err *err)
{
    char host[HOST_BYTES], port[PORT_BYTES];
    if (!split_address(ov_str_of(address), host, port) || strtoul(port, NULL, 10) == 0)
        return ov_fail(err, OV_INVALID, "connect to %s: expected host:port or :port, no port 0", address);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    int wrong = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (wrong) return ov_fail(err, OV_FAILED, "connect to %s: %s", address, gai_strerror(wrong));
    int fd = -1;
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) fd = dial_one(a, timeout_ms);
    int why = errno;
    freeaddrinfo(list);
    if (fd < 0) return ov_fail(err, OV_FAILED, "connect to %s: %s", address, strerror(why));
    *ret_fd = fd;
    return OV_OK;
}
