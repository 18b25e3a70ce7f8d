/* Turns an answer into the library's response and queues it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "httpd/pieces.h"
#include "httpd/turn.h"
#include "httpd/watch.h"
#include "json/writer.h"

#include "base/poison.h"

enum { ERROR_TEXT_BYTES = 1024, ERROR_BODY_MAX = 8 * ERROR_TEXT_BYTES };

void ov_http_answer_clear(ov_http_answer *a)
{
    ov_buf_clear(&a->body);
    if (a->release) a->release(a->owner);
    *a = (ov_http_answer){0};
}

void ov_http_error(ov_http_answer *a, unsigned status, const char *fmt, ...)
{
    char text[ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (len < 0) text[0] = '\0';
    ov_http_answer_clear(a);
    a->status = status;
    a->body = OV_BUF(ERROR_BODY_MAX);
    ov_json_writer w = ov_json_writer_on(&a->body);
    ov_json_open_object(&w, NULL);
    ov_json_write_c(&w, "error", text);
    ov_json_close_object(&w);
}

void ov_http_set_header(ov_http_answer *a, const char *static_name, const char *fmt, ...)
{
    size_t i = 0;
    while (i < OV_HTTP_HEADERS && a->headers[i].name && strcmp(a->headers[i].name, static_name) != 0) i++;
    if (i == OV_HTTP_HEADERS) return; /* our own table is too small: an answer without it is better than none */
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(a->headers[i].value, sizeof a->headers[i].value, fmt, args);
    va_end(args);
    if (len >= 0) a->headers[i].name = static_name;
}

static struct MHD_Response *response_from(ov_http_answer *a)
{
    if (a->piece_count > 0) return ov_http_pieces_response(a);
    if (a->body.len == 0) return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    size_t len = a->body.len;
    char *bytes = OV_TAKE(a->body.ptr);
    a->body = (ov_buf){0};
    return MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
}

/* The normalised path without its slash, and the query. It begins with one slash, so it stays on this host. */
static void add_location(ov_http_request *r, struct MHD_Response *response)
{
    const ov_http_target *t = &r->target;
    OV_CLEANUP(ov_buf_clear) ov_buf location = OV_BUF(OV_HTTP_TARGET_MAX + 2);
    ov_buf_append_str(&location, t->clean);
    if (t->query.ptr) ov_buf_append_char(&location, '?');
    ov_buf_append_str(&location, t->query);
    ov_buf_append_char(&location, '\0');
    if (!location.failed) MHD_add_response_header(response, "Location", location.ptr);
}

static void add_headers(ov_http_request *r, const ov_http_answer *a, struct MHD_Response *response)
{
    bool body = a->piece_count > 0 || a->body.len > 0;
    const char *type = a->content_type ? a->content_type : "application/json; charset=utf-8";
    if (body) MHD_add_response_header(response, "Content-Type", type);
    if (a->gzipped) MHD_add_response_header(response, "Content-Encoding", "gzip");
    if (r->asked_gzip) MHD_add_response_header(response, "Vary", "Accept-Encoding");
    if (r->close_after || atomic_load(&r->connection->server->closing))
        MHD_add_response_header(response, "Connection", "close");
    if (a->status == 301 || a->status == 307) add_location(r, response);
    for (size_t i = 0; i < OV_HTTP_HEADERS && a->headers[i].name; i++)
        MHD_add_response_header(response, a->headers[i].name, a->headers[i].value);
}

void ov_http_done(ov_http_request *r, const ov_http_answer *a)
{
    const ov_httpd_options *o = &r->connection->server->options;
    if (!o->on_done) return;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec - r->began_ns;
    const char *path = r->route ? r->route->route->path : "unknown";
    if (a->counted_by_path && a->status / 100 == 2) path = r->target.clean.ptr;
    o->on_done(o->ctx, r->method, path, a->status, (uint64_t)ns / 1000);
}

enum MHD_Result ov_http_send(ov_http_request *r, ov_http_answer *a)
{
    const ov_httpd_options *o = &r->connection->server->options;
    if (a->status == 0) a->status = 200;
    if (o->decorate) o->decorate(o->ctx, a);
    r->stage = OV_HTTP_AT_END;
    unsigned status = a->status;
    ov_http_done(r, a);
    const ov_http_answer head = *a; /* what the headers tell of a body that moves now */
    enum MHD_Result result = MHD_NO;
    struct MHD_Response *response = response_from(a);
    if (response) {
        add_headers(r, &head, response);
        ov_http_turn_begin(r);
        ov_http_watch_set(r->connection, OV_WATCH_SENDING);
        result = MHD_queue_response(r->connection->mhd, status, response);
        MHD_destroy_response(response);
    }
    ov_http_answer_clear(a);
    return result;
}
