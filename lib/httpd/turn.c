/* Lists the answers under way of each route that has a limit, and ends the slowest when somebody else asks. */
#include "httpd/turn.h"

#include <linux/tcp.h> /* the C library's struct tcp_info is older */
#include <netinet/in.h>
#include <sys/socket.h>

#include "httpd/room.h"
#include "httpd/watch.h"

#include "base/poison.h"

/* What the peer has acknowledged since it was connected: what it has not read fills buffers on both sides, and is no
 * sign of speed. 0 where the kernel does not tell. */
static uint64_t acknowledged(const ov_http_connection *c)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) return 0;
    return info.tcpi_bytes_acked;
}

static void link_in(ov_http_route_entry *e, ov_http_connection *c)
{
    c->turn_next = e->readers;
    c->turn_prev = NULL;
    if (c->turn_next) c->turn_next->turn_prev = c;
    e->readers = c;
    e->under_way++;
    c->has_turn = true;
}

static void link_out(ov_http_route_entry *e, ov_http_connection *c)
{
    if (c->turn_prev)
        c->turn_prev->turn_next = c->turn_next;
    else
        e->readers = c->turn_next;
    if (c->turn_next) c->turn_next->turn_prev = c->turn_prev;
    e->under_way--;
    c->has_turn = false;
}

/* Bytes a second; UINT64_MAX while it is not up to the reader, or too early to tell. */
static uint64_t speed(const ov_http_connection *c, int64_t now_ms, uint64_t *ret_seen)
{
    int64_t since_ms;
    bool sending;
    if (!ov_http_watch_since(c, ret_seen, &since_ms, &sending) || !sending) return UINT64_MAX;
    int64_t took_ms = now_ms - since_ms;
    return took_ms < OV_HTTP_TURN_MS ? UINT64_MAX : (acknowledged(c) - c->acknowledged) * 1000 / (uint64_t)took_ms;
}

static bool end_slowest(ov_httpd *h, ov_http_route_entry *e)
{
    ov_http_connection *slowest = NULL;
    uint64_t least = OV_HTTP_SLOW_BYTES, seen = 0;
    int64_t now_ms = ov_mono_now().ms;
    for (ov_http_connection *c = e->readers; c; c = c->turn_next) {
        uint64_t word, bytes = speed(c, now_ms, &word);
        if (bytes >= least) continue;
        slowest = c;
        least = bytes;
        seen = word;
    }
    if (!slowest || !ov_http_watch_end(h, slowest, seen, OV_WATCH_NO_ROOM)) return false;
    link_out(e, slowest);
    return true;
}

bool ov_http_turn_take(ov_http_request *r)
{
    ov_http_route_entry *e = r->route;
    ov_httpd *h = r->connection->server;
    unsigned max = e->route->concurrent_max;
    if (!max) return true;
    pthread_mutex_lock(&h->lock);
    bool taken = e->under_way < max || end_slowest(h, e);
    if (taken) link_in(e, r->connection);
    pthread_mutex_unlock(&h->lock);
    r->counted = taken;
    return taken;
}

void ov_http_turn_begin(ov_http_request *r)
{
    if (r->counted) r->connection->acknowledged = acknowledged(r->connection);
}

void ov_http_turn_leave(ov_http_request *r)
{
    if (!r->counted) return;
    ov_httpd *h = r->connection->server;
    pthread_mutex_lock(&h->lock);
    if (r->connection->has_turn) link_out(r->route, r->connection);
    pthread_mutex_unlock(&h->lock);
    r->counted = false;
}
