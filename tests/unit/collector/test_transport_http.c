/* Reports and heartbeats over HTTP against a control plane that answers what the test wants. */
#include "services/collector/ship/transport_http.h"

#include <pthread.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "httpd/httpd.h"
#include "proto/subjects.h"
#include "support/check.h"
#include "base/poison.h"

/* The control plane: how it answers, and what it was asked last. */
typedef struct {
    unsigned status;
    const char *body;
    pthread_mutex_t lock;
    char asked[2048];
    int count;
} plane;

typedef struct {
    plane plane;
    ov_httpd *server;
    ov_fetch_loop *loop;
    ov_inbox *inbox;
    ov_secret *token;
    transport t;
} world;

static void answer(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    plane *p = ctx;
    pthread_mutex_lock(&p->lock);
    p->count++;
    ov_str path = ov_http_path(r), token = ov_http_header(r, "Authorization"), body = ov_http_body(r);
    ov_str instance = ov_http_header(r, HEADER_INSTANCE), revision = ov_http_header(r, HEADER_REVISION);
    snprintf(p->asked, sizeof p->asked, "%.*s %.*s %.*s@%.*s %.*s", OV_STR_ARG(path), OV_STR_ARG(token),
             OV_STR_ARG(instance), OV_STR_ARG(revision), OV_STR_ARG(body));
    pthread_mutex_unlock(&p->lock);
    a->status = p->status;
    a->body = OV_BUF(4096);
    ov_buf_append_c(&a->body, p->body);
}

static const ov_http_route routes[] = {
    {.method = "POST", .path = "/base/api/v1alpha1/agents", .handler = answer, .body_max = 65536},
    {.method = "POST", .path = "/base/api/v1alpha1/agents/:id/heartbeat", .handler = answer, .body_max = 65536},
};

static bool world_init(world *w)
{
    ov_err err = {0};
    char url[64];
    *w = (world){.plane = {.status = 202, .body = "", .lock = PTHREAD_MUTEX_INITIALIZER}};
    ov_httpd_options server = {
        .address = "127.0.0.1:0", .routes = routes, .route_count = OV_COUNT(routes), .ctx = &w->plane, .threads = 2};
    if (!CHECK_OK(ov_httpd_open(&server, &w->server, &err), &err)) return false;
    if (!CHECK_OK(ov_fetch_loop_new("test", NULL, &w->loop, &err), &err)) return false;
    w->inbox = ov_inbox_new(TRANSPORT_INBOX, transport_event_drop);
    w->token = ov_secret_new(OV_STR("secret"));
    snprintf(url, sizeof url, "http://127.0.0.1:%u/base/", ov_httpd_port(w->server));
    transport_http_options o = {url, w->token, OV_STR("eu-1"), "i1"};
    return CHECK_OK(transport_http_open(w->loop, w->inbox, &o, &w->t, &err), &err);
}

static void world_clear(world *w)
{
    ov_fetch_loop_free(w->loop);
    if (w->t.free) w->t.free(w->t.self);
    ov_inbox_free(w->inbox);
    ov_httpd_close(w->server, 1000);
    ov_secret_free(w->token);
}
#define WORLD(w)                     \
    OV_CLEANUP(world_clear) world w; \
    if (!world_init(&w)) return

/* The next event; every wait is bounded. */
static transport_event *next(world *w)
{
    ov_mono deadline = ov_mono_after(ov_mono_now(), 10000);
    for (;;) {
        transport_event *e = ov_inbox_take(w->inbox, (ov_mono){0});
        if (e || ov_mono_now().ms > deadline.ms) return e;
        ov_fetch_loop_wait(w->loop, 100);
    }
}

static transport_event *post(world *w, unsigned status, const char *body)
{
    ov_err err = {0};
    w->plane.status = status;
    w->plane.body = body;
    CHECK_OK(w->t.report(w->t.self, OV_STR("web"), OV_STR("{}"), 7, &err), &err);
    return next(w);
}

typedef struct {
    unsigned status;
    const char *body;
    transport_outcome report, heartbeat;
    const char *says;
} outcome_case;

static const outcome_case outcomes[] = {
    {202, "{}", TRANSPORT_STORED, TRANSPORT_STORED, ""},
    {200, "", TRANSPORT_STORED, TRANSPORT_STORED, ""},
    {400, "{\"error\":\"no\"}", TRANSPORT_REFUSED, TRANSPORT_REFUSED, "HTTP 400: {\"error\":\"no\"}"},
    {413, "", TRANSPORT_REFUSED, TRANSPORT_REFUSED, "HTTP 413"},
    {401, "", TRANSPORT_DENIED, TRANSPORT_DENIED, "HTTP 401"},
    {403, "", TRANSPORT_DENIED, TRANSPORT_DENIED, "HTTP 403"},
    {404, "", TRANSPORT_RETRY, TRANSPORT_NO_HEARTBEATS, "HTTP 404"},
    {405, "", TRANSPORT_RETRY, TRANSPORT_NO_HEARTBEATS, "HTTP 405"},
    {429, "", TRANSPORT_RETRY, TRANSPORT_RETRY, "HTTP 429"},
    {500, "", TRANSPORT_RETRY, TRANSPORT_RETRY, "HTTP 500"},
    {503, "", TRANSPORT_RETRY, TRANSPORT_RETRY, "HTTP 503"},
};

