/* Answers that come later: worker, deadline and close race for each, and exactly one wins. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/inbox.h"
#include "httpd/httpd.h"
#include "support/check.h"
#include "support/http.h"

#include "base/poison.h"

enum { CLIENTS = 4, REQUESTS = 100, INBOX = 1024, DEADLINE_MS = 30 };

/* A worker takes deferred answers from the inbox and completes them. */
typedef struct {
    ov_inbox *inbox;
    pthread_t worker;
    atomic_int deferred, released;
    int64_t deadline_ms;
} pipeline;

static void count_release(void *owner)
{
    pipeline *p = owner;
    atomic_fetch_add(&p->released, 1);
}

static const ov_str stored_pieces[] = {{"sto", 3}, {"red", 3}};

static void complete(pipeline *p, ov_http_deferred *d)
{
    ov_http_answer a = {.status = 202,
                        .pieces = stored_pieces,
                        .piece_count = OV_COUNT(stored_pieces),
                        .release = count_release,
                        .owner = p};
    ov_http_complete(d, &a);
}

static void *work(void *arg)
{
    pipeline *p = arg;
    for (;;) {
        ov_http_deferred *d = ov_inbox_take(p->inbox, ov_mono_after(ov_mono_now(), 1000));
        if (d)
            complete(p, d);
        else if (ov_inbox_is_stopped(p->inbox))
            return NULL;
    }
}

static void start(pipeline *p, int64_t deadline_ms)
{
    *p = (pipeline){.inbox = ov_inbox_new(INBOX, NULL), .deadline_ms = deadline_ms};
    pthread_create(&p->worker, NULL, work, p);
}

static void stop(pipeline *p)
{
    ov_inbox_stop(p->inbox);
    pthread_join(p->worker, NULL);
    ov_inbox_free(p->inbox);
    CHECK_INT(atomic_load(&p->released), atomic_load(&p->deferred));
}

static void store(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    pipeline *p = ctx;
    a->deferred = ov_http_defer(r, p->deadline_ms, 504, "nobody answered");
    atomic_fetch_add(&p->deferred, 1);
    if (!ov_inbox_put(p->inbox, a->deferred)) complete(p, a->deferred);
}

/* Completed before the handler returns. */
static void store_at_once(void *ctx, const ov_http_request *r, ov_http_answer *a)
{
    pipeline *p = ctx;
    a->deferred = ov_http_defer(r, p->deadline_ms, 504, "nobody answered");
    atomic_fetch_add(&p->deferred, 1);
    complete(p, a->deferred);
}

static const ov_http_route routes[] = {
    {"POST", "/store", OV_HTTP_OPEN, store, "store", 1000, 0, NULL},
    {"POST", "/at-once", OV_HTTP_OPEN, store_at_once, "storeAtOnce", 1000, 0, NULL},
    {"POST", "/one", OV_HTTP_OPEN, store, "storeOne", 1000, 1, NULL},
};

static ov_httpd *open_server(pipeline *p)
{
    ov_httpd_options o = {
        .address = "127.0.0.1:0", .routes = routes, .route_count = OV_COUNT(routes), .ctx = p, .threads = 2};
    ov_httpd *h = NULL;
    ov_err err = {0};
    CHECK_OK(ov_httpd_open(&o, &h, &err), &err);
    return h;
}

static bool send_post(test_http *c, const char *path)
{
    char text[256];
    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", path);
    return test_http_send(c, text);
}

static int post(test_http *c, const char *path)
{
    if (!send_post(c, path)) return 0;
    test_http_reply reply = test_http_read(c, false);
    int status = reply.status;
    test_http_reply_clear(&reply);
    return status;
}

static void until_deferred(pipeline *p, int count)
{
    ov_mono limit = ov_mono_after(ov_mono_now(), 10000);
    while (atomic_load(&p->deferred) < count && ov_mono_now().ms < limit.ms) sched_yield();
    CHECK(atomic_load(&p->deferred) >= count);
}

static void a_worker_answers(void)
{
    pipeline p;
    start(&p, 10000);
    ov_httpd *h = open_server(&p);
    test_http c = test_http_connect(ov_httpd_port(h));
    for (int i = 0; i < REQUESTS; i++) CHECK_INT(post(&c, i % 2 ? "/store" : "/at-once"), 202);
    test_http_close(&c);
    ov_httpd_close(h, 1000);
    stop(&p);
    CHECK_INT(atomic_load(&p.deferred), REQUESTS);
}

