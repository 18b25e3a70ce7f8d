/* A server inside the test program that answers paths with bytes as they stand in a table, and misbehaves when told to.
 */
#ifndef OV_TESTS_CANNED_H
#define OV_TESTS_CANNED_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef enum {
    CANNED_CLOSE, /* after the answer */
    CANNED_STALL, /* says no more until the client goes away */
    CANNED_RESET
} canned_after;

typedef struct {
    const char *path;   /* as in the request line, absolute for a proxy */
    const char *answer; /* status line, headers, body; bytes go out as they are, but for a text's length "*" */
    size_t len;         /* 0: the answer is text */
    canned_after after;
    const char *holds; /* or NULL: what a request must hold to be answered so */
    unsigned times;    /* 0: always; else so often, then the path's next route is tried */
} canned_route;

enum { CANNED_ROUTES_MAX = 128 };

typedef struct {
    const canned_route *routes;
    size_t count;
    int fd;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    unsigned requests, open; /* open: connections being answered */
    char last[8192];         /* the last request */
    unsigned used[CANNED_ROUTES_MAX];
} canned;

/* The head of a request and what its Content-Length says, or nothing of a body without one. */
static inline bool canned_read(int fd, char *out, size_t size)
{
    size_t have = 0;
    while (have + 1 < size) {
        ssize_t n = recv(fd, out + have, size - 1 - have, 0);
        if (n <= 0) return false;
        have += (size_t)n;
        out[have] = '\0';
        const char *end = strstr(out, "\r\n\r\n"), *length = strstr(out, "Content-Length: ");
        size_t body = length && length < end ? (size_t)strtoul(length + 16, NULL, 10) : 0;
        if (end && have >= (size_t)(end + 4 - out) + body) return true;
    }
    return false;
}

/* Under the lock. */
static inline const canned_route *canned_find(canned *c, const char *request)
{
    const char *path = strchr(request, ' ');
    for (size_t i = 0; path && i < c->count; i++) {
        size_t len = strlen(c->routes[i].path);
        const canned_route *r = &c->routes[i];
        if (strncmp(path + 1, r->path, len) != 0 || path[1 + len] != ' ') continue;
        if ((r->holds && !strstr(request, r->holds)) || (r->times && c->used[i] >= r->times)) continue;
        c->used[i]++;
        return r;
    }
    return NULL;
}

static inline void canned_send(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) return;
        bytes += n;
        len -= (size_t)n;
    }
}

/* In the head of a text "Content-Length: *" stands for the length that its body has. */
static inline void canned_send_text(int fd, const char *text)
{
    static const char mark[] = "Content-Length: *\r\n";
    char length[64];
    const char *at = strstr(text, mark), *body = strstr(text, "\r\n\r\n");
    if (!at || !body || at > body) {
        canned_send(fd, text, strlen(text));
        return;
    }
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body + 4));
    canned_send(fd, text, (size_t)(at - text));
    canned_send(fd, length, strlen(length));
    canned_send(fd, at + sizeof mark - 1, strlen(at + sizeof mark - 1));
}

static inline void canned_finish(int fd, canned_after after)
{
    char byte;
    struct linger at_once = {.l_onoff = 1};
    if (after == CANNED_RESET) setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (after == CANNED_STALL)
        while (recv(fd, &byte, 1, 0) > 0) continue;
    close(fd);
}

static inline void canned_answer(canned *c, int fd)
{
    char request[sizeof c->last];
    if (!canned_read(fd, request, sizeof request)) {
        close(fd);
        return;
    }
    pthread_mutex_lock(&c->lock);
    c->requests++;
    memcpy(c->last, request, sizeof request);
    const canned_route *r = canned_find(c, request);
    pthread_mutex_unlock(&c->lock);
    static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (r && r->len)
        canned_send(fd, r->answer, r->len);
    else if (r)
        canned_send_text(fd, r->answer);
    else
        canned_send(fd, missing, sizeof missing - 1);
    canned_finish(fd, r ? r->after : CANNED_CLOSE);
}

static inline void *canned_connection(void *arg)
{
    void **both = arg;
    canned *c = both[0];
    int fd = (int)(long)both[1];
    free(both);
    canned_answer(c, fd);
    pthread_mutex_lock(&c->lock);
    c->open--;
    pthread_cond_signal(&c->idle);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static inline void *canned_accept(void *arg)
{
    canned *c = arg;
    for (int fd; (fd = accept(c->fd, NULL, NULL)) >= 0;) {
        pthread_t thread;
        pthread_mutex_lock(&c->lock);
        c->open++;
        pthread_mutex_unlock(&c->lock);
        void **both = malloc(2 * sizeof *both);
        if (!both) abort();
        both[0] = c;
        both[1] = (void *)(long)fd;
        if (pthread_create(&thread, NULL, canned_connection, both) != 0) abort();
        pthread_detach(thread);
    }
    return NULL;
}

/* Listens on a free port of 127.0.0.1. */
static inline void canned_start(canned *c, const canned_route *routes, size_t count)
{
    if (count > CANNED_ROUTES_MAX) abort();
    *c = (canned){.routes = routes, .count = count, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->idle, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&address, len) != 0 || listen(c->fd, 64) != 0 ||
        getsockname(c->fd, (struct sockaddr *)&address, &len) != 0)
        abort();
    c->port = ntohs(address.sin_port);
    if (pthread_create(&c->thread, NULL, canned_accept, c) != 0) abort();
}

/* Clients must be gone: stalled connections end with them. */
static inline void canned_stop(canned *c)
{
    shutdown(c->fd, SHUT_RDWR);
    pthread_join(c->thread, NULL);
    close(c->fd);
    pthread_mutex_lock(&c->lock);
    while (c->open > 0) pthread_cond_wait(&c->idle, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

static inline unsigned canned_requests(canned *c)
{
    pthread_mutex_lock(&c->lock);
    unsigned n = c->requests;
    pthread_mutex_unlock(&c->lock);
    return n;
}

/* Whether the last request holds the text. */
static inline bool canned_saw(canned *c, const char *text)
{
    pthread_mutex_lock(&c->lock);
    bool saw = strstr(c->last, text) != NULL;
    pthread_mutex_unlock(&c->lock);
    return saw;
}

#endif
