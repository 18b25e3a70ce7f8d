/* Asks a server for its version: nats.c reads the INFO line too but keeps the version to itself. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "bus/internal.h"
#include "json/tree.h"

#include "base/poison.h"

enum { INFO_MAX = 64 * 1024 };

static void close_p(int *fd)
{
    if (*fd >= 0) close(*fd);
}

static void addresses_p(struct addrinfo **a)
{
    if (*a) freeaddrinfo(*a);
}

static bool wait_for(int fd, short events, ov_mono deadline)
{
    int64_t left_ms = ov_mono_since(deadline, ov_mono_now());
    struct pollfd p = {.fd = fd, .events = events};
    return left_ms > 0 && poll(&p, 1, (int)left_ms) == 1;
}

static int connect_one(const struct addrinfo *a, ov_mono deadline)
{
    OV_CLEANUP(close_p) int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0) return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) && errno != EINPROGRESS) return -1;
    int error = 0;
    socklen_t len = sizeof error;
    if (!wait_for(fd, POLLOUT, deadline) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) return -1;
    int open = fd;
    fd = -1;
    return open;
}

static int connect_any(const char *host, const char *port, ov_mono deadline)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    OV_CLEANUP(addresses_p) struct addrinfo *addresses = NULL;
    if (getaddrinfo(host, port, &hints, &addresses)) return -1;
    for (const struct addrinfo *a = addresses; a; a = a->ai_next) {
        int fd = connect_one(a, deadline);
        if (fd >= 0) return fd;
    }
    return -1;
}

/* Reads up to the first line's end. */
static bool read_line(int fd, ov_mono deadline, ov_buf *out)
{
    char bytes[4096];
    while (wait_for(fd, POLLIN, deadline)) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0) return false;
        ov_buf_append(out, bytes, (size_t)n);
        if (out->failed) return false;
        if (memchr(bytes, '\n', (size_t)n)) return true;
    }
    return false;
}

/* scheme://[user@]host:port into host and port */
static void split_url(const char *url, char host[256], char port[8])
{
    ov_str s = ov_str_of(url);
    const char *scheme = strstr(url, "://");
    if (scheme) s = ov_str_of(scheme + 3);
    size_t at = ov_str_find(s, '@', 0);
    if (at < s.len) s = ov_str_sub(s, at + 1, s.len);
    size_t colon = s.len;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == ':') colon = i;
    ov_str name = ov_str_sub(s, 0, colon), number = ov_str_sub(s, colon + 1, s.len);
    if (name.len > 1 && name.ptr[0] == '[') name = ov_str_sub(name, 1, name.len - 1);
    snprintf(host, 256, "%.*s", OV_STR_ARG(name));
    snprintf(port, 8, "%.*s", OV_STR_ARG(number));
}

void ov_bus_server_ask(const char *url, int64_t timeout_ms, char out[32])
{
    ov_mono deadline = ov_mono_after(ov_mono_now(), timeout_ms);
    char host[256], port[8];
    out[0] = '\0';
    split_url(url, host, port);
    OV_CLEANUP(close_p) int fd = connect_any(host, port, deadline);
    OV_CLEANUP(ov_buf_clear) ov_buf line = OV_BUF(INFO_MAX);
    if (fd < 0 || !read_line(fd, deadline, &line)) return;
    ov_str text = ov_buf_str(&line);
    text = ov_str_sub(text, 0, ov_str_find(text, '\r', 0));
    if (!ov_str_starts(text, OV_STR("INFO "))) return;
    OV_CLEANUP(ov_json_tree_p) cJSON *info = NULL;
    ov_err ignored;
    if (ov_json_tree(ov_str_trim(ov_str_sub(text, 5, text.len)), &info, &ignored)) return;
    snprintf(out, 32, "%.*s", OV_STR_ARG(ov_json_member_str(info, "version")));
}
