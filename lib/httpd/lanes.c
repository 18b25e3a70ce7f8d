/* Starts the library's threads and spreads connections over them.
 * Each is a server of the library's own without a listening socket: its pool would wake all its threads for each new
 * connection, and its poll mode walks over all connections for each request. */
#include "httpd/lanes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "httpd/watch.h"

#include "base/poison.h"

enum { IDLE_SECONDS = 30, CONNECTION_BYTES = 32768, LIBRARY_SPARE = 4 };

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

/* The library counts a connection for a moment longer than we do: its own limit lies above ours. */
static bool start_one(ov_httpd *h, ov_http_lane *lane)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG;
    unsigned limit = OV_HTTP_LANE_CONNECTIONS + LIBRARY_SPARE;
    lane->server = h;
    lane->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, ov_http_on_access, h, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
        MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, OV_MHD_STRICTNESS, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK, ov_http_on_request_line, h, MHD_OPTION_NOTIFY_CONNECTION,
        ov_http_on_connection, lane, MHD_OPTION_NOTIFY_COMPLETED, ov_http_on_completed, h, MHD_OPTION_END);
    return lane->daemon != NULL;
}

ov_status ov_http_lanes_start(ov_httpd *h, ov_err *err)
{
    while (h->lane_count < h->options.threads && start_one(h, &h->lanes[h->lane_count])) h->lane_count++;
    if (h->lane_count == h->options.threads) return OV_OK;
    ov_status status = ov_fail(err, OV_FAILED, "listen on %s: the server's threads cannot start: %s",
                               h->options.address, strerror(errno));
    ov_http_lanes_stop(h);
    return status;
}

void ov_http_lanes_stop(ov_httpd *h)
{
    for (unsigned i = 0; i < h->lane_count; i++) MHD_stop_daemon(h->lanes[i].daemon);
    h->lane_count = 0;
}

/* Another one when all are full; NULL when it cannot be started. */
static ov_http_lane *emptiest(ov_httpd *h)
{
    ov_http_lane *best = &h->lanes[0];
    unsigned least = atomic_load(&best->connections);
    for (unsigned i = 1; i < h->lane_count && least > 0; i++) {
        unsigned held = atomic_load(&h->lanes[i].connections);
        if (held >= least) continue;
        best = &h->lanes[i];
        least = held;
    }
    if (least < OV_HTTP_LANE_CONNECTIONS) return best;
    best = &h->lanes[h->lane_count];
    if (h->lane_count == OV_HTTP_LANES_MAX || !start_one(h, best)) return NULL;
    h->lane_count++;
    return best;
}

void ov_http_lanes_place(ov_httpd *h, int fd, const struct sockaddr_storage *peer, socklen_t len)
{
    ov_http_lane *lane = emptiest(h);
    if (!lane) {
        close(fd);
        return;
    }
    atomic_fetch_add(&lane->connections, 1);
    atomic_fetch_add(&h->connection_count, 1);
    if (MHD_add_connection(lane->daemon, fd, (const struct sockaddr *)peer, len) == MHD_YES) return;
    atomic_fetch_sub(&lane->connections, 1); /* the library has closed it, and tells nobody of it */
    atomic_fetch_sub(&h->connection_count, 1);
}
