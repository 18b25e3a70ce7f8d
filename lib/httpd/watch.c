/* One thread per server looks at the deadlines of connections and deferred answers when the nearest may have passed. */
#include "httpd/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/poison.h"

enum {
    PHASE_BITS = 3,
    PHASE_MASK = (1 << PHASE_BITS) - 1,
    LOOK_MS = 1000 /* at least so often while anybody is connected */
};

static uint64_t word(ov_watch_phase phase, int64_t deadline_ms)
{
    return (uint64_t)deadline_ms << PHASE_BITS | (uint64_t)phase;
}

static ov_watch_phase phase_of(uint64_t w)
{
    return (ov_watch_phase)(w & PHASE_MASK);
}

static int64_t deadline_of(uint64_t w)
{
    return phase_of(w) == OV_WATCH_NONE || phase_of(w) == OV_WATCH_EXPIRED ? INT64_MAX : (int64_t)(w >> PHASE_BITS);
}

void ov_http_watch_set(ov_http_connection *c, ov_watch_phase phase, int64_t after_ms)
{
    atomic_store(&c->watch, word(phase, ov_mono_now().ms + after_ms));
}

bool ov_http_watch_take(ov_http_connection *c)
{
    return phase_of(atomic_exchange(&c->watch, word(OV_WATCH_NONE, 0))) != OV_WATCH_EXPIRED;
}

/* ---- the list of connections ---- */

static void link_in(ov_httpd *h, ov_http_connection *c)
{
    pthread_mutex_lock(&h->lock);
    c->next = h->connections;
    if (c->next) c->next->prev = c;
    h->connections = c;
    ov_http_watch_by(h, deadline_of(atomic_load(&c->watch)));
    pthread_mutex_unlock(&h->lock);
}

static void link_out(ov_httpd *h, ov_http_connection *c)
{
    pthread_mutex_lock(&h->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        h->connections = c->next;
    if (c->next) c->next->prev = c->prev;
    pthread_mutex_unlock(&h->lock);
}

static ov_http_connection *connection_new(ov_httpd *h, struct MHD_Connection *mhd)
{
    ov_http_connection *c = ov_zalloc(sizeof *c);
    c->server = h;
    c->mhd = mhd;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->fd = info ? info->connect_fd : -1;
    c->request.connection = c;
    ov_http_target_init(&c->request.target);
    ov_http_watch_set(c, OV_WATCH_READING, h->options.body_ms);
    return c;
}

static void connection_free(ov_http_connection *c)
{
    ov_http_target_clear(&c->request.target);
    ov_buf_clear(&c->request.body);
    free(c);
}

void ov_http_on_connection(void *server, struct MHD_Connection *mhd, void **context,
                           enum MHD_ConnectionNotificationCode what)
{
    ov_httpd *h = server;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        ov_http_connection *c = connection_new(h, mhd);
        link_in(h, c);
        *context = c;
    } else if (*context) {
        /* The library closes the descriptor after this call, so the watcher never shuts down somebody else's. */
        link_out(h, *context);
        connection_free(*context);
        *context = NULL;
    }
}

/* ---- the thread ---- */

/* Written past the library, which has sent nothing for this request and does not any more. */
static void answer_timeout(ov_httpd *h, ov_http_connection *c)
{
    static const char body[] = "{\"error\":\"request was not complete in time\"}";
    char text[256];
    int len = snprintf(text, sizeof text,
                       "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                       "Content-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n\r\n%s",
                       sizeof body - 1, body);
    ssize_t sent = send(c->fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent; /* who does not read gets no answer */
    if (h->options.on_done)
        h->options.on_done(h->options.ctx, "other", "unknown", 408, (uint64_t)h->options.body_ms * 1000);
}

/* The claim keeps a request that becomes whole this very moment from being answered twice. */
static void expire(ov_httpd *h, ov_http_connection *c, uint64_t seen)
{
    if (!atomic_compare_exchange_strong(&c->watch, &seen, word(OV_WATCH_EXPIRED, 0)) || c->fd < 0) return;
    if (phase_of(seen) == OV_WATCH_READING) answer_timeout(h, c);
    shutdown(c->fd, SHUT_RDWR);
}

/* With the lock held: expires what is due; when to look next. */
static int64_t look(ov_httpd *h, int64_t now_ms)
{
    int64_t next = ov_http_deferred_expire(h, now_ms);
    if (h->connections && next > now_ms + LOOK_MS) next = now_ms + LOOK_MS;
    for (ov_http_connection *c = h->connections; c; c = c->next) {
        uint64_t seen = atomic_load(&c->watch);
        int64_t deadline = deadline_of(seen);
        if (deadline <= now_ms)
            expire(h, c, seen);
        else if (deadline < next)
            next = deadline;
    }
    return next;
}

static void wait_until(ov_httpd *h, int64_t at_ms)
{
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    if (at_ms == INT64_MAX)
        pthread_cond_wait(&h->wake, &h->lock);
    else
        pthread_cond_timedwait(&h->wake, &h->lock, &at);
}

static void *watch(void *server)
{
    ov_httpd *h = server;
    pthread_mutex_lock(&h->lock);
    while (!h->stop_watch) {
        h->planned_ms = look(h, ov_mono_now().ms);
        wait_until(h, h->planned_ms);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

void ov_http_watch_by(ov_httpd *h, int64_t deadline_ms)
{
    if (deadline_ms >= h->planned_ms) return;
    h->planned_ms = deadline_ms; /* one signal is enough for all that come before the watcher runs */
    pthread_cond_signal(&h->wake);
}

void ov_http_watch_start(ov_httpd *h)
{
    if (pthread_create(&h->watcher, NULL, watch, h) != 0) abort();
}

void ov_http_watch_stop(ov_httpd *h)
{
    pthread_mutex_lock(&h->lock);
    h->stop_watch = true;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->watcher, NULL);
}
