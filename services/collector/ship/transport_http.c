/* Posts reports and heartbeats to a control plane and tells the loop what it answered. */
#include "services/collector/ship/transport_http.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "json/writer.h"
#include "proto/members.h"
#include "proto/subjects.h"

#include "base/poison.h"

#define AGENTS_PATH "/api/v1alpha1/agents"

enum { REPORT_ANSWER_MAX = 64 * 1024, SHOWN_MAX = 100 };

typedef struct http_request http_request;

typedef struct {
    ov_fetch_loop *loop;
    ov_inbox *inbox;
    char *reports_url, *heartbeat_url;
    char *instance;
    const ov_secret *token;
    ov_fetch_policy policy;
    http_request *running;
} http_transport;

/* One POST, everything that it points to, and the events that it becomes. */
struct http_request {
    http_transport *owner;
    http_request *prev, *next;
    transport_event *event;     /* REPORT or HEARTBEAT */
    transport_event *inventory; /* that went with a heartbeat, or NULL */
    ov_buf body, answer;
    char revision[24];
    ov_fetch_request q;
};

static void request_free(http_request *r)
{
    if (r->prev)
        r->prev->next = r->next;
    else
        r->owner->running = r->next;
    if (r->next) r->next->prev = r->prev;
    transport_event_free(r->event);
    transport_event_free(r->inventory);
    ov_buf_clear(&r->body);
    ov_buf_clear(&r->answer);
    free(r);
}

static void request_free_p(http_request **r)
{
    if (*r) request_free(*r);
}

static http_request *request_new(http_transport *t, transport_event_kind kind, size_t answer_max)
{
    http_request *r = ov_zalloc(sizeof *r);
    r->owner = t;
    r->next = t->running;
    if (r->next) r->next->prev = r;
    t->running = r;
    r->event = transport_event_new(kind);
    r->body = OV_BUF(2 * REPORT_BYTES_MAX);
    r->answer = OV_BUF(answer_max);
    return r;
}

/* ---- answers ---- */

static transport_outcome outcome_of(const ov_fetch_result *result, transport_event_kind kind)
{
    if (result->failure != OV_FETCH_OK) return TRANSPORT_RETRY;
    switch (result->status) {
    case 401:
    case 403:
        return TRANSPORT_DENIED;
    case 400:
    case 413:
        return TRANSPORT_REFUSED;
    case 404:
    case 405:
        return kind == TRANSPORT_HEARTBEAT ? TRANSPORT_NO_HEARTBEATS : TRANSPORT_RETRY;
    default:
        return result->status / 100 == 2 ? TRANSPORT_STORED : TRANSPORT_RETRY;
    }
}

/* "400: {"error":"..."}" or what the transport says; foreign bytes, so only up to a line of them. */
static void describe(const http_request *r, const ov_fetch_result *result, transport_event *event)
{
    if (result->failure != OV_FETCH_OK) {
        snprintf(event->text, sizeof event->text, "%s: %.150s", ov_fetch_failure_name(result->failure), result->text);
        return;
    }
    ov_str said = ov_str_trim(ov_str_sub(ov_buf_str(&r->answer), 0, SHOWN_MAX));
    snprintf(event->text, sizeof event->text, "HTTP %u%s%.*s", result->status, said.len ? ": " : "", OV_STR_ARG(said));
}

static void put(const http_request *r, transport_event *event)
{
    if (!ov_inbox_put(r->owner->inbox, event)) transport_event_free(event);
}

static void put_ask(const http_request *r)
{
    ov_str body = ov_buf_str(&r->answer);
    if (ov_str_trim(body).len == 0) return;
    transport_event *ask = transport_event_new(TRANSPORT_ASK);
    ask->ask = ov_dup(body);
    ask->ask_len = body.len;
    put(r, ask);
}

static void on_done(void *arg, const ov_fetch_result *result)
{
    OV_CLEANUP(request_free_p) http_request *r = arg;
    transport_outcome outcome = outcome_of(result, r->event->kind);
    r->event->outcome = outcome;
    if (outcome != TRANSPORT_STORED) describe(r, result, r->event);
    if (r->inventory) {
        r->inventory->outcome = outcome;
        put(r, OV_TAKE(r->inventory));
    }
    bool is_answered = r->event->kind == TRANSPORT_HEARTBEAT && outcome == TRANSPORT_STORED;
    put(r, OV_TAKE(r->event));
    if (is_answered) put_ask(r);
}

/* ---- requests ---- */

static ov_status post(http_request *r, const char *url, int64_t revision, ov_err *err)
{
    http_transport *t = r->owner;
    snprintf(r->revision, sizeof r->revision, "%lld", (long long)revision);
    r->q = (ov_fetch_request){.url = url,
                              .method = "POST",
                              .body = ov_buf_str(&r->body),
                              .content_type = "application/json",
                              .headers = {{HEADER_INSTANCE, t->instance}, {HEADER_REVISION, r->revision}},
                              .bearer = t->token,
                              .wire_max = r->answer.max,
                              .body_max = r->answer.max,
                              .connect_ms = TRANSPORT_HTTP_CONNECT_MS,
                              .total_ms = TRANSPORT_HTTP_TOTAL_MS,
                              .policy = &t->policy,
                              .on_body = ov_fetch_into_buf,
                              .arg = &r->answer};
    return ov_fetch_loop_start(t->loop, &r->q, on_done, r, err);
}

static bool http_is_up(const void *self)
{
    (void)self;
    return true;
}

