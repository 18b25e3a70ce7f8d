/* /healthz, /readyz and /metrics, and the servers that they are served by. */
#include <stdlib.h>

#include "app/state.h"
#include "base/log.h"
#include "base/mem.h"

#include "base/poison.h"

enum { TEXT_MAX = 4096, EXPOSITION_MAX = 16 << 20 };

static void answer_health(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)ctx, (void)r;
    a->content_type = "text/plain; charset=utf-8";
    a->body = OV_BUF(TEXT_MAX);
    ov_buf_append_c(&a->body, "ok");
}

static void answer_ready(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)r;
    a->content_type = "text/plain; charset=utf-8";
    a->body = OV_BUF(TEXT_MAX);
    a->status = ov_app_readiness(ctx, &a->body) ? 200 : 503;
}

static void answer_metrics(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    ov_app *app = ctx;
    (void)r;
    a->content_type = "text/plain; version=0.0.4; charset=utf-8";
    a->body = OV_BUF(EXPOSITION_MAX);
    ov_metrics_render(app->metrics, app->program->name, &a->body);
    if (a->body.failed) ov_http_error(a, 500, "metrics: more than %d bytes", EXPOSITION_MAX);
}

size_t ov_app_health_routes(ov_app *app, unsigned which, ov_http_route out[OV_APP_OWN_ROUTES])
{
    size_t n = 0;
    if (which & OV_APP_HEALTH) {
        out[n++] = (ov_http_route){"GET", "/healthz", OV_HTTP_OPEN, answer_health, "getHealth", 0, 0, app};
        out[n++] = (ov_http_route){"GET", "/readyz", OV_HTTP_OPEN, answer_ready, "getReadiness", 0, 0, app};
    }
    if (which & OV_APP_METRICS)
        out[n++] = (ov_http_route){"GET", "/metrics", OV_HTTP_OPEN, answer_metrics, "getMetrics", 0, 0, app};
    return n;
}

ov_status ov_app_serve(ov_app *app, unsigned which, const ov_httpd_options *options, ov_err *err)
{
    if (app->server_count == OV_APP_SERVERS)
        return ov_fail(err, OV_INVALID, "listen on %s: expected at most %d addresses", options->address,
                       OV_APP_SERVERS);
    ov_app_server *server = &app->servers[app->server_count];
    size_t own = options->route_count;
    OV_CLEANUP(ov_free_p) ov_http_route *routes = ov_calloc(own + OV_APP_OWN_ROUTES, sizeof *routes);
    if (own) memcpy(routes, options->routes, own * sizeof *routes);
    ov_httpd_options o = *options;
    o.routes = routes;
    o.route_count = own + ov_app_health_routes(app, which, routes + own);
    ov_status status = ov_httpd_open(&o, &server->httpd, err);
    if (status != OV_OK) return status;
    server->routes = OV_TAKE(routes);
    app->server_count++;
    ov_log_info("listening", "address", o.address, "port", OV_FMT("%u", ov_httpd_port(server->httpd)));
    return OV_OK;
}

unsigned ov_app_port(const ov_app *app)
{
    return app->server_count ? ov_httpd_port(app->servers[0].httpd) : 0;
}
