/* Leads one request through the library's callbacks: first line, headers, body, handler, end. */
#include <sys/socket.h>

#include "httpd/past.h"
#include "httpd/turn.h"
#include "httpd/watch.h"

#include "base/poison.h"

enum { BODY_KEPT_BYTES = 16384, LINGER_MS = 5000 };

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void *ov_http_on_request_line(void *server, const char *uri, struct MHD_Connection *mhd)
{
    ov_httpd *h = server;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    ov_http_connection *c = info->socket_context;
    ov_http_request *r = &c->request;
    ov_http_watch_begin(c);
    atomic_fetch_add(&h->active, 1);
    r->active = true;
    r->stage = OV_HTTP_AT_HEADERS;
    r->began_ns = now_ns();
    r->route = NULL;
    r->discarded = 0;
    r->refused = r->told = r->close_after = r->asked_gzip = r->counted = false;
    r->target_status = ov_http_target_parse(&r->target, ov_str_of(uri));
    return r;
}

/* Foreign method names must not become labels. */
static const char *known_method(const char *method)
{
    static const char *const names[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"};
    for (size_t i = 0; i < OV_COUNT(names); i++)
        if (strcmp(names[i], method) == 0) return names[i];
    return "other";
}

/* The request goes no further; false when its deadline was faster. */
static enum MHD_Result send_refusal(ov_http_request *r)
{
    if (!ov_http_watch_take(r->connection)) return MHD_NO;
    return ov_http_send(r, &r->refusal);
}

static enum MHD_Result take_headers(ov_http_request *r, const char *method, const char *version)
{
    r->stage = OV_HTTP_AT_BODY;
    r->method = known_method(method);
    ov_http_facts_read(r->connection->mhd, &r->facts);
    ov_http_judge(r, version);
    if (r->refused && r->close_after) return send_refusal(r);
    size_t max = r->route ? r->route->route->body_max : 0;
    r->body.max = max;
    return MHD_YES;
}

/* Before the body is at its end, where the library takes no answer. What still comes is thrown away for a while: a
 * connection that is closed with bytes unread takes the answer from its client again. */
static enum MHD_Result tell_early(ov_http_request *r)
{
    ov_http_connection *c = r->connection;
    if (!ov_http_watch_take(c)) return MHD_NO;
    r->told = true;
    ov_http_done(r, &r->refusal);
    ov_http_past_send(c->server, c->fd, &r->refusal);
    shutdown(c->fd, SHUT_WR);
    ov_http_watch_linger(c, LINGER_MS);
    return MHD_YES;
}

static enum MHD_Result take_body(ov_http_request *r, const char *data, size_t size)
{
    if (!r->refused && r->body.max > 0) {
        ov_buf_append(&r->body, data, size);
        if (!r->body.failed) return MHD_YES;
        ov_buf_clear(&r->body);
        ov_http_refuse(r, 413, "body is too large");
        r->close_after = true;
    }
    r->discarded += size;
    return r->told || r->discarded <= OV_HTTP_DISCARD_MAX ? MHD_YES : tell_early(r);
}

static enum MHD_Result run_handler(ov_http_request *r)
{
    ov_http_answer a = {0};
    const ov_http_route *route = r->route->route;
    if (ov_http_turn_take(r)) {
        route->handler(route->ctx ? route->ctx : r->connection->server->options.ctx, r, &a);
    } else {
        ov_http_error(&a, 503, "too many of these requests at once");
        ov_http_set_header(&a, "Retry-After", "1");
    }
    if (!r->deferred) return ov_http_send(r, &a);
    r->stage = OV_HTTP_AT_DEFERRED;
    return MHD_YES;
}

static enum MHD_Result resume(ov_http_request *r)
{
    ov_http_answer a;
    ov_http_deferred_take(r, &a);
    return ov_http_send(r, &a);
}

enum MHD_Result ov_http_on_access(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **request)
{
    ov_http_request *r = *request;
    (void)server, (void)mhd, (void)url;
    if (r->stage == OV_HTTP_AT_HEADERS) return take_headers(r, method, version);
    if (r->stage == OV_HTTP_AT_DEFERRED) return resume(r);
    if (r->stage == OV_HTTP_AT_END) return MHD_YES;
    if (*size > 0) {
        size_t len = *size;
        *size = 0;
        return take_body(r, data, len);
    }
    if (r->told) return MHD_NO;
    if (r->refused) return send_refusal(r);
    return ov_http_watch_take(r->connection) ? run_handler(r) : MHD_NO;
}

static void leave(ov_httpd *h, ov_http_request *r)
{
    ov_http_turn_leave(r);
    r->active = false;
    if (atomic_fetch_sub(&h->active, 1) != 1 || !atomic_load(&h->closing)) return;
    pthread_mutex_lock(&h->lock);
    pthread_cond_signal(&h->idle);
    pthread_mutex_unlock(&h->lock);
}

void ov_http_on_completed(void *server, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode why)
{
    ov_httpd *h = server;
    ov_http_request *r = *request;
    (void)mhd, (void)why;
    if (!r || !r->active) return;
    ov_http_answer_clear(&r->refusal);
    ov_http_deferred_unref(OV_TAKE(r->deferred)); /* resumed, but stopped before it was answered */
    if (r->body.cap > BODY_KEPT_BYTES)
        ov_buf_clear(&r->body);
    else
        ov_buf_reset(&r->body);
    ov_http_watch_set(r->connection, OV_WATCH_IDLE);
    leave(h, r);
    *request = NULL;
}
