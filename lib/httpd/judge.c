/* Decides from a request's first line and headers whether it goes to a handler or is refused, and whether its body is
 * read. */
#include "httpd/auth.h"
#include "httpd/exchange.h"

#include "base/poison.h"

void ov_http_refuse(ov_http_request *r, unsigned status, const char *text)
{
    ov_http_error(&r->refusal, status, "%s", text);
    r->refused = true;
}

static void refuse_and_close(ov_http_request *r, unsigned status, const char *text)
{
    ov_http_refuse(r, status, text);
    r->close_after = true;
}

/* Where a body ends must be beyond doubt (RFC 9112, 6.1 and 6.3): a front end might read it otherwise. */
static bool refuse_framing(ov_http_request *r, const char *version)
{
    ov_http_facts *f = &r->facts;
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        refuse_and_close(r, 505, "HTTP version not supported");
    else if (f->lengths > 1 || f->encodings > 1 || (f->lengths > 0 && f->encodings > 0))
        refuse_and_close(r, 400, "ambiguous length of the body");
    else if (f->encodings > 0 && !ov_str_eq_ignore_case(f->transfer_encoding, OV_STR("chunked")))
        refuse_and_close(r, 501, "unsupported transfer encoding");
    else if (f->lengths > 0 && !ov_str_to_u64(f->content_length, &f->length))
        refuse_and_close(r, 400, "Content-Length: expected a number");
    else if (f->hosts > 1 || (f->hosts == 0 && strcmp(version, "HTTP/1.1") == 0))
        refuse_and_close(r, 400, "Host: expected exactly one");
    else if (f->expect.len > 0 && !ov_str_eq_ignore_case(f->expect, OV_STR("100-continue")))
        refuse_and_close(r, 417, "unsupported expectation");
    return r->refused;
}

static void refuse_unknown(ov_http_request *r)
{
    r->refused = true;
    r->refusal.status = 404;
    r->refusal.content_type = "text/plain";
    r->refusal.body = OV_BUF(64);
    ov_buf_append_c(&r->refusal.body, "404 page not found");
}

static void refuse_method(ov_http_request *r)
{
    ov_buf allowed = OV_BUF(sizeof r->refusal.headers[0].value - 1);
    ov_http_routes_allowed(&r->connection->server->routes, &r->target, &allowed);
    ov_http_refuse(r, 405, "method not allowed");
    ov_http_set_header(&r->refusal, "Allow", "%.*s", OV_STR_ARG(ov_buf_str(&allowed)));
    ov_buf_clear(&allowed);
}

/* To the same path without the slash; the answer's writer adds the Location. */
static void refuse_slash(ov_http_request *r, bool get)
{
    r->refused = true;
    r->refusal.status = get ? 301 : 307;
}

static bool refuse_route(ov_http_request *r)
{
    unsigned status = r->target_status;
    if (status) {
        refuse_and_close(r, status, status == 414 ? "path is too long" : "bad path");
        return true;
    }
    ov_http_route_entry *other;
    r->route = ov_http_routes_find(&r->connection->server->routes, r->method, &r->target, r->params, &other);
    if (!r->route && !other) {
        refuse_unknown(r);
    } else if (!r->route) {
        r->route = other;
        refuse_method(r);
    } else if (r->target.slash_behind) {
        refuse_slash(r, strcmp(r->route->route->method, "GET") == 0);
    }
    return r->refused;
}

static bool refuse_token(ov_http_request *r)
{
    if (r->route->route->role != OV_HTTP_TOKEN) return false;
    const char *why = ov_http_auth_error(r->facts.authorization, r->connection->server->options.token);
    if (!why) return false;
    ov_http_refuse(r, 401, why);
    ov_http_set_header(&r->refusal, "WWW-Authenticate", "Bearer");
    return true;
}

static void refuse_size(ov_http_request *r)
{
    size_t max = r->route->route->body_max;
    if (r->facts.length > (max ? max : OV_HTTP_DISCARD_MAX)) refuse_and_close(r, 413, "body is too large");
}

void ov_http_judge(ov_http_request *r, const char *version)
{
    if (refuse_framing(r, version) || refuse_route(r) || refuse_token(r)) {
        /* A body of modest size is read and thrown away, so that the client sees the answer and may go on. */
        bool waits = r->facts.expect.len > 0;
        if (ov_http_has_body(&r->facts) && (waits || r->facts.length > OV_HTTP_DISCARD_MAX)) r->close_after = true;
        return;
    }
    refuse_size(r);
}
