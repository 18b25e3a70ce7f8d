/* Speaks just enough HTTP to see what a server really sends. */
#include "support/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { READ_SECONDS = 10, PIECE = 65536 };

test_http test_http_connect(unsigned port)
{
    test_http c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval limit = {.tv_sec = READ_SECONDS};
    int on = 1;
    setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c.fd, (struct sockaddr *)&to, sizeof to) != 0) test_http_close(&c);
    return c;
}

void test_http_close(test_http *c)
{
    if (c->fd >= 0) close(c->fd);
    free(c->bytes);
    *c = (test_http){.fd = -1};
}

bool test_http_send_bytes(test_http *c, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);
        if (n <= 0) return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool test_http_send(test_http *c, const char *text)
{
    return test_http_send_bytes(c, text, strlen(text));
}

static bool read_more(test_http *c)
{
    if (c->cap - c->len < PIECE) {
        c->cap = 2 * c->len + 2 * PIECE;
        c->bytes = realloc(c->bytes, c->cap);
        if (!c->bytes) abort();
    }
    ssize_t n = recv(c->fd, c->bytes + c->len, PIECE - 1, 0);
    if (n <= 0) return false;
    c->len += (size_t)n;
    return true;
}

static char *cut(test_http *c, size_t len)
{
    char *text = malloc(len + 1);
    if (!text) abort();
    if (len) memcpy(text, c->bytes, len);
    text[len] = '\0';
    memmove(c->bytes, c->bytes + len, c->len - len);
    c->len -= len;
    return text;
}

/* The headers up to and with the empty line, or NULL. */
static char *read_head(test_http *c)
{
    for (;;) {
        char *end = c->len ? memmem(c->bytes, c->len, "\r\n\r\n", 4) : NULL;
        if (end) return cut(c, (size_t)(end - c->bytes) + 4);
        if (!read_more(c)) return NULL;
    }
}

const char *test_http_header(const test_http_reply *r, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    out[0] = '\0';
    for (const char *line = r->head ? strstr(r->head, "\r\n") : NULL; line; line = strstr(line + 2, "\r\n")) {
        const char *at = line + 2;
        if (strncasecmp(at, name, len) != 0 || at[len] != ':') continue;
        at += len + 1 + strspn(at + len + 1, " ");
        snprintf(out, size, "%.*s", (int)strcspn(at, "\r"), at);
        break;
    }
    return out;
}

test_http_reply test_http_read(test_http *c, bool no_body)
{
    test_http_reply r = {0};
    char value[64];
    do {
        free(r.head);
        r = (test_http_reply){.head = c->fd < 0 ? NULL : read_head(c)};
        if (!r.head || sscanf(r.head, "HTTP/1.%*d %d", &r.status) != 1) return r;
    } while (r.status / 100 == 1);
    bool sized = *test_http_header(&r, "Content-Length", value, sizeof value) != '\0';
    size_t want = sized ? strtoul(value, NULL, 10) : 0;
    if (no_body || r.status == 204 || r.status == 304) want = 0, sized = true;
    while ((!sized || c->len < want) && read_more(c)) continue;
    if (sized && c->len < want) r.status = 0;
    r.length = sized && c->len >= want ? want : c->len;
    r.body = cut(c, r.length);
    return r;
}

void test_http_reply_clear(test_http_reply *r)
{
    free(r->head);
    free(r->body);
    *r = (test_http_reply){0};
}

bool test_http_at_end(test_http *c)
{
    char byte;
    return c->len == 0 && recv(c->fd, &byte, 1, 0) <= 0;
}

test_http_reply test_http_ask(unsigned port, const char *text)
{
    test_http c = test_http_connect(port);
    test_http_send(&c, text);
    test_http_reply r = test_http_read(&c, strncmp(text, "HEAD ", 5) == 0);
    test_http_close(&c);
    return r;
}
