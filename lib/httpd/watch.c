/* One thread per server accepts connections, and looks at the deadlines of connections and deferred answers when the
 * nearest may have passed. */
#include "httpd/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "httpd/lanes.h"
#include "httpd/past.h"
#include "httpd/room.h"

#include "base/poison.h"

enum {
    PHASE_BITS = 3,
    PHASE_MASK = (1 << PHASE_BITS) - 1,
    IDLE_MS = 30000,   /* the library closes what is idle for so long; the watcher what it forgot */
    FULL_LOOK_MS = 50, /* while nobody else can be accepted */
    ACCEPTS = 64       /* between two looks */
};

/* ---- the word of a connection ---- */

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

static int64_t time_of(const ov_httpd_options *o, ov_watch_phase phase)
{
    if (phase == OV_WATCH_IDLE) return IDLE_MS + o->body_ms;
    return phase == OV_WATCH_SENDING ? o->answer_ms : o->body_ms;
}

void ov_http_watch_set(ov_http_connection *c, ov_watch_phase phase)
{
    atomic_store(&c->watch, word(phase, ov_mono_now().ms + time_of(&c->server->options, phase)));
}

void ov_http_watch_linger(ov_http_connection *c, int64_t after_ms)
{
    atomic_store(&c->watch, word(OV_WATCH_SENDING, ov_mono_now().ms + after_ms));
}

void ov_http_watch_begin(ov_http_connection *c)
{
    uint64_t seen = atomic_load(&c->watch);
    uint64_t reading = word(OV_WATCH_READING, ov_mono_now().ms + c->server->options.body_ms);
    if (phase_of(seen) != OV_WATCH_EXPIRED) atomic_compare_exchange_strong(&c->watch, &seen, reading);
}

bool ov_http_watch_take(ov_http_connection *c)
{
    return phase_of(atomic_exchange(&c->watch, word(OV_WATCH_NONE, 0))) != OV_WATCH_EXPIRED;
}

bool ov_http_watch_since(const ov_http_connection *c, uint64_t *ret_seen, int64_t *ret_since_ms, bool *ret_sending)
{
    uint64_t seen = atomic_load(&c->watch);
    if (deadline_of(seen) == INT64_MAX) return false;
    *ret_seen = seen;
    *ret_since_ms = deadline_of(seen) - time_of(&c->server->options, phase_of(seen));
    *ret_sending = phase_of(seen) == OV_WATCH_SENDING;
    return true;
}

/* ---- endings ---- */

static void answer_ending(ov_httpd *h, const ov_http_connection *c, ov_watch_reason why)
{
    ov_http_answer a = {0};
    if (why == OV_WATCH_LATE) {
        ov_http_error(&a, 408, "request was not complete in time");
    } else {
        ov_http_error(&a, 503, "too many connections");
        ov_http_set_header(&a, "Retry-After", "1");
    }
    unsigned status = a.status;
    ov_http_past_send(h, c->fd, &a);
    if (h->options.on_done)
        h->options.on_done(h->options.ctx, "other", "unknown", status, (uint64_t)h->options.body_ms * 1000);
}

/* The claim keeps a request that becomes whole this very moment from being answered twice. */
bool ov_http_watch_end(ov_httpd *h, ov_http_connection *c, uint64_t seen, ov_watch_reason why)
{
    if (!atomic_compare_exchange_strong(&c->watch, &seen, word(OV_WATCH_EXPIRED, 0)) || c->fd < 0) return false;
    c->leaving = true;
    h->leaving++;
    ov_watch_phase phase = phase_of(seen);
    if (phase == OV_WATCH_READING || (phase == OV_WATCH_NEW && why == OV_WATCH_LATE)) answer_ending(h, c, why);
    shutdown(c->fd, SHUT_RDWR);
    return true;
}

/* ---- the thread ---- */

/* With the lock held: expires what is due; when to look next. */
static int64_t look(ov_httpd *h, int64_t now_ms)
{
    int64_t next = ov_http_deferred_expire(h, now_ms);
    if (h->connections && next > now_ms + OV_WATCH_LOOK_MS) next = now_ms + OV_WATCH_LOOK_MS;
    for (ov_http_connection *c = h->connections; c; c = c->next) {
        uint64_t seen = atomic_load(&c->watch);
        int64_t deadline = deadline_of(seen);
        if (deadline <= now_ms)
            ov_http_watch_end(h, c, seen, OV_WATCH_LATE);
        else if (deadline < next)
            next = deadline;
    }
    return next;
}