static size_t http_reports_max(const void *self)
{
    (void)self;
    return TRANSPORT_HTTP_REPORTS;
}

static size_t http_body_max(const void *self)
{
    (void)self;
    return TRANSPORT_HTTP_BODY_MAX;
}

static ov_status http_report(void *self, ov_str tracker, ov_str body, int64_t revision, ov_err *err)
{
    http_transport *t = self;
    OV_CLEANUP(request_free_p) http_request *r = request_new(t, TRANSPORT_REPORT, REPORT_ANSWER_MAX);
    r->event->tracker = ov_dup(tracker);
    r->event->revision = revision;
    if (body.len == 0) {
        /* There is no such request: the next heartbeat's inventory lacks the tracker, which says it. */
        put(r, OV_TAKE(r->event));
        return OV_OK;
    }
    ov_buf_append_str(&r->body, body);
    ov_status st = ov_buf_finish(&r->body, "report", err);
    if (st == OV_OK) st = post(r, t->reports_url, revision, err);
    if (st == OV_OK) (void)OV_TAKE(r);
    return st;
}

static void write_items(const inventory_item *items, size_t count, ov_buf *out)
{
    ov_json_writer w = ov_json_writer_on(out);
    ov_json_open_array(&w, NULL);
    for (size_t i = 0; i < count; i++) {
        ov_json_open_object(&w, NULL);
        ov_json_write_str(&w, MEMBER_ID, items[i].id);
        ov_json_write_str(&w, MEMBER_DIGEST, items[i].digest);
        ov_json_close_object(&w);
    }
    ov_json_close_array(&w);
}

static ov_status add_inventory(http_request *r, heartbeat *h, const inventory_item *items, size_t count, ov_buf *array,
                               ov_err *err)
{
    write_items(items, count, array);
    ov_status st = ov_buf_finish(array, "inventory", err);
    if (st != OV_OK) return st;
    h->inventory = ov_buf_str(array);
    r->inventory = transport_event_new(TRANSPORT_INVENTORY);
    snprintf(r->inventory->digest, sizeof r->inventory->digest, "%.*s", OV_STR_ARG(h->digest));
    return OV_OK;
}

static ov_status http_heartbeat(void *self, const heartbeat *h, const inventory_item *items, size_t count, ov_err *err)
{
    http_transport *t = self;
    heartbeat whole = *h;
    OV_CLEANUP(ov_buf_clear) ov_buf array = OV_BUF(TRANSPORT_HTTP_BODY_MAX);
    OV_CLEANUP(request_free_p) http_request *r = request_new(t, TRANSPORT_HEARTBEAT, REPORT_BYTES_MAX);
    ov_status st = items ? add_inventory(r, &whole, items, count, &array, err) : OV_OK;
    if (st != OV_OK) return st;
    heartbeat_encode(HEARTBEAT_HTTP, &whole, &r->body);
    st = ov_buf_finish(&r->body, "heartbeat", err);
    if (st == OV_OK) st = post(r, t->heartbeat_url, h->revision, err);
    if (st == OV_OK) (void)OV_TAKE(r);
    return st;
}

static void http_free(void *self)
{
    http_transport *t = self;
    while (t->running) request_free(t->running);
    free(t->reports_url);
    free(t->heartbeat_url);
    free(t->instance);
    free(t);
}

static ov_status check_url(ov_str url, ov_err *err)
{
    bool is_http = ov_str_starts(url, OV_STR("http://")) || ov_str_starts(url, OV_STR("https://"));
    if (!is_http || url.len > TRANSPORT_HTTP_URL_MAX || ov_str_find(url, '?', 0) < url.len)
        return ov_fail(err, OV_INVALID, "controlplane.url: \"%.*s\": expected http://host or https://host",
                       OV_STR_ARG(ov_str_sub(url, 0, SHOWN_MAX)));
    return OV_OK;
}

static char *join(ov_str url, ov_str path, ov_str agent_id, ov_str end)
{
    ov_buf text = OV_BUF(2 * TRANSPORT_HTTP_URL_MAX);
    while (ov_str_ends(url, OV_STR("/"))) url.len--;
    ov_buf_append_str(&text, url);
    ov_buf_append_str(&text, path);
    ov_buf_append_str(&text, agent_id);
    ov_buf_append_str(&text, end);
    return ov_buf_take(&text, NULL);
}

ov_status transport_http_open(ov_fetch_loop *loop, ov_inbox *inbox, const transport_http_options *o, transport *ret,
                              ov_err *err)
{
    ov_str url = ov_str_of(o->url);
    ov_status st = check_url(url, err);
    if (st != OV_OK) return st;
    http_transport *t = ov_zalloc(sizeof *t);
    t->loop = loop;
    t->inbox = inbox;
    t->token = o->token;
    t->policy.allow_all = true; /* the operator's own choice, often an address inside the cluster */
    t->reports_url = join(url, OV_STR(AGENTS_PATH), (ov_str){0}, (ov_str){0});
    t->heartbeat_url = join(url, OV_STR(AGENTS_PATH "/"), o->agent_id, OV_STR("/heartbeat"));
    t->instance = ov_dup(ov_str_of(o->instance));
    *ret = (transport){.self = t,
                       .name = "the control plane",
                       .is_up = http_is_up,
                       .reports_max = http_reports_max,
                       .body_max = http_body_max,
                       .report = http_report,
                       .heartbeat = http_heartbeat,
                       .free = http_free};
    return OV_OK;
}