static void the_deadline_answers(void)
{
    pipeline p = {.inbox = ov_inbox_new(INBOX, NULL), .deadline_ms = DEADLINE_MS}; /* without a worker */
    ov_httpd *h = open_server(&p);
    test_http c = test_http_connect(ov_httpd_port(h));
    CHECK(send_post(&c, "/store"));
    test_http_reply reply = test_http_read(&c, false);
    CHECK_INT(reply.status, 504);
    CHECK_C(reply.body, "{\"error\":\"nobody answered\"}");
    test_http_reply_clear(&reply);
    test_http_close(&c);
    ov_httpd_close(h, 1000);
    /* The worker comes when the server is long gone. */
    complete(&p, ov_inbox_take(p.inbox, ov_mono_now()));
    CHECK_INT(atomic_load(&p.released), 1);
    ov_inbox_free(p.inbox);
}

static void the_close_answers(void)
{
    pipeline p = {.inbox = ov_inbox_new(INBOX, NULL), .deadline_ms = 100000};
    ov_httpd *h = open_server(&p);
    test_http c[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        c[i] = test_http_connect(ov_httpd_port(h));
        CHECK(send_post(&c[i], "/store"));
    }
    until_deferred(&p, CLIENTS);
    ov_httpd_close(h, 5000);
    for (int i = 0; i < CLIENTS; i++) {
        test_http_reply reply = test_http_read(&c[i], false);
        char value[32];
        CHECK_INT(reply.status, 503);
        CHECK_C(test_http_header(&reply, "Connection", value, sizeof value), "close");
        test_http_reply_clear(&reply);
        test_http_close(&c[i]);
        complete(&p, ov_inbox_take(p.inbox, ov_mono_now()));
    }
    CHECK_INT(atomic_load(&p.released), CLIENTS);
    ov_inbox_free(p.inbox);
}

static void a_full_route_says_so(void)
{
    pipeline p = {.inbox = ov_inbox_new(INBOX, NULL), .deadline_ms = 100000};
    ov_httpd *h = open_server(&p);
    test_http first = test_http_connect(ov_httpd_port(h)), second = test_http_connect(ov_httpd_port(h));
    CHECK(send_post(&first, "/one"));
    until_deferred(&p, 1);
    CHECK_INT(post(&second, "/one"), 503);
    complete(&p, ov_inbox_take(p.inbox, ov_mono_now()));
    test_http_reply reply = test_http_read(&first, false);
    CHECK_INT(reply.status, 202);
    test_http_reply_clear(&reply);
    test_http_close(&first);
    test_http_close(&second);
    ov_httpd_close(h, 1000);
    ov_inbox_free(p.inbox);
}

/* ---- races ---- */

typedef struct {
    unsigned port;
    int answered[600]; /* by status */
    pthread_t thread;
} client;

static void *ask_many(void *arg)
{
    client *own = arg;
    test_http c = test_http_connect(own->port);
    for (int i = 0; i < REQUESTS; i++) {
        int status = post(&c, i % 8 ? "/store" : "/at-once");
        own->answered[status < 600 ? status : 0]++;
        if (status == 202 || status == 504) continue;
        test_http_close(&c); /* the server is closing */
        break;
    }
    test_http_close(&c);
    return NULL;
}

/* Many clients against a worker, deadlines as long as the work takes, and a close in the middle. */
static void exactly_one_wins(int64_t deadline_ms, bool close_early)
{
    pipeline p;
    static client clients[CLIENTS];
    start(&p, deadline_ms);
    ov_httpd *h = open_server(&p);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (client){.port = ov_httpd_port(h)};
        pthread_create(&clients[i].thread, NULL, ask_many, &clients[i]);
    }
    if (close_early) {
        until_deferred(&p, CLIENTS * 4);
        ov_httpd_close(h, 5000);
    }
    int answered = 0;
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        answered += clients[i].answered[202] + clients[i].answered[504];
        CHECK(close_early || clients[i].answered[0] + clients[i].answered[503] == 0);
    }
    if (!close_early) CHECK_INT(answered, CLIENTS * REQUESTS);
    if (!close_early) ov_httpd_close(h, 5000);
    stop(&p);
}

int main(void)
{
    a_worker_answers();
    the_deadline_answers();
    the_close_answers();
    a_full_route_says_so();
    for (int i = 0; i < 3; i++) {
        exactly_one_wins(10000, false);
        exactly_one_wins(0, false);
        exactly_one_wins(1, false);
        exactly_one_wins(10000, true);
        exactly_one_wins(0, true);
    }
    return check_end();
}
