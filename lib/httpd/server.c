/* Opens and closes a server: socket, routes, the library's threads, the watching thread. */
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "httpd/lanes.h"
#include "httpd/listen.h"
#include "httpd/room.h"
#include "httpd/watch.h"

#include "base/poison.h"

enum { THREADS_MIN = 2, THREADS_MAX = 16 };

static ov_httpd_options with_defaults(ov_httpd_options o)
{
    if (o.threads < THREADS_MIN) o.threads = THREADS_MIN;
    if (o.threads > THREADS_MAX) o.threads = THREADS_MAX;
    o.connections = ov_http_room_for(o.connections ? o.connections : OV_HTTP_CONNECTIONS);
    if (o.body_ms <= 0) o.body_ms = OV_HTTP_BODY_SECONDS * 1000;
    if (o.answer_ms <= 0) o.answer_ms = OV_HTTP_ANSWER_SECONDS * 1000;
    return o;
}

static void init_locks(ov_httpd *h)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&h->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&h->lock, NULL);
}

static void server_free(ov_httpd *h)
{
    if (h->listen_fd >= 0) close(h->listen_fd);
    ov_http_routes_clear(&h->routes);
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
    status = ov_http_lanes_start(h, err);
    if (status != OV_OK) return status;
    ov_http_watch_start(h);
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
    ov_http_watch_wake(h); /* to stop listening */
    complete_deferred(h);
    wait_for_answers(h, drain_ms);
    ov_http_watch_stop(h);
    ov_http_lanes_stop(h);
    server_free(h);
}