static heartbeat a_heartbeat(void)
{
    return (heartbeat){.agent_id = OV_STR("eu-1"),
                       .instance = OV_STR("i1"),
                       .revision = 9,
                       .count = 1,
                       .digest = OV_STR("00112233445566778899aabbccddeeff")};
}

static void test_outcomes(void)
{
    WORLD(w);
    heartbeat h = a_heartbeat();
    for (size_t i = 0; i < OV_COUNT(outcomes); i++) {
        const outcome_case *c = &outcomes[i];
        ov_err err = {0};
        check_case(OV_FMT("%u", c->status));
        OV_CLEANUP(transport_event_free_p) transport_event *sent = post(&w, c->status, c->body);
        if (!CHECK(sent != NULL)) continue;
        CHECK_INT(sent->kind, TRANSPORT_REPORT);
        CHECK_INT(sent->outcome, c->report);
        CHECK_C(sent->tracker, "web");
        CHECK_INT(sent->revision, 7);
        CHECK_C(sent->text, c->says);
        CHECK_OK(w.t.heartbeat(w.t.self, &h, NULL, 0, &err), &err);
        OV_CLEANUP(transport_event_free_p) transport_event *beat = next(&w);
        if (!CHECK(beat != NULL)) continue;
        CHECK_INT(beat->kind, TRANSPORT_HEARTBEAT);
        CHECK_INT(beat->outcome, c->heartbeat);
        transport_event_drop(ov_inbox_take(w.inbox, (ov_mono){0})); /* the answer, where there is one */
    }
    check_case(NULL);
}

static void test_what_is_sent(void)
{
    WORLD(w);
    ov_err err = {0};
    transport_event_free(post(&w, 202, ""));
    CHECK_C(w.plane.asked, "/base/api/v1alpha1/agents Bearer secret i1@7 {}");
    heartbeat h = a_heartbeat();
    inventory_item items[] = {{OV_STR("web"), OV_STR("ffeeddccbbaa99887766554433221100")}};
    w.plane.body = "{\"reportPeriod\":\"1h0m0s\",\"wanted\":[],\"inventoryWanted\":false}";
    CHECK_OK(w.t.heartbeat(w.t.self, &h, items, 1, &err), &err);
    OV_CLEANUP(transport_event_free_p) transport_event *list = next(&w), *beat = next(&w), *ask = next(&w);
    if (!CHECK(list && beat && ask)) return;
    CHECK_C(w.plane.asked,
            "/base/api/v1alpha1/agents/eu-1/heartbeat Bearer secret i1@9 "
            "{\"instance\":\"i1\",\"revision\":9,\"count\":1,\"digest\":\"00112233445566778899aabbccddeeff\","
            "\"inventory\":[{\"id\":\"web\",\"digest\":\"ffeeddccbbaa99887766554433221100\"}]}");
    CHECK_INT(list->kind, TRANSPORT_INVENTORY);
    CHECK_INT(list->outcome, TRANSPORT_STORED);
    CHECK_C(list->digest, "00112233445566778899aabbccddeeff");
    CHECK_INT(beat->kind, TRANSPORT_HEARTBEAT);
    CHECK_INT(ask->kind, TRANSPORT_ASK);
    CHECK_C(ask->ask, w.plane.body);
}

static void test_a_gone_tracker_is_not_posted(void)
{
    WORLD(w);
    ov_err err = {0};
    CHECK_OK(w.t.report(w.t.self, OV_STR("web"), (ov_str){0}, 8, &err), &err);
    OV_CLEANUP(transport_event_free_p) transport_event *e = next(&w);
    if (!CHECK(e != NULL)) return;
    CHECK_INT(e->outcome, TRANSPORT_STORED);
    CHECK_INT(w.plane.count, 0);
}

static void test_nobody_there(void)
{
    WORLD(w);
    ov_err err = {0};
    ov_httpd_close(w.server, 1000);
    ov_httpd_options again = {
        .address = "127.0.0.1:0", .routes = routes, .route_count = OV_COUNT(routes), .ctx = &w.plane, .threads = 2};
    OV_CLEANUP(transport_event_free_p) transport_event *e = post(&w, 202, "");
    CHECK(e && e->outcome == TRANSPORT_RETRY && e->text[0] != '\0');
    CHECK_OK(ov_httpd_open(&again, &w.server, &err), &err);
}

static void test_ended_in_flight(void)
{
    WORLD(w);
    ov_err err = {0};
    CHECK_OK(w.t.report(w.t.self, OV_STR("web"), OV_STR("{}"), 7, &err), &err);
}

static void test_urls(void)
{
    static const char *const bad[] = {"", "api:8080", "ftp://api", "http://api/?x=1"};
    for (size_t i = 0; i < OV_COUNT(bad); i++) {
        transport t = {0};
        ov_err err = {0};
        transport_http_options o = {bad[i], NULL, OV_STR("a"), "i"};
        check_case(bad[i]);
        CHECK_STATUS(transport_http_open(NULL, NULL, &o, &t, &err), OV_INVALID, &err);
        CHECK(ov_str_starts(ov_str_of(err.msg), OV_STR("controlplane.url: \"")));
    }
    check_case(NULL);
}

int main(void)
{
    test_outcomes();
    test_what_is_sent();
    test_a_gone_tracker_is_not_posted();
    test_nobody_there();
    test_ended_in_flight();
    test_urls();
    return check_end();
}
