/* Answers each route from the current view. */
#include "services/api/routes.h"

#include <inttypes.h>

#include "base/log.h"
#include "proto/report.h"
#include "proto/source.h"
#include "proto/subjects.h"
#include "services/api/answers.h"
#include "services/api/exposition.h"
#include "services/api/intake.h"

#include "base/poison.h"

enum {
    REQUEST_SERIES_MAX = 10000,
    LARGE_ANSWERS_MAX = 4, /* of a kind under way at once: slow readers keep a bounded amount of the past alive */
    AGENT_ANSWERS_MAX = 256,
    OWN_BYTES_MAX = 16 * 1024 * 1024
};

#define BASE "/api/v1alpha1"
#define TEXT_TYPE "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static void get_ping(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)ctx;
    (void)r;
    a->content_type = TEXT_TYPE;
    a->body = OV_BUF(16);
    ov_buf_append_c(&a->body, "pong");
    a->counted_by_path = true;
}

static void not_found(ov_http_answer *a)
{
    ov_http_error(a, 404, "not found");
}

/* The current view; NULL with an answer before the first one is complete: "not there" would be a lie. */
static view *view_take(const routes_context *c, ov_http_answer *a)
{
    if (feed_is_ready(c->feed)) return view_holder_take(c->views);
    intake_unavailable(a, "the state is being read");
    return NULL;
}

static void send_or_not_found(reply *r, ov_http_answer *a)
{
    if (!r) {
        not_found(a);
        return;
    }
    reply_send(r, a);
    a->counted_by_path = true;
}

static void get_agents(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)r;
    view *v = view_take(ctx, a);
    if (v) send_or_not_found(answer_agents(v), a);
}

static void get_agent(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    view *v = view_take(ctx, a);
    if (v) send_or_not_found(answer_agent(v, ov_http_param(r, 0)), a);
}

static void get_tracker(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    view *v = view_take(ctx, a);
    if (v) send_or_not_found(answer_tracker(v, ov_http_param(r, 0), ov_http_param(r, 1)), a);
}

static void get_gap(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    view *v = view_take(ctx, a);
    if (v) send_or_not_found(answer_gap(v, ov_http_param(r, 0), ov_http_param(r, 1)), a);
}

static void get_overview(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    (void)r;
    view *v = view_take(ctx, a);
    if (v) send_or_not_found(answer_overview(v), a);
}

/* Answers before the state is complete too: the process's own families say why it is not. */
static void get_metrics(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    const routes_context *c = ctx;
    OV_CLEANUP(ov_buf_clear) ov_buf own = OV_BUF(OWN_BYTES_MAX);
    ov_metrics_render(c->metrics, "api", &own);
    view *v = view_holder_take(c->views);
    a->gzipped = ov_http_accepts_gzip(r);
    a->content_type = METRICS_TYPE;
    send_or_not_found(a->gzipped ? exposition_gzip(v, ov_buf_str(&own)) : exposition_plain(v, ov_buf_str(&own)), a);
}

static void post_agents(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    const routes_context *c = ctx;
    intake_report(c->bus, r, a);
}

static void post_heartbeat(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    const routes_context *c = ctx;
    intake_heartbeat(c->bus, c->views, r, a);
}

/* A wish alone: the aggregator decides whether a look makes sense. */
static void post_refresh(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    const routes_context *c = ctx;
    ov_str key = ov_http_param(r, 0);
    if (!key.len || key.len > SOURCE_KEY_MAX) {
        not_found(a);
        return;
    }
    char subject[SUBJECT_MAX];
    subject_ask_refresh(key, subject);
    ov_bus_out m = OV_BUS_OUT(subject, key);
    ov_status st = ov_bus_publish(c->bus, &m, NULL);
    if (st != OV_OK) {
        intake_unavailable(a, st == OV_FAILED ? "the bus refused it" : "the bus is away");
        return;
    }
    a->status = 202;
    a->body = OV_BUF(64);
    ov_buf_append_c(&a->body, "{\"message\":\"asked\"}");
}

const ov_http_route api_routes[] = {
    {.method = "GET", .path = BASE "/ping", .role = OV_HTTP_TOKEN, .handler = get_ping, .operation = "ping"},
    {.method = "GET", .path = BASE "/agents", .role = OV_HTTP_TOKEN, .handler = get_agents, .operation = "listAgents"},
    {.method = "POST",
     .path = BASE "/agents",
     .role = OV_HTTP_TOKEN,
     .handler = post_agents,
     .operation = "postReport",
     .body_max = REPORT_BYTES_MAX},
    {.method = "GET",
     .path = BASE "/agents/:id",
     .role = OV_HTTP_TOKEN,
     .handler = get_agent,
     .operation = "getAgent",
     .concurrent_max = AGENT_ANSWERS_MAX},
    {.method = "POST",
     .path = BASE "/agents/:id/heartbeat",
     .role = OV_HTTP_TOKEN,
     .handler = post_heartbeat,
     .operation = "postHeartbeat",
     .body_max = REPORT_BYTES_MAX},
    {.method = "GET",
     .path = BASE "/agents/:id/:versionId",
     .role = OV_HTTP_TOKEN,
     .handler = get_tracker,
     .operation = "getTracker"},
    {.method = "GET",
     .path = BASE "/agents/:id/:versionId/versions",
     .role = OV_HTTP_TOKEN,
     .handler = get_gap,
     .operation = "getVersions"},
    {.method = "GET",
     .path = BASE "/overview",
     .role = OV_HTTP_TOKEN,
     .handler = get_overview,
     .operation = "getOverview",
     .concurrent_max = LARGE_ANSWERS_MAX},
    {.method = "POST",
     .path = BASE "/sources/:source/refresh",
     .role = OV_HTTP_TOKEN,
     .handler = post_refresh,
     .operation = "refreshSource"},
    {.method = "GET",
     .path = "/metrics",
     .role = OV_HTTP_OPEN,
     .handler = get_metrics,
     .operation = "getMetrics",
     .concurrent_max = LARGE_ANSWERS_MAX},
};
const size_t api_route_count = OV_COUNT(api_routes);

ov_metric *routes_requests_metric(ov_metrics *metrics)
{
    static const char *const labels[] = {"method", "path", "status", NULL};
    return ov_metrics_add(metrics, OV_METRIC_COUNTER, "opvic_controlplane_requests_total",
                          "The number of HTTP requests processed", labels, REQUEST_SERIES_MAX);
}

void routes_on_done(void *ctx, const char *method, const char *path, unsigned status, uint64_t micros)
{
    const routes_context *c = ctx;
    const char *code = OV_FMT("%u", status);
    const char *values[] = {method, path, code};
    ov_metric_add(c->requests, values, 1);
    if (c->log_requests)
        ov_log_info("request", "method", method, "path", path, "status", code, "micros", OV_FMT("%" PRIu64, micros));
}

void routes_decorate(void *ctx, ov_http_answer *a)
{
    const routes_context *c = ctx;
    ov_http_set_header(a, "Opvic-State-Age", "%" PRId64, feed_age_s(c->feed));
}
