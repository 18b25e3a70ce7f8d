/* Makes, lists, unlists and frees connections as the library tells of them. */
#include <stdlib.h>

#include "base/mem.h"
#include "httpd/room.h"
#include "httpd/watch.h"

#include "base/poison.h"

static void link_in(ov_httpd *h, ov_http_connection *c)
{
    pthread_mutex_lock(&h->lock);
    c->next = h->connections;
    if (c->next) c->next->prev = c;
    h->connections = c;
    int64_t soon_ms = h->options.body_ms < OV_WATCH_LOOK_MS ? h->options.body_ms : OV_WATCH_LOOK_MS;
    ov_http_watch_by(h, ov_mono_now().ms + soon_ms);
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
    h->leaving -= c->leaving;
    pthread_mutex_unlock(&h->lock);
    atomic_fetch_sub(&c->lane->connections, 1);
    atomic_fetch_sub(&h->connection_count, 1);
    if (atomic_exchange(&h->waits_space, false)) ov_http_watch_wake(h);
}

static ov_http_connection *connection_new(ov_http_lane *lane, struct MHD_Connection *mhd)
{
    ov_http_connection *c = ov_zalloc(sizeof *c);
    c->server = lane->server;
    c->lane = lane;
    c->mhd = mhd;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->fd = info ? info->connect_fd : -1;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    c->peer = ov_http_peer(info ? info->client_addr : NULL);
    c->request.connection = c;
    ov_http_target_init(&c->request.target);
    ov_http_watch_set(c, OV_WATCH_NEW);
    return c;
}

static void connection_free(ov_http_connection *c)
{
    ov_http_target_clear(&c->request.target);
    ov_buf_clear(&c->request.body);
    free(c);
}

void ov_http_on_connection(void *lane, struct MHD_Connection *mhd, void **context,
                           enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        ov_http_connection *c = connection_new(lane, mhd);
        link_in(c->server, c);
        *context = c;
    } else if (*context) {
        /* The library closes the descriptor after this call, so the watcher never shuts down somebody else's. */
        ov_http_connection *c = *context;
        link_out(c->server, c);
        connection_free(c);
        *context = NULL;
    }
}
