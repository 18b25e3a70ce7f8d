/* Opens and closes a server: socket, routes, the library's pool of threads, the watching thread. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "httpd/listen.h"
#include "httpd/watch.h"

#include "base/poison.h"

/* 0.9.75 ignores a pool of one, and an epoll thread with exactly 128 ready connections stalls. */
enum { THREADS_MIN = 2, THREADS_MAX = 64, CONNECTIONS_PER_THREAD = 120, IDLE_SECONDS = 30, CONNECTION_BYTES = 32768 };

OV_PRINTF(2, 0) static void log_library(void *arg, const char *fmt, va_list args)
{
    (void)arg;
    if (!ov_log_enabled(OV_LOG_DEBUG)) return;
    char text[256];
    int len = vsnprintf(text, sizeof text, fmt, args);
    while (len > 0 && (size_t)len < sizeof text && text[len - 1] == '\n') text[--len] = '\0';
    ov_log_debug("http library", "text", text);
}

/* Targets are decoded here, after they were split. */
static size_t leave_escaped(void *arg, struct MHD_Connection *mhd, char *text)
{
    (void)arg, (void)mhd;
    return strlen(text);
}

/* While the server closes nobody new comes in. The library's own way to stop listening (MHD_quiesce_daemon) can abort
 * the process: it takes the socket from under its pool's threads. */
static enum MHD_Result may_come_in(void *server, const struct sockaddr *address, socklen_t len)
{
    (void)address, (void)len;
    ov_httpd *h = server;
    return atomic_load(&h->closing) ? MHD_NO : MHD_YES;
}

static ov_status start_daemon(ov_httpd *h, ov_err *err)
{
    const ov_httpd_options *o = &h->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    h->daemon = MHD_start_daemon(
        flags, 0, may_come_in, h, ov_http_on_access, h, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
        MHD_OPTION_LISTEN_SOCKET, h->listen_fd, MHD_OPTION_THREAD_POOL_SIZE, o->threads, MHD_OPTION_CONNECTION_LIMIT,
        o->connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, OV_MHD_STRICTNESS, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, ov_http_on_request_line, h, MHD_OPTION_NOTIFY_CONNECTION, ov_http_on_connection, h,
        MHD_OPTION_NOTIFY_COMPLETED, ov_http_on_completed, h, MHD_OPTION_END);
    if (h->daemon) return OV_OK;
    return ov_fail(err, OV_FAILED, "listen on %s: the server's threads cannot start: %s", o->address, strerror(errno));
}

static ov_httpd_options with_defaults(ov_httpd_options o)
{
    if (o.threads < THREADS_MIN) o.threads = THREADS_MIN;
    if (o.threads > THREADS_MAX) o.threads = THREADS_MAX;
    unsigned most = CONNECTIONS_PER_THREAD * o.threads;
    if (o.connections == 0 || o.connections > most) o.connections = most;
    if (o.connections < o.threads) o.connections = o.threads;
    if (o.body_ms <= 0) o.body_ms = OV_HTTP_BODY_SECONDS * 1000;
    if (o.answer_ms <= 0) o.answer_ms = OV_HTTP_ANSWER_SECONDS * 1000;
    return o;
}

static void init_locks(ov_httpd *h)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &monotonic);
    pthread_cond_init(&h->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&h->lock, NULL);
}

static void server_free(ov_httpd *h)
{
    if (h->listen_fd >= 0) close(h->listen_fd);
    ov_http_routes_clear(&h->routes);
    pthread_cond_destroy(&h->wake);
    pthread_cond_destroy(&h->idle);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

static void server_free_p(ov_httpd **h)
{
    if (*h) server_free(*h);
}

static ov_status check_tokens(const ov_httpd_options *o, ov_err *err)
{
    for (size_t i = 0; i < o->route_count; i++)
        if (o->routes[i].role == OV_HTTP_TOKEN && !o->token)
            return ov_fail(err, OV_INVALID, "route %s: expected a token", o->routes[i].path);
    return OV_OK;
}

ov_status ov_httpd_open(const ov_httpd_options *o, ov_httpd **ret, ov_err *err)
{
    OV_CLEANUP(server_free_p) ov_httpd *h = ov_zalloc(sizeof *h);
    h->listen_fd = -1;
    h->options = with_defaults(*o);
    init_locks(h);
    ov_status status = check_tokens(o, err);
    if (status == OV_OK) status = ov_http_routes_make(o->routes, o->route_count, &h->routes, err);
    if (status == OV_OK) status = ov_http_listen(o->address, &h->listen_fd, &h->port, err);
    if (status != OV_OK) return status;
    ov_http_watch_start(h);
    status = start_daemon(h, err);
    if (status != OV_OK) {
        ov_http_watch_stop(h);
        return status;
    }
    *ret = OV_TAKE(h);
    return OV_OK;
}

unsigned ov_httpd_port(const ov_httpd *h)
{
    return h->port;
}

static void complete_deferred(ov_httpd *h)
{
    pthread_mutex_lock(&h->lock);
    ov_http_deferred_expire(h, 0);
    while (h->deferred) pthread_cond_wait(&h->idle, &h->lock); /* workers that have claimed are about to finish */
    pthread_mutex_unlock(&h->lock);
}

static void wait_for_answers(ov_httpd *h, int64_t drain_ms)
{
    int64_t until_ms = ov_mono_now().ms + drain_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&h->lock);
    int waited = 0;
    while (atomic_load(&h->active) > 0 && waited == 0) waited = pthread_cond_timedwait(&h->idle, &h->lock, &until);
    pthread_mutex_unlock(&h->lock);
}

void ov_httpd_close(ov_httpd *h, int64_t drain_ms)
{
    if (!h) return;
    pthread_mutex_lock(&h->lock);
    atomic_store(&h->closing, true); /* from here on nothing is suspended any more */
    pthread_mutex_unlock(&h->lock);
    complete_deferred(h);
    wait_for_answers(h, drain_ms);
    ov_http_watch_stop(h);
    MHD_stop_daemon(h->daemon); /* closes the listening socket too */
    h->listen_fd = -1;
    server_free(h);
}