/* Closed before the drain: who comes now is refused by the system, and goes elsewhere. */
static void stop_listening(ov_httpd *h)
{
    if (h->listen_fd >= 0) close(h->listen_fd);
    h->listen_fd = -1;
}

/* A function of its own, for ThreadSanitizer's list of what it takes for a race (tests/support/tsan.supp). */
static int accept_connection(int listener, struct sockaddr_storage *peer, socklen_t *len)
{
    *len = sizeof *peer;
    return accept4(listener, (struct sockaddr *)peer, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Takes in who waits. A connection that is closed meanwhile wakes the watcher when that makes a difference. */
static void accept_some(ov_httpd *h)
{
    struct sockaddr_storage peer;
    for (int i = 0; i < ACCEPTS && atomic_load(&h->connection_count) < ov_http_room_most(h); i++) {
        socklen_t len;
        int fd = accept_connection(h->listen_fd, &peer, &len);
        if (fd >= 0) {
            ov_http_lanes_place(h, fd, &peer, len);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            if (errno != EAGAIN) h->accept_after_ms = ov_mono_now().ms + FULL_LOOK_MS;
            break;
        }
    }
}

/* Said before it is looked at: who closes a connection in between wakes the watcher. */
static bool is_full(ov_httpd *h, int64_t now_ms)
{
    atomic_store(&h->waits_space, true);
    bool full = atomic_load(&h->connection_count) >= ov_http_room_most(h) || now_ms < h->accept_after_ms;
    if (!full) atomic_store(&h->waits_space, false);
    return full;
}

static int timeout_until(int64_t at_ms, int64_t now_ms)
{
    if (at_ms == INT64_MAX) return -1;
    int64_t left_ms = at_ms < now_ms ? 0 : at_ms - now_ms;
    return left_ms < OV_WATCH_LOOK_MS ? (int)left_ms : OV_WATCH_LOOK_MS;
}

/* Until something comes, a wake or the time; whether somebody waits to be accepted. */
static bool wait_until(ov_httpd *h, int64_t at_ms)
{
    int64_t now_ms = ov_mono_now().ms;
    bool full = is_full(h, now_ms);
    if (full && at_ms > now_ms + FULL_LOOK_MS) at_ms = now_ms + FULL_LOOK_MS;
    struct pollfd p[] = {{.fd = h->wake_fd, .events = POLLIN}, {.fd = full ? -1 : h->listen_fd, .events = POLLIN}};
    if (poll(p, OV_COUNT(p), timeout_until(at_ms, now_ms)) <= 0) return false;
    eventfd_t ignored;
    if (p[0].revents) (void)eventfd_read(h->wake_fd, &ignored);
    return p[1].revents != 0;
}

static void *watch(void *server)
{
    ov_httpd *h = server;
    pthread_mutex_lock(&h->lock);
    while (!h->stop_watch) {
        int64_t now_ms = ov_mono_now().ms;
        if (now_ms >= h->planned_ms) h->planned_ms = look(h, now_ms);
        ov_http_room_make(h, now_ms);
        int64_t next = h->planned_ms;
        pthread_mutex_unlock(&h->lock);
        if (atomic_load(&h->closing)) stop_listening(h);
        if (wait_until(h, next)) accept_some(h);
        pthread_mutex_lock(&h->lock);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

void ov_http_watch_wake(ov_httpd *h)
{
    (void)eventfd_write(h->wake_fd, 1);
}

void ov_http_watch_by(ov_httpd *h, int64_t deadline_ms)
{
    if (deadline_ms >= h->planned_ms) return;
    h->planned_ms = deadline_ms; /* one wake is enough for all that come before the watcher runs */
    ov_http_watch_wake(h);
}

void ov_http_watch_start(ov_httpd *h)
{
    h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->wake_fd < 0 || pthread_create(&h->watcher, NULL, watch, h) != 0) abort();
}

void ov_http_watch_stop(ov_httpd *h)
{
    pthread_mutex_lock(&h->lock);
    h->stop_watch = true;
    pthread_mutex_unlock(&h->lock);
    ov_http_watch_wake(h);
    pthread_join(h->watcher, NULL);
    close(h->wake_fd);
}
